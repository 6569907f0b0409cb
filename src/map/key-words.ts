// The key that is being looked up, as int32 words: what its hash, a comparison and a new record are made from.
//
// Records keep their keys at word boundaries, filled up with zeros (record.ts), so keys are compared and copied word by word. Nothing here depends on
// the byte order of the machine, but for the published vectors of the hash.

import { IS_LITTLE_ENDIAN } from '../base/bytes.ts'

const FIRST_WORDS = 64

export class KeyWords {
  /** The key, and zeros up to a whole word; what follows is left over from other keys. */
  words = new Int32Array(FIRST_WORDS)
  /** Its length in bytes. */
  length = 0

  static of(key: Uint8Array): KeyWords {
    const words = new KeyWords()
    words.resize(key.length)
    copyKey(key, words.words, 0)
    return words
  }

  /** Makes room for a key of `length` bytes, which are the caller's to write. */
  resize(length: number): void {
    this.length = length
    const wordsMin = wordsForKey(length)
    let size = this.words.length
    if (wordsMin <= size) return
    while (size < wordsMin) size *= 2
    this.words = new Int32Array(size)
  }
}

/** Copies `key` to words[at] and what follows, zeros up to a whole word. */
export function copyKey(key: Uint8Array, words: Int32Array, at: number): void {
  const { length } = key
  if (length === 0) return
  words[at + wordsForKey(length) - 1] = 0
  new Uint8Array(words.buffer, words.byteOffset + at * 4, length).set(key)
}

/** Copies a key to words[at] and what follows. Returns the word behind it. */
export function writeKey(words: Int32Array, at: number, key: KeyWords): number {
  const { words: from } = key
  const count = wordsForKey(key.length)
  for (let i = 0; i < count; i = (i + 1) | 0) words[(at + i) | 0] = from[i]
  return (at + count) | 0
}

/** Copies `length` bytes to words[to] and what follows, by the word as far as that goes. `bytes` is the same memory as `words`. */
export function copyFrom(
  source: DataView,
  at: number,
  length: number,
  words: Int32Array,
  bytes: Uint8Array,
  to: number,
): void {
  const whole = length >>> 2
  for (let i = 0; i < whole; i++) words[to + i] = source.getInt32(at + i * 4, IS_LITTLE_ENDIAN)
  for (let i = whole * 4; i < length; i++) bytes[to * 4 + i] = source.getUint8(at + i)
}

/** How many words a key of `length` bytes takes. */
export function wordsForKey(length: number): number {
  return (length + 3) >>> 2
}
