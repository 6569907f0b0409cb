// The state files of a store as loads see them: listed, opened, and perhaps gone or replaced by the time they are read.

import { publishStep } from '../base/diagnostics.ts'
import type { Clock } from '../base/clock.ts'
import type { CompressionName } from '../codec/compression.ts'
import { isStateStoreError, StateStoreError } from '../errors.ts'
import { type ByteRange, type FileStatus, joinPath } from '../files/file-manager.ts'
import { classifyFiles, type StateFileKind, type StoreFiles } from '../format/file-names.ts'
import {
  type ReadStateFileOptions,
  readTrailer,
  type StateFileSource,
  WHOLE_FILE_BYTES_MAX,
} from '../format/state-file-reader.ts'
import type { VersionedMap } from '../map/versioned-map.ts'
import { type ResolvedStoreId, storeIdText } from './store-id.ts'
import { type VersionInfo, versionInfoOf } from './version-info.ts'

/** The store directory as a reader sees it; WritableDirectory fits too. */
export interface ReadableDirectory {
  readonly directory: string
  /** Whether the storage moves files atomically. Where not, a file of a fenced writer may still appear. */
  readonly movesAtomically: boolean
  list(): Promise<FileStatus[]>
  read(
    name: string,
    range?: ByteRange,
    signal?: AbortSignal,
    revision?: string,
  ): Promise<Uint8Array | undefined>
}

export interface RecoveryContext {
  readonly id: ResolvedStoreId
  readonly directory: ReadableDirectory
  readonly compression: CompressionName
  readonly rowChecksums: boolean
  readonly floorValues: boolean
  readonly clock: Clock
  readonly createMap: (expectedKeys: number) => VersionedMap
  readonly signal?: AbortSignal | undefined
}

/** The files are not those that were listed: start over, and after the last attempt conclude `conclusion`. */
export class FilesChangedError extends Error {
  readonly conclusion: StateStoreError
  constructor(conclusion: StateStoreError) {
    super(conclusion.message)
    this.conclusion = conclusion
  }
}

/** How often a look at the files is taken anew because they changed under it. */
const LOOKS_MAX = 3

/** Runs `look`, which lists the files anew each time, until they hold still; after the last attempt, throws what is then to be concluded. */
export async function whileFilesChange<T>(
  look: (attempt: number, isLast: boolean) => Promise<T>,
  looksMax = LOOKS_MAX,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await look(attempt, attempt >= looksMax)
    } catch (error) {
      if (!(error instanceof FilesChangedError)) throw error
      if (attempt >= looksMax) throw error.conclusion
    }
  }
}

/** The state files of a store; an absent directory has none. */
export async function listFiles(context: RecoveryContext): Promise<StoreFiles<FileStatus>> {
  const startedMs = context.clock.elapsedMs()
  const files = classifyFiles(await context.directory.list())
  publishStep('list', {
    storeId: storeIdText(context.id),
    durationMs: context.clock.elapsedMs() - startedMs,
    rows: files.deltas.size + files.snapshots.size,
  })
  return files
}

