// Puts in a row, written to the arena at once (that memory is new and near) and linked into the index a group at a time, behind a read-ahead.
//
// A load, which puts a great many, widens the group and has it linked in the order of its hashes: the index is then walked from its front to its
// back, instead of a new page of memory for each key.

import type { MemoryBudget } from './memory-budget.ts'
import { READ_AHEAD_KEYS } from './read-ahead.ts'

/**
 * Linked in a few hundred microseconds; in five milliseconds where every put is the first to touch its page of the index, as in a new process. Groups
 * of 16,384 are no faster, and hold the event loop for 30 ms then.
 */
const WIDE_PUTS = 2048
/** Groups are put in order by as many upper bits of the hash: of a key's home, these say most. */
const ORDER_BITS = 11
/** Smaller groups are not worth the walk over the buckets. */
const ORDERED_PUTS_MIN = 512
/** Hashes and references twice, and the places where the buckets begin. */
const WIDE_BYTES = WIDE_PUTS * 4 * 4 + 2 ** ORDER_BITS * 4

export class PutGroup {
  /** Of the waiting puts, in order: hash of the key, and the record, written but not linked. */
  hashes = new Int32Array(READ_AHEAD_KEYS)
  refs = new Int32Array(READ_AHEAD_KEYS)
  count = 0

  /** Where the ordered ones are written; made when the group is widened. */
  #otherHashes = new Int32Array(0)
  #otherRefs = new Int32Array(0)
  #starts = new Int32Array(0)
  #budget: MemoryBudget

  constructor(budget: MemoryBudget) {
    this.#budget = budget
  }

  /** True if that was the last one that fits. */
  add(hash: number, ref: number): boolean {
    const at = this.count
    this.hashes[at] = hash
    this.refs[at] = ref
    this.count = at + 1
    return at + 1 === this.hashes.length
  }

  get isWide(): boolean {
    return this.hashes.length > READ_AHEAD_KEYS
  }

  /** From now on WIDE_PUTS may wait, if there is memory for it. Those that do already stay. */
  widen(): void {
    if (this.isWide || !this.#budget.take(WIDE_BYTES)) return
    const { hashes, refs } = this
    this.hashes = new Int32Array(WIDE_PUTS)
    this.refs = new Int32Array(WIDE_PUTS)
    this.hashes.set(hashes)
    this.refs.set(refs)
    this.#otherHashes = new Int32Array(WIDE_PUTS)
    this.#otherRefs = new Int32Array(WIDE_PUTS)
    this.#starts = new Int32Array(2 ** ORDER_BITS)
  }

  /** Gives back what widen() took. The group must be empty. */
  narrow(): void {
    if (!this.isWide) return
    this.#budget.give(WIDE_BYTES)
    this.hashes = new Int32Array(READ_AHEAD_KEYS)
    this.refs = new Int32Array(READ_AHEAD_KEYS)
    this.#otherHashes = new Int32Array(0)
    this.#otherRefs = new Int32Array(0)
    this.#starts = new Int32Array(0)
  }

  /** Brings a large group into the order in which the index holds its keys. Puts of the same key stay in order. */
  arrange(): void {
    const { count, hashes, refs } = this
    if (count < ORDERED_PUTS_MIN) return
    const shift = 32 - ORDER_BITS
    const starts = this.#starts.fill(0)
    for (let i = 0; i < count; i++) starts[hashes[i] >>> shift]++
    let start = 0
    for (let bucket = 0; bucket < starts.length; bucket++) {
      const size = starts[bucket]
      starts[bucket] = start
      start += size
    }
    const otherHashes = this.#otherHashes
    const otherRefs = this.#otherRefs
    for (let i = 0; i < count; i++) {
      const at = starts[hashes[i] >>> shift]++
      otherHashes[at] = hashes[i]
      otherRefs[at] = refs[i]
    }
    this.hashes = otherHashes
    this.refs = otherRefs
    this.#otherHashes = hashes
    this.#otherRefs = refs
  }
}
