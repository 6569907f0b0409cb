// Gives a transaction back the sequences its cursors used up.
//
// Each cursor opened while a transaction writes advances the sequence, and sequences are 31 bits: an operator that looks into its store
// once per row would use them up within hours. Once those cursors are closed nobody can tell the steps apart, so at commit all records
// get the first sequence of the transaction, and those that were replaced on the way are given up as if no one had looked.

import type { Arena } from './arena.ts'
import type { Journal } from './journal.ts'
import { HEAD, PREVIOUS, SEQUENCE, SUPERSEDED_BY } from './record-layout.ts'

/** Stamps every record of `journal` with the sequence its transaction began at. The caller promises that nobody reads at or above it. */
export function restampJournal(arena: Arena, journal: Journal): void {
  const first = journal.firstSequence
  for (const part of journal.parts()) {
    for (let i = 0; i < part.length; i++) restampRecord(arena, part[i], first)
  }
  arena.lowerNewestSequences(first)
}

function restampRecord(arena: Arena, ref: number, first: number): void {
  const { unitBits, unitMask } = arena
  const words = arena.words[ref >>> unitBits]
  const w = (ref & unitMask) << 1
  if (words[w + SUPERSEDED_BY] !== words[w + SEQUENCE]) {
    // Past the transaction's own earlier records; they come before this one in the journal and are given up already.
    let previous = words[w + PREVIOUS]
    while (previous !== 0) {
      const before = arena.words[previous >>> unitBits]
      const b = (previous & unitMask) << 1
      if (before[b + SEQUENCE] < first) {
        before[b + SUPERSEDED_BY] = first
        break
      }
      previous = before[b + PREVIOUS]
    }
    words[w + PREVIOUS] = previous
  }
  words[w + SEQUENCE] = first
  if (words[w + SUPERSEDED_BY] !== HEAD) words[w + SUPERSEDED_BY] = first
}
