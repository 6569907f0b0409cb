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
  sum,
} from './sides.ts'

/** How many times longer a whole batch takes them. */
function batchRatio(where: Where, engine: string) {
  return (results: Results) =>
    quotient(
      results.figure('throughput', where, engine, 'batchMs'),
      results.figure('throughput', where, OURS, 'batchMs'),
    )
}

/** The same, their commit not counted, ours counted. */
function batchRatioWithoutCommit(where: Where, engine: string) {
  return (results: Results) =>
    quotient(
      sum(
        results.figure('throughput', where, engine, 'openMs'),
        results.figure('throughput', where, engine, 'putsMs'),
      ),
      results.figure('throughput', where, OURS, 'batchMs'),
    )
}

/** Our rows a second by theirs. */
function rowsRatio(where: Where, engine: string) {
  return (results: Results) =>
    quotient(
      results.figure('throughput', where, OURS, 'rowsPerSecond'),
      results.figure('throughput', where, engine, 'rowsPerSecond'),
    )
}

export const WHOLE_BATCH: readonly Must[] = [
  {
    row: 1,
    text: 'whole batch, 1 M keys: Spark HDFS by tidemark',
    bound: { atLeast: 10 },
    reached: batchRatio(ONE_MILLION, HDFS),
  },
  {
    row: 1,
    text: 'the same, Spark’s commit not counted',
    bound: { atLeast: 8 },
    reached: batchRatioWithoutCommit(ONE_MILLION, HDFS),
  },
  {
    row: 1,
    text: 'whole batch, 5 M keys: Spark HDFS by tidemark',
    bound: { atLeast: 30 },
    reached: batchRatio(FIVE_MILLION, HDFS),
  },
  {
    row: 1,
    text: 'the same, Spark’s commit not counted',
    goal: { atLeast: 30 },
    reached: batchRatioWithoutCommit(FIVE_MILLION, HDFS),
  },
  {
    row: 1,
    text: 'whole batch, 1 M keys: Spark RocksDB by tidemark',
    bound: { atLeast: 15 },
    reached: batchRatio(ONE_MILLION, ROCKSDB),
  },
  {
    row: 1,
    text: 'whole batch, 1 M keys: Spark RocksDB with changelog by tidemark',
    bound: { atLeast: 15 },
    reached: batchRatio(ONE_MILLION, ROCKSDB_CHANGELOG),
  },
  {
    row: 1,
    text: 'rows a second, 1 M keys: tidemark by a JS Map that writes the same delta',
    bound: { atLeast: 2 },
    reached: rowsRatio(ONE_MILLION, 'js-map'),
  },
  {
    row: 1,
    text: 'rows a second, 1 M keys: tidemark by lmdb',
    bound: { atLeast: 10 },
    reached: rowsRatio(ONE_MILLION, 'lmdb'),
  },
  {
    row: 1,
    text: 'rows a second, 1 M keys: tidemark by classic-level',
    bound: { atLeast: 4 },
    reached: rowsRatio(ONE_MILLION, 'classic-level'),
  },
  {
    row: 1,
    text: 'rows a second, 1 M keys: tidemark by lmdb that writes the same delta',
    goal: { atLeast: 10 },
    reached: rowsRatio(ONE_MILLION, 'lmdb-delta'),
  },
  {
    row: 1,
    text: 'rows a second, 1 M keys: tidemark by classic-level that writes the same delta',
    goal: { atLeast: 4 },
    reached: rowsRatio(ONE_MILLION, 'classic-level-delta'),
  },
]
