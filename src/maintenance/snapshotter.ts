// snapshotter — writes all rows of a version, in slices, while commits go on.
//
// The version is pinned, so its rows stay what they were. Between two slices the blocks of the last one are compressed, in the thread pool, and
// reach the disk; then the snapshot rests five times as long as it has worked, so that a processor under load keeps five sixths of its thread. A
// state that fits into one slice never rests.

import type { Clock } from '../base/clock.ts'
import { noRow } from '../base/row-words.ts'
import { WorkSlice } from '../base/work-slice.ts'
import type { SnapshotTicket } from '../store/maintainable.ts'

/** Rows between two looks at the clock: some microseconds of work, so that a slice ends close to its time. */
const ROWS_PER_LOOK = 128

/** Rest, as a multiple of the work before it. */
const REST_RATIO = 5

/** Puts every row of the ticket's version into its file. Throws the signal's reason once the snapshot is cancelled. */
export async function writeSnapshotRows(
  { view, file, signal }: SnapshotTicket,
  sliceMs: number,
  clock: Clock,
): Promise<void> {
  const cursor = view.cursor()
  try {
    const slice = new WorkSlice(clock, sliceMs)
    const row = noRow()
    for (let rows = 1; cursor.next(); rows++) {
      cursor.locate(row)
      file.putRow(row)
      if (rows % ROWS_PER_LOOK !== 0 || !slice.isOver) continue
      const workedMs = slice.lastedMs
      await file.drain()
      await slice.turn(workedMs * (1 + REST_RATIO) - slice.lastedMs)
      signal.throwIfAborted()
    }
    signal.throwIfAborted()
  } finally {
    cursor.close()
  }
}
