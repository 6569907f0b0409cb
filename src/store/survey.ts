// survey — which version is the newest? Told by names and trailers alone, without loading anything.

import { StateStoreError } from '../errors.ts'
import { type FileStatus, joinPath } from '../files/file-manager.ts'
import { deltaName, type StoreFiles } from '../format/file-names.ts'
import { readTrailer } from '../format/state-file-reader.ts'
import {
  fileOptions,
  FilesChangedError,
  listFiles,
  newestListed,
  openSource,
  peekListed,
  peekWhole,
  type RecoveryContext,
  whileFilesChange,
} from './state-files.ts'
import { storeIdText } from './store-id.ts'
import { EMPTY_VERSION, isOrphanAbove, type VersionInfo } from './version-info.ts'

/** A place in a chain; its id is undefined where only reading the whole file would tell. */
type ChainPoint = Pick<VersionInfo, 'version' | 'stamp' | 'committedThrough'> & {
  readonly id: string | undefined
}

/**
 * The newest version that goes on from `base`, by the trailers alone: one small read for each version above it. Orphans do not count; a hole or
 * a parent that does not match is BROKEN_CHAIN. A version without trailer is taken on trust: only reading it whole would tell.
 */
export async function surveyAbove(
  base: ChainPoint,
  files: StoreFiles<FileStatus>,
  context: RecoveryContext,
): Promise<{ version: number; committedThrough: number }> {
  // Only the lease holder asks with a listing in hand, and nobody else changes its files: a second look would find the same.
  const isCleaned = base.version === 0 && !files.deltas.has(1) && !files.snapshots.has(1)
  return await whileFilesChange(async () => {
    // The empty version can always be opened, but what followed it may have been cleaned: then the chain begins at a snapshot.
    return await climb(isCleaned ? await newestBase(files, context) : base, files, context)
  }, 1)
}

async function climb(
  base: ChainPoint,
  files: StoreFiles<FileStatus>,
  context: RecoveryContext,
): Promise<{ version: number; committedThrough: number }> {
  const top = newestListed(files)
  const { movesAtomically } = context.directory
  let { version, id, stamp, committedThrough } = base
  while (version < top) {
    const next = version + 1
    const kind = files.deltas.has(next) ? 'delta' : 'snapshot'
    const source = openSource(context, files, kind, next)
    if (source === undefined)
      throw new FilesChangedError(brokenChain(context, top, next, 'it is missing'))
    const trailer = await readTrailer(source, fileOptions(context, kind, next))
    if (trailer !== undefined && isOrphanAbove({ id, stamp }, trailer, movesAtomically)) break
    if (trailer !== undefined && id !== undefined && trailer.parent !== id) {
      const what = parentMismatch(trailer.parent, version, id)
      throw new FilesChangedError(brokenChain(context, top, next, what))
    }
    version = next
    id = trailer?.id
    stamp = kind === 'delta' || movesAtomically ? trailer?.stamp : undefined
    committedThrough = Math.max(committedThrough, trailer?.committedThrough ?? 0)
  }
  return { version, committedThrough }
}

/** The newest version of a store, by listing and trailers, without loading anything; 0 if there is none. */
export async function findLatest(context: RecoveryContext): Promise<number> {
  return await whileFilesChange(async () => {
    return (await findLatestListed(await listFiles(context), context)).version
  })
}

/** The newest version of a listing. Throws FilesChangedError where the files are not as listed. */
export async function findLatestListed(
  files: StoreFiles<FileStatus>,
  context: RecoveryContext,
): Promise<{ version: number; committedThrough: number }> {
  return await climb(await newestBase(files, context), files, context)
}

/** Where the climb to the newest version begins if nothing is loaded: the newest snapshot, or the empty version. */
async function newestBase(
  files: StoreFiles<FileStatus>,
  context: RecoveryContext,
): Promise<ChainPoint> {
  const start = await newestSnapshot(files, context)
  if (start === 0) return EMPTY_VERSION
  const peeked = await peekListed(start, files, context)
  return peeked === undefined || peeked === 'foreign'
    ? { version: start, id: undefined, stamp: undefined, committedThrough: 0 }
    : peeked
}

/** The newest snapshot that is no orphan's; 0 if there is none. */
async function newestSnapshot(
  files: StoreFiles<FileStatus>,
  context: RecoveryContext,
): Promise<number> {
  for (const version of [...files.snapshots.keys()].sort((a, b) => b - a)) {
    if (!(await isOrphan(version, files, context))) return version
  }
  return 0
}

/**
 * Whether the delta of `version` belongs to a history that the version below it has replaced, as far as the trailers of the two tell. A snapshot needs no
 * delta below it: one that is damaged tells nothing.
 */
export async function isOrphan(
  version: number,
  files: StoreFiles<FileStatus>,
  context: RecoveryContext,
): Promise<boolean> {
  if (!files.deltas.has(version - 1)) return false
  const own = openSource(context, files, 'delta', version)
  const trailer = own && (await readTrailer(own, fileOptions(context, 'delta', version)))
  if (trailer === undefined) return false
  const { info: below } = await peekWhole(version - 1, files, context)
  if (below === undefined || below === 'foreign') return false
  return isOrphanAbove(below, trailer, context.directory.movesAtomically)
}

/** The error for a delta that `top` needs and that is missing or does not fit. */
export function brokenChain(
  context: RecoveryContext,
  top: number,
  version: number,
  what: string,
): StateStoreError {
  const path = joinPath(context.directory.directory, deltaName(version))
  return new StateStoreError(
    'TIDEMARK_BROKEN_CHAIN',
    `Version ${top} of ${storeIdText(context.id)} cannot be rebuilt: it needs ${path}, and ${what}`,
    { storeId: storeIdText(context.id), version, path },
  )
}

export function parentMismatch(parent: string, version: number, id: string): string {
  return `its parent is ${parent}, but version ${version} here is ${id}`
}
