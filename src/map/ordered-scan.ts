// Ordered reads over an unordered map: they look at every row the reader sees, copy those that belong, and hand them out in order. The cost is
// the size of the state, whatever the range; an ordered index may take their place without a change outside.

import { copyOfSlice, noBytes } from '../base/byte-slice.ts'
import { compareBytes, startsWithBytes } from '../base/bytes.ts'
import { type Row, SortedRows } from './sorted-rows.ts'
import type { MapCursor, MapReader } from './versioned-map.ts'

/** Rows whose key starts with `prefix`, by key as unsigned bytes. Copies; as of this call, not of the first next(). */
export function scanPrefix(reader: MapReader, prefix: Uint8Array): IterableIterator<Row> {
  return sortedRows(reader, (key) => startsWithBytes(key, prefix))
}

/** Rows with start <= key < end, by key as unsigned bytes; undefined is no bound. Copies; as of this call. */
export function scanRange(
  reader: MapReader,
  start?: Uint8Array,
  end?: Uint8Array,
): IterableIterator<Row> {
  return sortedRows(
    reader,
    (key) =>
      (start === undefined || compareBytes(key, start) >= 0) &&
      (end === undefined || compareBytes(key, end) < 0),
  )
}

/** All rows in no particular order. Copies; as of this call. Ending the loop early, or return(), closes the cursor behind it. */
export function scanAll(reader: MapReader): IterableIterator<Row> {
  return new CursorRows(reader.cursor())
}

function sortedRows(
  reader: MapReader,
  belongs: (key: Uint8Array) => boolean,
): IterableIterator<Row> {
  const rows = new SortedRows()
  const cursor = reader.cursor()
  try {
    while (cursor.next()) {
      const key = cursor.key
      if (belongs(key)) rows.add(key, cursor.value)
    }
  } finally {
    cursor.close()
  }
  return rows
}

/** Not a generator: one that was never started would not run its `finally` on return(), and the cursor would stay open. */
class CursorRows implements IterableIterator<Row> {
  #cursor: MapCursor
  readonly #key = noBytes()
  readonly #value = noBytes()

  constructor(cursor: MapCursor) {
    this.#cursor = cursor
  }

  next(): IteratorResult<Row> {
    const cursor = this.#cursor
    if (!cursor.next()) return { done: true, value: undefined }
    cursor.keySlice(this.#key)
    cursor.valueSlice(this.#value)
    return { done: false, value: [copyOfSlice(this.#key), copyOfSlice(this.#value)] }
  }

  return(): IteratorResult<Row> {
    this.#cursor.close()
    return { done: true, value: undefined }
  }

  [Symbol.iterator](): this {
    return this
  }
}
