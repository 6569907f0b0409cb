// Where the records live: segments outside the JS heap, addressed by 32-bit references of 8-byte units (32 GiB with segments of 4 MiB).
//
// Records are written one behind the other into a *hole*: the free rest of a fresh segment, or, once old versions were released, a run of
// free space in an older one. The allocator sweeps a partly free segment front to back, merging neighbouring free spans, and writes into
// what it finds, so that the space of replaced records is reused without moving anything and without free lists. That is why a state
// that is rewritten for ever neither grows nor pays for compaction; compaction is left for states that shrink (compaction.ts).
//
// A reference is an int32 (negative from 16 GiB on, so that V8 keeps it a small integer): slot << unitBits | unit, 0 = none. Slot 0 stays
// unused. Segments start small and double, so that many small stores are cheap. A record larger than a segment gets a jumbo segment of
// its own, which goes back to the system as soon as the record is free.
//
// Here nobody knows keys, versions or the index; what may be freed and when is the caller's business.

import { assert } from '../base/assert.ts'
import { copyFrom, wordsForKey } from './key-words.ts'
import type { MemoryBudget } from './memory-budget.ts'
import * as layout from './record-layout.ts'
import {
  keepsKeyPlace,
  keyLengthAt,
  recordUnits,
  rewriteValue,
  unitsFor,
  writeFreeSpan,
  writeHeader,
} from './record.ts'
import { Segment } from './segment.ts'
import type { SpareBuffers } from './spare-buffers.ts'

// PERF: an imported constant is looked up at each use, one of the module itself is not (docs/decisions/0026-hot-functions-are-written-for-few-instructions.md).
const { DEAD, SEQUENCE, SUPERSEDED_BY, UNIT_BYTES } = layout

export const SEGMENT_BYTES_MAX_DEFAULT = 4 * 1024 * 1024
const SEGMENT_BYTES_FIRST = 16 * 1024

/** A segment is swept for holes once this part of it is free: less, and the walk over what is alive costs more than it finds. */
const SWEEP_FREE_DIVISOR = 8
/** Holes too small for a record that one allocation passes over before it takes a fresh segment. */
const HOLES_SKIPPED_MAX = 128

const NO_WORDS = new Int32Array(0)
const NO_BYTES = new Uint8Array(0)

export class Arena {
  /** Per slot, the segment as int32 words and as bytes; empty arrays where the slot is free. For reading; only the arena replaces them. */
  readonly words: Int32Array[] = [NO_WORDS]
  readonly bytes: Uint8Array<ArrayBuffer>[] = [NO_BYTES]
  readonly segments: (Segment | undefined)[] = [undefined]
  /** A reference is slot << unitBits | unit. */
  readonly unitBits: number = 0
  readonly unitMask: number = 0

  /** Records replaced at or below this sequence are free space: nobody reads that far back. The map raises it. */
  floor = 0

  #budget: MemoryBudget
  #spare: SpareBuffers
  #slotsMax: number
  #freeSlots: number[] = []
  #allocatedUnits = 0
  #appendedUnits = 0
  #appendedKeyWord = 0
  /** Where records are written now; undefined before the first. */
  #hole: Segment | undefined
  #holeUnit = 0
  #holeEnd = 0

  /** `segmentBytesMax` is a power of two of at least 64. */
  constructor(budget: MemoryBudget, spare: SpareBuffers, segmentBytesMax: number) {
    this.#budget = budget
    this.#spare = spare
    // PERF: as an integer, which V8 then knows it is.
    this.unitBits = Math.log2(segmentBytesMax / UNIT_BYTES) | 0
    this.unitMask = segmentBytesMax / UNIT_BYTES - 1
    this.#slotsMax = 2 ** (32 - this.unitBits)
  }

  /** The segment records are being written to: neither swept nor evacuated. */
  get writingTo(): Segment | undefined {
    return this.#hole
  }

  /** Units that were ever allocated, those of records that are gone as well. */
  get appendedUnits(): number {
    return this.#appendedUnits
  }

  /** Units in all segments, free or not. */
  get allocatedUnits(): number {
    return this.#allocatedUnits
  }

  /** Units that hold records. O(segments). */
  countLiveUnits(): number {
    let units = 0
    for (const segment of this.segments) if (segment !== undefined) units += segment.liveUnits
    return units
  }

  /** After restamping or undoing: nothing above `sequence` is left in any segment. O(segments). */
  lowerNewestSequences(sequence: number): void {
    for (const segment of this.segments) {
      if (segment !== undefined && segment.newestSequence > sequence) {
        segment.newestSequence = sequence
      }
    }
  }

  /** Slots in use, in the order in which iteration walks them. */
  occupiedSlots(): number[] {
    const slots: number[] = []
    for (const segment of this.segments) if (segment !== undefined) slots.push(segment.slot)
    return slots
  }

