// RecordReader — rows out of plain chunks of any size, pushed in as they come.
//
// A row that lies whole in a chunk is handed on as views of it; one that spans chunks is assembled first. No length is believed: it is
// checked against the limits of the format, against what the stream still has where that is known, and the assembling buffer grows only
// with the bytes that really come.
//
// Stricter than Spark, which stops looking at the end marker: bytes behind it in the plain stream are an error.

import { crc32c } from '../base/checksum.ts'
import { corruptFile } from '../codec/corrupt-file.ts'
import type { StateStoreError } from '../errors.ts'
import type { StateFileKind } from './file-names.ts'
import {
  END_MARKER,
  KEY_BYTES_MAX,
  LENGTH_BYTES,
  ROW_CHECKSUM_BYTES,
  VALUE_BYTES_MAX,
} from './record-stream.ts'

/** Gets the rows of a file in their order. The views are valid during the call only. What it throws reaches the reader's caller as it is. */
export interface RowSink {
  onPut(key: Uint8Array, value: Uint8Array): void
  onRemove(key: Uint8Array): void
  /**
   * Where there is one, it gets puts that lie whole in a chunk, unless their bytes need work first: key and value lie in `chunk` at these offsets.
   * onPut gets the others. PERF: two objects a row less.
   */
  onPutAt?(
    chunk: DataView,
    keyAt: number,
    keyLength: number,
    valueAt: number,
    valueLength: number,
  ): void
}

export interface RecordReaderOptions {
  readonly kind: StateFileKind
  /** The file, for messages. */
  readonly path: string
  readonly rowChecksums: boolean
  /**
   * SPARK: Spark before 2.3 wrote four bytes too many behind some values; Spark floors value lengths to a multiple of 8 on reading. Done after
   * a row checksum is taken off.
   */
  readonly floorValues: boolean
  /** Length of the whole stream, where it is known. */
  readonly plainBytes?: number | undefined
}

/** The first buffer for a row that spans chunks; it doubles as more of the row arrives. */
const PENDING_BYTES_MIN = 4 * 1024

export class RecordReader {
  puts = 0
  removes = 0
  /** Whether the end marker has been seen. */
  ended = false
  readonly #options: RecordReaderOptions
  readonly #sink: RowSink
  readonly #takesPlaces: boolean
  /** Stream offset of the chunk being read. */
  #chunkOffset = 0
  /** The start of a row that spans chunks. */
  #pending = new Uint8Array(0)
  #pendingUsed = 0

  constructor(options: RecordReaderOptions, sink: RowSink) {
    this.#options = options
    this.#sink = sink
    this.#takesPlaces = sink.onPutAt !== undefined && !options.rowChecksums && !options.floorValues
  }

  /** How many bytes were pushed so far. */
  get streamBytes(): number {
    return this.#chunkOffset
  }

