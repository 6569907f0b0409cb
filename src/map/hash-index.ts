// From a key to the reference of its newest record. Open addressing with linear probing in one Int32Array of [hash, reference] pairs: a
// look-up usually touches one cache line here and one in the arena.
//
// Growth is incremental. A second table is made and every later change carries a few slots over, cluster by cluster (a cluster is a run
// of used slots), so no call ever rehashes everything. A key's home is the upper bits of its hash, both tables are thus in nearly the
// same order, and the carrying goes round the old table once from an empty slot on: keys whose home lies before the place it has reached
// are in the new table, all others in the old one. INVARIANT: every key is in exactly one table, and its hash alone tells in which.
//
// A removal closes the gap (backward shift), so there are no deleted slots that slow down probing and no rehash to get rid of them.
// Iteration never goes through here: its order must not depend on the hash.

import type { Arena } from './arena.ts'
import { KeyHash } from './key-hash.ts'
import type { KeyWords } from './key-words.ts'
import type { MemoryBudget } from './memory-budget.ts'
import { hasKey, keyLengthAt, keyWordAt } from './record.ts'
import type { SpareBuffers } from './spare-buffers.ts'

const BITS_MIN = 6
/** 2^29 slots, 4 GiB: more records than 32 GiB of arena can hold. */
const BITS_MAX = 29
/**
 * A table grows when used slots exceed 3/4 of it, and shrinks to half when they fall below 1/8. Just after growth a key has 21 bytes of table; at
 * 0.7 it would be 23, and a state of 16-byte keys and 32-byte values could exceed 2.2 times its raw bytes while it is rewritten.
 */
const LOAD_MAX = 0.75
const LOAD_MIN = 0.125
/** Old slots carried over by each change, at least: the new table is ready long before it is full (1.5 would just do). */
const SLOTS_CARRIED_PER_CHANGE = 8
const SLOT_BYTES = 8
/** Slots of a table that are cleared in one go: 2 MiB, in 50 microseconds, or in a millisecond where the process was forked before and pages are copied on write. */
const SLOTS_CLEARED = 2 ** 18

function leastTable(): Int32Array<ArrayBuffer> {
  return new Int32Array(2 ** BITS_MIN * 2)
}

/** Where the search for a key with this hash begins. */
function firstWordOf(table: Int32Array, hash: number): number {
  // A table of 2 ** bits slots has 2 ** (bits + 1) words.
  return (hash >>> (Math.clz32(table.length) + 2)) << 1
}

export class HashIndex {
  #arena: Arena
  #budget: MemoryBudget
  #spare: SpareBuffers
  #keyHash: KeyHash
  #bitsMin: number
  #count = 0

  #table: Int32Array<ArrayBuffer>
  #bits = 0
  /** How far a hash is shifted, so that the slot is left where it begins. */
  #shift = 32
  /** A table that was used before: it takes the place of #table once it is cleared, up to where #clearedSlots says so far. */
  #unclearTable: Int32Array<ArrayBuffer> | undefined
  #clearedSlots = 0
  /** The table grows above this many keys and shrinks below that many. */
  #countMax = 0
  #countMin = 0
  /** The table that is being left, while it is. */
  #oldTable: Int32Array<ArrayBuffer> | undefined
  /** The empty slot of the old table at which carrying over began, and how many slots it has gone round since. */
  #oldStart = 0
  #oldProgress = 0

  // Where the last locate() ended: the key's slot, or the empty slot where it belongs.
  #atTable: Int32Array
  #atSlot = 0