  /**
   * Makes a record, a removal if `valueLength` is REMOVED, and returns its reference, or 0 if the memory limit or the address space has no room
   * for it (nothing changed). The bytes of its key, at appendedKeyWord, and of its value are the caller's to write next.
   */
  append(sequence: number, previous: number, keyLength: number, valueLength: number): number {
    const ref = this.#allocate(unitsFor(keyLength, valueLength), sequence)
    if (ref === 0) return 0
    const w = (ref & this.unitMask) << 1
    const words = this.words[ref >>> this.unitBits]
    this.#appendedKeyWord = writeHeader(words, w, sequence, previous, keyLength, valueLength)
    return ref
  }

  /** The word at which the key of the record begins that was appended last. */
  get appendedKeyWord(): number {
    return this.#appendedKeyWord
  }

  /** As append() of a key and a value that lie in `source` at these offsets, bytes of the value included. */
  appendFrom(
    sequence: number,
    source: DataView,
    keyAt: number,
    keyLength: number,
    valueAt: number,
    valueLength: number,
  ): number {
    const ref = this.append(sequence, 0, keyLength, valueLength)
    if (ref === 0) return 0
    const slot = ref >>> this.unitBits
    const words = this.words[slot]
    const bytes = this.bytes[slot]
    const keyWord = this.#appendedKeyWord
    const keyWords = wordsForKey(keyLength)
    if (keyWords > 0) words[keyWord + keyWords - 1] = 0
    copyFrom(source, keyAt, keyLength, words, bytes, keyWord)
    copyFrom(source, valueAt, valueLength, words, bytes, keyWord + keyWords)
    return ref
  }

  /** Copies a record to another place and returns its reference there, or 0 if there is no room. The old one stays as it is. */
  duplicate(ref: number): number {
    const fromWords = this.words[ref >>> this.unitBits]
    const from = (ref & this.unitMask) << 1
    const units = recordUnits(fromWords, from)
    const copy = this.#allocate(units, fromWords[from + SEQUENCE])
    if (copy === 0) return 0
    const words = this.words[copy >>> this.unitBits]
    const to = (copy & this.unitMask) << 1
    const count = units << 1
    for (let i = 0; i < count; i++) words[to + i] = fromWords[from + i]
    return copy
  }

  /** Puts another value (undefined: a removal) into the record in place, if it fits; what it no longer needs becomes free. */
  overwrite(ref: number, value: Uint8Array | undefined): boolean {
    const slot = ref >>> this.unitBits
    const words = this.words[slot]
    const w = (ref & this.unitMask) << 1
    const valueLength = value === undefined ? -1 : value.length
    const before = recordUnits(words, w)
    const after = unitsFor(keyLengthAt(words, w), valueLength)
    if (after > before || !keepsKeyPlace(words, w, valueLength)) return false
    // A segment of a record's own goes back as a whole or not at all.
    if (this.segments[slot]!.isJumbo && after * 2 < before) return false
    rewriteValue(words, this.bytes[slot], w, value)
    if (after < before) {
      writeFreeSpan(words, w + after * 2, before - after)
      this.segments[slot]!.liveUnits -= before - after
    }
    return true
  }

  /** Gives the record's space back. Its contents are gone. */
  free(ref: number): void {
    const slot = ref >>> this.unitBits
    const words = this.words[slot]
    const w = (ref & this.unitMask) << 1
    const segment = this.segments[slot]!
    assert(words[w + SUPERSEDED_BY] !== DEAD, 'a record is freed once')
    const units = recordUnits(words, w)
    writeFreeSpan(words, w, units)
    segment.liveUnits -= units
    if (segment.isJumbo) this.releaseSegment(segment)
  }

  /** Counts `units` of replaced records in `slot` as free: they lie below the floor, or will before anything is written. */
  giveBack(slot: number, units: number): void {
    const segment = this.segments[slot]!
    segment.liveUnits -= units
    if (segment.isJumbo) this.releaseSegment(segment)
  }

  /** Returns a segment without live records to the system. */
  releaseSegment(segment: Segment): void {
    assert(
      segment.liveUnits === 0 && segment !== this.#hole,
      'only an empty segment that is not being written to is released',
    )
    this.words[segment.slot] = NO_WORDS
    this.bytes[segment.slot] = NO_BYTES
    this.segments[segment.slot] = undefined
    this.#freeSlots.push(segment.slot)
    this.#allocatedUnits -= segment.units
    this.#budget.give(segment.units * UNIT_BYTES)
  }

  /** Leaves all segments to other maps. There are no records from now on. */
  dissolve(): void {
    for (const buffer of this.bytes) if (buffer.length > 0) this.#spare.give(buffer.buffer)
    this.#budget.give(this.#allocatedUnits * UNIT_BYTES)
    // All but slot 0, which is nobody's.
    this.words.length = 1
    this.bytes.length = 1
    this.segments.length = 1
    this.#freeSlots = []
    this.#allocatedUnits = 0
    this.#setHole(undefined, 0, 0)
  }

