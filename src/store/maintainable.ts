// Maintainable — one store as maintenance sees it. The engine knows nothing of retention, and maintenance nothing of leases and commits: this is all
// that passes between them.

import type { FileStatus } from '../files/file-manager.ts'
import type { StoreFiles } from '../format/file-names.ts'
import type { MapView } from '../map/versioned-map.ts'
import type { ResolvedOptions } from './options.ts'
import type { StagedStateFile } from './staged-state-file.ts'
import type { ResolvedStoreId } from './store-id.ts'

/** A snapshot while it is being written: what it holds, pinned, and when to stop. */
export interface SnapshotTicket {
  readonly view: MapView
  /** Takes the rows. */
  readonly file: StagedStateFile
  /** Aborted when the version is about to be undone, or the provider closes. */
  readonly signal: AbortSignal
}

/** What maintenance may see and do of a store whose lease is held here. */
export interface Maintainable {
  readonly id: ResolvedStoreId
  readonly options: ResolvedOptions
  /** Lists the store, and tells the newest committed version as of the end of the listing; 0 if it is not known any more. The first thing to be asked. */
  survey(): Promise<{ files: StoreFiles<FileStatus>; latest: number }>
  /** Snapshots that loads have found damaged, or whose version was undone where they stay; those that are there are to be written anew. */
  readonly damagedSnapshots: ReadonlySet<number>
  /**
   * Runs `write` with `version` pinned in memory, then publishes what it wrote, under the provider's mutex and only if the version was not
   * undone meanwhile. False if the version is not in memory, was undone, or another snapshot is under way.
   */
  writeSnapshot(version: number, write: (ticket: SnapshotTicket) => Promise<void>): Promise<boolean>
  /** Reads a snapshot from end to end; false, and counted among the damaged, if its bytes are not those that were written. */
  checkSnapshot(version: number, files: StoreFiles<FileStatus>): Promise<boolean>
  cleanLeftovers(): Promise<number>
  /**
   * Removes the first of these files, in their order, two at least and for as long as a slice lasts; commits wait meanwhile. Returns how many.
   * 0, and nothing was removed, if a version was undone since this view was made, or a store is open at a version that is not retained: what the
   * plan relied on may be gone, or about to go.
   */
  remove(names: readonly string[]): Promise<number>
  cleaned(durationMs: number): void
}
