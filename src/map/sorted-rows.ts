// Rows in the order of their keys, for a reader that may stop after a few: they are copied one behind the other into a few large buffers, and
// what comes next is found when it is asked for. Making a heap of n rows costs O(n), each row taken O(log n).

export type Row = [key: Uint8Array, value: Uint8Array]

const CHUNK_BYTES_MIN = 4 * 1024
const CHUNK_BYTES_MAX = 1024 * 1024

/** Where a copy lies: the key, then the value. */
interface CopiedRow {
  readonly chunk: Uint8Array
  readonly at: number
  readonly keyLength: number
  readonly valueLength: number
}

export class SortedRows implements IterableIterator<Row> {
  #chunk = new Uint8Array(0)
  #used = 0
  /** Once reading has begun, a binary heap with the smallest key in front. */
  readonly #rows: CopiedRow[] = []
  #isHeap = false

  /** Copies both. Not once next() was called. */
  add(key: Uint8Array, value: Uint8Array): void {
    const { length: keyLength } = key
    const { length: valueLength } = value
    const size = keyLength + valueLength
    if (this.#chunk.length - this.#used < size) {
      const next = Math.min(CHUNK_BYTES_MAX, Math.max(CHUNK_BYTES_MIN, this.#chunk.length * 2))
      this.#chunk = new Uint8Array(Math.max(size, next))
      this.#used = 0
    }
    const chunk = this.#chunk
    const at = this.#used
    chunk.set(key, at)
    chunk.set(value, at + keyLength)
    this.#used = at + size
    this.#rows.push({ chunk, at, keyLength, valueLength })
  }

  next(): IteratorResult<Row> {
    const rows = this.#rows
    if (!this.#isHeap) {
      for (let i = (rows.length >>> 1) - 1; i >= 0; i--) siftDown(rows, i)
      this.#isHeap = true
    }
    const last = rows.pop()
    if (last === undefined) return { done: true, value: undefined }
    const [first = last] = rows
    if (rows.length > 0) {
      rows[0] = last
      siftDown(rows, 0)
    }
    const { chunk, at, keyLength, valueLength } = first
    const valueAt = at + keyLength
    return {
      done: false,
      value: [chunk.slice(at, valueAt), chunk.slice(valueAt, valueAt + valueLength)],
    }
  }

  [Symbol.iterator](): this {
    return this
  }
}

/** Moves the row at `start` behind those with smaller keys. */
function siftDown(rows: CopiedRow[], start: number): void {
  const row = rows[start]
  let at = start
  for (;;) {
    let child = at * 2 + 1
    if (child >= rows.length) break
    if (child + 1 < rows.length && compareKeys(rows[child + 1], rows[child]) < 0) child++
    if (compareKeys(row, rows[child]) <= 0) break
    rows[at] = rows[child]
    at = child
  }
  rows[at] = row
}

/** Unsigned byte by byte, the shorter first. */
function compareKeys(a: CopiedRow, b: CopiedRow): number {
  const length = Math.min(a.keyLength, b.keyLength)
  for (let i = 0; i < length; i++) {
    const difference = a.chunk[a.at + i] - b.chunk[b.at + i]
    if (difference !== 0) return difference
  }
  return a.keyLength - b.keyLength
}
