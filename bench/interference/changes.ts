// Batches that go through the keys in their order, each in pieces.

import { setImmediate as turn } from 'node:timers/promises'
import type { Engine } from '../harness/engine.ts'
import type { Params } from '../harness/question.ts'
import { RowBatch } from '../harness/workload.ts'

const KEPT_EVERY = 5
export const REMOVAL_STAMP = 2

/** Whether the phase `compaction` leaves key `n`, with a new value. */
export function isKept(n: number): boolean {
  return n % KEPT_EVERY === 0
}

export interface Changes {
  readonly from: number
  readonly to: number
  /** Sets row `i` of the batch for key `n`, and says what to do with it. */
  readonly make: (batch: RowBatch, i: number, n: number) => 'put' | 'remove'
}

export async function changeRows(
  engine: Engine,
  params: Params,
  { from, to, make }: Changes,
): Promise<void> {
  const piece = new RowBatch(Number(params.pieceRows))
  const batchRows = Number(params.batchRows)
  for (let start = from; start < to; start += batchRows) {
    const end = Math.min(to, start + batchRows)
    await engine.begin()
    for (let n = start; n < end; n += piece.size) {
      const rows = Math.min(piece.size, end - n)
      for (let i = 0; i < rows; i++) {
        if (make(piece, i, n + i) === 'put') engine.put(piece.keys[i], piece.values[i])
        else engine.remove(piece.keys[i])
      }
      await turn()
    }
    await engine.commit()
  }
}
