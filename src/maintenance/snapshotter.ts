// snapshotter — writes all rows of a version, in slices, while commits go on.
//
// The version is pinned, so its rows stay what they were; between two slices the event loop turns and the blocks written so far reach the disk.

import type { Clock } from '../base/clock.ts'
import type { SnapshotTicket } from '../store/maintainable.ts'

/** Rows between two looks at the clock: some microseconds of work, so that a slice ends close to its time. */
const ROWS_PER_LOOK = 128

/** Puts every row of the ticket's version into its file. Throws the signal's reason once the snapshot is cancelled. */
export async function writeSnapshotRows(
  { view, file, signal }: SnapshotTicket,
  sliceMs: number,
  clock: Clock,
): Promise<void> {
  const cursor = view.cursor()
  try {
    let sliceEndMs = clock.elapsedMs() + sliceMs
    for (let rows = 1; cursor.next(); rows++) {
      file.put(cursor.key, cursor.value)
      if (rows % ROWS_PER_LOOK !== 0 || clock.elapsedMs() < sliceEndMs) continue
      await file.drain()
      await clock.turn()
      signal.throwIfAborted()
      sliceEndMs = clock.elapsedMs() + sliceMs
    }
    signal.throwIfAborted()
  } finally {
    cursor.close()
  }
}
