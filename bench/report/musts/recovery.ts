import type { Must } from '../musts.ts'
import type { Results, Where } from '../results.ts'
import {
  FIVE_MILLION,
  HDFS,
  ONE_MILLION,
  OURS,
  quotient,
  ROCKSDB,
  ROCKSDB_CHANGELOG,
} from './sides.ts'

/** Our rows a second by theirs, of a store read back from its files. */
function recoveryRatio(where: Where, engine: string, figure = 'rowsPerSecond') {
  return (results: Results) =>
    quotient(
      results.figure('recovery', where, OURS, figure),
      results.figure('recovery', where, engine, figure),
    )
}

export const RECOVERY: readonly Must[] = [
  {
    row: 5,
    text: 'recovery, 5 M keys, rows a second: tidemark by Spark HDFS',
    bound: { atLeast: 1.8 },
    goal: { atLeast: 2.5 },
    reached: recoveryRatio(FIVE_MILLION, HDFS),
  },
  {
    row: 5,
    text: 'two stores of 5 M keys at once, a thread each: tidemark by Spark HDFS',
    bound: { atLeast: 1.8 },
    goal: { atLeast: 2.5 },
    reached: recoveryRatio(FIVE_MILLION, HDFS, 'twoAtOnceRowsPerSecond'),
  },
  {
    row: 5,
    text: 'recovery, 1 M keys, rows a second: tidemark by Spark HDFS',
    reached: recoveryRatio(ONE_MILLION, HDFS),
  },
  {
    row: 5,
    text: 'recovery, 5 M keys, rows a second: tidemark by Spark RocksDB with changelog',
    reached: recoveryRatio(FIVE_MILLION, ROCKSDB_CHANGELOG),
  },
  {
    row: 5,
    // With two stores of 5 M keys it ends in bad_alloc (recovery.ts).
    text: 'recovery, 1 M keys, rows a second: tidemark by Spark RocksDB, from a local zip',
    reached: recoveryRatio(ONE_MILLION, ROCKSDB),
  },
]
