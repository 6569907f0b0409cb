// Checkpoint — a whole checkpoint, for reading: which stores it holds, what is known of each, and their rows at any version.
//
// Takes any checkpoint of Spark's HDFS-backed provider or of ours. It never writes: it needs no lease, may be used beside a writer at work,
// and on a read-only disk. Rows come through the engine itself (StateStores, read only), so what is shown is what a processor would get.

import { StateStores } from '../coordinator/state-stores.ts'
import { StateStoreError } from '../errors.ts'
import type { CheckpointFileManager } from '../files/file-manager.ts'
import { type ResolvedStoreId, storeIdText } from '../store/store-id.ts'
import { discoverStores } from './discover-stores.ts'
import { openLocation } from './location.ts'
import { detectRowSettings, type RowSettings, type RowSettingsOverrides } from './spark-settings.ts'
import { describeStore, type StoreInfo } from './store-info.ts'
import { matchesStore, type StoreSelection } from './store-selection.ts'

export interface RowsSelection extends StoreSelection {
  /** Of each store. Default: its newest. */
  readonly version?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** A row, and which store and version it is of. Key and value are the caller's to keep. */
export interface CheckpointRow {
  readonly store: ResolvedStoreId
  readonly version: number
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/**
 * Opens the checkpoint at `location`, a folder on local disk or a file manager, for reading. How rows are to be read is detected from Spark's
 * offset log; `overrides` come before it. CHECKPOINT_NOT_FOUND where there is none, UNSUPPORTED for one of Spark's RocksDB provider.
 */
export async function openCheckpoint(
  location: string | CheckpointFileManager,
  overrides: RowSettingsOverrides = {},
): Promise<Checkpoint> {
  const files = await openLocation(location)
  await discoverStores(files)
  const settings = await detectRowSettings(files, overrides)
  const stores = await StateStores.open(files, {
    readOnly: true,
    maintenanceIntervalMs: 0,
    ...settings,
  })
  return new Checkpoint(files, settings, stores)
}

export class Checkpoint implements AsyncDisposable {
  /** How rows are read here. */
  readonly settings: RowSettings
  readonly #files: CheckpointFileManager
  readonly #stores: StateStores

  /** For openCheckpoint, which is how checkpoints are made. */
  constructor(files: CheckpointFileManager, settings: RowSettings, stores: StateStores) {
    this.#files = files
    this.settings = settings
    this.#stores = stores
  }

  /** The checkpoint location, for people. */
  get location(): string {
    return this.#files.location
  }

  /** The stores that are there now, by operator, name, then partition. CHECKPOINT_NOT_FOUND if `selection` names any that match none. */
  async stores(selection: StoreSelection = {}): Promise<readonly ResolvedStoreId[]> {
    const { stores } = await discoverStores(this.#files)
    const matching = stores.filter((id) => matchesStore(id, selection))
    const isSelective = Object.values(selection).some((value) => value !== undefined)
    if (matching.length === 0 && isSelective) throw this.#noSuchStore(selection, stores)
    return matching
  }

  /** What the files of a store tell without its rows being read. Damage is told in `problem`, not thrown. */
  async describe(id: ResolvedStoreId): Promise<StoreInfo> {
    return await describeStore(this.#files, this.#stores, id)
  }

  /**
   * The rows of all stores that match, sorted by operator, store name, partition, then the key's unsigned bytes. One store at a time is in memory.
   * Throws as `stores`, and what loading a version throws: VERSION_NOT_FOUND, BROKEN_CHAIN, CORRUPT_FILE, UNSUPPORTED.
   */
  async *rows(selection: RowsSelection = {}): AsyncGenerator<CheckpointRow, void, void> {
    const { operatorId, partitionId, storeName, version, signal } = selection
    for (const store of await this.stores({ operatorId, partitionId, storeName })) {
      await using provider = this.#stores.provider(store)
      await using opened = await provider.getReadStore(version, { ...(signal && { signal }) })
      for (const [key, value] of opened.getRange())
        yield { store, version: opened.version, key, value }
    }
  }

  /** Lets all memory go. May be called twice. */
  async close(): Promise<void> {
    await this.#stores.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #noSuchStore(selection: StoreSelection, stores: readonly ResolvedStoreId[]): StateStoreError {
    const { operatorId = '*', partitionId = '*', storeName = '*' } = selection
    const [first, last] = [stores.at(0), stores.at(-1)]
    const there =
      first === undefined || last === undefined
        ? 'none'
        : `${stores.length}, from ${storeIdText(first)} to ${storeIdText(last)}`
    return new StateStoreError(
      'TIDEMARK_CHECKPOINT_NOT_FOUND',
      `Expected a store ${operatorId}/${partitionId}/${storeName} (operator/partition/name) in ${this.location}, found none; the stores there are ${there}`,
      { path: this.location },
    )
  }
}
