// Gives back what no version in memory and no reader can see any more. Most of it needs no visit: a record that was replaced at or below the
// arena's floor is free space to whoever sweeps past it, so raising the floor and the tally of the journal are all that replaced records
// cost. Only removals are walked to, for they leave the index. The cost is that of the released version's removals, never of the state.

import type { Arena } from './arena.ts'
import type { HashIndex } from './hash-index.ts'
import type { Journal } from './journal.ts'
import { HEAD, REMOVED, SUPERSEDED_BY, valueLengthAt } from './record.ts'

/**
 * Counts what the records of `journal` replaced as free, takes the removals among them that are still the last word on their key out of the
 * index, and drops the journal. The caller promises that nothing reads below the journal's sequence, that older journals were reclaimed
 * before, and that it raises the arena's floor before anything is written.
 */
export function reclaimJournal(arena: Arena, index: HashIndex, journal: Journal): void {
  const replaced = journal.replacedUnits
  for (let slot = 0; slot < replaced.length; slot++) {
    if (replaced[slot] !== 0) arena.giveBack(slot, replaced[slot])
  }
  if (journal.removalCount > 0) {
    for (const part of journal.parts()) {
      for (let i = 0; i < part.length; i++) reclaimRemoval(arena, index, part[i])
    }
  }
  journal.drop()
}

function reclaimRemoval(arena: Arena, index: HashIndex, ref: number): void {
  const words = arena.words[ref >>> arena.unitBits]
  const w = (ref & arena.unitMask) << 1
  // Nothing here for a jumbo record that was replaced and has gone as a whole.
  if (words.length === 0 || words[w + SUPERSEDED_BY] !== HEAD) return
  if (valueLengthAt(words, w) !== REMOVED) return
  index.locateKeyOf(ref)
  index.removeLocated()
  arena.free(ref)
}
