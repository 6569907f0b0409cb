// The phase `snapshot` of bench/interference.ts.
//
//   1. a snapshot alone, after one that is not timed              snapshotMs
//   2. whole batches before, beside and after a snapshot              first…: the figures of 3, for the first snapshot of the process beside batches
//   3. the same again                                             batchMs, batchDuringSnapshotMs, …WorstMs, snapshotDuringBatchesMs, throughputRatio
//   4. batches in pieces before, beside and after a snapshot             the same with Pieces, and the delays of the event loop
//
// While a version is pinned, what batches write goes to memory that held nothing before. With the first snapshot the process meets that memory for
// the first time, page by page; later ones use it again. A job writes one every few minutes for as long as it lives, so 3 is what it feels, and 2 what
// it feels once.
//
// A snapshot puts off compaction, for which the batches after it pay: throughputRatio is that beside it by that before it, afterThroughputRatio that
// after it by that before it. Before the batches before it, some are run untimed, until what an earlier one has put off is done.

import { isDeepStrictEqual } from 'node:util'
import type { TidemarkEngine } from '../compare/tidemark.ts'
import { committedContentOf } from '../harness/content-of.ts'
import type { EngineOptions } from '../harness/engine.ts'
import { mean, median, nowMs } from '../harness/figures.ts'
import type { MeasureContext } from '../harness/question.ts'
import { settleDisk } from '../harness/settle-disk.ts'
import { contentAfterUpdates, UpdateBatches, type UpdatePlan } from '../harness/update-batches.ts'
import type { Watched } from './watched.ts'

/** Batches between two snapshots: one is due after two deltas. */
const BATCHES_UNTIL_DUE = 2
/** So many times as many batches as are timed go before them, untimed. */
const QUIETING = 2

export async function measureSnapshot(
  engine: TidemarkEngine,
  { during }: Watched,
  { params, directory }: MeasureContext,
): Promise<Record<string, number>> {
  const { keys, durability } = params
  const batchRows = Number(params.batchRows)
  const count = Number(params.batches)
  const batches = new UpdateBatches(engine, keys, batchRows)
  const run = async (untimed: number) => {
    for (let b = 0; b < untimed; b++) await batches.next()
  }
  await engine.snapshot()
  await run(BATCHES_UNTIL_DUE)
  await settleDisk(directory)
  const snapshotMs = await timeOf(() => engine.snapshot())

  await run(Number(params.warmUp))
  const some = () => times(batches, (done) => done < count)
  const compare = async (): Promise<Compared> => {
    await run(QUIETING * count)
    const before = await some()
    const beside = await besideSnapshot(engine, batches)
    return { ...beside, before, after: await some() }
  }
  const first = await compare()
  const later = await compare()

  batches.pieceRows = Number(params.pieceRows)
  await run(QUIETING * count)
  const before: number[] = []
  const quiet = await during(async () => {
    before.push(...(await some()))
  })
  let beside: Beside | undefined
  const delays = await during(async () => {
    beside = await besideSnapshot(engine, batches)
  })
  if (beside === undefined) throw new Error('A phase under watch has run')
  const inPieces: Compared = { ...beside, before, after: await some() }
  await checkContent(engine, { directory, durability }, { keys, batchRows, batches: batches.count })
  return {
    snapshotMs,
    firstBatchMs: median(first.before),
    firstBatchDuringSnapshotMs: median(first.samples),
    firstSnapshotDuringBatchesMs: first.snapshotMs,
    firstThroughputRatio: throughputRatio(first),
    firstAfterThroughputRatio: afterThroughputRatio(first),
    batchMs: median(later.before),
    batchDuringSnapshotMs: median(later.samples),
    batchDuringSnapshotWorstMs: Math.max(...later.samples),
    snapshotDuringBatchesMs: later.snapshotMs,
    throughputRatio: throughputRatio(later),
    afterThroughputRatio: afterThroughputRatio(later),
    batchInPiecesMs: median(inPieces.before),
    batchInPiecesDuringSnapshotMs: median(inPieces.samples),
    snapshotDuringPiecesMs: inPieces.snapshotMs,
    throughputInPiecesRatio: throughputRatio(inPieces),
    afterThroughputInPiecesRatio: afterThroughputRatio(inPieces),
    quietSlicesP999Ms: quiet.slicesP999Ms,
    quietSlicesCpuP999Ms: quiet.slicesCpuP999Ms,
    quietWorstDelayMs: quiet.worstDelayMs,
    ...delays,
  }
}

interface Beside {
  /** Of the batches beside the snapshot, milliseconds. */
  readonly samples: number[]
  readonly snapshotMs: number
}

interface Compared extends Beside {
  /** Of the batches around it, milliseconds. */
  readonly before: number[]
  readonly after: number[]
}

function throughputRatio({ samples, before }: Compared): number {
  return mean(before) / mean(samples)
}

function afterThroughputRatio({ before, after }: Compared): number {
  return mean(before) / mean(after)
}

/** Batches for as long as a snapshot takes. */
async function besideSnapshot(engine: TidemarkEngine, batches: UpdateBatches): Promise<Beside> {
  let snapshotMs: number | undefined
  const snapshot = timeOf(() => engine.snapshot()).then((ms) => {
    snapshotMs = ms
    return ms
  })
  const samples = await times(batches, () => snapshotMs === undefined)
  return { samples, snapshotMs: await snapshot }
}

/** Whole batches while `goesOn` says so, one at least. */
async function times(batches: UpdateBatches, goesOn: (done: number) => boolean): Promise<number[]> {
  const samples: number[] = []
  do samples.push(await timeOf(() => batches.next()))
  while (goesOn(samples.length))
  return samples
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const started = nowMs()
  await work()
  return nowMs() - started
}

async function checkContent(
  engine: TidemarkEngine,
  options: EngineOptions,
  plan: Omit<UpdatePlan, 'warmUp'>,
): Promise<void> {
  const expected = contentAfterUpdates(plan)
  const found = await committedContentOf(engine, options)
  if (isDeepStrictEqual(found, expected)) return
  throw new Error(
    `Expected tidemark to hold ${JSON.stringify(expected)} after ${plan.batches} batches, found ${JSON.stringify(found)}`,
  )
}
