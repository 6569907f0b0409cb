// Puts that wait to be linked into the index, so that a group of them waits for memory once and not one after the other.
//
// PERF: with a state larger than the processor's caches a put spends most of its time on two cache misses, the index slot and the record it
// leads to, and the second needs the first. A processor fetches many lines at once, but only if their addresses are known within a few
// hundred instructions, which one put uses up alone. So puts in a row write their record at once (that memory is new and near) and are
// linked GROUP_PUTS at a time, after a short loop has asked for all their slots and another one for all the records those lead to. Measured
// at 1 M keys: docs/decisions/0009-puts-are-linked-in-groups.md.

import type { Arena } from './arena.ts'
import type { HashIndex } from './hash-index.ts'
import { SUPERSEDED_BY, keyWordAt } from './record.ts'

/** More gains nothing: a core follows a dozen or two of misses at a time. */
export const GROUP_PUTS = 16

export class PutGroup {
  /** Of the waiting puts, in order: hash of the key, and the record, written but not linked. */
  readonly hashes = new Int32Array(GROUP_PUTS)
  readonly refs = new Int32Array(GROUP_PUTS)
  readonly #heads = new Int32Array(GROUP_PUTS)
  count = 0
  /** Keeps the reads of readAhead() from being optimised away. */
  touched = 0

  /** True if that was the last one that fits. */
  add(hash: number, ref: number): boolean {
    const at = this.count
    this.hashes[at] = hash
    this.refs[at] = ref
    this.count = at + 1
    return at + 1 === GROUP_PUTS
  }

  /** Asks for the memory that linking will need. */
  readAhead(index: HashIndex, arena: Arena): void {
    const { count, hashes } = this
    const heads = this.#heads
    for (let i = 0; i < count; i++) heads[i] = index.peek(hashes[i])
    let touched = 0
    for (let i = 0; i < count; i++) {
      const head = heads[i]
      if (head === 0) continue
      const words = arena.words[head >>> arena.unitBits]
      const w = (head & arena.unitMask) << 1
      touched += words[w + SUPERSEDED_BY] + words[keyWordAt(words, w)]
    }
    this.touched = touched
  }
}
