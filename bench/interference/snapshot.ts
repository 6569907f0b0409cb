// The phase `snapshot` of bench/interference.ts.
//
//   1. a snapshot alone                                       snapshotMs
//   2. whole batches, without and with a snapshot                 batchMs, batchDuringSnapshotMs, …WorstMs, snapshotDuringBatchesMs, throughputRatio
//   3. batches in pieces, without and with a snapshot                the same with Pieces, and the delays of the event loop

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
  const without = await times(batches, (done) => done < count)
  const beside = await besideSnapshot(engine, batches)

  batches.pieceRows = Number(params.pieceRows)
  const inPieces: number[] = []
  const quiet = await during(async () => {
    inPieces.push(...(await times(batches, (done) => done < count)))
  })
  let inPiecesBeside: Beside | undefined
  const delays = await during(async () => {
    inPiecesBeside = await besideSnapshot(engine, batches)
  })
  if (inPiecesBeside === undefined) throw new Error('A phase under watch has run')
  await checkContent(engine, keys, batchRows, batches.count)
  return {
    snapshotMs,
    batchMs: median(without),
    batchDuringSnapshotMs: median(beside.samples),
    batchDuringSnapshotWorstMs: Math.max(...beside.samples),
    snapshotDuringBatchesMs: beside.snapshotMs,
    throughputRatio: mean(without) / mean(beside.samples),
    batchInPiecesMs: median(inPieces),
    batchInPiecesDuringSnapshotMs: median(inPiecesBeside.samples),
    snapshotDuringPiecesMs: inPiecesBeside.snapshotMs,
    throughputInPiecesRatio: mean(inPieces) / mean(inPiecesBeside.samples),
    quietSlicesP999Ms: quiet.slicesP999Ms,
    quietSlicesCpuP999Ms: quiet.slicesCpuP999Ms,
    quietWorstDelayMs: quiet.worstDelayMs,
    ...delays,
  }
}

interface Beside {
  /** Of the batches, milliseconds. */
  readonly samples: number[]
  readonly snapshotMs: number
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
