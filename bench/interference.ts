// What does the engine's other work do to a job that goes on meanwhile? 5 M keys; each phase in a process of its own:
//
//   snapshot    batches without and with a snapshot being written, whole and in pieces (below)
//   growth      half as many keys again are put, so that the index doubles: by the puts themselves, so these come in pieces of 500
//   compaction  four of five keys are removed, so that nearly empty segments are emptied and given back
//   recovery    the state is read back from a snapshot, while nothing else happens
//
// A batch is 10,000 updates, opened and committed. Whole: put at a stretch, as fast as it goes. In pieces: 1,000 rows, then a turn of the event
// loop, as a job that reads its input does; only then do delays of the loop tell of more than the size of batches. Delays are those of
// harness/loop-watch.ts, the puts of the job among them; slices… are those of a millisecond and more, slicesCpu… the same in processor time of
// the thread, which leaves out what the machine took for others; …Idle… is a process that does nothing.
// How many batches fit beside a snapshot is not known before, so that phase compares its content itself and hands out none.
// Spark has no event loop; its snapshot is written by another thread.

import { TidemarkEngine } from './compare/tidemark.ts'
import { committedContentOf } from './harness/content-of.ts'
import { nowMs } from './harness/figures.ts'
import { load, LOAD_STAMP } from './harness/load.ts'
import type { Case, MeasureContext, Measurement, Question } from './harness/question.ts'
import { settleDisk } from './harness/settle-disk.ts'
import { type Content, Oracle } from './harness/workload.ts'
import { changeRows, isKept, REMOVAL_STAMP } from './interference/changes.ts'
import { measureSnapshot } from './interference/snapshot.ts'
import { startWatch, type Watched } from './interference/watched.ts'

type Figures = Record<string, number>

/** More versions than any phase commits: a round of maintenance writes a snapshot and does nothing else. */
const NOTHING_CLEANED = 1_000_000

const PHASES = {
  snapshot: (engine: TidemarkEngine, watched: Watched, context: MeasureContext): Promise<Figures> =>
    measureSnapshot(engine, watched, context),
  growth: measureGrowth,
  compaction: measureCompaction,
  recovery: measureRecovery,
} as const
type Phase = keyof typeof PHASES

export const interference: Question = {
  name: 'interference',
  title:
    'Batches and the event loop while a snapshot is written, the index grows, segments are compacted',

  cases(quick) {
    const one = (phase: Phase, keys: number, batches: number): Case => ({
      params: {
        keys,
        durability: 'os',
        phase,
        batchRows: 10_000,
        pieceRows: phase === 'growth' ? 500 : 1000,
        warmUp: 5,
        batches,
      },
      engines: phase === 'snapshot' && !quick ? ['tidemark', 'spark-hdfs'] : ['tidemark'],
      rounds: quick ? 1 : 3,
    })
    const phases = Object.keys(PHASES) as Phase[]
    // 40,000 and half as many again: in between an index doubles, as between 5 and 7.5 M.
    if (quick) return phases.map((phase) => one(phase, 40_000, 2))
    return phases.map((phase) => one(phase, 5_000_000, 30))
  },

  oracle(params): Content | undefined {
    const { keys, phase } = params
    if (phase === 'snapshot') return undefined
    const oracle = new Oracle(phase === 'growth' ? keys + keys / 2 : keys)
    for (let n = 0; n < keys; n++) oracle.put(n, LOAD_STAMP)
    if (phase === 'growth') for (let n = keys; n < keys + keys / 2; n++) oracle.put(n, LOAD_STAMP)
    if (phase === 'compaction') {
      for (let n = 0; n < keys; n++) {
        if (isKept(n)) oracle.put(n, REMOVAL_STAMP)
        else oracle.remove(n)
      }
    }
    return oracle.content()
  },

  async measure(context: MeasureContext): Promise<Measurement> {
    const { params, directory } = context
    // Before the load: pages that were written before a fork cost a fault each when they are written again.
    const watched = await startWatch()
    const engine = new TidemarkEngine({ minBatchesToRetain: NOTHING_CLEANED })
    const options = { directory, durability: params.durability }
    await engine.open(options)
    await load(engine, params.keys)
    await settleDisk(directory)
    // A snapshot is due after two deltas, and a small state is loaded in one.
    await engine.begin()
    await engine.commit()
    const phase = params.phase as Phase
    const figures = await PHASES[phase](engine, watched, context)
    watched.close()
    const content = phase === 'snapshot' ? undefined : await committedContentOf(engine, options)
    await engine.close()
    return { figures, content }
  },
}

async function measureGrowth(
  engine: TidemarkEngine,
  { during }: Watched,
  { params }: MeasureContext,
): Promise<Figures> {
  const { keys } = params
  const started = nowMs()
  const delays = await during(() =>
    changeRows(engine, params, {
      from: keys,
      to: keys + keys / 2,
      make: (batch, i, n) => {
        batch.set(i, n, LOAD_STAMP)
        return 'put'
      },
    }),
  )
  return { rowsPerSecond: (keys / 2 / (nowMs() - started)) * 1000, ...delays }
}

async function measureCompaction(
  engine: TidemarkEngine,
  { during }: Watched,
  { params }: MeasureContext,
): Promise<Figures> {
  const { keys } = params
  const memoryUsedBeforeBytes = engine.memoryUsedBytes()
  const started = nowMs()
  const delays = await during(() =>
    changeRows(engine, params, {
      from: 0,
      to: keys,
      make: (batch, i, n) => {
        batch.set(i, n, REMOVAL_STAMP)
        return isKept(n) ? 'put' : 'remove'
      },
    }),
  )
  return {
    rowsPerSecond: (keys / (nowMs() - started)) * 1000,
    memoryUsedBeforeBytes,
    memoryUsedBytes: engine.memoryUsedBytes(),
    ...delays,
  }
}

async function measureRecovery(
  engine: TidemarkEngine,
  { during }: Watched,
  { params, directory }: MeasureContext,
): Promise<Figures> {
  await engine.snapshot()
  await engine.close()
  globalThis.gc?.()
  const started = nowMs()
  const delays = await during(async () => {
    await engine.open({ directory, durability: params.durability })
    await engine.begin()
  })
  const recoverMs = nowMs() - started
  await engine.commit()
  return { recoverMs, ...delays }
}
