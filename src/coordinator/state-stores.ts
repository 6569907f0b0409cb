// StateStores — the stores of one checkpoint location in this process: the registry of their providers, and their maintenance.

import { publishStep } from '../base/diagnostics.ts'
import { unfailing } from '../base/logger.ts'
import { isStateStoreError, StateStoreError } from '../errors.ts'
import { checkFileManager } from '../files/check-file-manager.ts'
import type { CheckpointFileManager } from '../files/file-manager.ts'
import { openLocation } from '../files/open-location.ts'
import { maintain } from '../maintenance/maintain.ts'
import { MaintenanceScheduler } from '../maintenance/scheduler.ts'
import { type ResolvedOptions, resolveOptions, type StateStoreOptions } from '../store/options.ts'
import { StateStoreProvider } from '../store/provider.ts'
import { resolveStoreId, type StoreId, storeIdText } from '../store/store-id.ts'

/** Bytes of the secret that keys are hashed with. */
const HASH_SEED_BYTES = 8

export class StateStores implements AsyncDisposable {
  readonly #files: CheckpointFileManager
  readonly #options: ResolvedOptions
  readonly #hashSeed: Uint8Array
  readonly #providers = new Map<string, StateStoreProvider>()
  readonly #scheduler: MaintenanceScheduler<StateStoreProvider>
  #closing: Promise<void> | undefined

  private constructor(files: CheckpointFileManager, options: ResolvedOptions) {
    this.#files = files
    this.#options = options
    this.#hashSeed = options.clock.randomBytes(HASH_SEED_BYTES)
    this.#scheduler = new MaintenanceScheduler({
      intervalMs: options.maintenanceIntervalMs,
      concurrency: options.maintenanceConcurrency,
      clock: options.clock,
      stores: () => this.#providers.values(),
      maintain: (provider) => provider.doMaintenance(),
      failed: (provider, error) => this.#maintenanceFailed(provider, error),
    })
  }

  /**
   * The stores of a checkpoint: `location` is a folder on local disk, a `webhdfs://`, `swebhdfs://` or `s3://` URL, or a file manager (for options
   * of its own, or for anywhere else). Nothing is read or written yet, and the folder need not exist, but for `readOnly: true`, which refuses one that does not: CHECKPOINT_NOT_FOUND. INVALID_OPTIONS for options and
   * locations that are not right, TypeError for a location that is neither text nor file manager, RangeError for one that is no path ('').
   */
  static async open(
    location: string | CheckpointFileManager,
    options: StateStoreOptions = {},
  ): Promise<StateStores> {
    const resolved = withUnfailingLogger(resolveOptions(options))
    const files =
      typeof location === 'string' ? await openLocation(location) : checkFileManager(location)
    if (resolved.readOnly && (await files.stat('')) === undefined) {
      throw new StateStoreError(
        'TIDEMARK_CHECKPOINT_NOT_FOUND',
        `Expected a checkpoint at ${files.location}, found nothing there`,
        { path: files.location },
      )
    }
    const stores = new StateStores(files, resolved)
    stores.#scheduler.start()
    return stores
  }

  /** The checkpoint location, for people. */
  get location(): string {
    return this.#files.location
  }

  /** The provider of one store; the same object for the same id until it is closed. INVALID_OPTIONS for an id that is not right, or has other members and no `storeName`, PROVIDER_CLOSED after close(). */
  provider(storeId: StoreId): StateStoreProvider {
    const id = resolveStoreId(storeId)
    this.#checkOpen()
    const name = storeIdText(id)
    const known = this.#providers.get(name)
    if (known !== undefined) return known
    const provider = new StateStoreProvider({
      id,
      files: this.#files,
      options: this.#options,
      hashSeed: this.#hashSeed,
      hooks: {
        maintain,
        committed: (committed, lag) => this.#committed(committed, lag),
        closed: (closed) => this.#forget(closed),
      },
    })
    this.#providers.set(name, provider)
    return provider
  }

  /** One round of maintenance over all providers now, one after the other. Rejects with an AggregateError of what failed; PROVIDER_CLOSED after close(). */
  async doMaintenance(): Promise<void> {
    this.#checkOpen()
    const failures: unknown[] = []
    for (const provider of this.#providers.values()) {
      try {
        await provider.doMaintenance()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'Maintenance failed')
  }

  /**
   * Aborts open stores and closes all providers. A round of maintenance is cut short, and a snapshot under way given up, also one that a commit has asked for:
   * a process that lives for less than `maintenanceIntervalMs` calls doMaintenance() first, or its stores get no snapshots and are never cleaned. May be
   * called twice. Rejects with an AggregateError of what failed; all are closed then, too.
   */
  async close(): Promise<void> {
    this.#closing ??= this.#close()
    await this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    const stopped = this.#scheduler.stop()
    const closings = [...this.#providers.values()].map((provider) => provider.close())
    const outcomes = await Promise.allSettled([...closings, stopped])
    const failures = outcomes
      .filter((outcome) => outcome.status === 'rejected')
      .map((outcome): unknown => outcome.reason)
    if (failures.length > 0) throw new AggregateError(failures, 'Some stores did not close cleanly')
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return
    throw new StateStoreError(
      'TIDEMARK_PROVIDER_CLOSED',
      `The stores of ${this.location} were closed; open them again`,
    )
  }

  /** A store whose last snapshot lies far back gets one at once: its recovery would be slow, and slower with every commit. */
  #committed(provider: StateStoreProvider, snapshotLag: number): void {
    const { forceSnapshotAtDeltas, minDeltasForSnapshot } = this.#options
    if (snapshotLag <= Math.max(forceSnapshotAtDeltas, minDeltasForSnapshot)) return
    if (this.#scheduler.request(provider)) provider.countForcedSnapshot()
  }

  #forget(provider: StateStoreProvider): void {
    const name = storeIdText(provider.id)
    if (this.#providers.get(name) === provider) this.#providers.delete(name)
  }

  #maintenanceFailed(provider: StateStoreProvider, error: unknown): void {
    // Closing is no failure of maintenance.
    if (isStateStoreError(error, 'TIDEMARK_PROVIDER_CLOSED')) return
    const storeId = storeIdText(provider.id)
    publishStep('maintenanceFailed', { storeId, error })
    // Of a writer that has ended nothing is maintained any more.
    const hasEnded = isStateStoreError(error, 'TIDEMARK_FENCED', 'TIDEMARK_POISONED')
    const sequel = hasEnded ? '' : ' and is tried again next round'
    this.#options.logger.warn(`Maintenance of ${storeId} failed${sequel}: ${String(error)}`)
  }
}

function withUnfailingLogger(options: ResolvedOptions): ResolvedOptions {
  return Object.freeze({ ...options, logger: unfailing(options.logger) })
}
