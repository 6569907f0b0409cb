// The references of the records one transaction wrote, in order. It is what abort and rewind walk to undo them and what the release of
// old versions walks to find the removals among them. By record, not by index slot: growth moves slots, records stay. It also tallies, by
// arena slot, how much of what was there the transaction replaced: releasing the version below then needs no visit to each of those records.
//
// INVARIANT: a record named in a journal is neither moved nor its space reused until the journal is dropped.

import type { MemoryBudget } from './memory-budget.ts'
import type { SpareBuffers } from './spare-buffers.ts'

const FIRST_CHUNK_REFS = 64
/** 256 KiB: small against what the records themselves take, large enough that a million of them need few chunks. */
const CHUNK_REFS_MAX = 65_536

export class Journal {
  /** The sequence at which the transaction began. Nothing it wrote carries a lower one. */
  readonly firstSequence: number
  /** The sequence of the version; set at commit. */
  sequence = 0
  /** How many removals were written; 0 spares their release the walk. */
  removalCount = 0
  /** How many references the walk for removals has behind it. */
  walkedCount = 0
  /** Units of replaced records, by arena slot. */
  #replacedUnits = new Int32Array(0)
  #chunks: Int32Array<ArrayBuffer>[] = []
  /** How many references fit into all chunks. */
  #capacity = 0
  /** The chunk being filled, how far, and where it stands. */
  #current = new Int32Array(0)
  #used = 0
  #chunkAt = -1
  #countBefore = 0
  readonly #budget: MemoryBudget
  readonly #spare: SpareBuffers

  constructor(budget: MemoryBudget, spare: SpareBuffers, firstSequence: number) {
    this.#budget = budget
    this.#spare = spare
    this.firstSequence = firstSequence
  }

  get count(): number {
    return this.#countBefore + this.#used
  }

  /** How many references the walk for removals has before it. */
  get unwalkedCount(): number {
    return this.removalCount === 0 ? 0 : this.count - this.walkedCount
  }

  /** Makes room for `count` references, and for a tally of any slot below `slotCount`; false if the budget refuses it. */
  reserve(count: number, slotCount: number): boolean {
    return (
      (this.count + count <= this.#capacity || this.#addChunks(count)) &&
      (slotCount <= this.#replacedUnits.length || this.#growTally(slotCount))
    )
  }

  #growTally(slotCount: number): boolean {
    const slots = Math.max(slotCount, this.#replacedUnits.length * 2)
    if (!this.#budget.take((slots - this.#replacedUnits.length) * 4)) return false
    const grown = new Int32Array(slots)
    grown.set(this.#replacedUnits)
    this.#replacedUnits = grown
    return true
  }

  #addChunks(count: number): boolean {
    while (this.count + count > this.#capacity) {
      const refs = Math.min(CHUNK_REFS_MAX, Math.max(FIRST_CHUNK_REFS, this.#capacity))
      const buffer = this.#budget.allocate(refs * 4, this.#spare)
      if (buffer === undefined) return false
      this.#chunks.push(new Int32Array(buffer))
      this.#capacity += refs
    }
    return true
  }

  /** Needs a reserve() before it. */
  push(ref: number): void {
    if (this.#used === this.#current.length) this.#nextChunk()
    this.#current[this.#used++] = ref
  }

  #nextChunk(): void {
    this.#countBefore += this.#used
    this.#used = 0
    this.#current = this.#chunks[++this.#chunkAt]
  }

  /** Notes that a record of `units` in `slot` was replaced. */
  tally(slot: number, units: number): void {
    this.#replacedUnits[slot] += units
  }

  /** A replaced record was moved to another slot. False if the budget refuses room for the tally; nothing was noted then. */
  moveTally(fromSlot: number, toSlot: number, units: number): boolean {
    if (toSlot >= this.#replacedUnits.length && !this.#growTally(toSlot + 1)) return false
    this.#replacedUnits[fromSlot] -= units
    this.#replacedUnits[toSlot] += units
    return true
  }

  /** Units of replaced records, by arena slot; slots beyond its end have none. */
  get replacedUnits(): Readonly<Int32Array> {
    return this.#replacedUnits
  }

  /** The references from `start` to `end` in the order they were pushed, as parts of the chunks. */
  parts(start = 0, end = this.count): Int32Array[] {
    const parts: Int32Array[] = []
    let chunkStart = 0
    for (const chunk of this.#chunks) {
      const part = chunk.subarray(Math.max(0, start - chunkStart), Math.max(0, end - chunkStart))
      if (part.length > 0) parts.push(part)
      chunkStart += chunk.length
    }
    return parts
  }

  /** Gives the memory back; the journal is empty afterwards. */
  drop(): void {
    for (const chunk of this.#chunks) {
      this.#budget.give(chunk.byteLength)
      this.#spare.give(chunk.buffer)
    }
    this.#budget.give(this.#replacedUnits.byteLength)
    this.#chunks = []
    this.#capacity = 0
    this.#chunkAt = -1
    this.#current = new Int32Array(0)
    this.#replacedUnits = new Int32Array(0)
    this.#used = 0
    this.#countBefore = 0
  }
}
