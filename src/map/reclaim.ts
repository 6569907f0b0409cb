// Gives back what no version in memory and no reader can see any more. Most of it needs no visit: a record that was replaced at or below the
// arena's floor is free space to whoever sweeps past it, so raising the floor and the tally of the journal are all that replaced records
// cost. Only removals are walked to, for they leave the index, and that a stretch at a time. The cost is that of the released version's removals, never
// of the state.

import type { Arena } from './arena.ts'
import type { HashIndex } from './hash-index.ts'
import type { Journal } from './journal.ts'
import { READ_AHEAD_KEYS, ReadAhead } from './read-ahead.ts'
import { HEAD, REMOVED, SUPERSEDED_BY } from './record-layout.ts'
import { valueLengthAt } from './record.ts'

export class Reclaimer {
  readonly #arena: Arena
  readonly #index: HashIndex
  readonly #readAhead = new ReadAhead()
  /** Removals that are taken out together, and the hashes of their keys. */
  readonly #refs = new Int32Array(READ_AHEAD_KEYS)
  readonly #hashes = new Int32Array(READ_AHEAD_KEYS)

  constructor(arena: Arena, index: HashIndex) {
    this.#arena = arena
    this.#index = index
  }

  /**
   * Takes the removals of `journal` that are still the last word on their key out of the index, and once it has walked to all its records counts what
   * they replaced as free and drops it. Walks to `recordsMax` at most, and returns to how many. The caller promises that nothing reads below the
   * journal's sequence, that older journals were reclaimed before, that it raises the arena's floor before anything is written, and that nothing
   * is undone while a journal is half reclaimed: a removal that came back behind the walk would stay for ever.
   */
  reclaim(journal: Journal, recordsMax: number): number {
    const from = journal.walkedCount
    const to = from + Math.min(journal.unwalkedCount, recordsMax)
    for (const part of journal.parts(from, to)) this.#reclaimRemovals(part)
    journal.walkedCount = to
    if (journal.unwalkedCount > 0) return to - from
    const replaced = journal.replacedUnits
    for (let slot = 0; slot < replaced.length; slot++) {
      if (replaced[slot] !== 0) this.#arena.giveBack(slot, replaced[slot])
    }
    journal.drop()
    return to - from
  }

  #reclaimRemovals(part: Int32Array): void {
    const refs = this.#refs
    const hashes = this.#hashes
    let at = 0
    while (at < part.length) {
      let count = 0
      for (; at < part.length && count < READ_AHEAD_KEYS; at++) {
        if (!this.#isLastWord(part[at])) continue
        refs[count] = part[at]
        hashes[count] = this.#index.hashOf(part[at])
        count++
      }
      this.#readAhead.run(this.#index, this.#arena, hashes, 0, count)
      for (let i = 0; i < count; i++) {
        this.#index.locateHashedKeyOf(hashes[i], refs[i])
        this.#index.removeLocated()
        this.#arena.free(refs[i])
      }
    }
  }

  /** Whether the record at `ref` is a removal that nothing has replaced. */
  #isLastWord(ref: number): boolean {
    const words = this.#arena.words[ref >>> this.#arena.unitBits]
    const w = (ref & this.#arena.unitMask) << 1
    // Nothing there of a jumbo record that was replaced and has gone as a whole.
    if (words.length === 0 || words[w + SUPERSEDED_BY] !== HEAD) return false
    return valueLengthAt(words, w) === REMOVED
  }
}
