// store/commit.ts — how an open store at version N becomes version N + 1.
//
//   1. seal      close the delta: end marker, codec's end, trailer; complete the temp file in staging
//   2. publish   make <N+1>.delta visible, whole or not at all
//   3. install   make N + 1 the map's newest version
//   4. report    log, diagnostics
//
// DURABILITY: once 2 returns, N + 1 survives a crash of this process, and with durability 'fsync' a power cut (docs/guarantees.md).
// INVARIANT: 3 never precedes 2, so no reader sees what a crash could take back.
// INVARIANT: the caller is told success if and only if the file with this commit's id was in place when the next lease holder listed.
// Not here: what is tidied up in memory afterwards (installed-versions.ts), snapshots and deletion (maintenance/), who may write (writer-lease.ts),
// the atomic step (files/writable-directory.ts).

import { crc32c } from '../base/checksum.ts'
import type { Clock } from '../base/clock.ts'
import { publishStep } from '../base/diagnostics.ts'
import type { Logger } from '../base/logger.ts'
import { isStateStoreError, StateStoreError } from '../errors.ts'
import { joinPath } from '../files/file-manager.ts'
import type { PublishMode, StagedFile } from '../files/writable-directory.ts'
import { commitId, foreignId } from '../format/commit-id.ts'
import { sidecarName, type StateFileKind } from '../format/file-names.ts'
import { copyProgress } from '../format/progress.ts'
import type { StreamTotals } from '../format/state-file-writer.ts'
import type { Trailer } from '../format/trailer.ts'
import type { InstalledVersions } from './installed-versions.ts'
import type { OpenStore } from './open-store.ts'
import type { ResolvedOptions } from './options.ts'
import {
  listFiles,
  peekInPlace,
  peekVersion,
  type RecoveryContext,
  whileFilesChange,
} from './state-files.ts'
import { raiseNewest } from './raise-newest.ts'
import { removeUndone } from './rewind.ts'
import type { SidecarSubject } from './state-sidecar.ts'
import type { StagedStateFile } from './staged-state-file.ts'
import type { CommitOptions } from './state-store.ts'
import { type ResolvedStoreId, storeIdText } from './store-id.ts'
import { isOrphan } from './survey.ts'
import type { VersionInfo } from './version-info.ts'
import type { WriterLease } from './writer-lease.ts'

/** A publish is tried again where the file in its way vanished between the attempt and the look at it. */
const PUBLISH_ATTEMPTS_MAX = 3

/** What a commit needs of its provider. */
export interface CommitContext {
  readonly id: ResolvedStoreId
  readonly options: ResolvedOptions
  readonly clock: Clock
  readonly logger: Logger
  readonly lease: WriterLease
  readonly recovery: RecoveryContext
  readonly installed: InstalledVersions
  /** The newest version on disk; a commit at or below it is a rewind. */
  readonly latest: number
  readonly committedThrough: number
  /** Sidecars known to lie in the store directory. */
  readonly sidecars: Set<string>
  /** Where the checkpoint is, for people. */
  readonly location: string
  /** Called before `version` and what follows is undone: cancels snapshots of it that are being written, and cleaning that was planned. */
  rewinding(version: number): void
  /** Publishes the sidecar of a file that is in place; never rejects, since the version stands without it. */
  addSidecar(file: SidecarSubject): Promise<void>
}

/** A delta that is complete in staging, and what will be known of its version. */
export interface SealedCommit {
  readonly info: VersionInfo
  readonly name: string
  readonly file: StagedStateFile
  readonly staged: StagedFile
}

export interface CommitResult {
  readonly info: VersionInfo
  /** False if the same commit was there already: nothing was undone, at most its trailer was renewed. */
  readonly written: boolean
  readonly sealMs: number
  readonly publishMs: number
  readonly installMs: number
}

/** Thrown inside publish when nobody knows whether the file became visible; the provider settles it before its next open. */
export class UnsettledCommitError extends Error {
  readonly commit: SealedCommit
  readonly reason: StateStoreError
  constructor(commit: SealedCommit, reason: StateStoreError) {
    super(reason.message, { cause: reason })
    this.commit = commit
    this.reason = reason
  }
}

