// StateStoreProvider — hands out the stores of one store id.
//
// getStore      hold the lease, then open (store-writer.ts has the steps)
// getReadStore  a pinned view of a version in memory, or a map of its own for an old one; needs no lease and writes nothing
//
// One mutex orders opens, commits, aborts and the publishing of snapshots; loads of old versions run beside it. A provider that was FENCED never
// claims again, and one whose fsync failed (POISONED) never writes again: open a new one.

import { describeValue } from '../base/describe-value.ts'
import { Mutex } from '../base/mutex.ts'
import { isStateStoreError, StateStoreError } from '../errors.ts'
import type { CheckpointFileManager } from '../files/file-manager.ts'
import type { MapView } from '../map/versioned-map.ts'
import { checkCallOptions } from './call-options.ts'
import { HistoricalMaps } from './historical-maps.ts'
import { InstalledVersions } from './installed-versions.ts'
import type { Maintainable } from './maintainable.ts'
import type { StateStoreMetrics } from './metrics.ts'
import type { ResolvedOptions } from './options.ts'
import { ProviderCounters } from './provider-counters.ts'
import { ReadStore } from './read-store.ts'
import { loadVersion, type Recovered } from './recovery.ts'
import { isOnDisk, peekVersion } from './state-files.ts'
import { findLatest } from './survey.ts'
import type { ReadStateStore, StateStore } from './state-store.ts'
import { type ResolvedStoreId, storeIdText } from './store-id.ts'
import { countLoad, recoveryContext, storeLocation, type StoreParts } from './store-parts.ts'
import { type GetStoreOptions, StoreWriter } from './store-writer.ts'
import type { VersionInfo } from './version-info.ts'

/** What the owner of a provider does for it. */
export interface ProviderHooks {
  /** Snapshots and cleaning for a store whose lease is held here. */
  maintain(store: Maintainable): Promise<void>
  /** Called after every commit, with the number of deltas since the last snapshot known. */
  committed(provider: StateStoreProvider, snapshotLag: number): void
  closed(provider: StateStoreProvider): void
}

export interface ProviderParts {
  readonly id: ResolvedStoreId
  readonly files: CheckpointFileManager
  readonly options: ResolvedOptions
  readonly hashSeed: Uint8Array
  readonly hooks: ProviderHooks
}

export interface GetReadStoreOptions {
  /** Stops a load that is under way. */
  signal?: AbortSignal
}

export class StateStoreProvider implements AsyncDisposable {
  readonly id: ResolvedStoreId
  readonly #parts: StoreParts
  readonly #hooks: ProviderHooks
  #writer: StoreWriter | undefined
  #maintaining: Promise<void> | undefined
  #claimLost: StateStoreError | undefined
  #closing: Promise<void> | undefined

