// OpenStore — version N of a store while it becomes N + 1.
//
//   updating ──commit──> committed     reads go on until the next commit, or until it is undone
//      │ └──commit fails──> (still updating: reads, and abort)
//      └──abort──> aborted             reads no more
//
// put and remove change the map first and the delta second: the map may refuse (MEMORY_LIMIT) and then nothing has happened; the delta only
// queues, and keeps its failure for commit. Of puts the map tells it, some at a time, from where it has them: copied by the word that takes half of what
// their bytes take (PERF). Of a removal behind a getView or getSlice it takes a copy of the key, which may be a view of what is written over. The
// texts are those of Spark's HDFSBackedStateStore, word for word.

import type { ByteSlice } from '../base/byte-slice.ts'
import { StateStoreError } from '../errors.ts'
import type { RowWords } from '../base/row-words.ts'
import { copyProgress } from '../format/progress.ts'
import { VALUE_BYTES_MAX } from '../format/record-stream.ts'
import type { MapReader, MapView, PutLog, VersionedMap } from '../map/versioned-map.ts'
import { checkCallOptions } from './call-options.ts'
import type { StateStoreMetrics } from './metrics.ts'
import type { StagedStateFile } from './staged-state-file.ts'
import type { CommitOptions, StateStore, StoreState } from './state-store.ts'
import { type ResolvedStoreId, storeIdText } from './store-id.ts'
import { checkKey, notBytes, StoreReader } from './store-reader.ts'
import type { VersionInfo } from './version-info.ts'

/** What an open store needs of its provider. */
export interface StoreHost {
  /** A delta for the version after `version`, not yet in any file. */
  stageDelta(version: number): StagedStateFile
  /** Throws what is wrong with the options of a commit, before anything is done. */
  checkCommit(version: number, options: CommitOptions): void
  commit(store: OpenStore, options: CommitOptions): Promise<number>
  abort(store: OpenStore): Promise<void>
  metrics(): StateStoreMetrics
}

export interface OpenStoreParts {
  readonly id: ResolvedStoreId
  readonly info: VersionInfo
  readonly location: string
  /** In a transaction on `info.version`; this store is its only user until it has ended. */
  readonly map: VersionedMap
  readonly host: StoreHost
}

export class OpenStore extends StoreReader implements StateStore, PutLog {
  readonly #map: VersionedMap
  readonly #host: StoreHost
  #state: StoreState = 'updating'
  /** Set while `updating` once a commit has begun: changes are over. */
  #sealed: 'no' | 'committing' | 'failed' = 'no'
  #delta: StagedStateFile | undefined
  /** Whether views or slices of the map were lent since the last change: the next one may be a removal that is given them. */
  #hasLent = false
  #committedView: MapView | undefined
  #ending: Promise<unknown> | undefined

  constructor(parts: OpenStoreParts) {
    super(parts.id, parts.info, parts.location)
    this.#map = parts.map
    this.#host = parts.host
  }

  get state(): StoreState {
    return this.#state
  }

  get hasCommitted(): boolean {
    return this.#state === 'committed'
  }

  get metrics(): StateStoreMetrics {
    return this.#host.metrics()
  }

  put(key: Uint8Array, value: Uint8Array): void {
    if (this.#state !== 'updating' || this.#sealed !== 'no') throw this.#finished('put')
    checkKey(key)
    if (!(value instanceof Uint8Array)) throw notBytes('value', value)
    if (value.length > VALUE_BYTES_MAX) {
      throw new RangeError(
        `Expected \`value\` to have at most ${VALUE_BYTES_MAX} bytes, got ${value.length}`,
      )
    }
    this.#map.put(key, value)
    this.#hasLent = false
  }

  remove(key: Uint8Array): boolean {
    if (this.#state !== 'updating' || this.#sealed !== 'no') throw this.#finished('remove')
    checkKey(key)
    const own = this.#hasLent ? new Uint8Array(key) : key
    if (!this.#map.remove(own)) return false
    this.#hasLent = false
    this.#stagedDelta().remove(own)
    return true
  }

  override getView(key: Uint8Array): Uint8Array | undefined {
    this.#hasLent = true
    return super.getView(key)
  }

  override getSlice(key: Uint8Array, into: ByteSlice): boolean {
    this.#hasLent = true
    return super.getSlice(key, into)
  }

  override getViews(keys: readonly Uint8Array[]): (Uint8Array | undefined)[] {
    this.#hasLent = true
    return super.getViews(keys)
  }

  async commit(options: CommitOptions = {}): Promise<number> {
    if (this.#state !== 'updating' || this.#sealed !== 'no') throw this.#finished('commit')
    checkCallOptions('commit', options)
    this.#host.checkCommit(this.version, options)
    options.signal?.throwIfAborted()
    // Copied now: the commit may have to wait for its turn, and `progress` is the caller's to change meanwhile.
    const progress = options.progress === undefined ? undefined : copyProgress(options.progress)
    this.#sealed = 'committing'
    const committing = this.#host.commit(this, { ...options, progress })
    this.#ending = committing.catch(() => undefined)
    try {
      const version = await committing
      this.#state = 'committed'
      return version
    } catch (error) {
      this.#sealed = 'failed'
      throw error
    }
  }

  async abort(): Promise<void> {
    if (this.#state === 'aborted') return void (await this.#ending)
    if (this.#state === 'committed' || this.#sealed === 'committing') throw this.#finished('abort')
    this.#state = 'aborted'
    this.#ending = this.#host.abort(this)
    await this.#ending
  }

  /** Aborts a store that is still open, waits for a commit that is running, lets go of one that has committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ending
    // It may have begun while we waited.
    while (this.#sealed === 'committing' && this.#state === 'updating') await this.#ending
    if (this.#state === 'updating') await this.abort()
    this.releaseCommitted()
  }

  protected reader(verb: string): MapReader {
    // Behind a failed commit the map may have been given up, with all that is in it.
    if (this.#state === 'updating' && this.#map.inTransaction) return this.#map
    if (this.#committedView !== undefined) return this.#committedView
    throw this.#finished(verb)
  }

  // --- for the provider

  /** For the map, which tells of puts. */
  putRow(row: RowWords): void {
    this.#stagedDelta().putRow(row)
  }

  /** The delta with all changes, made at the first need. */
  takeDelta(): StagedStateFile {
    this.#map.logPuts()
    return this.#stagedDelta()
  }

  /** The delta if a change has made one. */
  get delta(): StagedStateFile | undefined {
    return this.#delta
  }

  get map(): VersionedMap {
    return this.#map
  }

  get openedInfo(): VersionInfo {
    return this.info
  }

  /** Lets reads go on after the commit, on the committed version. */
  readFrom(view: MapView): void {
    this.#committedView = view
  }

  /** Ends the reads of a committed store: a newer version is there. */
  releaseCommitted(): void {
    this.#committedView?.release()
    this.#committedView = undefined
  }

  #stagedDelta(): StagedStateFile {
    this.#delta ??= this.#host.stageDelta(this.version)
    return this.#delta
  }

  #finished(verb: string): StateStoreError {
    const reason =
      this.#state === 'aborted' || this.#state === 'committed'
        ? 'already committed or aborted'
        : this.#sealed === 'committing'
          ? 'commit has begun'
          : 'a failed commit; abort it and open the store again'
    return new StateStoreError('TIDEMARK_STORE_FINISHED', `Cannot ${verb} after ${reason}`, {
      storeId: storeIdText(this.id),
      version: this.version,
    })
  }
}
