/** What the arena keeps about one of its segments; the bytes themselves lie in the arena's tables, by slot. */
export class Segment {
  readonly slot: number
  readonly units: number
  /** Holds a single record that is larger than a common segment. */
  readonly isJumbo: boolean
  /** Units that hold records, also those only older versions see; the rest is free. */
  liveUnits = 0
  /** The newest sequence written here; records moved by compaction do not count. */
  newestSequence = 0
  /** Compaction is emptying it: nothing may be allocated here. */
  isEvacuating = false

  constructor(slot: number, units: number, isJumbo: boolean) {
    this.slot = slot
    this.units = units
    this.isJumbo = isJumbo
  }
}
