// The keyed hash of the index: 32 bits, under 64 bits of seed.
//
// Keys come from users' data, so whoever chooses keys must not be able to choose where they land (hash flooding): an unkeyed hash, or a
// multiplicative one whose seed only permutes, lets keys be made that collide under every seed.
//
// Keys of up to 64 bytes: multilinear hashing (Carter and Wegman 1979; Lemire and Kaser, "Strongly universal string hashing is fast", 2014), twice.
// Each half of a word is multiplied by a secret factor of its own, and of the sum the upper 16 bits are kept: two keys that were chosen
// without knowledge of the factors agree in those with a probability of 2^-16. The second sum takes the factors from the next one on (as in UMAC: Black,
// Halevi, Krawczyk, Krovetz and Rogaway 1999): the last half in which two keys differ meets a factor there that had no part in what the first sums differ
// by, so whatever those are, the second agree with 2^-16 as well, and both with 2^-32. What is mixed in the end, a bijection, spreads keys that are in a
// row: linear probing wants more than pairs to lie apart. PERF: fewer instructions than HalfSipHash, and they need not wait for one another
// (docs/decisions/0025-short-keys-are-hashed-by-sums-of-products.md).
//
// Longer keys: HalfSipHash-1-3, a pseudo-random function for 32-bit arithmetic. It makes the factors, too. The result is an int32 (it stays a small
// integer in V8, so nothing is allocated).

import { IS_LITTLE_ENDIAN } from '../base/bytes.ts'
import { copyKey } from './key-words.ts'

// PERF: an imported constant is looked up at each use, one of the module itself is not (docs/decisions/0026-hot-functions-are-written-for-few-instructions.md).
const HASHES_BY_BYTE = IS_LITTLE_ENDIAN

const SHORT_BYTES_MAX = 64
/** Two for each length, then one for each half of a word, and one more. */
const FIRST_OF_HALVES = 2 * (SHORT_BYTES_MAX + 1)
const FACTOR_COUNT = FIRST_OF_HALVES + SHORT_BYTES_MAX / 2 + 1

export class KeyHash {
  readonly #k0: number
  readonly #k1: number
  readonly #factors = new Int32Array(FACTOR_COUNT)

  /** `seed` is 8 bytes. */
  constructor(seed: Uint8Array) {
    const view = new DataView(seed.buffer, seed.byteOffset, seed.byteLength)
    this.#k0 = view.getInt32(0, true)
    this.#k1 = view.getInt32(4, true)
    const ordinal = new Int32Array(1)
    for (let i = 0; i < FACTOR_COUNT; i++) {
      ordinal[0] = i
      this.#factors[i] = halfSipHash(this.#k0, this.#k1, ordinal, 0, 4)
    }
  }

  /**
   * Copies `key` to words[at] and what follows, zeros up to a whole word, and returns its hash. PERF: in one go, and the first words by fixed places: `set`
   * alone is 150 instructions, a loop 80 for each word, this is 45.
   */
  take(key: Uint8Array, words: Int32Array, at: number): number {
    const { length } = key
    if (length > SHORT_BYTES_MAX || !HASHES_BY_BYTE) {
      copyKey(key, words, at)
      return this.of(words, at, length)
    }
    const factors = this.#factors
    let a = factors[length << 1]
    let b = factors[(length << 1) | 1]
    let done = 0
    if (length >= 16) {
      const w0 = key[0] | (key[1] << 8) | (key[2] << 16) | (key[3] << 24)
      words[at] = w0
      const w1 = key[4] | (key[5] << 8) | (key[6] << 16) | (key[7] << 24)
      words[(at + 1) | 0] = w1
      const w2 = key[8] | (key[9] << 8) | (key[10] << 16) | (key[11] << 24)
      words[(at + 2) | 0] = w2
      const w3 = key[12] | (key[13] << 8) | (key[14] << 16) | (key[15] << 24)
      words[(at + 3) | 0] = w3
      // Both sums written out: of a function for them V8 puts one call in its place and not the other.
      const f0 = factors[FIRST_OF_HALVES]
      const f1 = factors[FIRST_OF_HALVES + 1]
      const f2 = factors[FIRST_OF_HALVES + 2]
      const f3 = factors[FIRST_OF_HALVES + 3]
      const f4 = factors[FIRST_OF_HALVES + 4]
      const f5 = factors[FIRST_OF_HALVES + 5]
      const f6 = factors[FIRST_OF_HALVES + 6]
      const f7 = factors[FIRST_OF_HALVES + 7]
      const f8 = factors[FIRST_OF_HALVES + 8]
      a +=
        (Math.imul(w0 & 0xffff, f0) +
          Math.imul(w0 >>> 16, f1) +
          Math.imul(w1 & 0xffff, f2) +
          Math.imul(w1 >>> 16, f3) +
          Math.imul(w2 & 0xffff, f4) +
          Math.imul(w2 >>> 16, f5) +
          Math.imul(w3 & 0xffff, f6) +
          Math.imul(w3 >>> 16, f7)) |
        0
      b +=
        (Math.imul(w0 & 0xffff, f1) +
          Math.imul(w0 >>> 16, f2) +
          Math.imul(w1 & 0xffff, f3) +
          Math.imul(w1 >>> 16, f4) +
          Math.imul(w2 & 0xffff, f5) +
          Math.imul(w2 >>> 16, f6) +
          Math.imul(w3 & 0xffff, f7) +
          Math.imul(w3 >>> 16, f8)) |
        0
      done = 16
    }
    while (done < length) {
      const word = done + 4 <= length ? wordOf(key, done) : lastWordOf(key, done)
      words[(at + (done >>> 2)) | 0] = word
      const f = (FIRST_OF_HALVES + (done >>> 1)) | 0
      const low = word & 0xffff
      const high = word >>> 16
      a = (a + Math.imul(low, factors[f]) + Math.imul(high, factors[(f + 1) | 0])) | 0
      b = (b + Math.imul(low, factors[(f + 1) | 0]) + Math.imul(high, factors[(f + 2) | 0])) | 0
      done = (done + 4) | 0
    }
    return mixed((a & 0xffff0000) | (b >>> 16))
  }

