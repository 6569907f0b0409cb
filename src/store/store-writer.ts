// StoreWriter — the half of a provider that exists only while it holds the lease: opens for update, commits, aborts, publishes snapshots.
//
// open: settle (a commit whose outcome is unknown) · survey (what is the newest version?) · check the rewind · recall or load · begin
//
// Every method is called under the provider's mutex, except writeSnapshot, which takes it to publish. While nothing fails, memory is the
// truth and opening reads no file; after any failed commit the next open surveys the files anew.
// Once FENCED or POISONED, a writer refuses everything but abort.

import { publishStep } from '../base/diagnostics.ts'
import { compressionOf } from '../codec/compressions.ts'
import { isStateStoreError, StateStoreError } from '../errors.ts'
import type { FileStatus } from '../files/file-manager.ts'
import { deltaName, sidecarName, snapshotName, type StoreFiles } from '../format/file-names.ts'
import { canonicalProgress } from '../format/progress.ts'
import {
  type CommitContext,
  commitStore,
  buildTrailer,
  settleCommit,
  UnsettledCommitError,
} from './commit.ts'
import type { Maintainable, SnapshotTicket } from './maintainable.ts'
import { OpenStore, type StoreHost } from './open-store.ts'
import type { StateStoreMetrics } from './metrics.ts'
import { loadVersion, type Recovered, type SidecarSubject, type WarmStart } from './recovery.ts'
import {
  fileOptions,
  FilesChangedError,
  listFiles,
  openSource,
  peekVersion,
} from './state-files.ts'
import { surveyAbove } from './survey.ts'
import { checkRewind } from './rewind.ts'
import { checkStateFile } from '../format/state-file-reader.ts'
import type { StreamTotals } from '../format/state-file-writer.ts'
import type { Trailer } from '../format/trailer.ts'
import { SnapshotSlot } from './snapshot-slot.ts'
import { StagedStateFile } from './staged-state-file.ts'
import { writeSidecar } from './state-sidecar.ts'
import type { CommitOptions } from './state-store.ts'
import { storeIdText } from './store-id.ts'
import { countLoad, recoveryContext, storeLocation, type StoreParts } from './store-parts.ts'
import type { VersionInfo } from './version-info.ts'
import { WriterLease } from './writer-lease.ts'

export interface GetStoreOptions {
  /** No version up to this one may be undone from now on; the highest ever given counts. */
  committedThrough?: number
  /** 'allow' lets this open undo more than the newest version. */
  rewind?: 'allow'
  /** Stops a load that is under way. */
  signal?: AbortSignal
}

/** What a writer needs of its provider. */
export interface WriterHooks {
  metrics(): StateStoreMetrics
  /** Called after every commit. */
  committed(): void
}

export class StoreWriter implements StoreHost {
  readonly #parts: StoreParts
  readonly #lease: WriterLease
  readonly #hooks: WriterHooks
  readonly #snapshots = new SnapshotSlot()
  readonly #damagedSnapshots = new Set<number>()
  /** The last snapshot that was read from end to end and found whole. */
  #checkedSnapshot: number | undefined
  #sidecars = new Set<string>()
  /** The newest version on disk; undefined until surveyed. */
  #latest: number | undefined
  #committedThrough = 0
  #open: OpenStore | undefined
  #committed: OpenStore | undefined
  #unsettled: UnsettledCommitError | undefined
  #ended: StateStoreError | undefined
  /** How often a commit has undone versions; cleaning that was planned before is off. */
  #rewindCount = 0

  private constructor(parts: StoreParts, lease: WriterLease, hooks: WriterHooks) {
    this.#parts = parts
    this.#lease = lease
    this.#hooks = hooks
  }

  static async claim(parts: StoreParts, hooks: WriterHooks): Promise<StoreWriter> {
    const { id, files, options } = parts
    const { durability, clock, owner } = options
    const lease = await WriterLease.claim({ id, files, durability, clock, owner })
    return new StoreWriter(parts, lease, hooks)
  }

  get #storeId(): string {
    return storeIdText(this.#parts.id)
  }

  /** The newest version, or undefined while it is not known for certain. */
  get latest(): number | undefined {
    const certain = this.#endedBy === undefined && this.#unsettled === undefined
    return certain ? this.#latest : undefined
  }

