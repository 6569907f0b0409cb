import type { CaseResult } from '../../harness/run-question.ts'
import { KEY_BYTES, VALUE_BYTES } from '../../harness/workload.ts'
import type { Must } from '../musts.ts'
import { figureOf, type Results, type Where } from '../results.ts'
import { HDFS, OURS, quotient } from './sides.ts'

const ROWS: Where = { values: 'rows' }
const RAW_ROW_BYTES = KEY_BYTES + VALUE_BYTES
const MB = 1e6
/** What is to hold at any size is not known before it was seen at both ends. */
const MEMORY_KEYS = [1_000_000, 10_000_000]

/** A load of so many ends while the index grows: of the memory then only the peak is told. */
const GROWING_KEYS = 1_600_000
const isGrown = ({ params }: CaseResult) => params.keys !== GROWING_KEYS

/** The highest of a figure of ours over all sizes; undefined if one of the cases, or an end of the range, was not measured. */
function worstMemory(
  where: Where,
  figure: (one: CaseResult) => number | undefined,
  isMeant = (_one: CaseResult) => true,
) {
  return (results: Results) => {
    const cases = results.cases('memory', where).filter(isMeant)
    if (!MEMORY_KEYS.every((keys) => cases.some(({ params }) => params.keys === keys)))
      return undefined
    const figures = cases.map(figure).filter((one) => one !== undefined)
    return figures.length < cases.length ? undefined : Math.max(...figures)
  }
}

/** Of 48-byte rows, counted here, not by the engine. */
function bytesByRaw(one: CaseResult, engine: string, name: string): number | undefined {
  return quotient(figureOf(one, engine, name), one.params.keys * RAW_ROW_BYTES)
}

function memoryAt(where: Where, engine: string, name: string) {
  return (results: Results) => {
    const found = results
      .cases('memory', { ...ROWS, ...where })
      .map((one) => bytesByRaw(one, engine, name))
      .filter((one) => one !== undefined)
    return found.length === 0 ? undefined : Math.max(...found)
  }
}

function worstResidentOver(name: string) {
  return worstMemory(ROWS, (one) => quotient(figureOf(one, OURS, name), MB))
}

export const MEMORY: readonly Must[] = [
  {
    row: 6,
    text: 'memoryUsedBytes by raw key and value bytes, 5 M keys loaded',
    bound: { atMost: 1.7 },
    reached: memoryAt({ keys: 5_000_000 }, OURS, 'memoryUsedBytes'),
  },
  {
    row: 6,
    text: 'the same, the worst of all sizes from 1 M to 10 M, 1.6 M aside',
    bound: { atMost: 2 },
    reached: worstMemory(ROWS, (one) => bytesByRaw(one, OURS, 'memoryUsedBytes'), isGrown),
  },
  {
    row: 6,
    text: 'the same, 1.6 M keys: the load ends while the index grows',
    reached: memoryAt({ keys: GROWING_KEYS }, OURS, 'memoryUsedBytes'),
  },
  {
    row: 6,
    text: 'the same, 1 M values of 1 KB',
    bound: { atMost: 2 },
    reached: (results) => results.figure('memory', { values: 'msgpack' }, OURS, 'memoryUsedRatio'),
  },
  {
    row: 6,
    text: 'after 100 commits that rewrite 10 % each, two versions held, 1 M keys',
    bound: { atMost: 2.2 },
    reached: memoryAt({ keys: 1_000_000, rewrites: 100 }, OURS, 'memoryUsedAfterRewritesBytes'),
  },
  {
    row: 6,
    text: 'the same, 5 M keys',
    bound: { atMost: 2.2 },
    reached: memoryAt({ keys: 5_000_000, rewrites: 100 }, OURS, 'memoryUsedAfterRewritesBytes'),
  },
  {
    row: 6,
    text: 'after commits that rewrite 10 % each, as many as the case has, the worst of all sizes',
    goal: { atMost: 2.2 },
    reached: worstMemory(ROWS, (one) => bytesByRaw(one, OURS, 'memoryUsedAfterRewritesBytes')),
  },
  {
    row: 6,
    text: 'resident beyond memoryUsedBytes, loaded, the worst of all sizes',
    bound: { atMost: 100 },
    unit: 'MB',
    reached: worstResidentOver('residentOverBytes'),
  },
  {
    row: 6,
    text: 'resident beyond memoryUsedBytes, rewritten, the worst of all sizes',
    bound: { atMost: 100 },
    unit: 'MB',
    reached: worstResidentOver('residentOverAfterRewritesBytes'),
  },
  {
    row: 6,
    text: 'the same, 1 M values of 1 KB: with what making them leaves in the heap',
    unit: 'MB',
    reached: (results) =>
      quotient(
        results.figure('memory', { values: 'msgpack' }, OURS, 'residentOverAfterRewritesBytes'),
        MB,
      ),
  },
  {
    row: 6,
    text: 'peak while growing: memoryUsedBytes by the bytes held then, the worst of all sizes',
    reached: worstMemory(ROWS, (one) => figureOf(one, OURS, 'growthPeakRatio')),
  },
  {
    row: 6,
    text: 'Spark HDFS’s heap by raw key and value bytes, 5 M keys',
    reached: memoryAt({ keys: 5_000_000 }, HDFS, 'heapBytes'),
  },
]