  /** `seed` is 8 bytes. Throws nothing: the smallest table is not refused. */
  constructor(
    arena: Arena,
    budget: MemoryBudget,
    spare: SpareBuffers,
    seed: Uint8Array,
    expectedKeys: number,
  ) {
    this.#arena = arena
    this.#budget = budget
    this.#spare = spare
    this.#keyHash = new KeyHash(seed)
    let bits = BITS_MIN
    while (bits < BITS_MAX && expectedKeys > 2 ** bits * LOAD_MAX) bits++
    let fresh: ArrayBuffer | undefined
    for (; bits > BITS_MIN; bits--) {
      const used = this.#takeUsed(2 ** bits * SLOT_BYTES)
      if (used !== undefined) this.#unclearTable = new Int32Array(used)
      else fresh = budget.allocate(2 ** bits * SLOT_BYTES)
      if (used !== undefined || fresh !== undefined) break
    }
    if (bits === BITS_MIN) budget.take(2 ** bits * SLOT_BYTES)
    this.#bitsMin = bits
    // Until a used table is clear the index is an empty one of the least size.
    const bitsNow = fresh === undefined ? BITS_MIN : bits
    this.#table = fresh === undefined ? leastTable() : new Int32Array(fresh)
    this.#setBits(bitsNow)
    this.#atTable = this.#table
  }

  #takeUsed(bytes: number): ArrayBuffer | undefined {
    if (!this.#budget.take(bytes)) return undefined
    const used = this.#spare.take(bytes)
    if (used === undefined) this.#budget.give(bytes)
    return used
  }

