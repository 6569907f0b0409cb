// The operations of YCSB's core workloads, batch by batch, the same for every engine and for the oracle.
//
//   A   50 % read, 50 % update        B   95 % read, 5 % update        C   100 % read
//   D   95 % read of the latest, 5 % insert        E   95 % scan of 1 to 100 records, 5 % insert        F   50 % read, 50 % read-modify-write
//
// Records are chosen by a zipfian rank, scrambled so that the frequent ones lie anywhere; in D the rank counts back from the newest. Only records
// that were there when the batch began are read or updated: not every engine shows a batch its own inserts.

import { mix32, Random } from '../harness/workload.ts'
import { Zipf } from './zipf.ts'

/** In this order, as YCSB says, so that one load does: the workloads that insert are the last. */
export const WORKLOADS = ['a', 'b', 'c', 'f', 'd', 'e'] as const

export type Workload = (typeof WORKLOADS)[number]

export type OperationKind = 'read' | 'update' | 'insert' | 'modify' | 'scan'

export interface Operation {
  readonly kind: OperationKind
  /** The number of the record; of the first in a scan. */
  readonly record: number
  /** How many records a scan asks for, else 0. */
  readonly scanRows: number
}

const SEED = 5
const SCAN_ROWS_MAX = 100

/** What an operation is that is not a read, and of a hundred how many are reads (in E: scans). */
const MIXES: Readonly<Record<Workload, { readonly reads: number; readonly other: OperationKind }>> =
  {
    a: { reads: 50, other: 'update' },
    b: { reads: 95, other: 'update' },
    c: { reads: 100, other: 'read' },
    d: { reads: 95, other: 'insert' },
    e: { reads: 95, other: 'insert' },
    f: { reads: 50, other: 'modify' },
  }

export class Operations {
  readonly #random = new Random(SEED)
  readonly #zipf: Zipf
  readonly #loaded: number
  #records: number

  /** On a store that was loaded with the records 0 to `records` − 1. */
  constructor(records: number) {
    this.#loaded = records
    this.#records = records
    this.#zipf = new Zipf(records, this.#random)
  }

  /** The next batch. */
  batch(workload: Workload, size: number): Operation[] {
    const { reads, other } = MIXES[workload]
    const recordsBefore = this.#records
    return Array.from({ length: size }, (): Operation => {
      const isRead = this.#random.below(100) < reads
      if (!isRead && other === 'insert') {
        return { kind: 'insert', record: this.#records++, scanRows: 0 }
      }
      const rank = this.#zipf.next()
      const record = workload === 'd' ? recordsBefore - 1 - rank : mix32(rank) % this.#loaded
      if (!isRead) return { kind: other, record, scanRows: 0 }
      if (workload !== 'e') return { kind: 'read', record, scanRows: 0 }
      return { kind: 'scan', record, scanRows: 1 + this.#random.below(SCAN_ROWS_MAX) }
    })
  }
}