/** A listed file as the format room reads it; undefined if it is not listed. A small file is read from the storage once, whole. */
export function openSource(
  context: RecoveryContext,
  files: StoreFiles<FileStatus>,
  kind: StateFileKind,
  version: number,
): StateFileSource | undefined {
  const status = statusOf(files, kind, version)
  if (status === undefined) return undefined
  const path = joinPath(context.directory.directory, status.name)
  if (status.type !== 'file') {
    throw new StateStoreError(
      'TIDEMARK_CORRUPT_FILE',
      `Expected ${path} to be a file, found a ${status.type === 'directory' ? 'directory' : 'link or device'}; move it away`,
      { storeId: storeIdText(context.id), path },
    )
  }
  const read = async (range: ByteRange): Promise<Uint8Array> => {
    const bytes = await context.directory.read(status.name, range, context.signal, status.revision)
    if (bytes === undefined) throw vanished(context, path)
    return bytes
  }
  let whole: Promise<Uint8Array> | undefined
  return {
    path,
    sizeBytes: status.sizeBytes,
    read: async (offset, length) => {
      if (status.sizeBytes > WHOLE_FILE_BYTES_MAX) {
        const piece = await read({ offset, length })
        if (piece.length < Math.min(length, status.sizeBytes - offset))
          throw replaced(context, path, status.sizeBytes, offset + piece.length)
        return piece
      }
      // Whole, so that the trailer at the tail and the rows in front of it cost one request together. One byte more than was listed, so that a
      // file that grew shows as well as one that shrank.
      whole ??= read({ length: status.sizeBytes + 1 })
      const bytes = await whole
      if (bytes.length !== status.sizeBytes)
        throw replaced(context, path, status.sizeBytes, bytes.length)
      return bytes.subarray(offset, offset + length)
    },
  }
}

/** The listed delta or snapshot of a version. */
export function statusOf(
  files: StoreFiles<FileStatus>,
  kind: StateFileKind,
  version: number,
): FileStatus | undefined {
  return (kind === 'delta' ? files.deltas : files.snapshots).get(version)
}

function vanished(context: RecoveryContext, path: string): FilesChangedError {
  return new FilesChangedError(
    new StateStoreError(
      'TIDEMARK_BROKEN_CHAIN',
      `${path} was listed, but is gone: it was removed while the version was being read`,
      { storeId: storeIdText(context.id), path },
    ),
  )
}

function replaced(
  context: RecoveryContext,
  path: string,
  listedBytes: number,
  foundBytes: number,
): FilesChangedError {
  const found = foundBytes > listedBytes ? `more than ${listedBytes}` : foundBytes
  return new FilesChangedError(
    new StateStoreError(
      'TIDEMARK_CORRUPT_FILE',
      `Expected ${listedBytes} bytes in ${path}, as listed, found ${found}: it was replaced while the version was being read`,
      { storeId: storeIdText(context.id), path },
    ),
  )
}

/** What the format room needs to read a file of this store. */
export function fileOptions(
  context: RecoveryContext,
  kind: StateFileKind,
  version: number,
): ReadStateFileOptions {
  const { id, compression, rowChecksums, floorValues, signal } = context
  return {
    kind,
    store: [id.operatorId, id.partitionId, id.storeName],
    version,
    configuredCompression: compression,
    rowChecksums,
    floorValues,
    signal,
  }
}

/** What the trailer of V's file tells, without loading it; undefined if V has no file. */
export async function peekVersion(
  version: number,
  context: RecoveryContext,
): Promise<VersionInfo | 'foreign' | undefined> {
  return await whileFilesChange(async () => peekListed(version, await listFiles(context), context))
}

/** Whether `info`, a version in memory that was loaded from `loadedFrom`, is still what the files hold. */
export async function isOnDisk(
  info: VersionInfo,
  loadedFrom: StoreFiles<FileStatus> | undefined,
  context: RecoveryContext,
): Promise<boolean> {
  return await whileFilesChange(async () => {
    return (await asListed(info, loadedFrom, await listFiles(context), context)) !== undefined
  })
}

/**
 * A version in memory as the files of a listing have it: undefined if they hold another one in its place, or one that is damaged. What it is worth may
 * have changed since it was loaded: a newer writer stamps the newest version anew, and a batch that is run again may raise the promise.
 */
export async function asListed(
  info: VersionInfo,
  loadedFrom: StoreFiles<FileStatus> | undefined,
  files: StoreFiles<FileStatus>,
  context: RecoveryContext,
): Promise<VersionInfo | undefined> {
  if (info.version === 0) return info
  const { info: found } = await peekWhole(info.version, files, context)
  if (found === undefined) return undefined
  if (found !== 'foreign') {
    const committedThrough = Math.max(info.committedThrough, found.committedThrough)
    return found.id === info.id ? { ...info, stamp: found.stamp, committedThrough } : undefined
  }
  // A version without trailer does not tell its past: it counts as the same only where no delta of it was written anew.
  const isSame =
    info.foreign && loadedFrom !== undefined && isSameChain(info.version, loadedFrom, files)
  return isSame ? info : undefined
}

