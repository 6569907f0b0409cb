// RecordWriter — rows into plain blocks of equal size, but for the first. A row may span any number of blocks, as in Spark's files.
//
// PERF: putRow is on the path of every write to a store. It copies by the word, and allocates nothing but for long values. In put a few bytes are copied
// by hand: below some 16 the call into the engine's `set` costs more than the loop (bench/micro/state-file.ts times the whole path).

import { IS_LITTLE_ENDIAN, release } from '../base/bytes.ts'
import { crc32c } from '../base/checksum.ts'
import type { RowWords } from '../base/row-words.ts'
import * as stream from './record-stream.ts'

// PERF: an imported constant is looked up at each use, one of the module itself is not (docs/decisions/0026-hot-functions-are-written-for-few-instructions.md).
const { END_MARKER, KEY_BYTES_MAX, LENGTH_BYTES, REMOVED_LENGTH, ROW_CHECKSUM_BYTES } = stream
const { VALUE_BYTES_MAX } = stream
const ORDER = IS_LITTLE_ENDIAN

const HAND_COPY_BYTES_MAX = 16

const WORD_BYTES = 4
/** Above this a view and `set` are faster than copying by the word (PERF: tried with 64 to 2,048 bytes on Node 24). */
const WORD_COPY_BYTES_MAX = 96

export interface RecordWriterOptions {
  readonly blockBytes: number
  /** Size of the blocks after the first. Default `blockBytes`. */
  readonly laterBlockBytes?: number | undefined
  readonly rowChecksums: boolean
  /** Gets each full block, and the last one. The bytes are reused after it returns. */
  readonly onBlock: (plain: Uint8Array) => void
}

export class RecordWriter {
  #block: Uint8Array
  #view: DataView
  #blockBytes: number
  readonly #laterBlockBytes: number
  readonly #rowChecksums: boolean
  readonly #onBlock: (plain: Uint8Array) => void
  /** One int32, or a row checksum, on its way to the block. */
  readonly #word = new Uint8Array(LENGTH_BYTES)
  #used = 0

  constructor(options: RecordWriterOptions) {
    this.#block = new Uint8Array(options.blockBytes)
    this.#view = new DataView(this.#block.buffer)
    this.#blockBytes = options.blockBytes
    this.#laterBlockBytes = options.laterBlockBytes ?? options.blockBytes
    this.#rowChecksums = options.rowChecksums
    this.#onBlock = options.onBlock
  }

