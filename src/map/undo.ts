// Takes back what a transaction, or a whole version, wrote: abort and rewind are the same walk.

import { assert } from '../base/assert.ts'
import type { Arena } from './arena.ts'
import type { HashIndex } from './hash-index.ts'
import type { Journal } from './journal.ts'
import { HEAD, PREVIOUS, REMOVED, SEQUENCE, SUPERSEDED_BY } from './record-layout.ts'
import { valueLengthAt } from './record.ts'

/**
 * Makes the newest record at or below `sequence` the head of each key that `journal` touched, frees the journal's records and drops it.
 * Journals are undone newest first, each from its end: so the first record of a key that is met is its head, and everything it leads to
 * is still there.
 */
export function undoJournal(
  arena: Arena,
  index: HashIndex,
  journal: Journal,
  sequence: number,
): void {
  for (const part of journal.parts().reverse()) {
    for (let i = part.length - 1; i >= 0; i--) undoRecord(arena, index, part[i], sequence)
  }
  journal.drop()
}

function undoRecord(arena: Arena, index: HashIndex, ref: number, sequence: number): void {
  const words = arena.words[ref >>> arena.unitBits]
  const w = (ref & arena.unitMask) << 1
  if (words[w + SUPERSEDED_BY] === HEAD) {
    const located = index.locateKeyOf(ref)
    assert(located === ref, 'the index leads to the newest record of a key')
    const heir = newestAtOrBelow(arena, words[w + PREVIOUS], sequence)
    if (heir === 0) index.removeLocated()
    else restore(arena, index, heir)
  }
  arena.free(ref)
}

/** Makes `heir` the newest of the key that was located; a removal that nothing is left below goes, as it would have when its journal did. */
function restore(arena: Arena, index: HashIndex, heir: number): void {
  const words = arena.words[heir >>> arena.unitBits]
  const w = (heir & arena.unitMask) << 1
  if (words[w + SEQUENCE] <= arena.floor && valueLengthAt(words, w) === REMOVED) {
    index.removeLocated()
    arena.free(heir)
  } else {
    index.replaceLocated(heir)
    words[w + SUPERSEDED_BY] = HEAD
  }
}

/** The first record at or below `sequence` on the chain that starts at `ref`; 0 if there is none. */
export function newestAtOrBelow(arena: Arena, ref: number, sequence: number): number {
  let at = ref
  while (at !== 0) {
    const words = arena.words[at >>> arena.unitBits]
    const w = (at & arena.unitMask) << 1
    if (words[w + SEQUENCE] <= sequence) return at
    at = words[w + PREVIOUS]
  }
  return 0
}
