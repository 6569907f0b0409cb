// StoreParts — what provider.ts, which reads, and store-writer.ts both work with, made once by the provider.
//
// They meet in the installed versions, which all opens, commits, aborts and snapshots take turns at by the one mutex; loads of old versions for
// reading run beside it, in the historical maps.

import type { Mutex } from '../base/mutex.ts'
import type { CheckpointFileManager } from '../files/file-manager.ts'
import { keepOneMap } from '../map/kept-map.ts'
import { VersionedMap } from '../map/versioned-map.ts'
import { directoryReader } from './directory-reader.ts'
import type { HistoricalMaps } from './historical-maps.ts'
import type { InstalledVersions } from './installed-versions.ts'
import { spareMemory } from './spare-memory.ts'
import type { ResolvedOptions } from './options.ts'
import type { ProviderCounters } from './provider-counters.ts'
import type { Recovered } from './recovery.ts'
import type { RecoveryContext } from './state-files.ts'
import { type ResolvedStoreId, storeDirectory } from './store-id.ts'

/** What the reading and the writing half of a provider share. */
export interface StoreParts {
  readonly id: ResolvedStoreId
  readonly files: CheckpointFileManager
  readonly options: ResolvedOptions
  /** 8 bytes, secret, one per StateStores: nobody outside can choose keys that collide. */
  readonly hashSeed: Uint8Array
  readonly mutex: Mutex
  readonly installed: InstalledVersions
  readonly historical: HistoricalMaps
  readonly counters: ProviderCounters
  /** Snapshots in whose place a load took others, whoever it was for, and those that a rewind left where they are: maintenance writes them anew. */
  readonly damagedSnapshots: Set<number>
}

export function recoveryContext(parts: StoreParts, signal?: AbortSignal): RecoveryContext {
  const { id, files, options, hashSeed } = parts
  return {
    id,
    directory: directoryReader(files, storeDirectory(id)),
    compression: options.compression,
    rowChecksums: options.rowChecksums,
    floorValues: options.floorValues,
    clock: options.clock,
    createMap: (expectedKeys) => {
      keepOneMap()
      const { memoryBytesMax } = options
      return new VersionedMap({ hashSeed, memoryBytesMax, expectedKeys, spare: spareMemory })
    },
    signal,
  }
}

/** Where the store lies, for people: the location and the store's directory. */
export function storeLocation(parts: StoreParts): string {
  return `${parts.files.location}/${storeDirectory(parts.id)}`
}

/** Counts what a load met. */
export function countLoad(parts: StoreParts, recovered: Recovered, startedMs: number): void {
  const { counters } = parts
  counters.cacheMisses++
  if (recovered.damagedSnapshots.length > 0) counters.snapshotsRepaired++
  for (const version of recovered.damagedSnapshots) parts.damagedSnapshots.add(version)
  counters.orphansSkipped += recovered.orphans.length
  counters.sidecarsRepaired += recovered.staleSidecars.length
  if (recovered.snapshotVersion !== undefined && recovered.snapshotVersion > 0) {
    counters.lastSnapshotVersion = Math.max(counters.lastSnapshotVersion, recovered.snapshotVersion)
  }
  counters.latencies.loadMs = parts.options.clock.elapsedMs() - startedMs
}
