// Puts in a row, written to the arena at once (that memory is new and near) and linked into the index a group at a time, behind one read-ahead.

import { READ_AHEAD_KEYS } from './read-ahead.ts'

export const GROUP_PUTS = READ_AHEAD_KEYS

/** Of the waiting puts, in order: hash of the key, and the record, written but not linked. */
export class PutGroup {
  readonly hashes = new Int32Array(GROUP_PUTS)
  readonly refs = new Int32Array(GROUP_PUTS)
  count = 0

  /** True if that was the last one that fits. */
  add(hash: number, ref: number): boolean {
    const at = this.count
    this.hashes[at] = hash
    this.refs[at] = ref
    this.count = at + 1
    return at + 1 === GROUP_PUTS
  }
}
