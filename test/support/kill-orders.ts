// What the writer that is to be killed (kill-child.ts) works on, and what its parent knows of it.

import type { Durability } from '../../src/index.ts'
import type { Change } from './lineage.ts'

export interface KillOrders {
  readonly location: string
  readonly journal: string
  readonly durability: Durability
  /** Every second run writes them, where the storage can have them. */
  readonly sidecars: boolean
  /** In every tag of this run. */
  readonly run: number
}

/** Versions on disk, at least. */
export const RETAINED = 6

/** Small batches, and every ninth one too large to be written in one piece. The values do not compress. */
export function* batch(version: number, tag: string): Iterable<Change> {
  const rows = version % 9 === 0 ? 3000 : 40
  let noise = version
  for (const unit of Buffer.from(tag)) noise = (noise * 31 + unit) | 0
  for (let row = 0; row < rows; row++) {
    noise = (Math.imul(noise, 1664525) + 1013904223) | 0
    const value = `${noise.toString(36)}${Math.imul(noise, noise | 1).toString(36)}`
    yield [`key-${row % 11 === 0 ? row : (row * 7 + version) % 4000}`, `${tag} ${value.repeat(9)}`]
  }
  yield [`key-${(version * 13) % 4000}`, undefined]
}
