// The phase `snapshot` of bench/interference.ts.
//
//   1. a snapshot alone                                       snapshotMs
//   2. whole batches, without and with a snapshot                 first…: the figures of 3, for the first snapshot of the process beside batches
//   3. the same again                                             batchMs, batchDuringSnapshotMs, …WorstMs, snapshotDuringBatchesMs, throughputRatio
//   4. batches in pieces, without and with a snapshot                the same with Pieces, and the delays of the event loop
//
// While a version is pinned, what batches write goes to memory that held nothing before. With the first snapshot the process meets that memory for
// the first time, page by page; later ones use it again. A job writes one every few minutes for as long as it lives, so 3 is what it feels, and 2 what
// it feels once. Batches without a snapshot are taken half before it and half after it: the machine does not go evenly for long.

import { isDeepStrictEqual } from 'node:util'
import type { TidemarkEngine } from '../compare/tidemark.ts'
import { contentOf } from '../harness/content-of.ts'
import { mean, median, nowMs } from '../harness/figures.ts'
import type { Params } from '../harness/question.ts'
import { contentAfterUpdates, UpdateBatches } from '../harness/update-batches.ts'
import type { Watched } from './watched.ts'

export async function measureSnapshot(
  engine: TidemarkEngine,
  { watch, during }: Watched,
  params: Params,
): Promise<Record<string, number>> {
  const { keys } = params
  const batchRows = Number(params.batchRows)
  const count = Number(params.batches)
  const snapshotMs = await timeOf(() => engine.snapshot())

  const batches = new UpdateBatches(engine, keys, batchRows, {
    aroundPuts: (puts) => watch.doing(puts),
  })
  for (let b = 0; b < Number(params.warmUp); b++) await batches.next()
  const some = () => times(batches, (done) => done < count)
  const compare = async (): Promise<Compared> => {
    const before = await some()
    const beside = await besideSnapshot(engine, batches)
    return { ...beside, without: [...before, ...(await some())] }
  }
  const first = await compare()
  const later = await compare()

  batches.pieceRows = Number(params.pieceRows)
  const without: number[] = []
  const quiet = await during(async () => {
    without.push(...(await some()))
  })
  let beside: Beside | undefined
  const delays = await during(async () => {
    beside = await besideSnapshot(engine, batches)
  })
  if (beside === undefined) throw new Error('A phase under watch has run')
  without.push(...(await some()))
  const inPieces = { ...beside, without }
  await checkContent(engine, keys, batchRows, batches.count)
  return {
    snapshotMs,
    firstBatchMs: median(first.without),
    firstBatchDuringSnapshotMs: median(first.samples),
    firstSnapshotDuringBatchesMs: first.snapshotMs,
    firstThroughputRatio: throughputRatio(first),
    batchMs: median(later.without),
    batchDuringSnapshotMs: median(later.samples),
    batchDuringSnapshotWorstMs: Math.max(...later.samples),
    snapshotDuringBatchesMs: later.snapshotMs,
    throughputRatio: throughputRatio(later),
    batchInPiecesMs: median(inPieces.without),
    batchInPiecesDuringSnapshotMs: median(inPieces.samples),
    snapshotDuringPiecesMs: inPieces.snapshotMs,
    throughputInPiecesRatio: throughputRatio(inPieces),
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
  readonly without: number[]
}

function throughputRatio({ samples, without }: Compared): number {
  return mean(without) / mean(samples)
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
  keys: number,
  batchRows: number,
  batches: number,
): Promise<void> {
  const expected = contentAfterUpdates({ keys, batches, batchRows })
  const found = await contentOf(engine)
  if (isDeepStrictEqual(found, expected)) return
  throw new Error(
    `Expected tidemark to hold ${JSON.stringify(expected)} after ${batches} batches, found ${JSON.stringify(found)}`,
  )
}
