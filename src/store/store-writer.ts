// StoreWriter — the half of a provider that exists only while it holds the lease: opens for update, commits, aborts.
//
// open: settle (a commit whose outcome is unknown) · survey (what is the newest version?) · check the rewind · recall or load · begin
//
// Opens run under the provider's mutex; commits and aborts take it. While nothing fails, memory is the truth and opening reads no file; after
// any failed commit the next open surveys the files anew. Once FENCED or POISONED, a writer refuses everything but abort.
// Not here: the lease and the files it may write (leased-store.ts), snapshots and cleaning (store-maintenance.ts).

import { describeValue } from '../base/describe-value.ts'
import { publishStep } from '../base/diagnostics.ts'
import { isStateStoreError, StateStoreError } from '../errors.ts'
import { deltaName } from '../format/file-names.ts'
import { canonicalProgress } from '../format/progress.ts'
import { type CommitContext, commitStore, settleCommit, UnsettledCommitError } from './commit.ts'
import { LeasedStore } from './leased-store.ts'
import type { Maintainable } from './maintainable.ts'
import type { StateStoreMetrics } from './metrics.ts'
import { OpenStore, type StoreHost } from './open-store.ts'
import { loadVersion, type Recovered, type WarmStart } from './recovery.ts'
import { restampNewest } from './restamp-newest.ts'
import { checkRewind } from './rewind.ts'
import type { StagedStateFile } from './staged-state-file.ts'
import { isRebuildable, listFiles } from './state-files.ts'
import type { CommitOptions } from './state-store.ts'
import { StoreMaintenance } from './store-maintenance.ts'
import { countLoad, recoveryContext, storeLocation, type StoreParts } from './store-parts.ts'
import { surveyAbove } from './survey.ts'

export interface GetStoreOptions {
  /** No version up to this one may be undone from now on; at most the newest version. The highest ever given counts. */
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
  readonly #leased: LeasedStore
  readonly #hooks: WriterHooks
  readonly #maintenance: StoreMaintenance
  /** The newest version on disk; undefined until surveyed. */
  #latest: number | undefined
  #committedThrough = 0
  #open: OpenStore | undefined
  #committed: OpenStore | undefined
  #unsettled: UnsettledCommitError | undefined
  /** Whether the newest version bears this holder's stamp, where that is needed. */
  #hasTakenOver = false

  private constructor(leased: LeasedStore, hooks: WriterHooks) {
    this.#parts = leased.parts
    this.#leased = leased
    this.#hooks = hooks
    this.#maintenance = new StoreMaintenance(leased, () => this.#open?.version)
  }

  static async claim(parts: StoreParts, hooks: WriterHooks): Promise<StoreWriter> {
    return new StoreWriter(await LeasedStore.claim(parts), hooks)
  }

