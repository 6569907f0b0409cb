// Gives back what no version in memory and no reader can see any more: a version's journal names every record it wrote, and those name
// what they replaced. The cost is that of the released version's changes, never of the state.

import type { Arena } from './arena.ts'
import type { HashIndex } from './hash-index.ts'
import type { Journal } from './journal.ts'
import { HEAD, PREVIOUS, REMOVED, SEQUENCE, SUPERSEDED_BY, valueLengthAt } from './record.ts'

/**
 * Frees what the records of `journal` replaced and the removals among them that are still the newest word on their key, then drops the
 * journal. The caller promises that nothing reads below the journal's sequence, and that older journals were reclaimed before.
 */
export function reclaimJournal(arena: Arena, index: HashIndex, journal: Journal): void {
  if (journal.reclaimableCount > 0) {
    for (const part of journal.parts()) {
      for (let i = 0; i < part.length; i++) reclaimRecord(arena, index, part[i])
    }
  }
  journal.drop()
}

function reclaimRecord(arena: Arena, index: HashIndex, ref: number): void {
  const words = arena.words[ref >>> arena.unitBits]
  const w = (ref & arena.unitMask) << 1
  const previous = words[w + PREVIOUS]
  const supersededBy = words[w + SUPERSEDED_BY]
  if (supersededBy === words[w + SEQUENCE]) {
    // Given up within its own transaction: its successor took over what it had replaced.
    arena.free(ref)
    return
  }
  if (previous !== 0) {
    words[w + PREVIOUS] = 0
    arena.free(previous)
  }
  if (supersededBy === HEAD && valueLengthAt(words, w) === REMOVED) {
    index.locateKeyOf(ref)
    index.removeLocated()
    arena.free(ref)
  }
}
