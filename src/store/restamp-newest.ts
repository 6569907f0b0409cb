// On storage that cannot move files, a new holder's first step: the newest version gets a stamp of the holder's own.
//
// It is the same version, with the same id; only what its trailer says of who published it changes, and with it the revision of the file. So
// what an older writer still has on its way comes to nothing: a replacement of this version meets another revision, and a version above it bears
// an older stamp than the one below it, which makes it an orphan for everybody (version-info.ts). What the listing shows above is adopted first.

import { StateStoreError } from '../errors.ts'
import { publishPieces } from '../files/writable-directory.ts'
import { deltaName } from '../format/file-names.ts'
import { readTrailer, withTrailer } from '../format/state-file-reader.ts'
import type { Trailer } from '../format/trailer.ts'
import {
  fileOptions,
  FilesChangedError,
  listFiles,
  openSource,
  type RecoveryContext,
  statusOf,
  whileFilesChange,
} from './state-files.ts'
import { storeIdText, writersDirectory } from './store-id.ts'
import { findLatestListed } from './survey.ts'
import type { WriterLease } from './writer-lease.ts'

/** An older writer that has not noticed yet may win as often as it has commits on their way, and each costs it its lease. */
const RESTAMP_ATTEMPTS_MAX = 10

/**
 * Stamps the newest version, whatever an older writer has added meanwhile included. The first holder of all finds nothing that could still be
 * on its way, and stamps nothing. CORRUPT_FILE if the newest file is damaged: then nothing is stamped, and nobody can open it either. UNSUPPORTED
 * where it cannot be stamped: no trailer, claims that are missing, a listing without revisions.
 */
export async function restampNewest(context: RecoveryContext, lease: WriterLease): Promise<void> {
  await whileFilesChange(async () => {
    const files = await listFiles(context)
    const { version } = await findLatestListed(files, context)
    const source = openSource(context, files, 'delta', version)
    if (source === undefined) return // Empty, or a snapshot alone, which nobody replaces.
    const revision = statusOf(files, 'delta', version)?.revision
    if (revision === undefined) throw hasNoRevision(source.path, context)
    const options = fileOptions(context, 'delta', version)
    const trailer = await readTrailer(source, options)
    if (trailer === undefined && lease.generation === 1) return
    if (trailer === undefined) throw cannotStamp(source.path, context)
    if (lease.hasGivenOut(trailer.stamp)) return // By an attempt that had no answer.
    if (trailer.stamp[0] >= lease.generation) {
      await lease.directory.refuseIfFenced()
      throw claimsAreMissing(source.path, trailer, lease, context)
    }
    const pieces = withTrailer(source, { stamp: lease.nextStamp() }, options)
    const mode = { replacing: revision }
    if ((await publishPieces(lease.directory, deltaName(version), pieces, mode)) === 'exists')
      throw new FilesChangedError(keepsChanging(source.path, context))
  }, RESTAMP_ATTEMPTS_MAX)
}

function keepsChanging(path: string, { id }: RecoveryContext): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_STORAGE_UNAVAILABLE',
    `${path} kept being replaced while it was to be taken over. Expected older writers to give up once a newer one has claimed; check who writes there.`,
    { storeId: storeIdText(id), path },
  )
}

function hasNoRevision(path: string, { id, directory }: RecoveryContext): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_UNSUPPORTED',
    `${directory.directory} cannot be taken over: the storage lists ${path} without a revision. A file manager with conditional writes must tell the ` +
      '`revision` of a file in `list` and in `stat`; without one, what an older writer still has on its way could not be told from what is there.',
    { storeId: storeIdText(id), path },
  )
}

function cannotStamp(path: string, { id, directory }: RecoveryContext): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_UNSUPPORTED',
    `${directory.directory} cannot be taken over: its newest version ${path} was written without a trailer (by Spark), and other writers have claimed it ` +
      'before. On storage that cannot move files a version must bear a stamp to be safe from them. It can be read; to write, copy it to a new location.',
    { storeId: storeIdText(id), path },
  )
}

/** Stamps would go back, and what is committed would be taken for an orphan. */
function claimsAreMissing(
  path: string,
  { stamp }: Trailer,
  { generation }: WriterLease,
  { id }: RecoveryContext,
): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_UNSUPPORTED',
    `${path} was published by writer ${stamp[0]} of the store, but this is claim ${generation}: the claims before it are missing. Expected them in ${writersDirectory(id)}; ` +
      'if the checkpoint was copied, copy that folder as well.',
    { storeId: storeIdText(id), path },
  )
}
