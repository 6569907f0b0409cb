import type { Must } from '../musts.ts'
import type { Results, Where } from '../results.ts'
import { HDFS, OURS, quotient, sum } from './sides.ts'

const LATENCY_MOST: Where = { keys: 10_000_000, durability: 'os' }
const LATENCY_LEAST: Where = { keys: 10_000, durability: 'os' }

/** The parts of a commit of 1,000 changes, added up: at 10 M keys by at 10 k keys. */
function commitGrowth(engine: string, parts: readonly string[]) {
  return (results: Results) => {
    const at = (where: Where) =>
      sum(...parts.map((part) => results.figure('commit-latency', where, engine, part)))
    return quotient(at(LATENCY_MOST), at(LATENCY_LEAST))
  }
}

export const COMMIT: readonly Must[] = [
  {
    row: 4,
    text: 'commit() of 1,000 changes, p50: tidemark at 10 M keys by at 10 k',
    bound: { atMost: 1.5 },
    reached: commitGrowth(OURS, ['commitP50Ms']),
  },
  {
    row: 4,
    text: 'the same with its 1,000 puts',
    bound: { atMost: 2 },
    reached: commitGrowth(OURS, ['putsP50Ms', 'commitP50Ms']),
  },
  {
    row: 4,
    text: 'open, puts and commit(): tidemark at 10 M keys by at 10 k',
    reached: commitGrowth(OURS, ['openP50Ms', 'putsP50Ms', 'commitP50Ms']),
  },
  {
    row: 4,
    text: 'open, puts and commit(): Spark HDFS at 10 M keys by at 10 k',
    reached: commitGrowth(HDFS, ['openP50Ms', 'putsP50Ms', 'commitP50Ms']),
  },
]
