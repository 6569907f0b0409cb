// Ordered reads over an unordered map: they look at every row the reader sees, copy those that belong, and sort them. The cost is the
// size of the state plus n log n of the result, whatever the range; an ordered index may take their place without a change outside.

import { compareBytes, startsWithBytes } from '../base/bytes.ts'
import type { MapCursor, MapReader } from './versioned-map.ts'

type Row = [Uint8Array, Uint8Array]

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
  const rows: Row[] = []
  const cursor = reader.cursor()
  try {
    while (cursor.next()) {
      const key = cursor.key
      if (belongs(key)) rows.push([key.slice(), cursor.value.slice()])
    }
  } finally {
    cursor.close()
  }
  return rows.sort((a, b) => compareBytes(a[0], b[0])).values()
}

/** Not a generator: one that was never started would not run its `finally` on return(), and the cursor would stay open. */
class CursorRows implements IterableIterator<Row> {
  #cursor: MapCursor

  constructor(cursor: MapCursor) {
    this.#cursor = cursor
  }

  next(): IteratorResult<Row> {
    if (!this.#cursor.next()) return { done: true, value: undefined }
    return { done: false, value: [this.#cursor.key.slice(), this.#cursor.value.slice()] }
  }

  return(): IteratorResult<Row> {
    this.#cursor.close()
    return { done: true, value: undefined }
  }

  [Symbol.iterator](): this {
    return this
  }
}