  get #storeId(): string {
    return this.#leased.storeId
  }

  /** The newest version, or undefined while it is not known for certain. */
  get latest(): number | undefined {
    const certain = this.#leased.endedBy === undefined && this.#unsettled === undefined
    return certain ? this.#latest : undefined
  }

  /** The store now open for update. */
  get openStore(): OpenStore | undefined {
    return this.#open
  }

  // --- open

  async open(target: number | undefined, request: GetStoreOptions): Promise<OpenStore> {
    const startedMs = this.#parts.options.clock.elapsedMs()
    this.#leased.checkUsable()
    if (this.#open !== undefined) {
      throw new StateStoreError(
        'TIDEMARK_STORE_BUSY',
        `Version ${this.#open.version} of ${this.#storeId} is open for update in this process already; commit or abort it first`,
        { storeId: this.#storeId, version: this.#open.version },
      )
    }
    const { map, info } = await this.#prepare(target, request).catch(async (error: unknown) => {
      throw this.#leased.ending(await this.#leased.orFenced(error))
    })
    await this.#parts.installed.reclaim(this.#parts.options.clock)
    this.#open = new OpenStore({
      id: this.#parts.id,
      info,
      location: storeLocation(this.#parts),
      map,
      host: this,
    })
    map.begin(this.#open)
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
    this.#committedThrough = Math.max(
      this.#committedThrough,
      this.#checkPromise(request.committedThrough, latest),
    )
    checkRewind({
      id: this.#parts.id,
      target: target ?? latest,
      latest,
      committedThrough: this.#committedThrough,
      allowed: request.rewind === 'allow',
      movesAtomically: this.#leased.lease.directory.movesAtomically,
    })
    return surveyed ?? (await this.#bring(target ?? latest, request.signal))
  }

  /** What a caller of getStore may declare final: versions that are there, in a store that can keep the promise. */
  #checkPromise(committedThrough = 0, latest: number): number {
    if (committedThrough > latest) {
      throw new RangeError(
        `Expected \`committedThrough\` to be at most ${latest}, the newest version of ${this.#storeId}, got ${committedThrough}`,
      )
    }
    if (committedThrough > 0) this.#checkTrailer()
    return committedThrough
  }

  #checkTrailer(): void {
    if (this.#parts.options.trailer) return
    throw new StateStoreError(
      'TIDEMARK_INVALID_OPTIONS',
      `\`progress\` and \`committedThrough\` are kept in the trailer, but ${this.#storeId} was opened with trailer: false`,
      { storeId: this.#storeId },
    )
  }

  /** Loads `target`, or the newest version, and finds out which is the newest. */
  async #survey(target: number | undefined, signal: AbortSignal | undefined): Promise<WarmStart> {
    await this.#takeOver(signal)
    const recovered = await this.#load(target ?? 'latest', signal)
    const context = recoveryContext(this.#parts, signal)
    const goesBack = target !== undefined
    const above = await surveyAbove(recovered.info, recovered.files, context, goesBack)
    this.#latest = above.version
    this.#committedThrough = Math.max(this.#committedThrough, above.committedThrough)
    for (const name of recovered.files.sidecars.keys()) this.#leased.sidecars.add(name)
    return recovered
  }

  /** Before anything is reported of files that an older writer may still replace. Where the newest file is damaged nothing is, but it can be undone. */
  async #takeOver(signal: AbortSignal | undefined): Promise<void> {
    const { lease } = this.#leased
    if (this.#hasTakenOver || lease.directory.movesAtomically) return
    try {
      await restampNewest(recoveryContext(this.#parts, signal), lease)
      this.#hasTakenOver = true
    } catch (error) {
      if (!isStateStoreError(error) || error.kind !== 'corrupt') throw error
    }
  }

  /** The version from memory, or from files. */
  async #bring(target: number, signal: AbortSignal | undefined): Promise<WarmStart> {
    const { installed, counters } = this.#parts
    if (target < this.#latest!) {
      // INVARIANT: what is committed over can be rebuilt from files. The commit removes every later snapshot, so if cleaning has taken this
      // version, which memory may hold all the same, nothing would be left to begin from. Loading it says what is missing.
      const files = await listFiles(recoveryContext(this.#parts, signal))
      if (!isRebuildable(target, files)) return await this.#load(target, signal)
      // The version that was committed last is about to be undone, and its store's reads with it; they must not keep it in memory.
      this.#committed?.releaseCommitted()
    }
    await installed.reclaim(this.#parts.options.clock)
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
    const recovered = await loadVersion(target, context, installed.newest)
    countLoad(this.#parts, recovered, startedMs)
    installed.adopt(recovered)
    installed.retain(Math.max(1, options.maxBatchesToRetainInMemory))
    for (const subject of recovered.staleSidecars) await this.#leased.repairSidecar(subject)
    return recovered
  }

  async #settle(): Promise<void> {
    const unsettled = this.#unsettled
    if (unsettled === undefined) return
    try {
      const { commit, reason } = unsettled
      await settleCommit(commit, this.#leased.lease, recoveryContext(this.#parts), reason)
    } catch (error) {
      if (error instanceof UnsettledCommitError) throw this.#outcomeUnknown(error)
      throw this.#leased.ending(error)
    }
    this.#unsettled = undefined
    this.#latest = undefined
  }

  // --- StoreHost

  stageDelta(version: number): StagedStateFile {
    return this.#leased.stage('delta', deltaName(version + 1))
  }

  checkCommit(version: number, { progress, committedThrough }: CommitOptions): void {
    if (progress !== undefined) canonicalProgress(progress)
    if (committedThrough !== undefined) {
      const inRange = Number.isSafeInteger(committedThrough) && committedThrough >= 0
      if (!inRange || committedThrough > version + 1) {
        throw new RangeError(
          `Expected \`committedThrough\` to be a whole number, 0 to ${version + 1}, got ${describeValue(committedThrough)}`,
        )
      }
    }
    if (progress !== undefined || committedThrough !== undefined) this.#checkTrailer()
  }

  async commit(store: OpenStore, request: CommitOptions): Promise<number> {
    return await this.#parts.mutex.run(() => this.#commit(store, request))
  }

  async abort(store: OpenStore): Promise<void> {
    await this.#parts.mutex.run(async () => {
      if (store.map.inTransaction) store.map.abort()
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
    const { counters, historical, installed, options } = this.#parts
    const appendedBytes = store.map.transactionBytes
    try {
      this.#leased.checkUsable()
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
      await installed.tidy(appendedBytes, options.clock)
      return version
    } catch (error) {
      throw this.#commitFailed(store, request, await this.#leased.orFenced(error))
    }
  }

  #commitFailed(store: OpenStore, request: CommitOptions, error: unknown): unknown {
    // Whatever was removed or published before the failure, the files tell: look at the next open.
    this.#latest = undefined
    const version = store.version + 1
    this.#parts.historical.detachFrom(version)
    publishStep('commitFailed', { storeId: this.#storeId, version, error })
    if (request.signal?.aborted && error === request.signal.reason) return error
    if (error instanceof UnsettledCommitError) this.#unsettled = error
    const cause =
      error instanceof UnsettledCommitError
        ? this.#outcomeUnknown(error)
        : this.#leased.ending(error)
    const known = isStateStoreError(cause) ? cause : undefined
    if (known === undefined || known.kind === 'internal') this.#forgetMemory()
    return new StateStoreError(
      known?.code ?? 'TIDEMARK_INVARIANT_VIOLATED',
      `Error committing version ${version} into ${store.toString()}`,
      { storeId: this.#storeId, version, path: known?.path, published: known?.published, cause },
    )
  }

  /** After a bug of ours the map may be torn: the next open reads the files. */
  #forgetMemory(): void {
    this.#committed?.releaseCommitted()
    this.#parts.installed.drop()
  }

  #outcomeUnknown(error: UnsettledCommitError): StateStoreError {
    const { info, name } = error.commit
    return new StateStoreError(
      'TIDEMARK_COMMIT_OUTCOME_UNKNOWN',
      `The storage failed while ${name} was being published, and again when asked what had happened; the next getStore of ${this.#storeId} settles it`,
      { storeId: this.#storeId, version: info.version, published: 'unknown', cause: error.reason },
    )
  }

  #commitContext(): CommitContext {
    const { id, options, installed } = this.#parts
    return {
      id,
      options,
      clock: options.clock,
      logger: options.logger,
      lease: this.#leased.lease,
      recovery: recoveryContext(this.#parts),
      installed,
      latest: this.#latest ?? 0,
      committedThrough: this.#committedThrough,
      sidecars: this.#leased.sidecars,
      location: this.#parts.files.location,
      rewinding: (version) => {
        // Files go from here on: until the commit has ended they tell what is the newest.
        this.#latest = undefined
        this.#maintenance.rewinding(version)
      },
      addSidecar: (file) => this.#leased.addSidecar(file),
    }
  }

  // --- maintenance

  /** Maintenance met an error: one of those after which this writer may not go on is remembered. */
  maintenanceFailed(error: unknown): void {
    this.#leased.ending(error)
  }

  /** Undefined while the newest version is not known, or the writer has ended. */
  maintainable(): Maintainable | undefined {
    return this.latest === undefined ? undefined : this.#maintenance.round(() => this.latest)
  }

  /** Gives up the snapshot under way, and starts none any more. */
  stopSnapshots(): void {
    this.#maintenance.stop()
  }

  /** Ends a clean life: the open store is aborted, the staging folder goes, and with it the power to write. */
  async close(): Promise<void> {
    this.stopSnapshots()
    await this.#maintenance.idle()
    await this.#open?.[Symbol.asyncDispose]()
    this.#committed?.releaseCommitted()
    if (this.#leased.endedBy === undefined) await this.#leased.lease.release()
  }
}