  /** Hash of the key of `length` bytes that lies in whole words from words[at] on, filled up with zeros, as int32. */
  of(words: Int32Array, at: number, length: number): number {
    if (length > SHORT_BYTES_MAX) return halfSipHash(this.#k0, this.#k1, words, at, length)
    const factors = this.#factors
    let a = factors[length << 1]
    let b = factors[(length << 1) | 1]
    let f = FIRST_OF_HALVES
    const end = (at + ((length + 3) >>> 2)) | 0
    for (let i = at; i < end; i = (i + 1) | 0) {
      const low = words[i] & 0xffff
      const high = words[i] >>> 16
      a = (a + Math.imul(low, factors[f]) + Math.imul(high, factors[(f + 1) | 0])) | 0
      b = (b + Math.imul(low, factors[(f + 1) | 0]) + Math.imul(high, factors[(f + 2) | 0])) | 0
      f = (f + 2) | 0
    }
    return mixed((a & 0xffff0000) | (b >>> 16))
  }
}

// PERF: constants, not function declarations: of those V8 looks each time whether they are still the same.

/** Four bytes as a word, as they lie in the memory of a little-endian machine. PERF: with "| 0" V8 does not check whether an index overflows. */
const wordOf = (bytes: Uint8Array, at: number): number =>
  bytes[at] | (bytes[(at + 1) | 0] << 8) | (bytes[(at + 2) | 0] << 16) | (bytes[(at + 3) | 0] << 24)

/** The same of the one to three bytes from `at` on that are the last. */
const lastWordOf = (bytes: Uint8Array, at: number): number => {
  let word = bytes[at]
  if (at + 1 < bytes.length) word |= bytes[at + 1] << 8
  if (at + 2 < bytes.length) word |= bytes[at + 2] << 16
  return word
}

/** The finaliser of MurmurHash3. */
const mixed = (hash: number): number => {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

const FINAL_ROUNDS = 3

/** HalfSipHash-1-3 of a key that lies as for KeyHash.of(), under (k0, k1). */
export function halfSipHash(
  k0: number,
  k1: number,
  words: Int32Array,
  at: number,
  length: number,
): number {
  let v0 = k0 | 0
  let v1 = k1 | 0
  let v2 = 0x6c796765 ^ k0
  let v3 = 0x74656462 ^ k1
  const wholeWords = length >>> 2
  const rounds = wholeWords + 1 + FINAL_ROUNDS
  // Message words, the last word and the final rounds share one loop, so that the round stands here once; a word of 0 changes nothing.
  for (let round = 0; round < rounds; round++) {
    let word = 0
    if (round < wholeWords) {
      word = words[at + round]
    } else if (round === wholeWords) {
      word = length << 24
      if ((length & 3) !== 0) word |= words[at + round]
    } else if (round === wholeWords + 1) {
      v2 ^= 0xff
    }
    v3 ^= word
    v0 = (v0 + v1) | 0
    v1 = (v1 << 5) | (v1 >>> 27)
    v1 ^= v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = (v3 << 8) | (v3 >>> 24)
    v3 ^= v2
    v0 = (v0 + v3) | 0
    v3 = (v3 << 7) | (v3 >>> 25)
    v3 ^= v0
    v2 = (v2 + v1) | 0
    v1 = (v1 << 13) | (v1 >>> 19)
    v1 ^= v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
  }
  return v1 ^ v3
}