export async function commitStore(
  store: OpenStore,
  request: CommitOptions,
  context: CommitContext,
): Promise<CommitResult> {
  const { clock } = context
  const startMs = clock.elapsedMs()
  const sealed = await seal(store, request, context) // 1
  const sealedMs = clock.elapsedMs()
  request.signal?.throwIfAborted()
  const written = await publish(sealed, context) // 2
  const publishedMs = clock.elapsedMs()
  install(store, sealed.info, context) // 3
  const installedMs = clock.elapsedMs()
  const result = {
    info: sealed.info,
    written,
    sealMs: sealedMs - startMs,
    publishMs: publishedMs - sealedMs,
    installMs: installedMs - publishedMs,
  }
  report(store, sealed, result, context) // 4
  return result
}

// --- 1. seal

async function seal(
  store: OpenStore,
  request: CommitOptions,
  context: CommitContext,
): Promise<SealedCommit> {
  const file = store.takeDelta()
  const totals = await file.end()
  const info = describeCommit(store, request, totals, context)
  const trailer =
    info.stamp &&
    buildTrailer({
      id: context.id,
      kind: 'delta',
      info,
      stamp: info.stamp,
      totals,
      keys: store.map.keyCount,
      options: context.options,
    })
  const staged = await file.seal(trailer)
  return { info, name: file.name, file, staged }
}

function describeCommit(
  store: OpenStore,
  request: CommitOptions,
  totals: StreamTotals,
  context: CommitContext,
): VersionInfo {
  const version = store.version + 1
  const { progress } = request
  const { streamHash, streamBytes, puts, removes } = totals
  const storeId = storeTuple(context.id)
  const foreign = !context.options.trailer
  return {
    version,
    id: foreign
      ? foreignId({ storeId, version, streamHash, streamBytes })
      : commitId({
          parent: store.openedInfo.id,
          storeId,
          version,
          streamHash,
          streamBytes,
          puts,
          removes,
          progress,
        }),
    parent: store.openedInfo.id,
    stamp: foreign ? undefined : context.lease.nextStamp(),
    foreign,
    progress: progress === undefined ? undefined : copyProgress(progress),
    committedThrough: Math.max(request.committedThrough ?? 0, context.committedThrough),
  }
}

export interface TrailerParts {
  readonly id: ResolvedStoreId
  readonly kind: StateFileKind
  readonly info: VersionInfo
  readonly stamp: readonly [number, number]
  readonly totals: StreamTotals
  readonly keys: number
  readonly options: ResolvedOptions
}

/** The trailer of a delta or snapshot of the version that `info` describes. */
export function buildTrailer({
  id,
  kind,
  info,
  stamp,
  totals,
  keys,
  options,
}: TrailerParts): Trailer {
  return {
    store: storeTuple(id),
    kind,
    version: info.version,
    id: info.id,
    parent: info.parent,
    stamp: [...stamp],
    codec: options.compression,
    rows: { put: totals.puts, remove: totals.removes },
    keys,
    plainBytes: totals.streamBytes,
    ...(options.rowChecksums && { rowChecksums: true }),
    ...(info.committedThrough > 0 && { committedThrough: info.committedThrough }),
    ...(info.progress !== undefined && { progress: info.progress }),
  }
}

// --- 2. publish

/** False if the same commit was there already: nothing was undone, at most its trailer was renewed. */
async function publish(commit: SealedCommit, context: CommitContext): Promise<boolean> {
  const { version } = commit.info
  const rewinds = version <= context.latest
  let undoes = rewinds
  let mode: PublishMode = 'if-absent'
  if (rewinds) {
    // A damaged file is undone like any other.
    const { info: existing, revision } = await peekInPlace(version, context.recovery)
    mode = modeOver(revision, context)
    if (existing !== undefined && existing !== 'foreign') refuseNewer(existing, commit, context)
    // The same batch run again: same operations on the same parent. What is there is what we would write, and what follows it stays.
    if (isSameCommit(existing, commit)) {
      if (await standsFor(commit, existing, context)) return await standsAlready(commit, context)
      undoes = false
      // First: once the version itself says so, a batch that is run again stands.
      if (version < context.latest) await raiseNewest(commit.info.committedThrough, context)
    }
  }
  if (undoes) {
    context.rewinding(version)
    await removeUndone(version, context.lease.directory, context.recovery)
  }
  const sidecar = sidecarName(commit.name)
  if (!undoes && context.sidecars.has(sidecar)) await context.lease.directory.remove(sidecar)
  context.sidecars.delete(sidecar)
  const written = await moveIn(commit, mode, context)
  if (written && context.options.checksumFiles) await context.addSidecar(commit.file)
  return written && (undoes || !rewinds)
}

