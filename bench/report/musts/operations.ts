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

/** Ours by theirs, of one operation. */
function costRatio(where: Where, ours: string, engine: string, theirs: string) {
  return (results: Results) =>
    quotient(
      results.figure('basic-operations', where, OURS, ours),
      results.figure('basic-operations', where, engine, theirs),
    )
}

/** Theirs by ours, of a get that hits. */
function getRatio(engine: string, ours: 'getSliceNs' | 'getViewNs' | 'getViewsNs') {
  return (results: Results) =>
    quotient(
      results.figure('basic-operations', ONE_MILLION, engine, 'getViewNs'),
      results.figure('basic-operations', ONE_MILLION, OURS, ours),
    )
}

export const PUT: readonly Must[] = [
  {
    row: 2,
    text: 'put (update), 1 M keys: tidemark by Spark HDFS’s bulk load',
    bound: { atMost: 0.8 },
    goal: { atMost: 0.6 },
    reached: costRatio(ONE_MILLION, 'updateNs', HDFS, 'loadNs'),
  },
  {
    row: 2,
    text: 'put (update), 1 M keys: tidemark by Spark HDFS’s update',
    bound: { atMost: 0.45 },
    reached: costRatio(ONE_MILLION, 'updateNs', HDFS, 'updateNs'),
  },
  {
    row: 2,
    text: 'the same, Spark’s first put of a batch, which forks chmod, not counted',
    reached: costRatio(ONE_MILLION, 'updateNs', HDFS, 'updateRestNs'),
  },
  {
    row: 2,
    text: 'put (update) with the commit of its batch, 1 M keys: tidemark by Spark HDFS',
    reached: costRatio(ONE_MILLION, 'updateWithCommitNs', HDFS, 'updateWithCommitNs'),
  },
  {
    row: 2,
    text: 'put (update), 1 M keys: tidemark by Spark RocksDB’s update, with changelog',
    bound: { atMost: 0.06 },
    reached: costRatio(ONE_MILLION, 'updateNs', ROCKSDB_CHANGELOG, 'updateNs'),
  },
  {
    row: 2,
    text: 'put (update), 1 M keys: tidemark by Spark RocksDB’s update',
    bound: { atMost: 0.06 },
    reached: costRatio(ONE_MILLION, 'updateNs', ROCKSDB, 'updateNs'),
  },
  {
    row: 2,
    text: 'bulk load, 1 M keys: tidemark by Spark HDFS',
    reached: costRatio(ONE_MILLION, 'loadNs', HDFS, 'loadNs'),
  },
]

export const GET: readonly Must[] = [
  {
    row: 3,
    text: 'get, hit, 1 M keys: tidemark without copying (getSlice) by Spark HDFS',
    bound: { atMost: 0.8 },
    goal: { atMost: 0.6 },
    reached: costRatio(ONE_MILLION, 'getSliceNs', HDFS, 'getViewNs'),
  },
  {
    row: 3,
    text: 'the same with a view made of the value (getView)',
    reached: costRatio(ONE_MILLION, 'getViewNs', HDFS, 'getViewNs'),
  },
  {
    row: 3,
    text: 'get, hit, 1 M keys: tidemark copying by Spark HDFS',
    reached: costRatio(ONE_MILLION, 'getNs', HDFS, 'getViewNs'),
  },
  {
    row: 3,
    text: 'get, hit, 1 M keys: lmdb (getBinaryFast, which copies into a buffer it uses again) by tidemark (getSlice, which copies nothing)',
    bound: { atLeast: 4 },
    reached: getRatio('lmdb', 'getSliceNs'),
  },
  {
    row: 3,
    text: 'the same with a view made of the value (getView)',
    reached: getRatio('lmdb', 'getViewNs'),
  },
  {
    row: 3,
    text: 'get, hit, 1 M keys: classic-level, which always copies, by tidemark (getSlice)',
    bound: { atLeast: 15 },
    reached: getRatio('classic-level', 'getSliceNs'),
  },
  {
    row: 3,
    text: 'get, hit, 1 M keys, many at a time (getViews): tidemark by Spark HDFS',
    bound: { atMost: 0.8 },
    goal: { atMost: 0.6 },
    reached: costRatio(ONE_MILLION, 'getViewsNs', HDFS, 'getViewNs'),
  },
  {
    row: 3,
    text: 'get, hit, 1 M keys, many at a time: lmdb one by one by tidemark',
    bound: { atLeast: 4 },
    reached: getRatio('lmdb', 'getViewsNs'),
  },
]

export const CURSOR: readonly Must[] = [
  {
    row: 7,
    text: 'cursor() over all, 5 M keys: tidemark (keySlice, valueSlice) by Spark HDFS, a row',
    bound: { atMost: 1 },
    reached: costRatio(FIVE_MILLION, 'scanSlicesNs', HDFS, 'scanNs'),
  },
  {
    row: 7,
    text: 'the same with views made of key and value',
    reached: costRatio(FIVE_MILLION, 'scanNs', HDFS, 'scanNs'),
  },
  {
    row: 7,
    text: 'cursor(), a row; Spark took 75 ns on the machine the bound was set on',
    reached: (results) => results.figure('basic-operations', FIVE_MILLION, OURS, 'scanSlicesNs'),
    goal: { atMost: 75 },
    unit: 'ns',
  },
  {
    row: 7,
    text: 'entries() over all, 5 M keys: tidemark, copying, by Spark HDFS',
    reached: costRatio(FIVE_MILLION, 'entriesNs', HDFS, 'scanNs'),
  },
]
