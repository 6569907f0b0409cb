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
  #bytes = new Uint8Array(this.words.buffer)

  static of(key: Uint8Array): KeyWords {
    const words = new KeyWords()
    words.set(key)
    return words
  }

  /** Takes a key over from its caller. */
  set(key: Uint8Array): void {
    const length = key.length
    const last = length >>> 2
    if (last >= this.words.length) this.#grow(last + 1)
    this.words[last] = 0
    this.#bytes.set(key)
    this.length = length
  }

  #grow(wordsMin: number): void {
    let size = this.words.length
    while (size < wordsMin) size *= 2
    this.words = new Int32Array(size)
    this.#bytes = new Uint8Array(this.words.buffer)
  }
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
