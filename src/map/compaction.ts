// Empties segments that are mostly free space, a slice at a time, so that a state that shrank gives its memory back.
//
// A state that is rewritten needs none of this: new records go into the space of old ones (arena.ts). Only when a good part of all
// segments is free is it worth moving what is left in the emptiest. A record is moved by copying it and pointing to the copy whatever
// pointed to it: the index, or the record that replaced it.
//
// INVARIANT: only records at or below the oldest sequence anyone reads are moved. No journal names them, so nothing else points to them;
// the tally of the journal that replaced them follows the move. While that journal is half reclaimed nothing is moved.

import { assert } from '../base/assert.ts'
import type { Arena } from './arena.ts'
import type { HashIndex } from './hash-index.ts'
import { HEAD, PREVIOUS, SEQUENCE, SUPERSEDED_BY, UNIT_BYTES } from './record-layout.ts'
import { recordUnits } from './record.ts'
import type { Journal } from './journal.ts'
import type { Segment } from './segment.ts'

/** Free space up to this part of what is alive is left for the records to come. */
const FREE_KEPT_RATIO = 0.25

export class Compactor {
  #arena: Arena
  #index: HashIndex
  #victim: Segment | undefined
  /** Where in the victim the next slice goes on. Nothing is allocated in it meanwhile, so record boundaries stay. */
  #unit = 0

  /** The journals of the map, ascending by sequence; read only during a slice. */
  #journals: readonly Journal[]

  constructor(arena: Arena, index: HashIndex, journals: readonly Journal[]) {
    this.#arena = arena
    this.#index = index
    this.#journals = journals
  }

  /** Moves up to about `maxBytes`; returns the bytes moved. The caller promises that no cursor is open, no transaction, and no journal half reclaimed. */
  slice(maxBytes: number): number {
    this.#releaseEmpty()
    let movedUnits = 0
    while (movedUnits * UNIT_BYTES < maxBytes) {
      this.#victim ??= this.#chooseVictim()
      const victim = this.#victim
      if (victim === undefined) break
      const units = this.#evacuate(victim, maxBytes / UNIT_BYTES - movedUnits)
      movedUnits += units
      if (!victim.isEvacuating || this.#unit < victim.units) break
      this.#arena.releaseSegment(victim)
      this.#victim = undefined
    }
    return movedUnits * UNIT_BYTES
  }

  /** Leaves a segment half evacuated to the records to come: at the memory limit its free space is worth more than its release. False if there is none. */
  giveUp(): boolean {
    if (this.#victim === undefined) return false
    this.#victim.isEvacuating = false
    this.#victim = undefined
    return true
  }

  /** Whether there is more free space than the records to come are likely to use soon, even without `segment`. */
  #hasSpareBeyond(segment: Segment, liveUnits: number): boolean {
    const free = this.#arena.allocatedUnits - liveUnits
    return free - (segment.units - segment.liveUnits) >= liveUnits * FREE_KEPT_RATIO
  }

  #releaseEmpty(): void {
    const liveUnits = this.#arena.countLiveUnits()
    for (const segment of this.#arena.segments) {
      if (segment === undefined || segment.liveUnits > 0) continue
      if (segment === this.#victim || segment === this.#arena.writingTo) continue
      if (this.#hasSpareBeyond(segment, liveUnits)) this.#arena.releaseSegment(segment)
    }
  }

  /** The emptiest segment that is less than half alive and that no version above the oldest has written to. */
  #chooseVictim(): Segment | undefined {
    const liveUnits = this.#arena.countLiveUnits()
    if (this.#arena.allocatedUnits - liveUnits <= liveUnits * FREE_KEPT_RATIO) return undefined
    let best: Segment | undefined
    for (const segment of this.#arena.segments) {
      if (segment === undefined || segment.isJumbo || segment === this.#arena.writingTo) continue
      if (segment.newestSequence > this.#arena.floor || segment.liveUnits * 2 >= segment.units)
        continue
      if (best === undefined || segment.liveUnits / segment.units < best.liveUnits / best.units) {
        best = segment
      }
    }
    if (best === undefined) return undefined
    best.isEvacuating = true
    this.#unit = 0
    return best
  }

  #evacuate(victim: Segment, unitsMax: number): number {
    const words = this.#arena.words[victim.slot]
    let moved = 0
    while (this.#unit < victim.units && moved < unitsMax) {
      const w = this.#unit * 2
      const units = recordUnits(words, w)
      if (words[w + SUPERSEDED_BY] > this.#arena.floor) {
        if (!this.#move((victim.slot << this.#arena.unitBits) | this.#unit)) {
          this.giveUp()
          break
        }
        moved += units
      }
      this.#unit += units
    }
    return moved
  }

  /** False if the memory limit leaves no room for the copy. */
  #move(ref: number): boolean {
    const arena = this.#arena
    const words = arena.words[ref >>> arena.unitBits]
    const supersededBy = words[((ref & arena.unitMask) << 1) + SUPERSEDED_BY]
    const copy = arena.duplicate(ref)
    if (copy === 0) return false
    if (supersededBy !== HEAD && !this.#moveTally(ref, copy, supersededBy)) {
      arena.free(copy)
      return false
    }
    const head = this.#index.locateKeyOf(ref)
    if (supersededBy === HEAD) {
      assert(head === ref, 'the index leads to the newest record of a key')
      this.#index.replaceLocated(copy)
    } else {
      this.#pointSuccessorTo(head, ref, copy)
    }
    arena.free(ref)
    return true
  }

  #moveTally(ref: number, copy: number, supersededBy: number): boolean {
    const { unitBits, unitMask, words } = this.#arena
    const journal = this.#journals.find((each) => each.sequence >= supersededBy)
    assert(journal !== undefined, 'a journal tallies every replaced record that can still be seen')
    const units = recordUnits(words[ref >>> unitBits], (ref & unitMask) << 1)
    return journal.moveTally(ref >>> unitBits, copy >>> unitBits, units)
  }

  #pointSuccessorTo(head: number, ref: number, copy: number): void {
    const arena = this.#arena
    let at = head
    while (at !== 0) {
      const words = arena.words[at >>> arena.unitBits]
      const w = (at & arena.unitMask) << 1
      if (words[w + PREVIOUS] === ref) {
        words[w + PREVIOUS] = copy
        return
      }
      at = words[w + PREVIOUS]
    }
    assert(false, `a replaced record (sequence ${this.#sequenceOf(ref)}) has a successor`)
  }

  #sequenceOf(ref: number): number {
    const arena = this.#arena
    return arena.words[ref >>> arena.unitBits][((ref & arena.unitMask) << 1) + SEQUENCE]
  }
}