  /** For StateStores, which is how providers are made. */
  constructor(parts: ProviderParts) {
    this.id = parts.id
    this.#hooks = parts.hooks
    this.#parts = {
      ...parts,
      mutex: new Mutex(),
      installed: new InstalledVersions(),
      historical: new HistoricalMaps(parts.options.historicalMapsMax),
      damagedSnapshots: new Set(),
      counters: new ProviderCounters(),
    }
  }

  /**
   * Opens a version for update: the newest, or `version` (0 is the empty store). The first call claims the writer lease and fences every older
   * writer. Going back to an older version undoes what follows once the store commits; more than the newest version only with `rewind: 'allow'`.
   *
   * While the version is in memory no file is asked: a writer that was fenced meanwhile opens and reads what it knows, and is told FENCED by its commit.
   *
   * Throws VERSION_NOT_FOUND, BROKEN_CHAIN, CORRUPT_FILE, REWIND_REFUSED, STORE_BUSY, FENCED, POISONED, COMMIT_OUTCOME_UNKNOWN, PROVIDER_CLOSED,
   * MEMORY_LIMIT, UNSUPPORTED, UNKNOWN_FORMAT_VERSION, STORAGE_UNAVAILABLE, STORAGE_TIMEOUT, INVALID_OPTIONS (readOnly, or an option that this storage
   * cannot have); RangeError for what is no version and for a `committedThrough` above the newest; TypeError for an unknown option; the signal's
   * reason.
   */
  async getStore(version?: number, options: GetStoreOptions = {}): Promise<StateStore> {
    checkVersion(version)
    checkCallOptions('getStore', options)
    checkVersion(options.committedThrough, 'committedThrough')
    return await this.#parts.mutex.run(async () => {
      this.#checkOpen()
      if (this.#parts.options.readOnly) {
        throw new StateStoreError(
          'TIDEMARK_INVALID_OPTIONS',
          `${storeIdText(this.id)} was opened with readOnly: true, which refuses getStore; use getReadStore`,
          { storeId: storeIdText(this.id) },
        )
      }
      options.signal?.throwIfAborted()
      const writer = await this.#holdLease()
      this.#checkOpen()
      return await writer.open(version, options)
    })
  }

  /** The writer of this provider. One that lost the race for the lease does not try again: two processes would take turns for ever. */
  async #holdLease(): Promise<StoreWriter> {
    if (this.#claimLost !== undefined) throw this.#claimLost
    try {
      this.#writer ??= await StoreWriter.claim(this.#parts, {
        metrics: () => this.metrics,
        committed: () => this.#hooks.committed(this, this.#snapshotLag),
      })
      return this.#writer
    } catch (error) {
      if (isStateStoreError(error, 'TIDEMARK_FENCED', 'TIDEMARK_POISONED')) this.#claimLost = error
      throw error
    }
  }

  /**
   * Opens a version for reading: the newest, or `version`. One that is not in memory is loaded into a map of its own; at most `historicalMapsMax` of
   * those at once, else MEMORY_LIMIT. Throws as getStore does, but for what concerns writing.
   */
  async getReadStore(version?: number, options: GetReadStoreOptions = {}): Promise<ReadStateStore> {
    checkVersion(version)
    checkCallOptions('getReadStore', options)
    this.#checkOpen()
    const latest = this.#writer?.latest
    const target = version ?? latest
    const known = target !== undefined && latest !== undefined ? this.#installed(target) : undefined
    if (known !== undefined) return this.#readStore(known, () => undefined)
    if (target === undefined || latest === undefined)
      return await this.#readAsFollower(target, options)
    return await this.#readHistorical(target, options)
  }

  /** The newest version of the store: from memory once the lease was claimed here (so of a newer writer's commits nothing is known), else from the files. 0 if nothing was ever committed. */
  async latestVersion(): Promise<number> {
    this.#checkOpen()
    return this.#writer?.latest ?? (await findLatest(recoveryContext(this.#parts)))
  }

  /** Writes a snapshot if one is due and cleans what need not be kept; does nothing where the lease is not held. Runs once at a time. */
  async doMaintenance(): Promise<void> {
    this.#checkOpen()
    const store = this.#writer?.maintainable()
    if (store === undefined) return
    this.#maintaining ??= this.#maintain(store).finally(() => {
      this.#maintaining = undefined
    })
    await this.#maintaining
  }

  async #maintain(store: Maintainable): Promise<void> {
    try {
      await this.#hooks.maintain(store)
    } catch (error) {
      this.#parts.counters.maintenanceFailures++
      this.#writer?.maintenanceFailed(error)
      throw error
    }
  }

  get metrics(): StateStoreMetrics {
    const { installed, historical, counters } = this.#parts
    return {
      numKeys: installed.keyCount,
      memoryUsedBytes: installed.memoryUsedBytes + historical.memoryUsedBytes,
      customMetrics: {
        stateOnCurrentVersionSizeBytes: installed.plainBytes,
        loadedMapCacheHitCount: counters.cacheHits,
        loadedMapCacheMissCount: counters.cacheMisses,
        numSnapshotsAutoRepaired: counters.snapshotsRepaired,
        forceSnapshotCount: counters.forcedSnapshots,
        orphansSkipped: counters.orphansSkipped,
        sidecarsRepaired: counters.sidecarsRepaired,
        sidecarFailures: counters.sidecarFailures,
        openReaders: installed.pinCount + historical.readerCount,
        historicalMaps: historical.count,
        snapshotLag: this.#snapshotLag,
        maintenanceFailures: counters.maintenanceFailures,
      },
      instanceMetrics: {
        [`SnapshotLastUploaded.partition_${this.id.partitionId}_${this.id.storeName}`]:
          counters.lastSnapshotVersion,
      },
      latencies: { ...counters.latencies },
    }
  }

  /** For StateStores: a commit has asked for a snapshot at once. */
  countForcedSnapshot(): void {
    this.#parts.counters.forcedSnapshots++
  }

  /**
   * Waits for what is under way (a load, a commit; a round of maintenance is cut short), aborts the open store and lets all memory
   * go. May be called twice. Rejects if the storage fails while the lease is given back; the provider is closed all the same.
   */
  async close(): Promise<void> {
    this.#closing ??= this.#close()
    await this.#closing
  }

  async #close(): Promise<void> {
    const { mutex, installed } = this.#parts
    this.#hooks.closed(this)
    // At once: it may be loading a version under the mutex. A writer that comes yet, by an open that is under way, has none.
    this.#writer?.stopSnapshots()
    // An open that is under way comes first, so that what it hands out is aborted with the rest.
    await mutex.run(() => Promise.resolve())
    try {
      // The lease goes last: maintenance that lost it would believe that another writer had taken over.
      await this.#maintaining?.catch(() => undefined)
      await this.#writer?.close()
    } finally {
      await this.#parts.historical.idle()
      await mutex.run(async () => installed.drop())
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  get #snapshotLag(): number {
    const { counters, installed } = this.#parts
    const latest = this.#writer?.latest ?? installed.newest?.info.version
    if (latest === undefined) return 0
    // A snapshot above the newest version was of a history that another writer has undone.
    const last = counters.lastSnapshotVersion
    return latest - (last > latest ? 0 : Math.max(0, last))
  }

  // --- reading

  /** A version in memory, pinned. */
  #installed(version: number): { info: VersionInfo; view: MapView } | undefined {
    const info = this.#parts.installed.info(version)
    const view = this.#parts.installed.view(version)
    if (info === undefined || view === undefined) return undefined
    this.#parts.counters.cacheHits++
    return { info, view }
  }

  /** Reads without the lease: what is in memory counts only if the files still say the same. */
  async #readAsFollower(
    version: number | undefined,
    options: GetReadStoreOptions,
  ): Promise<ReadStateStore> {
    const { installed, mutex } = this.#parts
    const context = recoveryContext(this.#parts, options.signal)
    const target = version ?? (await findLatest(context))
    let onDisk: VersionInfo | 'foreign' | undefined
    const follows = await mutex.run(async () => {
      this.#checkOpen()
      const held = installed.info(target)
      if (held !== undefined && (await isOnDisk(held, installed.loadedFrom, context))) {
        return this.#installed(target)
      }
      // An open store owns the map, and an older version would push out the newer one others are reading.
      // Asked for the newest, though, it is what is in memory that was undone.
      const isOlder = version !== undefined && target < (installed.newest?.info.version ?? 0)
      if (this.#writer?.openStore !== undefined || isOlder) {
        onDisk = target === 0 ? undefined : await peekVersion(target, context)
        return undefined
      }
      const recovered = await this.#load(version ?? 'latest', options)
      installed.adopt(recovered)
      installed.retain(Math.max(1, this.#parts.options.maxBatchesToRetainInMemory))
      const view = recovered.map.view(recovered.info.version)
      return view && { info: recovered.info, view }
    })
    if (follows !== undefined) return this.#readStore(follows, () => undefined)
    // Of a version without trailer only reading it whole would tell; readers who are open at once share what the first one found.
    return await this.#readHistorical(target, options, (info) => {
      return target === 0 || onDisk === 'foreign' || onDisk?.id === info.id
    })
  }

  async #readHistorical(
    version: number,
    { signal }: GetReadStoreOptions,
    isCurrent?: (info: VersionInfo) => boolean,
  ): Promise<ReadStateStore> {
    const opened = await this.#parts.historical.open(
      version,
      (stopping) => this.#loadApart(version, { signal: stopping }),
      { signal, ...(isCurrent && { isCurrent }) },
    )
    return this.#readStore(opened, opened.release)
  }

  async #load(target: number | 'latest', options: GetReadStoreOptions): Promise<Recovered> {
    const startedMs = this.#parts.options.clock.elapsedMs()
    const context = recoveryContext(this.#parts, options.signal)
    const recovered = await loadVersion(target, context, this.#parts.installed.newest)
    countLoad(this.#parts, recovered, startedMs)
    return recovered
  }

  async #loadApart(version: number, options: GetReadStoreOptions): Promise<Recovered> {
    const startedMs = this.#parts.options.clock.elapsedMs()
    const recovered = await loadVersion(version, recoveryContext(this.#parts, options.signal))
    countLoad(this.#parts, recovered, startedMs)
    return recovered
  }

  #readStore(opened: { info: VersionInfo; view: MapView }, released: () => void): ReadStateStore {
    return new ReadStore({
      id: this.id,
      info: opened.info,
      location: storeLocation(this.#parts),
      view: opened.view,
      metrics: () => this.metrics,
      released,
    })
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return
    throw new StateStoreError(
      'TIDEMARK_PROVIDER_CLOSED',
      `The provider of ${storeIdText(this.id)} was closed; ask StateStores for a new one`,
      { storeId: storeIdText(this.id) },
    )
  }
}

function checkVersion(version: number | undefined, name = 'version'): void {
  if (version === undefined || (Number.isSafeInteger(version) && version >= 0)) return
  throw new RangeError(
    `Expected \`${name}\` to be a whole number, 0 or more, got ${describeValue(version)}`,
  )
}