function isSameCommit(
  existing: VersionInfo | 'foreign' | undefined,
  commit: SealedCommit,
): existing is VersionInfo {
  return existing !== undefined && existing !== 'foreign' && existing.id === commit.info.id
}

/** The very same version is there: what was staged is not needed. */
async function standsAlready(commit: SealedCommit, { lease }: CommitContext): Promise<false> {
  await commit.file.discard()
  // Elsewhere it was there when a successor listed, if there is one: it cannot have come later.
  if (!lease.directory.movesAtomically) await lease.directory.refuseIfFenced()
  return false
}

/**
 * Whether the file that is there can stand for the same commit. It must say what the commit was asked to promise, which the id does not cover. And
 * where the files of a fenced writer may appear late, it must be no orphan: a successor that runs the batch of its predecessor again makes the
 * very same commit, and nobody would read the predecessor's.
 */
async function standsFor(
  { info }: SealedCommit,
  existing: VersionInfo,
  { lease, recovery }: CommitContext,
): Promise<boolean> {
  if (existing.committedThrough < info.committedThrough) return false
  if (lease.directory.movesAtomically) return true
  return !(await whileFilesChange(async () =>
    isOrphan(info.version, await listFiles(recovery), recovery),
  ))
}

/** Moves the sealed delta to its place. False if the very same version was there already. */
async function moveIn(
  commit: SealedCommit,
  firstMode: PublishMode,
  context: CommitContext,
): Promise<boolean> {
  let mode = firstMode
  for (let attempt = 1; attempt <= PUBLISH_ATTEMPTS_MAX; attempt++) {
    if ((await move(commit, mode, context)) === 'published') return true
    const {
      info: existing,
      damage,
      revision,
    } = await peekInPlace(commit.info.version, context.recovery)
    if (damage !== undefined) throw damage
    mode = existing === undefined ? 'if-absent' : modeOver(revision, context)
    if (existing === undefined) continue
    if (isSameCommit(existing, commit) && (await standsFor(commit, existing, context)))
      return await standsAlready(commit, context)
    refuseForeignAndNewer(existing, commit, context)
    refuseUnlisted(existing, commit, context)
    // Stamp not higher, and not in the history that was loaded: a leftover of an earlier attempt; or the same commit, promising less or left by a
    // fenced writer. The next attempt replaces it.
  }
  throw new StateStoreError(
    'TIDEMARK_STORAGE_UNAVAILABLE',
    `${pathOf(commit, context)} kept appearing and vanishing while version ${commit.info.version} was being published`,
    { storeId: storeIdText(context.id), version: commit.info.version },
  )
}

/** How to take the place of the delta that was seen, if one was: of just this where the storage knows revisions. */
function modeOver(revision: string | undefined, { lease }: CommitContext): PublishMode {
  if (lease.directory.movesAtomically) return 'replace'
  return revision === undefined ? 'if-absent' : { replacing: revision }
}

function refuseForeignAndNewer(
  existing: VersionInfo | 'foreign',
  commit: SealedCommit,
  context: CommitContext,
): asserts existing is VersionInfo {
  const details = detailsOf(commit, context)
  if (existing === 'foreign') {
    throw new StateStoreError(
      'TIDEMARK_VERSION_EXISTS',
      `${details.path} already exists and has no trailer of ours: another engine is writing here. Load what is there and decide.`,
      details,
    )
  }
  refuseNewer(existing, commit, context)
}

function refuseNewer(existing: VersionInfo, commit: SealedCommit, context: CommitContext): void {
  const { generation } = context.lease
  if (existing.stamp === undefined || existing.stamp[0] <= generation) return
  const details = detailsOf(commit, context)
  throw new StateStoreError(
    'TIDEMARK_FENCED',
    `${details.path} was written by generation ${existing.stamp[0]}, newer than this writer's ${generation}`,
    { ...details, published: 'no' },
  )
}

