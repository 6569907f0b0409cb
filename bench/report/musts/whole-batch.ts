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

/** The same, their commit not counted, ours counted; `puts` are those of theirs that are. */
function batchRatioWithoutCommit(
  where: Where,
  engine: string,
  puts: 'putsMs' | 'putsRestMs' = 'putsMs',
) {
  return (results: Results) =>
    quotient(
      sum(
        results.figure('throughput', where, engine, 'openMs'),
        results.figure('throughput', where, engine, puts),
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

type Limit = Pick<Must, 'bound' | 'goal'>
const NONE: Limit = {}
const bound = (atLeast: number): Limit => ({ bound: { atLeast } })
const goal = (atLeast: number): Limit => ({ goal: { atLeast } })

const rows = (engine: string, name: string, limit: Limit) =>
  [`rows a second, 1 M keys: tidemark by ${name}`, limit, rowsRatio(ONE_MILLION, engine)] as const

const LINES: readonly (readonly [text: string, limit: Limit, reached: Must['reached']])[] = [
  ['whole batch, 1 M keys: Spark HDFS by tidemark', bound(10), batchRatio(ONE_MILLION, HDFS)],
  ['the same, Spark’s commit not counted', bound(8), batchRatioWithoutCommit(ONE_MILLION, HDFS)],
  [
    'the same, nor Spark’s first put of a batch, which forks chmod',
    NONE,
    batchRatioWithoutCommit(ONE_MILLION, HDFS, 'putsRestMs'),
  ],
  ['whole batch, 5 M keys: Spark HDFS by tidemark', bound(30), batchRatio(FIVE_MILLION, HDFS)],
  ['the same, Spark’s commit not counted', goal(30), batchRatioWithoutCommit(FIVE_MILLION, HDFS)],
  ['whole batch, 1 M keys: Spark RocksDB by tidemark', bound(15), batchRatio(ONE_MILLION, ROCKSDB)],
  [
    'whole batch, 1 M keys: Spark RocksDB with changelog by tidemark',
    bound(15),
    batchRatio(ONE_MILLION, ROCKSDB_CHANGELOG),
  ],
  rows('js-map', 'a JS Map that writes the same delta', bound(2)),
  rows('lmdb', 'lmdb', bound(10)),
  rows('lmdb-defaults', 'lmdb without useWritemap, as its defaults are', NONE),
  rows('classic-level', 'classic-level', bound(4)),
  rows('lmdb-delta', 'lmdb that writes the same delta', goal(10)),
  rows('classic-level-delta', 'classic-level that writes the same delta', goal(4)),
]

export const WHOLE_BATCH: readonly Must[] = LINES.map(([text, limit, reached]) => ({
  row: 1,
  text,
  ...limit,
  reached,
}))