  /** Room for a record of `units` that is stamped `sequence`. */
  #allocate(units: number, sequence: number): number {
    if (this.#holeEnd - this.#holeUnit < units) {
      if (units > this.unitMask + 1) return this.#allocateJumbo(units, sequence)
      if (!this.#findHole(units)) return 0
    }
    const segment = this.#hole!
    const unit = this.#holeUnit
    segment.liveUnits += units
    if (sequence > segment.newestSequence) segment.newestSequence = sequence
    this.#appendedUnits += units
    this.#holeUnit = unit + units
    // Keeps the segment walkable at every moment; the line is about to be written by the next record anyway.
    if (this.#holeUnit < this.#holeEnd) {
      writeFreeSpan(this.words[segment.slot], this.#holeUnit * 2, this.#holeEnd - this.#holeUnit)
    }
    return (segment.slot << this.unitBits) | unit
  }

  #allocateJumbo(units: number, sequence: number): number {
    const segment = this.#addSegment(units, true)
    if (segment === undefined) return 0
    segment.liveUnits = units
    segment.newestSequence = sequence
    this.#appendedUnits += units
    return segment.slot << this.unitBits
  }

  /** Sets the hole to one of at least `units`: further on in this segment, else in the freest one, else in a fresh one. */
  #findHole(units: number): boolean {
    const swept = this.#hole
    // The rest of the hole is given up first: a sweep from the front may merge it with what lies before it.
    this.#holeUnit = this.#holeEnd
    if (swept !== undefined && this.#sweep(swept, this.#holeEnd, units)) return true
    const freest = this.#freestSegment()
    if (freest !== undefined && this.#sweep(freest, 0, units)) return true
    const fresh = this.#addSegment(this.#nextSegmentUnits(units), false)
    if (fresh !== undefined) {
      this.#setHole(fresh, 0, fresh.units)
      return true
    }
    if (this.#sweepAnywhere(units)) return true
    // INVARIANT: a walk begins where a record or a free span does. The sweeps may have merged what lies around the end of the old hole.
    this.#setHole(undefined, 0, 0)
    return false
  }

  #setHole(segment: Segment | undefined, unit: number, end: number): void {
    this.#hole = segment
    this.#holeUnit = unit
    this.#holeEnd = end
  }

  /** Looks for a hole from `unit` on, merging neighbouring free spans on the way; gives up after HOLES_SKIPPED_MAX that are too small. */
  #sweep(segment: Segment, unit: number, unitsMin: number): boolean {
    const words = this.words[segment.slot]
    const floor = this.floor | 0
    const units = segment.units | 0
    let skipped = 0
    let at = unit | 0
    for (;;) {
      // PERF: a loop without a loop in it, of which V8 takes out what is the same each time.
      while (at < units && words[((at << 1) + SUPERSEDED_BY) | 0] > floor) {
        at = (at + recordUnits(words, at << 1)) | 0
      }
      if (at >= units) return false
      let end = at
      while (end < units && words[((end << 1) + SUPERSEDED_BY) | 0] <= floor) {
        end = (end + recordUnits(words, end << 1)) | 0
      }
      writeFreeSpan(words, at << 1, end - at)
      if (end - at >= unitsMin) {
        this.#setHole(segment, at, end)
        return true
      }
      if (++skipped > HOLES_SKIPPED_MAX) return false
      at = end
    }
  }

  #freestSegment(): Segment | undefined {
    let best: Segment | undefined
    let bestFree = 0
    for (const segment of this.segments) {
      if (segment === undefined || segment.isJumbo || segment.isEvacuating) continue
      const free = segment.units - segment.liveUnits
      if (free * SWEEP_FREE_DIVISOR >= segment.units && free > bestFree) {
        best = segment
        bestFree = free
      }
    }
    return best
  }

  /** The last resort at the memory limit: any hole anywhere. Costs a walk over everything. */
  #sweepAnywhere(units: number): boolean {
    for (const segment of this.segments) {
      if (segment === undefined || segment.isJumbo || segment.isEvacuating) continue
      if (segment.units - segment.liveUnits < units) continue
      if (this.#sweep(segment, 0, units)) return true
    }
    return false
  }

  /** Doubles what there is, from SEGMENT_BYTES_FIRST up to a whole segment. */
  #nextSegmentUnits(unitsMin: number): number {
    const unitsMax = this.unitMask + 1
    let units = Math.min(unitsMax, SEGMENT_BYTES_FIRST / UNIT_BYTES)
    while (units < unitsMax && (units < unitsMin || units < this.#allocatedUnits)) units *= 2
    return units
  }

  #addSegment(units: number, isJumbo: boolean): Segment | undefined {
    const slot = this.#freeSlots.at(-1) ?? this.segments.length
    if (slot >= this.#slotsMax) return undefined
    // What a spare one holds is of no matter: the free span covers it.
    const buffer = this.#budget.allocate(units * UNIT_BYTES, this.#spare)
    if (buffer === undefined) return undefined
    const segment = new Segment(slot, units, isJumbo)
    this.#freeSlots.pop()
    this.words[slot] = new Int32Array(buffer)
    this.bytes[slot] = new Uint8Array(buffer)
    this.segments[slot] = segment
    this.#allocatedUnits += units
    writeFreeSpan(this.words[slot], 0, units)
    return segment
  }
}
