// Asks for the memory that a group of look-ups will need, before any of them needs it.
//
// PERF: with a state larger than the processor's caches an operation spends most of its time on two cache misses, the index slot and the record
// it leads to, and the second needs the first. A processor fetches many lines at once, but only if their addresses are known within a few
// hundred instructions, which one operation uses up alone. So a short loop reads all the slots of a group, a second one looks in them for the records
// they lead to, and a third reads those; what comes after finds them near. No address in the first and third depends on what the same loop reads.
// docs/decisions/0013-look-ups-in-groups.md has what it brought.

import type { Arena } from './arena.ts'
import type { HashIndex } from './hash-index.ts'

/** More gains nothing: a core follows a dozen or two of misses at a time. */
export const READ_AHEAD_KEYS = 32

/** How many words of each record are read, up to a cache line: its header and a key of 16 bytes. */
export const KEY_WORDS_AHEAD = 8
/** As many as a cache line has: a value of 32 bytes as well. */
export const ROW_WORDS_AHEAD = 16

export class ReadAhead {
  readonly #heads = new Int32Array(READ_AHEAD_KEYS)
  /** Keeps the reads from being optimised away. */
  touched = 0

  /** For the keys with these `hashes`, from one to before another, READ_AHEAD_KEYS at most. */
  run(
    index: HashIndex,
    arena: Arena,
    hashes: Int32Array,
    from: number,
    to: number,
    wordsAhead = KEY_WORDS_AHEAD,
  ): void {
    const heads = this.#heads
    const { words: segments, unitBits, unitMask } = arena
    let touched = index.touch(hashes, from, to)
    index.peek(hashes, from, to, heads)
    const count = to - from
    for (let i = 0; i < count; i = (i + 1) | 0) {
      const head = heads[i]
      if (head === 0) continue
      const words = segments[head >>> unitBits]
      const w = (head & unitMask) << 1
      // PERF: with ^ instead of + batches of puts took 7 % longer (Node 24).
      touched += words[w] + words[Math.min(w + wordsAhead, words.length) - 1]
    }
    this.touched = touched
  }
}