/**
 * Where the fence leaves nothing that could still arrive, an older writer's commit that goes on from the very version we loaded was there when
 * we listed: the storage showed us a state of the past (a NameNode that was active once). It may have been acknowledged, so it stays.
 */
function refuseUnlisted(existing: VersionInfo, commit: SealedCommit, context: CommitContext): void {
  const { lease } = context
  const isOlder = existing.stamp !== undefined && existing.stamp[0] < lease.generation
  if (!isOlder || existing.parent !== commit.info.parent || !lease.directory.movesAtomically) return
  const details = detailsOf(commit, context)
  throw new StateStoreError(
    'TIDEMARK_VERSION_EXISTS',
    `${details.path} goes on from the version this batch was opened at and was not in the listing of the store: expected nothing there. The storage ` +
      'gave an outdated listing. Get the store again, and decide from the version it opens.',
    details,
  )
}

function detailsOf(commit: SealedCommit, context: CommitContext) {
  return {
    storeId: storeIdText(context.id),
    version: commit.info.version,
    path: pathOf(commit, context),
  }
}

async function move(
  commit: SealedCommit,
  mode: PublishMode,
  context: CommitContext,
): Promise<'published' | 'exists'> {
  try {
    return await context.lease.directory.publish(commit.staged, commit.name, mode)
  } catch (error) {
    if (!isStateStoreError(error, 'TIDEMARK_STORAGE_TIMEOUT')) throw error
    if (await settleCommit(commit, context.lease, context.recovery, error)) return 'published'
    throw error
  }
}

/**
 * Settles a publish whose outcome is unknown: first make sure that nothing still on its way can change the answer, only then look at the target.
 * True if the commit is in place. Throws UnsettledCommitError if the storage does not answer now either.
 */
export async function settleCommit(
  commit: SealedCommit,
  lease: WriterLease,
  recovery: RecoveryContext,
  reason: StateStoreError,
): Promise<boolean> {
  try {
    await lease.directory.settle(commit.staged, commit.name)
    return await isInPlace(commit, recovery)
  } catch (error) {
    if (isStateStoreError(error, 'TIDEMARK_FENCED', 'TIDEMARK_POISONED')) throw error
    throw new UnsettledCommitError(commit, reason)
  }
}

async function isInPlace(commit: SealedCommit, recovery: RecoveryContext): Promise<boolean> {
  const existing = await peekVersion(commit.info.version, recovery)
  if (existing === undefined) return false
  if (existing === 'foreign') {
    // Without a trailer only the bytes can tell.
    const bytes = await recovery.directory.read(commit.name)
    return (
      commit.info.foreign &&
      bytes?.length === commit.file.sizeBytes &&
      commit.file.crc === crc32c(bytes)
    )
  }
  return existing.id === commit.info.id && String(existing.stamp) === String(commit.info.stamp)
}

// --- 3. install, 4. report

function install(store: OpenStore, info: VersionInfo, context: CommitContext): void {
  store.map.commit(info.version)
  const view = store.map.view(info.version)
  if (view !== undefined) store.readFrom(view)
  context.installed.install(info, context.options.maxBatchesToRetainInMemory)
}

function report(
  store: OpenStore,
  commit: SealedCommit,
  result: CommitResult,
  context: CommitContext,
): void {
  const { version } = result.info
  const common = { storeId: storeIdText(context.id), version, path: pathOf(commit, context) }
  publishStep('seal', { ...common, durationMs: result.sealMs, bytes: commit.file.sizeBytes })
  publishStep('publish', { ...common, durationMs: result.publishMs })
  publishStep('install', { ...common, durationMs: result.installMs })
  publishStep('committed', { ...common, bytes: commit.file.sizeBytes })
  const file = `${context.location}/${common.path}`
  context.logger.info(`Committed version ${version} for ${store.toString()} to file ${file}`)
}

function pathOf(commit: SealedCommit, context: CommitContext): string {
  return joinPath(context.lease.directory.directory, commit.name)
}

/** A store id as trailers hold it. */
export function storeTuple(id: ResolvedStoreId): [number, number, string] {
  return [id.operatorId, id.partitionId, id.storeName]
}
