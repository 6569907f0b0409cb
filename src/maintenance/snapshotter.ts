// snapshotter — writes all rows of a version, in slices, while commits go on.
//
// The version is pinned, so its rows stay what they were. Between two slices the blocks of the last one are compressed, in the thread pool, and
// reach the disk; then the snapshot rests five times as long as it has worked, so that a processor under load keeps five sixths of its thread. A
// state that fits into one slice never rests. A slice that took much longer than it should was none of our work (the process was stopped, or the
// machine slept), and is not rested from.

import type { Clock } from '../base/clock.ts'
import { noRow } from '../base/row-words.ts'
import { untilAborted } from '../base/until-aborted.ts'
import { WorkSlice } from '../base/work-slice.ts'
import type { SnapshotTicket } from '../store/maintainable.ts'

/** Rows between two looks at the clock, and bytes: some dozen microseconds of work, so that a slice ends close to its time. */
const ROWS_PER_LOOK = 128
const BYTES_PER_LOOK = 64 * 1024

/** Rest, as a multiple of the work before it. */
const REST_RATIO = 5

/** Work that is rested from, as a multiple of a slice: looks at the clock are not that far apart. */
const WORKED_SLICES_MAX = 2

/** Puts every row of the ticket's version into its file. Throws the signal's reason once the snapshot is cancelled, and what the file fails with. */
export async function writeSnapshotRows(
  { view, file, signal }: SnapshotTicket,
  sliceMs: number,
  clock: Clock,
): Promise<void> {
  const cursor = view.cursor()
  try {
    const slice = new WorkSlice(clock, sliceMs)
    const row = noRow()
    let rows = 0
    let bytes = 0
    while (cursor.next()) {
      cursor.locate(row)
      file.putRow(row)
      rows++
      bytes += row.keyLength + row.valueLength
      if (rows < ROWS_PER_LOOK && bytes < BYTES_PER_LOOK) continue
      rows = 0
      bytes = 0
      if (!slice.isOver) continue
      const workedMs = slice.lastedMs
      await file.drain()
      const drainedMs = slice.lastedMs - workedMs
      const restMs = Math.min(workedMs, sliceMs * WORKED_SLICES_MAX) * REST_RATIO - drainedMs
      await untilAborted(slice.turn(restMs), signal)
    }
    signal.throwIfAborted()
  } finally {
    cursor.close()
  }
}