  put(key: Uint8Array, value: Uint8Array): void {
    if (key.length > KEY_BYTES_MAX) throw tooLong('key', key.length, KEY_BYTES_MAX)
    if (value.length > VALUE_BYTES_MAX) throw tooLong('value', value.length, VALUE_BYTES_MAX)
    if (this.#rowChecksums) {
      this.#length(key.length)
      this.#bytes(key)
      this.#length(value.length + ROW_CHECKSUM_BYTES)
      this.#rowChecksum(crc32c(value, crc32c(key)))
      this.#bytes(value)
      return
    }
    const rowBytes = 2 * LENGTH_BYTES + key.length + value.length
    if (this.#used + rowBytes <= this.#blockBytes) {
      // PERF: most rows lie whole in the block; one check and one place to go on from, rather than four.
      const block = this.#block
      const at = writeField(block, this.#used, key)
      this.#used = writeField(block, at, value)
      return
    }
    this.#length(key.length)
    this.#bytes(key)
    this.#length(value.length)
    this.#bytes(value)
  }

  /** As put(), from where the row lies. PERF: without a view of key and value, a snapshot takes half the time. */
  putRow(row: RowWords): void {
    const { words, keyWord, keyLength, valueWord, valueLength } = row
    const rowBytes = 2 * LENGTH_BYTES + keyLength + valueLength
    // Whole words are copied, so up to three bytes behind the row are touched.
    if (this.#rowChecksums || this.#used + rowBytes + WORD_BYTES > this.#blockBytes) {
      this.put(bytesOf(words, keyWord, keyLength), bytesOf(words, valueWord, valueLength))
      return
    }
    if (keyLength > KEY_BYTES_MAX) throw tooLong('key', keyLength, KEY_BYTES_MAX)
    if (valueLength > VALUE_BYTES_MAX) throw tooLong('value', valueLength, VALUE_BYTES_MAX)
    const view = this.#view
    const keyAt = this.#used + LENGTH_BYTES
    const valueAt = keyAt + keyLength + LENGTH_BYTES
    view.setInt32(this.#used, keyLength)
    copyWords(view, keyAt, words, keyWord, keyLength)
    view.setInt32(valueAt - LENGTH_BYTES, valueLength)
    if (valueLength <= WORD_COPY_BYTES_MAX) {
      copyWords(view, valueAt, words, valueWord, valueLength)
    } else {
      this.#block.set(bytesOf(words, valueWord, valueLength), valueAt)
    }
    this.#used = valueAt + valueLength
  }

  remove(key: Uint8Array): void {
    if (key.length > KEY_BYTES_MAX) throw tooLong('key', key.length, KEY_BYTES_MAX)
    if (this.#rowChecksums) {
      this.#length(key.length + ROW_CHECKSUM_BYTES)
      this.#rowChecksum(crc32c(key))
    } else {
      this.#length(key.length)
    }
    this.#bytes(key)
    this.#length(REMOVED_LENGTH)
  }

  /** Writes the end marker and hands out the last block. Nothing may follow. */
  end(): void {
    this.#length(END_MARKER)
    if (this.#used > 0) this.#flush()
    release(this.#block)
  }

  #length(length: number): void {
    const used = this.#used
    if (used + LENGTH_BYTES <= this.#blockBytes) {
      const block = this.#block
      block[used] = length >>> 24
      block[used + 1] = length >>> 16
      block[used + 2] = length >>> 8
      block[used + 3] = length
      this.#used = used + LENGTH_BYTES
      return
    }
    const word = this.#word
    word[0] = length >>> 24
    word[1] = length >>> 16
    word[2] = length >>> 8
    word[3] = length
    this.#spread(word)
  }

  /** SPARK: little-endian, unlike the lengths. */
  #rowChecksum(crc: number): void {
    const word = this.#word
    word[0] = crc
    word[1] = crc >>> 8
    word[2] = crc >>> 16
    word[3] = crc >>> 24
    this.#bytes(word)
  }

  #bytes(bytes: Uint8Array): void {
    const size = bytes.length
    const used = this.#used
    if (used + size > this.#blockBytes) {
      this.#spread(bytes)
      return
    }
    const block = this.#block
    if (size <= HAND_COPY_BYTES_MAX) for (let i = 0; i < size; i++) block[used + i] = bytes[i]
    else block.set(bytes, used)
    this.#used = used + size
  }

  /** Bytes that do not fit into what is left of the block. */
  #spread(bytes: Uint8Array): void {
    let offset = 0
    while (offset < bytes.length) {
      if (this.#used === this.#blockBytes) this.#flush()
      const size = Math.min(bytes.length - offset, this.#blockBytes - this.#used)
      this.#block.set(bytes.subarray(offset, offset + size), this.#used)
      this.#used += size
      offset += size
    }
  }

  #flush(): void {
    this.#onBlock(
      this.#used === this.#blockBytes ? this.#block : this.#block.subarray(0, this.#used),
    )
    this.#used = 0
    if (this.#blockBytes === this.#laterBlockBytes) return
    release(this.#block)
    this.#blockBytes = this.#laterBlockBytes
    this.#block = new Uint8Array(this.#blockBytes)
    this.#view = new DataView(this.#block.buffer)
  }
}

function bytesOf(words: Int32Array, from: number, length: number): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset + from * WORD_BYTES, length)
}

/** Length and bytes, which must fit. Returns where the next field goes. */
function writeField(block: Uint8Array, at: number, bytes: Uint8Array): number {
  const size = bytes.length
  block[at] = size >>> 24
  block[at + 1] = size >>> 16
  block[at + 2] = size >>> 8
  block[at + 3] = size
  const start = at + LENGTH_BYTES
  if (size <= HAND_COPY_BYTES_MAX) for (let i = 0; i < size; i++) block[start + i] = bytes[i]
  else block.set(bytes, start)
  return start + size
}

/** `length` bytes from words[from] on, and up to three more. */
function copyWords(
  view: DataView,
  at: number,
  words: Int32Array,
  from: number,
  length: number,
): void {
  const end = (from + ((length + 3) >>> 2)) | 0
  let to = at
  for (let i = from; i < end; i = (i + 1) | 0) {
    view.setInt32(to, words[i], ORDER)
    to = (to + WORD_BYTES) | 0
  }
}

function tooLong(what: 'key' | 'value', found: number, max: number): RangeError {
  return new RangeError(`Expected \`${what}\` to be at most ${max} bytes long, got ${found}`)
}
