// Puts in a row, written to the arena at once (that memory is new and near) and linked into the index later, many at a time behind a read-ahead.
//
// A load, which puts a great many, widens the group into *lanes*: a lane holds the puts whose keys belong into the same few pages of the index, and
// is linked when it is full. Otherwise every put would go to a page of its own, and a processor forgets where a page is sooner than it comes back.

import type { MemoryBudget } from './memory-budget.ts'
import { READ_AHEAD_KEYS } from './read-ahead.ts'
import type { SpareBuffers } from './spare-buffers.ts'

/** Linked in 100 to 200 microseconds, about one put a cache line of the index. Lanes of 16,384 save another 10 to 20 ns of 40 a put, and take 32 MiB. */
const LANE_PUTS = 4096
/** Lanes at most: more would not fit into the nearest cache while puts are dealt out to them. */
const LANE_BITS_MAX = 8
/** A lane is responsible for at least 2 ** 15 slots of the index, 256 KiB: what the processor has addresses at hand for. */
const LANE_SLOT_BITS = 15

export class PutGroup {
  /** Of the waiting puts, lane by lane and in order: hash of the key, and the record, written but not linked. */
  hashes = new Int32Array(READ_AHEAD_KEYS)
  refs = new Int32Array(READ_AHEAD_KEYS)
  /** How many wait in each lane. */
  fills = new Int32Array(1)
  /** Those of all lanes together. */
  count = 0
  /** How many fit into a lane. */
  lanePuts = READ_AHEAD_KEYS

  /** How far a hash without its lowest bit is shifted, so that its lane is left. */
  #laneShift = 31
  readonly #budget: MemoryBudget
  readonly #spare: SpareBuffers

  constructor(budget: MemoryBudget, spare: SpareBuffers) {
    this.#budget = budget
    this.#spare = spare
  }

  laneOf(hash: number): number {
    return (hash >>> 1) >>> this.#laneShift
  }

  /** Adds a put; true if its lane is full now. */
  add(hash: number, ref: number): boolean {
    const lane = this.laneOf(hash)
    const fill = this.fills[lane]
    const at = lane * this.lanePuts + fill
    this.hashes[at] = hash
    this.refs[at] = ref
    this.fills[lane] = fill + 1
    this.count++
    return fill + 1 === this.lanePuts
  }

  get isWide(): boolean {
    return this.lanePuts > READ_AHEAD_KEYS
  }

  /** From now on there are the lanes that suit an index of 2 ** `indexBits` slots, if there is memory for them. The group must be empty. */
  widen(indexBits: number): void {
    const laneBits = Math.min(LANE_BITS_MAX, Math.max(0, indexBits - LANE_SLOT_BITS))
    if (this.isWide && laneBits === 31 - this.#laneShift) return
    this.narrow()
    const puts = LANE_PUTS << laneBits
    const hashes = this.#budget.allocate(puts * 4, this.#spare)
    if (hashes === undefined) return
    const refs = this.#budget.allocate(puts * 4, this.#spare)
    if (refs === undefined) {
      this.#budget.give(puts * 4)
      this.#spare.give(hashes)
      return
    }
    this.#laneShift = 31 - laneBits
    this.lanePuts = LANE_PUTS
    this.hashes = new Int32Array(hashes)
    this.refs = new Int32Array(refs)
    this.fills = new Int32Array(1 << laneBits)
  }

  /** Gives back what widen() took. The group must be empty. */
  narrow(): void {
    if (!this.isWide) return
    this.#budget.give(this.hashes.byteLength + this.refs.byteLength)
    this.#spare.give(this.hashes.buffer)
    this.#spare.give(this.refs.buffer)
    this.#laneShift = 31
    this.lanePuts = READ_AHEAD_KEYS
    this.hashes = new Int32Array(READ_AHEAD_KEYS)
    this.refs = new Int32Array(READ_AHEAD_KEYS)
    this.fills = new Int32Array(1)
  }
}