/** Whether the deltas up to `version`, which has one, are those of an earlier listing, apart from what was cleaned. */
function isSameChain(
  version: number,
  before: StoreFiles<FileStatus>,
  now: StoreFiles<FileStatus>,
): boolean {
  if (!before.deltas.has(version)) return false
  for (const [known, status] of before.deltas) {
    const file = known > version ? undefined : now.deltas.get(known)
    if (file !== undefined && !isSameFile(file, status)) return false
  }
  return now.deltas.has(version)
}

/** Whether two listings found the same file under a name, as far as they tell. */
export function isSameFile(a: FileStatus, b: FileStatus): boolean {
  return a.sizeBytes === b.sizeBytes && a.modifiedMs === b.modifiedMs && a.revision === b.revision
}

/** What stands in the place of a version. */
export interface InPlace {
  /** Undefined: nothing, or a file that is damaged. */
  readonly info: VersionInfo | 'foreign' | undefined
  readonly damage: StateStoreError | undefined
  /** Of the delta; undefined where there is none, or the storage knows no revisions. */
  readonly revision: string | undefined
}

/** What stands where `version` belongs, and how to name just this when it is replaced. */
export async function peekInPlace(version: number, context: RecoveryContext): Promise<InPlace> {
  return await whileFilesChange(async () => {
    const files = await listFiles(context)
    const revision = statusOf(files, 'delta', version)?.revision
    return { ...(await peekWhole(version, files, context)), revision }
  })
}

/** As peekListed; what is damaged is told, not thrown. */
export async function peekWhole(
  version: number,
  files: StoreFiles<FileStatus>,
  context: RecoveryContext,
): Promise<Pick<InPlace, 'info' | 'damage'>> {
  try {
    return { info: await peekListed(version, files, context), damage: undefined }
  } catch (error) {
    if (!isStateStoreError(error) || error.kind !== 'corrupt') throw error
    return { info: undefined, damage: error }
  }
}

/** As peekVersion, over a listing that is at hand. */
export async function peekListed(
  version: number,
  files: StoreFiles<FileStatus>,
  context: RecoveryContext,
): Promise<VersionInfo | 'foreign' | undefined> {
  const kind = files.deltas.has(version) ? 'delta' : 'snapshot'
  const source = openSource(context, files, kind, version)
  if (source === undefined) return undefined
  const trailer = await readTrailer(source, fileOptions(context, kind, version))
  if (trailer === undefined) return 'foreign'
  const info = versionInfoOf(trailer)
  return kind === 'delta' ? info : withoutStamp(info, context)
}

/** A snapshot is stamped when it is written, which may be long after its version, and after the versions that follow. */
export function withoutStamp(info: VersionInfo, context: RecoveryContext): VersionInfo {
  return context.directory.movesAtomically ? info : { ...info, stamp: undefined }
}

/**
 * Whether the files hold all that `version` is rebuilt from, as far as names tell: a snapshot, or the empty version, and every delta since. What
 * cleaning has taken may still be in memory; nothing may be committed on top of it, since what is in memory only goes with the process.
 */
export function isRebuildable(version: number, files: StoreFiles<FileStatus>): boolean {
  for (let at = version; at > 0; at--) {
    if (statusOf(files, 'snapshot', at)?.type === 'file') return true
    if (statusOf(files, 'delta', at)?.type !== 'file') return false
  }
  return true
}

/** The highest version that has a file; 0 if there is none. */
export function newestListed(files: StoreFiles<FileStatus>): number {
  let newest = 0
  for (const group of [files.deltas, files.snapshots]) {
    for (const version of group.keys()) newest = Math.max(newest, version)
  }
  return newest
}
