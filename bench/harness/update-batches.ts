// Batches of updates of random keys, the same for all questions and engines: batch b gives each of its keys the value of stamp b + 2, and the
// random numbers go on from batch to batch. What is timed is the engine's part alone; rows are made outside of it.

import { setImmediate as turn } from 'node:timers/promises'
import type { Engine } from './engine.ts'
import { nowMs } from './figures.ts'
import { LOAD_STAMP, pieceRowsOf } from './load.ts'
import { type Content, type ContentSum, Oracle, Random, RowBatch, type Rows } from './workload.ts'

const RANDOM_SEED = 1

export interface UpdatePlan {
  readonly keys: number
  /** All of them, warm-up included. */
  readonly batches: number
  readonly batchRows: number
  /** So many batches in front are not timed. */
  readonly warmUp: number
}

/** Milliseconds, batch by batch. */
export interface BatchTimes {
  readonly opens: number[]
  readonly puts: number[]
  readonly commits: number[]
}

/** `makeRows` for other rows than those of RowBatch. */
export async function runUpdates(
  engine: Engine,
  plan: UpdatePlan,
  makeRows = (size: number): Rows => new RowBatch(size),
): Promise<BatchTimes> {
  const times: BatchTimes = { opens: [], puts: [], commits: [] }
  const random = new Random(RANDOM_SEED)
  const pieceRows = pieceRowsOf(engine, plan.batchRows)
  const piece = makeRows(pieceRows)
  for (let b = 0; b < plan.batches; b++) {
    let putsMs = 0
    fill(piece, Math.min(pieceRows, plan.batchRows), random, plan.keys, b + 2)
    const started = nowMs()
    await engine.begin()
    const opensMs = nowMs() - started
    for (let from = 0; from < plan.batchRows; from += pieceRows) {
      const rows = Math.min(pieceRows, plan.batchRows - from)
      if (from > 0) {
        await turn()
        fill(piece, rows, random, plan.keys, b + 2)
      }
      const before = nowMs()
      for (let i = 0; i < rows; i++) engine.put(piece.keys[i], piece.values[i])
      putsMs += nowMs() - before
    }
    const changed = nowMs()
    await engine.commit()
    if (b < plan.warmUp) continue
    times.commits.push(nowMs() - changed)
    times.opens.push(opensMs)
    times.puts.push(putsMs)
  }
  return times
}

function fill(piece: Rows, rows: number, random: Random, keys: number, stamp: number): void {
  for (let i = 0; i < rows; i++) piece.set(i, random.below(keys), stamp)
}

/** What a store holds that was loaded with all keys and then updated. */
export function contentAfterUpdates(
  plan: UpdatePlan,
  add?: (sum: ContentSum, n: number, stamp: number) => void,
): Content {
  const oracle = new Oracle(plan.keys)
  for (let n = 0; n < plan.keys; n++) oracle.put(n, LOAD_STAMP)
  const random = new Random(RANDOM_SEED)
  for (let b = 0; b < plan.batches; b++) {
    for (let i = 0; i < plan.batchRows; i++) oracle.put(random.below(plan.keys), b + 2)
  }
  return oracle.content(add)
}
