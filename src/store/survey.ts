// survey — which version is the newest? Told by names and trailers alone, without loading anything.

import { isStateStoreError, StateStoreError } from '../errors.ts'
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
 * a parent that does not match is BROKEN_CHAIN. A version without trailer is taken on trust: only reading it whole would tell. With `goesBack`
 * none of this is an error: whoever goes back below a damaged file means to undo it. Then what is listed is what there is to undo, and what was
 * declared final below the damage stays.
 */
export async function surveyAbove(
  base: ChainPoint,
  files: StoreFiles<FileStatus>,
  context: RecoveryContext,
  goesBack: boolean,
): Promise<Pick<ChainPoint, 'version' | 'committedThrough'>> {
  // Only the lease holder asks with a listing in hand, and nobody else changes its files: a second look would find the same.
  const isCleaned = base.version === 0 && !files.deltas.has(1) && !files.snapshots.has(1)
  let reached = base
  try {
    return await whileFilesChange(async () => {
      // The empty version can always be opened, but what followed it may have been cleaned: then the chain begins at a snapshot.
      if (isCleaned) reached = await newestBase(files, context)
      return await climb(reached, files, context, (point) => (reached = point))
    }, 1)
  } catch (error) {
    if (!goesBack || !isStateStoreError(error) || error.kind !== 'corrupt') throw error
    return { version: newestListed(files), committedThrough: reached.committedThrough }
  }
}

/** Goes up from `base`, telling of each version it reaches. Resolves to the newest. */
async function climb(
  base: ChainPoint,
  files: StoreFiles<FileStatus>,
  context: RecoveryContext,
  onReached: (point: ChainPoint) => void = () => undefined,
): Promise<ChainPoint> {
  const top = newestListed(files)
  const { movesAtomically } = context.directory
  let point = base
  while (point.version < top) {
    const version = point.version + 1
    const kind = files.deltas.has(version) ? 'delta' : 'snapshot'
    const source = openSource(context, files, kind, version)
    if (source === undefined)
      throw new FilesChangedError(brokenChain(context, top, version, 'it is missing'))
    const trailer = await readTrailer(source, fileOptions(context, kind, version))
    if (trailer !== undefined && isOrphanAbove(point, trailer, movesAtomically)) break
    if (trailer !== undefined && point.id !== undefined && trailer.parent !== point.id) {
      const what = parentMismatch(trailer.parent, point.version, point.id)
      throw new FilesChangedError(brokenChain(context, top, version, what))
    }
    point = {
      version,
      id: trailer?.id,
      stamp: kind === 'delta' || movesAtomically ? trailer?.stamp : undefined,
      committedThrough: Math.max(point.committedThrough, trailer?.committedThrough ?? 0),
    }
    onReached(point)
  }
  return point
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
): Promise<ChainPoint> {
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
