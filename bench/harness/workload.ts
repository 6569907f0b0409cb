// The rows every engine gets, and the arithmetic that tells what must be there in the end.
//
// Keys and values have the shape of Spark's UnsafeRow, so that real Spark takes the very same bytes: a key is a row of one long (16 bytes with
// its null bits), a value a row of three longs (32 bytes). Everything is 32-bit arithmetic, repeated word for word in compare/spark.
//
//   key(n)          [0, 0, mix(n), mix(n ^ SALT)]
//   value(n, stamp) [0, 0, stamp, 0, n, 0, mix(n + stamp · GOLDEN), mix(n − stamp)]          32-bit words, little-endian
//
// The checksum of a content is the sum over its rows, so the order in which an engine hands them out does not matter.

export const KEY_BYTES = 16
export const VALUE_BYTES = 32
export const ROW_BYTES = KEY_BYTES + VALUE_BYTES

const SALT = 0x9e3779b9
const GOLDEN = 0x9e3779b1

/** The finaliser of MurmurHash3: a bijection on 32 bits that leaves no pattern. Unsigned. */
export function mix32(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

/** Marsaglia's xorshift32: the same numbers in every run and every language. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = mix32(seed) | 1
  }

  /** 0 to 2^32 − 1. */
  next(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return x >>> 0
  }

  below(bound: number): number {
    return this.next() % bound
  }
}

/** Rows to be put: key and value `i` are those of the last set(i). */
export interface Rows {
  readonly keys: readonly Buffer[]
  readonly values: readonly Buffer[]
  readonly size: number
  /** Row `i` becomes key `n` with the value of `stamp`. */
  set(i: number, n: number, stamp: number): void
}

/** Buffers for a batch of rows, made once and filled anew for each batch: an engine that keeps bytes has to copy them. */
export class RowBatch implements Rows {
  readonly keys: Buffer[] = []
  readonly values: Buffer[] = []
  readonly #keyWords: Uint32Array
  readonly #valueWords: Uint32Array

  constructor(size: number) {
    const keyBytes = new ArrayBuffer(size * KEY_BYTES)
    const valueBytes = new ArrayBuffer(size * VALUE_BYTES)
    this.#keyWords = new Uint32Array(keyBytes)
    this.#valueWords = new Uint32Array(valueBytes)
    for (let i = 0; i < size; i++) {
      this.keys.push(Buffer.from(keyBytes, i * KEY_BYTES, KEY_BYTES))
      this.values.push(Buffer.from(valueBytes, i * VALUE_BYTES, VALUE_BYTES))
    }
  }

  get size(): number {
    return this.keys.length
  }

  set(i: number, n: number, stamp: number): void {
    writeKey(this.#keyWords, i * 4, n)
    writeValue(this.#valueWords, i * 8, n, stamp)
  }
}

function writeKey(words: Uint32Array, at: number, n: number): void {
  words[at + 2] = mix32(n)
  words[at + 3] = mix32(n ^ SALT)
}

function writeValue(words: Uint32Array, at: number, n: number, stamp: number): void {
  words[at + 2] = stamp
  words[at + 4] = n
  words[at + 6] = mix32((n + Math.imul(stamp, GOLDEN)) | 0)
  words[at + 7] = mix32((n - stamp) | 0)
}

export interface Content {
  readonly rows: number
  /** 16 hexadecimal digits. */
  readonly checksum: string
}

/** Adds up rows, in any order. */
export class ContentSum {
  #rows = 0
  #low = 0
  #high = 0

  add(key: Uint8Array, value: Uint8Array): void {
    this.#addHash(hashBytes(hashBytes(0x811c9dc5, key), value))
  }

  addRow(n: number, stamp: number): void {
    writeKey(rowWords, 0, n)
    writeValue(rowWords, 4, n, stamp)
    let hash = hashStep(0x811c9dc5, KEY_BYTES)
    for (let i = 0; i < 4; i++) hash = hashStep(hash, rowWords[i])
    hash = hashStep(hash, VALUE_BYTES)
    for (let i = 4; i < 12; i++) hash = hashStep(hash, rowWords[i])
    this.#addHash(hash)
  }

  content(): Content {
    return { rows: this.#rows, checksum: hex(this.#high) + hex(this.#low) }
  }

  #addHash(hash: number): void {
    this.#rows++
    this.#low = (this.#low + mix32(hash)) >>> 0
    this.#high = (this.#high + mix32(hash ^ SALT)) >>> 0
  }
}

const rowWords = new Uint32Array(12)

function hashStep(hash: number, word: number): number {
  hash = Math.imul(hash ^ word, 0x01000193)
  return hash ^ (hash >>> 15)
}

/** Length first, then whole words, little-endian, then what is left, filled up with zeros. */
function hashBytes(hash: number, bytes: Uint8Array): number {
  const length = bytes.length
  hash = hashStep(hash, length)
  let i = 0
  for (; i + 4 <= length; i += 4) {
    hash = hashStep(
      hash,
      bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24),
    )
  }
  if (i === length) return hash
  let word = 0
  for (let shift = 0; i < length; i++, shift += 8) word |= bytes[i] << shift
  return hashStep(hash, word)
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0')
}

/** What must be in the store: the stamp of each key, 0 for none. */
export class Oracle {
  readonly #stamps: Int32Array

  constructor(keyCount: number) {
    this.#stamps = new Int32Array(keyCount)
  }

  put(n: number, stamp: number): void {
    this.#stamps[n] = stamp
  }

  remove(n: number): void {
    this.#stamps[n] = 0
  }

  /** `add` is for rows other than those of RowBatch. */
  content(
    add = (sum: ContentSum, n: number, stamp: number): void => sum.addRow(n, stamp),
  ): Content {
    const sum = new ContentSum()
    for (let n = 0; n < this.#stamps.length; n++) {
      if (this.#stamps[n] !== 0) add(sum, n, this.#stamps[n])
    }
    return sum.content()
  }
}
