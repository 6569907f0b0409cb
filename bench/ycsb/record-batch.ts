// YCSB's records: 1,000 bytes, ten fields of 100, as one blob. The first field tells record and stamp; the others are the record's own and never
// change, so a record that was read and had its first field overwritten is the one that would have been made. Random bytes: no codec gets far.

import { mix32, Random, RowBatch, type Rows } from '../harness/workload.ts'

const RECORD_BYTES = 1_000
const FIELD_BYTES = 100

const POOL_BYTES = 1024 * 1024
const POOL_SEED = 11
const GOLDEN = 0x9e3779b1

export class RecordBatch implements Rows {
  readonly keys: readonly Buffer[]
  readonly values: readonly Buffer[]
  readonly #rows: RowBatch

  constructor(size: number) {
    this.#rows = new RowBatch(size)
    this.keys = this.#rows.keys
    const bytes = Buffer.alloc(size * RECORD_BYTES)
    this.values = this.keys.map((_, i) => bytes.subarray(i * RECORD_BYTES, (i + 1) * RECORD_BYTES))
  }

  get size(): number {
    return this.keys.length
  }

  set(i: number, n: number, stamp: number): void {
    this.setKey(i, n)
    pool ??= makePool()
    const offset = mix32(n) % (POOL_BYTES - RECORD_BYTES)
    pool.copy(this.values[i], 0, offset, offset + RECORD_BYTES)
    writeFirstField(this.values[i], n, stamp)
  }

  setKey(i: number, n: number): void {
    this.#rows.set(i, n, 0)
  }

  /** The value of row `i` becomes the record that was read, its first field overwritten. */
  modify(i: number, read: Uint8Array, n: number, stamp: number): void {
    this.values[i].set(read)
    writeFirstField(this.values[i], n, stamp)
  }
}

/** Throws unless `record` is one. */
export function checkRecord(record: Uint8Array | undefined): Uint8Array {
  if (record?.length === RECORD_BYTES) return record
  throw new Error(`Expected a record of ${RECORD_BYTES} bytes, read ${record?.length}`)
}

function writeFirstField(record: Buffer, n: number, stamp: number): void {
  record.writeUInt32LE(stamp, 0)
  for (let at = 4; at < FIELD_BYTES; at += 4) {
    record.writeUInt32LE(mix32((n + at + Math.imul(stamp, GOLDEN)) | 0), at)
  }
}

let pool: Buffer | undefined

function makePool(): Buffer {
  const random = new Random(POOL_SEED)
  const bytes = Buffer.alloc(POOL_BYTES)
  for (let at = 0; at < POOL_BYTES; at += 4) bytes.writeUInt32LE(random.next(), at)
  return bytes
}
