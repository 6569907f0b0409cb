// Batches of updates of random keys, the same for all questions and engines: batch b gives each of its keys the value of stamp b + 2, and the
// random numbers go on from batch to batch. What is timed is the engine's part alone; rows are made outside of it.

import { setImmediate as turn } from 'node:timers/promises'
import type { Engine } from './engine.ts'
import { nowMs } from './figures.ts'
import { LOAD_STAMP, pieceRowsOf } from './load.ts'
import { type Content, type ContentSum, Oracle, Random, RowBatch, type Rows } from './workload.ts'

const RANDOM_SEED = 1

export interface UpdateOptions {
  /** Other rows than those of RowBatch. */
  readonly makeRows?: (size: number) => Rows
}

/** Milliseconds. */
export interface BatchTime {
  readonly open: number
  readonly puts: number
  readonly commit: number
}

export class UpdateBatches {
  /** How many there were. */
  count = 0
  /** Rows put at a stretch, with a turn of the event loop in between. May be made less. */
  pieceRows: number
  readonly #engine: Engine
  readonly #keys: number
  readonly #batchRows: number
  readonly #piece: Rows
  readonly #random = new Random(RANDOM_SEED)

  constructor(engine: Engine, keys: number, batchRows: number, options: UpdateOptions = {}) {
    const { makeRows = (size) => new RowBatch(size) } = options
    this.#engine = engine
    this.#keys = keys
    this.#batchRows = batchRows
    this.pieceRows = pieceRowsOf(engine, batchRows)
    this.#piece = makeRows(this.pieceRows)
  }

  async next(): Promise<BatchTime> {
    const { pieceRows } = this
    let puts = 0
    this.#fill(Math.min(pieceRows, this.#batchRows))
    const started = nowMs()
    await this.#engine.begin()
    const open = nowMs() - started
    for (let from = 0; from < this.#batchRows; from += pieceRows) {
      const rows = Math.min(pieceRows, this.#batchRows - from)
      if (from > 0) {
        await turn()
        this.#fill(rows)
      }
      const before = nowMs()
      this.#put(rows)
      puts += nowMs() - before
    }
    const changed = nowMs()
    await this.#engine.commit()
    this.count++
    return { open, puts, commit: nowMs() - changed }
  }

  #fill(rows: number): void {
    for (let i = 0; i < rows; i++) {
      this.#piece.set(i, this.#random.below(this.#keys), this.count + 2)
    }
  }

  #put(rows: number): void {
    const { keys, values } = this.#piece
    const engine = this.#engine
    for (let i = 0; i < rows; i++) engine.put(keys[i], values[i])
  }
}

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

export async function runUpdates(
  engine: Engine,
  plan: UpdatePlan,
  options: UpdateOptions = {},
): Promise<BatchTimes> {
  const times: BatchTimes = { opens: [], puts: [], commits: [] }
  const batches = new UpdateBatches(engine, plan.keys, plan.batchRows, options)
  while (batches.count < plan.batches) {
    const { open, puts, commit } = await batches.next()
    if (batches.count <= plan.warmUp) continue
    times.opens.push(open)
    times.puts.push(puts)
    times.commits.push(commit)
  }
  return times
}

/** What a store holds that was loaded with all keys and then updated. */
export function contentAfterUpdates(
  plan: Omit<UpdatePlan, 'warmUp'>,
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
