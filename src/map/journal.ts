// The references of the records one transaction wrote, in order. It is what abort and rewind walk to undo them and what the release of
// old versions walks to find what they replaced. By record, not by index slot: growth moves slots, records stay.
//
// INVARIANT: a record named in a journal is neither moved nor its space reused until the journal is dropped.

import type { MemoryBudget } from './memory-budget.ts'

const FIRST_CHUNK_REFS = 64
/** 256 KiB: small against what the records themselves take, large enough that a million of them need few chunks. */
const CHUNK_REFS_MAX = 65_536

export class Journal {
  /** The sequence of the version; set at commit. */
  sequence = 0
  /** How many records replaced, removed or were given up: what releasing the version below has to look at. 0 spares the walk. */
  reclaimableCount = 0
  #chunks: Int32Array[] = []
  #current = new Int32Array(0)
  #used = 0
  #countBefore = 0
  #budget: MemoryBudget

  constructor(budget: MemoryBudget) {
    this.#budget = budget
  }

  get count(): number {
    return this.#countBefore + this.#used
  }

  /** Makes room for one reference; false if the budget refuses it. */
  reserve(): boolean {
    return this.#used < this.#current.length || this.#addChunk()
  }

  #addChunk(): boolean {
    const refs = Math.min(CHUNK_REFS_MAX, Math.max(FIRST_CHUNK_REFS, this.count))
    if (!this.#budget.take(refs * 4)) return false
    this.#countBefore += this.#used
    this.#used = 0
    this.#current = new Int32Array(refs)
    this.#chunks.push(this.#current)
    return true
  }

  /** Needs a reserve() before it. */
  push(ref: number): void {
    this.#current[this.#used++] = ref
  }

  /** The references in the order they were pushed, as the filled parts of the chunks. */
  parts(): Int32Array[] {
    return this.#chunks.map((chunk) =>
      chunk === this.#current ? chunk.subarray(0, this.#used) : chunk,
    )
  }

  /** Gives the memory back; the journal is empty afterwards. */
  drop(): void {
    for (const chunk of this.#chunks) this.#budget.give(chunk.byteLength)
    this.#chunks = []
    this.#current = new Int32Array(0)
    this.#used = 0
    this.#countBefore = 0
  }
}
