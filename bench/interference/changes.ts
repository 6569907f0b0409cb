// Batches that go through the keys in their order, each in pieces.

import { setImmediate as turn } from 'node:timers/promises'
import type { Engine } from '../harness/engine.ts'
import type { LoopWatch } from '../harness/loop-watch.ts'
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
  /** Whether puts and removes are the program's own doing, as the making of rows always is, or part of what is watched. */
  readonly areOwn: boolean
}

export async function changeRows(
  engine: Engine,
  watch: LoopWatch,
  params: Params,
  { from, to, make, areOwn }: Changes,
): Promise<void> {
  const piece = new RowBatch(Number(params.pieceRows))
  const batchRows = Number(params.batchRows)
  for (let start = from; start < to; start += batchRows) {
    const end = Math.min(to, start + batchRows)
    await engine.begin()
    for (let n = start; n < end; n += piece.size) {
      const rows = Math.min(piece.size, end - n)
      const kinds: ('put' | 'remove')[] = []
      const change = () => {
        for (let i = 0; i < rows; i++) {
          if (kinds[i] === 'put') engine.put(piece.keys[i], piece.values[i])
          else engine.remove(piece.keys[i])
        }
      }
      watch.doing(() => {
        for (let i = 0; i < rows; i++) kinds.push(make(piece, i, n + i))
      })
      if (areOwn) watch.doing(change)
      else change()
      await turn()
    }
    await engine.commit()
  }
}