  /** The store now open for update. */
  get openStore(): OpenStore | undefined {
    return this.#open
  }

  // --- open

  async open(target: number | undefined, request: GetStoreOptions): Promise<OpenStore> {
    const startedMs = this.#parts.options.clock.elapsedMs()
    this.#checkUsable()
    if (this.#open !== undefined) {
      throw new StateStoreError(
        'TIDEMARK_STORE_BUSY',
        `Version ${this.#open.version} of ${this.#storeId} is open for update in this process already; commit or abort it first`,
        { storeId: this.#storeId, version: this.#open.version },
      )
    }
    const { map, info } = await this.#prepare(target, request).catch(async (error: unknown) => {
      throw this.#ending(await this.#orFenced(error))
    })
    map.begin()
    this.#open = new OpenStore({
      id: this.#parts.id,
      info,
      location: storeLocation(this.#parts),
      map,
      host: this,
    })
    const openMs = this.#parts.options.clock.elapsedMs() - startedMs
    this.#parts.counters.latencies.openMs = openMs
    publishStep('open', { storeId: this.#storeId, version: info.version, durationMs: openMs })
    return this.#open
  }

  async #prepare(target: number | undefined, request: GetStoreOptions): Promise<WarmStart> {
    await this.#settle()
    // A version beyond the newest known is looked for on disk, if only to say what is there.
    const mustSurvey = this.#latest === undefined || (target ?? 0) > this.#latest
    const surveyed = mustSurvey ? await this.#survey(target, request.signal) : undefined
    const latest = this.#latest!
    this.#committedThrough = Math.max(this.#committedThrough, request.committedThrough ?? 0)
    checkRewind({
      id: this.#parts.id,
      target: target ?? latest,
      latest,
      committedThrough: this.#committedThrough,
      allowed: request.rewind === 'allow',
    })
    return surveyed ?? (await this.#bring(target ?? latest, request.signal))
  }

  /** Loads `target`, or the newest version, and finds out which is the newest. */
  async #survey(target: number | undefined, signal: AbortSignal | undefined): Promise<WarmStart> {
    const recovered = await this.#load(target ?? 'latest', signal)
    const context = recoveryContext(this.#parts, signal)
    const above = await surveyAbove(recovered.info, recovered.files, context)
    this.#latest = above.version
    this.#committedThrough = Math.max(this.#committedThrough, above.committedThrough)
    this.#sidecars = new Set(recovered.files.sidecars.keys())
    return recovered
  }

  /** The version from memory, or from files. */
  async #bring(target: number, signal: AbortSignal | undefined): Promise<WarmStart> {
    const { installed, counters } = this.#parts
    if (installed.newest?.info.version === target || installed.rewindTo(target)) {
      counters.cacheHits++
      return installed.newest!
    }
    return await this.#load(target, signal)
  }

  async #load(target: number | 'latest', signal: AbortSignal | undefined): Promise<Recovered> {
    const { installed, options } = this.#parts
    const startedMs = options.clock.elapsedMs()
    const context = recoveryContext(this.#parts, signal)
    const recovered = await loadVersion(target, context, await trustedWarmStart(this.#parts))
    countLoad(this.#parts, recovered, startedMs)
    for (const version of recovered.damagedSnapshots) this.#damagedSnapshots.add(version)
    installed.adopt(recovered)
    installed.retain(Math.max(1, options.maxBatchesToRetainInMemory))
    for (const subject of recovered.staleSidecars) await this.#repairSidecar(subject)
    return recovered
  }

  /** A sidecar is an extra, so a repair that fails fails nothing else. */
  async #repairSidecar(subject: SidecarSubject): Promise<void> {
    const { directory } = this.#lease
    try {
      if (this.#parts.options.checksumFiles) {
        await writeSidecar(directory, subject, this.#parts.options.clock)
      } else {
        await directory.remove(sidecarName(subject.name))
      }
    } catch (error) {
      this.#sidecarFailed(this.#ending(error))
    }
  }

  #sidecarFailed(error: unknown): void {
    this.#parts.counters.sidecarFailures++
    this.#parts.options.logger.warn(
      `A sidecar of ${this.#storeId} could not be written; the version stands: ${String(error)}`,
    )
  }

  async #settle(): Promise<void> {
    const unsettled = this.#unsettled
    if (unsettled === undefined) return
    try {
      const { commit, reason } = unsettled
      await settleCommit(commit, this.#lease, recoveryContext(this.#parts), reason)
    } catch (error) {
      if (error instanceof UnsettledCommitError) throw this.#outcomeUnknown(error)
      throw this.#ending(error)
    }
    this.#unsettled = undefined
    this.#latest = undefined
  }

  // --- StoreHost

  stageDelta(version: number): StagedStateFile {
    return this.#stage('delta', deltaName(version + 1))
  }

  checkCommit(version: number, { progress, committedThrough }: CommitOptions): void {
    if (progress !== undefined) canonicalProgress(progress)
    if (committedThrough !== undefined) {
      const inRange = Number.isSafeInteger(committedThrough) && committedThrough >= 0
      if (!inRange || committedThrough > version + 1) {
        throw new RangeError(
          `Expected \`committedThrough\` to be a whole number, 0 to ${version + 1}, got ${String(committedThrough)}`,
        )
      }
    }
    const wantsTrailer = progress !== undefined || committedThrough !== undefined
    if (wantsTrailer && !this.#parts.options.trailer) {
      throw new StateStoreError(
        'TIDEMARK_INVALID_OPTIONS',
        `\`progress\` and \`committedThrough\` are kept in the trailer, but ${this.#storeId} was opened with trailer: false`,
        { storeId: this.#storeId },
      )
    }
  }

  async commit(store: OpenStore, request: CommitOptions): Promise<number> {
    return await this.#parts.mutex.run(() => this.#commit(store, request))
  }

  async abort(store: OpenStore): Promise<void> {
    await this.#parts.mutex.run(async () => {
      store.map.abort()
      if (this.#open === store) this.#open = undefined
      if (this.#parts.options.maxBatchesToRetainInMemory === 0) this.#parts.installed.drop()
      await store.delta?.discard()
      publishStep('abort', { storeId: this.#storeId, version: store.version })
    })
  }

  metrics(): StateStoreMetrics {
    return this.#hooks.metrics()
  }

  async #commit(store: OpenStore, request: CommitOptions): Promise<number> {
    const { counters, historical } = this.#parts
    try {
      this.#checkUsable()
      const result = await commitStore(store, request, this.#commitContext())
      const { version, committedThrough } = result.info
      this.#committed?.releaseCommitted()
      this.#committed = store
      this.#open = undefined
      this.#committedThrough = committedThrough
      this.#latest = result.written ? version : Math.max(this.#latest ?? 0, version)
      historical.detachFrom(version)
      const { sealMs, publishMs, installMs } = result
      Object.assign(counters.latencies, { sealMs, publishMs, installMs })
      counters.latencies.commitMs = sealMs + publishMs + installMs
      this.#hooks.committed()
      return version
    } catch (error) {
      throw this.#commitFailed(store, request, await this.#orFenced(error))
    }
  }

  #commitFailed(store: OpenStore, request: CommitOptions, error: unknown): unknown {
    // Whatever was removed or published before the failure, the files tell: look at the next open.
    this.#latest = undefined
    const version = store.version + 1
    publishStep('commitFailed', { storeId: this.#storeId, version, error })
    if (request.signal?.aborted && error === request.signal.reason) return error
    if (error instanceof UnsettledCommitError) this.#unsettled = error
    const cause =
      error instanceof UnsettledCommitError ? this.#outcomeUnknown(error) : this.#ending(error)
    const known = isStateStoreError(cause) ? cause : undefined
    return new StateStoreError(
      known?.code ?? 'TIDEMARK_INVARIANT_VIOLATED',
      `Error committing version ${version} into ${store.toString()}`,
      { storeId: this.#storeId, version, path: known?.path, published: known?.published, cause },
    )
  }

  #outcomeUnknown(error: UnsettledCommitError): StateStoreError {
    const { info, name } = error.commit
    return new StateStoreError(
      'TIDEMARK_COMMIT_OUTCOME_UNKNOWN',
      `The storage failed while ${name} was being published, and again when asked what had happened; the next getStore of ${this.#storeId} settles it`,
      { storeId: this.#storeId, version: info.version, published: 'unknown', cause: error.reason },
    )
  }

  /**
   * What a newer writer does to the files looks to an older one like missing or broken versions. So before anybody is told that, we look
   * whether the lease is lost: then that is the matter. All of these are found by reading, before anything was published.
   */
  async #orFenced(error: unknown): Promise<unknown> {
    const kind = isStateStoreError(error) ? error.kind : undefined
    if (kind !== 'missing' && kind !== 'corrupt' && kind !== 'conflict') return error
    try {
      await this.#lease.directory.refuseIfFenced()
    } catch (reason) {
      if (isStateStoreError(reason, 'TIDEMARK_FENCED')) return reason
    }
    return error
  }

  /** Remembers an error after which this writer may not go on. */
  #ending(error: unknown): unknown {
    if (isStateStoreError(error, 'TIDEMARK_FENCED', 'TIDEMARK_POISONED')) {
      if (error.code === 'TIDEMARK_FENCED') publishStep('fenced', { storeId: this.#storeId, error })
      this.#ended = error
    }
    return error
  }

  /** The error after which this writer may not go on, if there was one. */
  get #endedBy(): StateStoreError | undefined {
    return this.#ended ?? this.#lease.lost
  }

  #checkUsable(): void {
    const ended = this.#endedBy
    if (ended === undefined) return
    throw new StateStoreError(
      ended.code,
      `The writer of ${this.#storeId} (generation ${this.#lease.generation}) was ended by an earlier error and stays ended; open a new provider: ${ended.message}`,
      { storeId: this.#storeId, published: 'no', cause: ended },
    )
  }

  #commitContext(): CommitContext {
    const { id, options, installed } = this.#parts
    return {
      id,
      options,
      clock: options.clock,
      logger: options.logger,
      lease: this.#lease,
      recovery: recoveryContext(this.#parts),
      installed,
      latest: this.#latest ?? 0,
      committedThrough: this.#committedThrough,
      sidecars: this.#sidecars,
      location: this.#parts.files.location,
      rewinding: (version) => {
        this.#rewindCount++
        this.#checkedSnapshot = undefined
        this.#snapshots.cancelFrom(version)
      },
      sidecarFailed: (error) => this.#sidecarFailed(this.#ending(error)),
    }
  }

  #stage(kind: 'delta' | 'snapshot', name: string): StagedStateFile {
    const { compression, rowChecksums } = this.#parts.options
    return new StagedStateFile({
      directory: this.#lease.directory,
      name,
      kind,
      compression: compressionOf(compression),
      rowChecksums,
    })
  }

  // --- maintenance

  /** Maintenance met an error: one of those after which this writer may not go on is remembered. */
  maintenanceFailed(error: unknown): void {
    this.#ending(error)
  }

  /** Undefined while the newest version is not known, or the writer has ended. */
  maintainable(): Maintainable | undefined {
    const latest = this.latest
    if (latest === undefined) return undefined
    const { id, options, counters } = this.#parts
    const rewindCount = this.#rewindCount
    return {
      id,
      options,
      latest,
      damagedSnapshots: this.#damagedSnapshots,
      list: () => listFiles(recoveryContext(this.#parts)),
      writeSnapshot: (version, write) => this.#writeSnapshot(version, write),
      checkSnapshot: (version, files) => this.#checkSnapshot(version, files),
      cleanLeftovers: () => this.#lease.cleanLeftovers(),
      remove: (name) => this.#remove(name, { latest, rewindCount }),
      cleaned: (durationMs) => {
        counters.latencies.cleanMs = durationMs
      },
    }
  }

  /**
   * INVARIANT: cleaning and rewinding never meet. A rewind takes away the snapshot that made older deltas dispensable, and commits on top of
   * those deltas; so a removal runs under the mutex, only if nothing was undone since it was planned, and only if no store is open at a version
   * that cleaning may take away.
   */
  async #remove(name: string, planned: { latest: number; rewindCount: number }): Promise<boolean> {
    return await this.#parts.mutex.run(async () => {
      const kept = planned.latest - this.#parts.options.minBatchesToRetain
      if (planned.rewindCount !== this.#rewindCount) return false
      if (this.#open !== undefined && this.#open.version < kept) return false
      await this.#lease.directory.remove(name)
      this.#sidecars.delete(name)
      return true
    })
  }

  async #checkSnapshot(version: number, files: StoreFiles<FileStatus>): Promise<boolean> {
    if (this.#checkedSnapshot === version) return true
    const context = recoveryContext(this.#parts)
    try {
      const source = openSource(context, files, 'snapshot', version)
      if (source === undefined) return false
      await checkStateFile(source, fileOptions(context, 'snapshot', version))
    } catch (error) {
      if (error instanceof FilesChangedError) return false // Undone meanwhile.
      if (!isStateStoreError(error) || error.kind !== 'corrupt') throw error
      this.#damagedSnapshots.add(version)
      publishStep('repair', { storeId: this.#storeId, version, error })
      return false
    }
    this.#checkedSnapshot = version
    return true
  }

  /** Gives up the snapshot under way, and starts none any more. */
  stopSnapshots(): void {
    this.#snapshots.stop()
  }

  /** Ends a clean life: the open store is aborted, the staging folder goes, and with it the power to write. */
  async close(): Promise<void> {
    this.stopSnapshots()
    await this.#snapshots.idle()
    await this.#open?.[Symbol.asyncDispose]()
    this.#committed?.releaseCommitted()
    if (this.#endedBy === undefined) await this.#lease.release()
  }

  async #writeSnapshot(
    version: number,
    write: (ticket: SnapshotTicket) => Promise<void>,
  ): Promise<boolean> {
    const { installed, counters, options } = this.#parts
    const startedMs = options.clock.elapsedMs()
    const written = await this.#snapshots.run(version, async (signal) => {
      const info = installed.info(version)
      const view = installed.view(version)
      if (info === undefined || view === undefined) return false
      const file = this.#stage('snapshot', snapshotName(version))
      try {
        await write({ view, file, signal })
        return await this.#publishSnapshot(info, file, signal)
      } catch (error) {
        await file.discard()
        if (signal.aborted) return false
        throw this.#ending(error)
      } finally {
        view.release()
      }
    })
    if (written !== true) return false
    counters.latencies.snapshotMs = options.clock.elapsedMs() - startedMs
    publishStep('snapshot', {
      storeId: this.#storeId,
      version,
      durationMs: counters.latencies.snapshotMs,
    })
    return true
  }

  /** False if the version was undone while its rows were being written. */
  async #publishSnapshot(
    info: VersionInfo,
    file: StagedStateFile,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { mutex, options, counters } = this.#parts
    const staged = await file.seal(this.#snapshotTrailer(info, file.end()))
    return await mutex.run(async () => {
      // A rewind runs under this mutex too: if it came first it has aborted the signal.
      if (signal.aborted || this.#endedBy !== undefined) {
        await file.discard()
        return false
      }
      const sidecar = sidecarName(file.name)
      if (this.#sidecars.delete(sidecar)) await this.#lease.directory.remove(sidecar)
      await this.#lease.directory.publish(staged, file.name, 'replace')
      this.#damagedSnapshots.delete(info.version)
      counters.lastSnapshotVersion = Math.max(counters.lastSnapshotVersion, info.version)
      if (options.checksumFiles) await this.#addSidecar(file)
      return true
    })
  }

  async #addSidecar(file: StagedStateFile): Promise<void> {
    try {
      await writeSidecar(this.#lease.directory, file, this.#parts.options.clock)
      this.#sidecars.add(sidecarName(file.name))
    } catch (error) {
      this.#sidecarFailed(this.#ending(error))
    }
  }

  #snapshotTrailer(info: VersionInfo, totals: StreamTotals): Trailer | undefined {
    const { id, options } = this.#parts
    if (!options.trailer) return undefined
    return buildTrailer({
      id,
      kind: 'snapshot',
      info,
      stamp: this.#lease.nextStamp(),
      totals,
      keys: totals.puts,
      codec: options.compression,
    })
  }
}

/** The newest version in memory, if the file on disk is still the one it came from; another process may have rewound it. */
export async function trustedWarmStart(parts: StoreParts): Promise<WarmStart | undefined> {
  const newest = parts.installed.newest
  if (newest === undefined || newest.info.version === 0) return newest
  const onDisk = await peekVersion(newest.info.version, recoveryContext(parts))
  return onDisk !== undefined && onDisk !== 'foreign' && onDisk.id === newest.info.id
    ? newest
    : undefined
}