  /** Clears a part of a table that was used before; false if there is nothing to clear. To be called until then, or at the latest before the first change. */
  prepare(): boolean {
    const table = this.#unclearTable
    if (table === undefined) return false
    const from = this.#clearedSlots * 2
    this.#clearedSlots += SLOTS_CLEARED
    table.fill(0, from, this.#clearedSlots * 2)
    if (this.#clearedSlots * 2 >= table.length) {
      this.#table = table
      this.#setBits(this.#bitsMin)
      this.#unclearTable = undefined
    }
    return true
  }

  get count(): number {
    return this.#count
  }

  /** Slots are 2 ** bits. */
  get bits(): number {
    return this.#bits
  }

  /** Takes a key over from its caller and returns its hash. */
  take(key: Uint8Array, into: KeyWords): number {
    into.resize(key.length)
    return this.#keyHash.take(key, into.words, 0)
  }

  /** As take(), to words[at] and what follows: a record's. */
  takeAt(key: Uint8Array, words: Int32Array, at: number): number {
    return this.#keyHash.take(key, words, at)
  }

  /** As locate(), for those who only read: notes down no place. PERF: and of its own, so that V8 makes it for keys that are found, whatever a load did. */
  find(hash: number, key: KeyWords): number {
    if (this.#oldTable !== undefined) return this.locate(hash, key)
    const table = this.#table
    const { words: segments, unitBits, unitMask } = this.#arena
    let s = (hash >>> this.#shift) << 1
    for (;;) {
      const ref = table[(s + 1) | 0]
      if (ref === 0) return 0
      if (table[s] === hash) {
        const w = (ref & unitMask) << 1
        if (hasKey(segments[ref >>> unitBits], w, key.words, 0, key.length)) return ref
      }
      s = (s + 2) & (table.length - 1)
    }
  }

  /** The reference of the record whose key is `key`, 0 if there is none. */
  locate(hash: number, key: KeyWords): number {
    return this.#locateWords(hash, key.words, 0, key.length)
  }

  /** The newest record with the same key as the record at `ref`, whose hash the caller knows. */
  locateHashedKeyOf(hash: number, ref: number): number {
    const arena = this.#arena
    const words = arena.words[ref >>> arena.unitBits]
    const w = (ref & arena.unitMask) << 1
    return this.#locateWords(hash, words, keyWordAt(words, w), keyLengthAt(words, w))
  }

  /** The newest record with the same key as the record at `ref`. */
  locateKeyOf(ref: number): number {
    return this.locateHashedKeyOf(this.hashOf(ref), ref)
  }

  /** The hash of the key of the record at `ref`. */
  hashOf(ref: number): number {
    const arena = this.#arena
    const words = arena.words[ref >>> arena.unitBits]
    const w = (ref & arena.unitMask) << 1
    return this.#keyHash.of(words, keyWordAt(words, w), keyLengthAt(words, w))
  }

  /** Reads the first slots where the keys with these hashes, from one to before another, may be. For reading ahead: what it returns says nothing. */
  touch(hashes: Int32Array, from: number, to: number): number {
    const table = this.#table
    const isGrowing = this.#oldTable !== undefined
    const shift = this.#shift
    let touched = 0
    for (let i = from; i < to; i = (i + 1) | 0) {
      const hash = hashes[i]
      if (isGrowing) touched += this.#touchInEither(hash)
      else touched += table[(hash >>> shift) << 1]
    }
    return touched
  }

  /** What the first slots with these hashes lead to, mostly the newest records of the keys themselves; 0 where there is none. For reading ahead. */
  peek(hashes: Int32Array, from: number, to: number, heads: Int32Array): void {
    const table = this.#table
    const mask = table.length - 1
    const isGrowing = this.#oldTable !== undefined
    const shift = this.#shift
    for (let i = from; i < to; i = (i + 1) | 0) {
      const hash = hashes[i]
      if (isGrowing) {
        heads[(i - from) | 0] = this.#peekInEither(hash)
        continue
      }
      let s = (hash >>> shift) << 1
      let ref = table[(s + 1) | 0]
      while (ref !== 0 && table[s] !== hash) {
        s = (s + 2) & mask
        ref = table[(s + 1) | 0]
      }
      heads[(i - from) | 0] = ref
    }
  }

  #touchInEither(hash: number): number {
    const table = this.#tableOf(hash)
    return table[firstWordOf(table, hash)]
  }

  #peekInEither(hash: number): number {
    const table = this.#tableOf(hash)
    const mask = table.length - 1
    let s = firstWordOf(table, hash)
    for (;;) {
      const ref = table[(s + 1) | 0]
      if (ref === 0 || table[s] === hash) return ref
      s = (s + 2) & mask
    }
  }

  /**
   * Like reserve(), for the last of `keys` keys that are put in later; false if that takes more than carrying on: the caller then puts in
   * what is waiting and asks reserve().
   */
  reserveFor(keys: number): boolean {
    if (this.#oldTable !== undefined) {
      this.#carryOver(this.#oldTable)
      return true
    }
    return this.#count + keys <= this.#countMax && this.#count >= this.#countMin
  }

  /** Whether keys are on their way from one table to another: each change carries some over. */
  get isGrowing(): boolean {
    return this.#oldTable !== undefined
  }

  /** Makes sure that one more key has room and carries over a part of a growing table. False if the memory limit forbids growth. */
  reserve(): boolean {
    if (this.#oldTable !== undefined) {
      this.#carryOver(this.#oldTable)
      return true
    }
    if (this.#count + 1 > this.#countMax) return this.#startResize(this.#bits + 1)
    if (this.#count < this.#countMin) this.#startResize(this.#bits - 1)
    return true
  }

  /** Puts a key in that the last locate() did not find, at the place it ended. */
  insertLocated(hash: number, ref: number): void {
    const s = this.#atSlot * 2
    this.#atTable[s] = hash
    this.#atTable[s + 1] = ref
    this.#count++
  }

  /** Puts a key in with whose hash none is there. False, and nothing done, if one is: then the keys have to be compared. */
  insertFresh(hash: number, ref: number): boolean {
    const table = this.#tableOf(hash)
    const mask = table.length - 1
    let s = firstWordOf(table, hash)
    while (table[(s + 1) | 0] !== 0) {
      if (table[s] === hash) return false
      s = (s + 2) & mask
    }
    table[s] = hash
    table[(s + 1) | 0] = ref
    this.#count++
    return true
  }

  /** Points the key that the last locate() found to another record. */
  replaceLocated(ref: number): void {
    this.#atTable[this.#atSlot * 2 + 1] = ref
  }

  /** Takes out the key that the last locate() found. */
  removeLocated(): void {
    const table = this.#atTable
    const mask = (table.length >>> 1) - 1
    let gap = this.#atSlot
    let at = gap
    for (;;) {
      at = (at + 1) & mask
      const ref = table[at * 2 + 1]
      if (ref === 0) break
      const home = firstWordOf(table, table[at * 2]) >>> 1
      // An entry may move back into the gap unless its home lies behind the gap.
      if (((at - home) & mask) >= ((at - gap) & mask)) {
        table[gap * 2] = table[at * 2]
        table[gap * 2 + 1] = ref
        gap = at
      }
    }
    table[gap * 2 + 1] = 0
    this.#count--
  }

  #locateWords(hash: number, words: Int32Array, at: number, length: number): number {
    const table = this.#tableOf(hash)
    const { words: segments, unitBits, unitMask } = this.#arena
    const mask = table.length - 1
    let s = firstWordOf(table, hash)
    let ref = 0
    // Ends at an empty slot: the load never reaches 1.
    for (;;) {
      ref = table[(s + 1) | 0]
      if (ref === 0) break
      if (table[s] === hash) {
        const w = (ref & unitMask) << 1
        if (hasKey(segments[ref >>> unitBits], w, words, at, length)) break
      }
      s = (s + 2) & mask
    }
    // PERF: it seldom changes, and the collector wants to know of each time it is set.
    if (this.#atTable !== table) this.#atTable = table
    this.#atSlot = s >>> 1
    return ref
  }

  /** The table that has the key with this hash, if one has it. */
  #tableOf(hash: number): Int32Array {
    const old = this.#oldTable
    if (old === undefined) return this.#table
    const home = firstWordOf(old, hash) >>> 1
    const slotMask = (old.length >>> 1) - 1
    return ((home - this.#oldStart) & slotMask) >= this.#oldProgress ? old : this.#table
  }

  #startResize(bits: number): boolean {
    const table = bits > BITS_MAX ? undefined : this.#budget.allocate(2 ** bits * SLOT_BYTES)
    if (table === undefined) {
      // A table may be filled a little further before anything is refused; shrinking is never urgent.
      return this.#count + 1 < 2 ** this.#bits * 0.9
    }
    const old = this.#table
    this.#oldTable = old
    this.#oldStart = 0
    while (old[this.#oldStart * 2 + 1] !== 0) this.#oldStart++
    this.#oldProgress = 0
    this.#table = new Int32Array(table)
    this.#setBits(bits)
    this.#carryOver(old)
    return true
  }

  /** Leaves the table to other maps. The index is empty from now on. */
  dissolve(): void {
    const table = this.#unclearTable ?? this.#table
    this.#budget.give(table.byteLength + (this.#oldTable?.byteLength ?? 0))
    this.#spare.give(table.buffer)
    this.#unclearTable = undefined
    this.#oldTable = undefined
    this.#table = leastTable()
    this.#atTable = this.#table
    this.#setBits(BITS_MIN)
    this.#count = 0
  }

  #setBits(bits: number): void {
    this.#bits = bits
    this.#shift = 32 - bits
    this.#countMax = Math.floor(2 ** bits * LOAD_MAX)
    this.#countMin = bits > this.#bitsMin ? Math.ceil(2 ** bits * LOAD_MIN) : 0
  }

  // Keys whose home is near the end of the round may be put in past its start. INVARIANT: they stay within what was carried over already,
  // since each change adds at most one of them, and the first carrying precedes the first change and passes SLOTS_CARRIED_PER_CHANGE.
  /** Moves clusters of the old table into the new one, until SLOTS_CARRIED_PER_CHANGE slots are passed and a cluster has ended. */
  #carryOver(old: Int32Array): void {
    const mask = (old.length >>> 1) - 1
    const progressMin = this.#oldProgress + SLOTS_CARRIED_PER_CHANGE
    for (;;) {
      const s = ((this.#oldStart + this.#oldProgress) & mask) * 2
      const ref = old[s + 1]
      if (ref === 0 && (this.#oldProgress >= progressMin || this.#oldProgress > mask)) break
      if (ref !== 0) {
        this.#insertNew(old[s], ref)
        old[s + 1] = 0
      }
      this.#oldProgress++
    }
    // Past a whole round: what had wrapped to the front went along, up to the empty slot that ended it.
    if (this.#oldProgress > mask) {
      this.#budget.give(old.byteLength)
      this.#oldTable = undefined
    }
  }

  #insertNew(hash: number, ref: number): void {
    const table = this.#table
    const mask = table.length - 1
    let s = firstWordOf(table, hash)
    while (table[(s + 1) | 0] !== 0) s = (s + 2) & mask
    table[s] = hash
    table[(s + 1) | 0] = ref
  }
}
