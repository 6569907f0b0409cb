// What the errors of a local file system mean, in words and in our codes: the one place where errno names are mapped.
//
// A full disk, a missing permission or too many open files are STORAGE_UNAVAILABLE: nothing was changed that anybody reads, and the same
// call may succeed later. A thing of the wrong kind in the way (a folder where a file belongs, a symbolic link) is CORRUPT_FILE: someone
// must look. What the file system cannot do at all is UNSUPPORTED. An I/O error in the middle of a move is STORAGE_TIMEOUT: unknown. Everything
// not in the table is STORAGE_UNAVAILABLE with the native error as `cause`; nothing is swallowed.

import { StateStoreError, type ErrorCode } from '../errors.ts'
import { describePath } from './file-manager.ts'

const MEANINGS: Record<string, readonly [code: ErrorCode, words: string, advice: string]> = {
  ENOSPC: ['TIDEMARK_STORAGE_UNAVAILABLE', 'Disk full', 'Free some space; then it works again.'],
  EDQUOT: [
    'TIDEMARK_STORAGE_UNAVAILABLE',
    'Disk quota used up',
    'Free some space; then it works again.',
  ],
  EFBIG: [
    'TIDEMARK_STORAGE_UNAVAILABLE',
    'File larger than the file system allows',
    'Raise the limit.',
  ],
  EIO: ['TIDEMARK_STORAGE_UNAVAILABLE', 'I/O error', 'Check the disk.'],
  EMFILE: [
    'TIDEMARK_STORAGE_UNAVAILABLE',
    'Too many open files in this process',
    'Raise `ulimit -n`.',
  ],
  ENFILE: [
    'TIDEMARK_STORAGE_UNAVAILABLE',
    'Too many open files on this machine',
    'Raise fs.file-max.',
  ],
  EROFS: ['TIDEMARK_STORAGE_UNAVAILABLE', 'Read-only file system', 'Mount it for writing.'],
  EACCES: ['TIDEMARK_STORAGE_UNAVAILABLE', 'Permission denied', 'Check owner and mode.'],
  EPERM: [
    'TIDEMARK_STORAGE_UNAVAILABLE',
    'Operation not permitted',
    'Check owner, mode and file attributes.',
  ],
  ENOENT: [
    'TIDEMARK_STORAGE_UNAVAILABLE',
    'No such file or folder',
    'It was there a moment ago: check who deletes it.',
  ],
  ENOTDIR: [
    'TIDEMARK_STORAGE_UNAVAILABLE',
    'A file stands where a folder belongs',
    'Move it away.',
  ],
  ETIMEDOUT: ['TIDEMARK_STORAGE_TIMEOUT', 'No answer in time', 'Whether it happened is unknown.'],
  ENAMETOOLONG: [
    'TIDEMARK_INVALID_OPTIONS',
    'Path too long',
    'Use a shorter location or store name.',
  ],
  EISDIR: ['TIDEMARK_CORRUPT_FILE', 'A folder stands where a file belongs', 'Move it away.'],
  ELOOP: [
    'TIDEMARK_CORRUPT_FILE',
    'A symbolic link stands where a file belongs',
    'Links below the location are not followed.',
  ],
  ENXIO: [
    'TIDEMARK_CORRUPT_FILE',
    'A socket or device stands where a file belongs',
    'Move it away.',
  ],
  EXDEV: [
    'TIDEMARK_UNSUPPORTED',
    'Source and target lie on different file systems',
    'A checkpoint must lie on one file system.',
  ],
  ENOTSUP: ['TIDEMARK_UNSUPPORTED', 'Not supported by the file system', 'Use another one.'],
  EOPNOTSUPP: ['TIDEMARK_UNSUPPORTED', 'Not supported by the file system', 'Use another one.'],
  ENOSYS: ['TIDEMARK_UNSUPPORTED', 'Not supported by the file system', 'Use another one.'],
}

/** The errno name of a native error, or undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined
}

/** True if `error` says that the path is absent: it does not exist, or would lie below a file. */
export function meansAbsent(error: unknown): boolean {
  const code = errnoOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** `error` in our terms. `doing` completes "while …", as in `writing`; `path` is relative to `location`. Our own errors pass unchanged. */
export function localError(
  error: unknown,
  doing: string,
  location: string,
  path: string,
): StateStoreError {
  if (error instanceof StateStoreError) return error
  const errno = errnoOf(error)
  const meaning = errno === undefined ? undefined : MEANINGS[errno]
  const [code, words, advice] = meaning ?? [
    'TIDEMARK_STORAGE_UNAVAILABLE' as const,
    error instanceof Error ? error.message : String(error),
    'See the cause.',
  ]
  return new StateStoreError(
    code,
    `${words} while ${doing} ${describePath(location, path)}${errno === undefined ? '' : ` (${errno})`}. ${advice}`,
    { path, cause: error },
  )
}

/** A failed link() or rename(). After an I/O error nobody knows whether the entry was made: STORAGE_TIMEOUT, to be settled. */
export function moveError(
  error: unknown,
  location: string,
  source: string,
  target: string,
): StateStoreError {
  if (errnoOf(error) !== 'EIO') return localError(error, `moving ${source} to`, location, target)
  return new StateStoreError(
    'TIDEMARK_STORAGE_TIMEOUT',
    `I/O error while moving ${source} to ${describePath(location, target)} (EIO). Whether it happened is unknown. Check the disk.`,
    { path: target, cause: error },
  )
}

/**
 * A failed fsync: POISONED. The kernel may have dropped the dirty pages and reports each failure once: asking again would lie. Only where
 * the file system says that it cannot sync such a thing at all (EINVAL), it is UNSUPPORTED.
 */
export function syncError(error: unknown, location: string, path: string): StateStoreError {
  const errno = errnoOf(error)
  const where = describePath(location, path)
  if (errno === 'EINVAL' || errno === 'ENOTSUP' || errno === 'EOPNOTSUPP') {
    return new StateStoreError(
      'TIDEMARK_UNSUPPORTED',
      `The file system cannot sync ${where} (${errno}). Put the checkpoint on another one, or open it with durability 'os'.`,
      { path, cause: error },
    )
  }
  return new StateStoreError(
    'TIDEMARK_POISONED',
    `fsync of ${where} failed (${errno ?? String(error)}): what the disk holds is unknown. Open the store anew; what was acknowledged ` +
      'before is not affected.',
    { path, cause: error },
  )
}

/** Something else than a plain file or folder where one belongs. */
export function notPlainError(location: string, path: string): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_CORRUPT_FILE',
    `${describePath(location, path)}: expected a plain file or folder, found something else (a folder in place of a file, a symbolic ` +
      'link, a pipe or a device). Links below the checkpoint location are never followed.',
    { path },
  )
}

/** A hard link into `directory` failed when it was tried at open. */
export function cannotLinkError(error: unknown, location: string, directory: string) {
  const errno = errnoOf(error)
  // EPERM is how Linux says that a file system knows no hard links.
  const unable = ['EPERM', 'EXDEV', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']
  if (errno === undefined || !unable.includes(errno))
    return localError(error, 'trying a hard link into', location, directory)
  return new StateStoreError(
    'TIDEMARK_UNSUPPORTED',
    `Expected a hard link from the staging folder to ${describePath(location, directory)} to work, got ${errno}. A commit is published by ` +
      'such a link; there is no fallback. Put the checkpoint on one file system that has hard links (ext4, xfs, btrfs, zfs, apfs, tmpfs).',
    { path: directory, cause: error },
  )
}
