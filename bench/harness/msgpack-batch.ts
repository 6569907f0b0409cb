// Rows as a program without a schema would keep them: the keys of RowBatch, and values of about 1 KB of MessagePack, none as long as the next.

import { Packr } from 'msgpackr'
import { mix32, RowBatch, type Rows } from './workload.ts'

const ITEMS_MIN = 32
const packr = new Packr({ useRecords: false })

export class MsgpackBatch implements Rows {
  readonly keys: readonly Buffer[]
  readonly values: Buffer[] = []
  readonly #rows: RowBatch

  constructor(size: number) {
    this.#rows = new RowBatch(size)
    this.keys = this.#rows.keys
  }

  get size(): number {
    return this.keys.length
  }

  set(i: number, n: number, stamp: number): void {
    this.#rows.set(i, n, stamp)
    this.values[i] = packr.pack(valueOf(n, stamp))
  }
}

function valueOf(n: number, stamp: number): unknown {
  const count = ITEMS_MIN + (mix32(n ^ stamp) & 3)
  const items = Array.from({ length: count }, (_, i) => ({
    sku: mix32(n + i),
    count: i,
    price: mix32(stamp + i) / 100,
  }))
  return { customer: `customer ${n}`, changes: stamp, items }
}