  /** Takes the next bytes of the stream; calls the sink for every row that is complete. Throws CORRUPT_FILE. */
  push(chunk: Uint8Array): void {
    const { plainBytes } = this.#options
    if (plainBytes !== undefined && this.#chunkOffset + chunk.length > plainBytes)
      throw this.#corrupt(
        `The trailer says the plain stream has ${plainBytes} bytes, but it has more`,
      )
    const places = this.#takesPlaces
      ? new DataView(chunk.buffer, chunk.byteOffset, chunk.length)
      : undefined
    let at = this.#pendingUsed > 0 ? this.#completePending(chunk) : 0
    while (!this.ended && at < chunk.length) {
      if (places !== undefined) at = this.#putPlaces(places, at)
      if (at === chunk.length) break
      const rowBytes = this.#row(chunk, at, chunk.length, this.#chunkOffset + at)
      if (rowBytes === 0) {
        this.#keep(chunk, at, chunk.length)
        at = chunk.length
      }
      at += rowBytes
    }
    this.#chunkOffset += chunk.length
    if (at < chunk.length)
      throw this.#corrupt(
        `Expected nothing after the end marker, found ${chunk.length - at} or more bytes`,
      )
  }

  /** To be called after the last push. Throws CORRUPT_FILE unless the stream came to its end marker. */
  finish(): void {
    if (this.ended) return
    throw this.#corrupt(
      `The record stream stops after ${this.#chunkOffset} bytes without an end marker: the file is cut`,
    )
  }

  /**
   * Hands on the puts from `at` to the first row that is none, is not whole, or is wrong; returns where that begins. PERF: nearly all rows of a
   * recovery, in a loop of their own: the chunk is known to lie within the stream, and what lies within the chunk needs no other check.
   */
  #putPlaces(chunk: DataView, from: number): number {
    const sink = this.#sink
    const end = chunk.byteLength
    let at = from
    while (end - at >= 2 * LENGTH_BYTES) {
      const keyBytes = chunk.getInt32(at)
      const keyAt = at + LENGTH_BYTES
      const valueAt = keyAt + keyBytes + LENGTH_BYTES
      if (keyBytes < 0 || keyBytes > KEY_BYTES_MAX || valueAt > end) break
      const valueBytes = chunk.getInt32(valueAt - LENGTH_BYTES)
      if (valueBytes < 0 || valueBytes > end - valueAt) break
      this.puts++
      sink.onPutAt!(chunk, keyAt, keyBytes, valueAt, valueBytes)
      at = valueAt + valueBytes
    }
    return at
  }

  /**
   * Reads the row that starts at `at`, if it ends before `end`. Returns its size, 0 if more bytes are needed. `offset` is the row's place in
   * the stream.
   */
  #row(bytes: Uint8Array, at: number, end: number, offset: number): number {
    if (end - at < LENGTH_BYTES) return 0
    const keyBytes = readInt32(bytes, at)
    if (keyBytes < 0) {
      if (keyBytes !== END_MARKER) throw this.#badKeyLength(keyBytes, offset)
      this.ended = true
      return LENGTH_BYTES
    }
    const checksumBytes = this.#options.rowChecksums ? ROW_CHECKSUM_BYTES : 0
    if (keyBytes > KEY_BYTES_MAX + checksumBytes) throw this.#badKeyLength(keyBytes, offset)
    this.#checkRemains(offset, 2 * LENGTH_BYTES + keyBytes)
    const keyAt = at + LENGTH_BYTES
    const valueAt = keyAt + keyBytes + LENGTH_BYTES
    if (valueAt > end) return 0
    const valueBytes = readInt32(bytes, keyAt + keyBytes)
    if (valueBytes < 0) {
      this.#remove(viewOf(bytes, keyAt, keyBytes), offset)
      return valueAt - at
    }
    if (valueBytes > VALUE_BYTES_MAX + checksumBytes)
      throw this.#corrupt(
        `Expected a value length up to ${VALUE_BYTES_MAX}, found ${valueBytes}, in the row at offset ${offset} of the plain stream`,
      )
    this.#checkRemains(offset, 2 * LENGTH_BYTES + keyBytes + valueBytes)
    if (end - valueAt < valueBytes) return 0
    this.#put(viewOf(bytes, keyAt, keyBytes), viewOf(bytes, valueAt, valueBytes), offset)
    return valueAt + valueBytes - at
  }

  #put(key: Uint8Array, stored: Uint8Array, offset: number): void {
    let value = stored
    if (this.#options.rowChecksums) {
      value = this.#stripChecksum(stored, offset)
      this.#checkRow(stored, crc32c(value, crc32c(key)), offset)
    }
    if (this.#options.floorValues && value.length % 8 !== 0)
      value = value.subarray(0, value.length - (value.length % 8))
    this.puts++
    this.#sink.onPut(key, value)
  }

  #remove(stored: Uint8Array, offset: number): void {
    if (this.#options.kind === 'snapshot')
      throw this.#corrupt(
        `A snapshot holds a removal, in the row at offset ${offset} of the plain stream`,
      )
    let key = stored
    if (this.#options.rowChecksums) {
      key = this.#stripChecksum(stored, offset)
      this.#checkRow(stored, crc32c(key), offset)
    }
    this.removes++
    this.#sink.onRemove(key)
  }

  #stripChecksum(stored: Uint8Array, offset: number): Uint8Array {
    if (stored.length < ROW_CHECKSUM_BYTES)
      throw this.#corrupt(
        `Expected a row checksum, found only ${stored.length} bytes, in the row at offset ${offset} of the plain stream; was the file written without row checksums?`,
      )
    return stored.subarray(ROW_CHECKSUM_BYTES)
  }

  #checkRow(stored: Uint8Array, crc: number, offset: number): void {
    const expected = (stored[0] | (stored[1] << 8) | (stored[2] << 16) | (stored[3] << 24)) >>> 0
    if (expected !== crc)
      throw this.#corrupt(
        `The row at offset ${offset} of the plain stream does not match its checksum: it was damaged, or written without row checksums`,
      )
  }

  #checkRemains(offset: number, rowBytes: number): void {
    const { plainBytes } = this.#options
    if (plainBytes !== undefined && rowBytes > plainBytes - offset)
      throw this.#corrupt(
        `The row at offset ${offset} of the plain stream claims ${rowBytes} bytes or more, but only ${plainBytes - offset} are left`,
      )
  }

  #badKeyLength(found: number, offset: number): StateStoreError {
    return this.#corrupt(
      `Expected a key length up to ${KEY_BYTES_MAX} or the end marker -1, found ${found}, at offset ${offset} of the plain stream`,
    )
  }

  /** Feeds the pending row from `chunk` until it is complete or the chunk used up; returns how much of the chunk it took. */
  #completePending(chunk: Uint8Array): number {
    const offset = this.#chunkOffset - this.#pendingUsed
    let at = 0
    for (;;) {
      const size = Math.min(this.#pendingNeeds() - this.#pendingUsed, chunk.length - at)
      this.#keep(chunk, at, at + size)
      at += size
      const rowBytes = this.#row(this.#pending, 0, this.#pendingUsed, offset)
      if (rowBytes > 0) {
        this.#pendingUsed = 0
        // One large row must not hold its memory until the file is read.
        if (this.#pending.length > 64 * PENDING_BYTES_MIN) this.#pending = new Uint8Array(0)
        return at
      }
      if (at === chunk.length) return at
    }
  }

  /** How many bytes of the pending row are needed to get one step further: a length, the key with the next length, the whole row. */
  #pendingNeeds(): number {
    if (this.#pendingUsed < LENGTH_BYTES) return LENGTH_BYTES
    const keyBytes = readInt32(this.#pending, 0)
    const valueAt = 2 * LENGTH_BYTES + keyBytes
    if (this.#pendingUsed < valueAt) return valueAt
    return valueAt + readInt32(this.#pending, LENGTH_BYTES + keyBytes)
  }

  /** Adds bytes of `chunk` to the pending row. */
  #keep(chunk: Uint8Array, from: number, to: number): void {
    const used = this.#pendingUsed + (to - from)
    if (used > this.#pending.length) {
      const grown = new Uint8Array(Math.max(used, PENDING_BYTES_MIN, 2 * this.#pending.length))
      grown.set(this.#pending.subarray(0, this.#pendingUsed))
      this.#pending = grown
    }
    this.#pending.set(chunk.subarray(from, to), this.#pendingUsed)
    this.#pendingUsed = used
  }

  #corrupt(problem: string): StateStoreError {
    return corruptFile(this.#options.path, problem)
  }
}

/** PERF: several times as fast as subarray(), which asks for the class to make first. */
function viewOf(bytes: Uint8Array, at: number, length: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + at, length)
}

function readInt32(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]
}
