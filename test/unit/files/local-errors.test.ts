import { describe, expect, test } from 'vitest'
import { StateStoreError } from '../../../src/errors.ts'
import {
  cannotLinkError,
  localError,
  moveError,
  syncError,
} from '../../../src/files/local-errors.ts'

function native(code: string): Error {
  return Object.assign(new Error(`${code}: it failed`), { code })
}

describe('an error of the local disk', () => {
  test.each([
    ['ENOSPC', 'TIDEMARK_STORAGE_UNAVAILABLE', 'Disk full while writing'],
    ['EDQUOT', 'TIDEMARK_STORAGE_UNAVAILABLE', 'Disk quota used up while writing'],
    ['EIO', 'TIDEMARK_STORAGE_UNAVAILABLE', 'I/O error while writing'],
    ['EMFILE', 'TIDEMARK_STORAGE_UNAVAILABLE', 'Too many open files in this process'],
    ['EROFS', 'TIDEMARK_STORAGE_UNAVAILABLE', 'Read-only file system'],
    ['EACCES', 'TIDEMARK_STORAGE_UNAVAILABLE', 'Permission denied'],
    ['EISDIR', 'TIDEMARK_CORRUPT_FILE', 'A folder stands where a file belongs'],
    ['ELOOP', 'TIDEMARK_CORRUPT_FILE', 'A symbolic link stands'],
    ['EXDEV', 'TIDEMARK_UNSUPPORTED', 'different file systems'],
    ['ENAMETOOLONG', 'TIDEMARK_INVALID_OPTIONS', 'Path too long'],
    ['ETIMEDOUT', 'TIDEMARK_STORAGE_TIMEOUT', 'No answer in time'],
    ['EWHATEVER', 'TIDEMARK_STORAGE_UNAVAILABLE', 'EWHATEVER: it failed'],
  ])('%s is %s, in words, with file, place and cause', (errno, code, words) => {
    const cause = native(errno)
    const error = localError(cause, 'writing', '/data/checkpoint', 'state/0/0/1.delta')
    expect(error).toMatchObject({ code, path: 'state/0/0/1.delta', cause })
    expect(error.message).toContain(words)
    expect(error.message).toContain('state/0/0/1.delta in /data/checkpoint')
    expect(error.message).toContain(errno)
  })

  test('that is ours already stays as it is, and what is no error at all is still reported', () => {
    const ours = new StateStoreError('TIDEMARK_FENCED', 'ours')
    expect(localError(ours, 'writing', '/c', 'a')).toBe(ours)
    expect(localError('text', 'writing', '/c', 'a')).toMatchObject({ cause: 'text' })
  })

  test('in a move leaves the outcome unknown where it is an I/O error, and only there', () => {
    expect(moveError(native('EIO'), '/c', 'a', 'b').code).toBe('TIDEMARK_STORAGE_TIMEOUT')
    expect(moveError(native('ENOSPC'), '/c', 'a', 'b').code).toBe('TIDEMARK_STORAGE_UNAVAILABLE')
  })

  test('in a sync poisons, unless the file system cannot sync at all', () => {
    for (const errno of ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS'])
      expect(syncError(native(errno), '/c', 'a').code).toBe('TIDEMARK_POISONED')
    expect(syncError(native('EINVAL'), '/c', 'a').code).toBe('TIDEMARK_UNSUPPORTED')
  })

  test('in the probe is UNSUPPORTED where links are impossible, else what it is', () => {
    expect(cannotLinkError(native('EPERM'), '/c', 'a').code).toBe('TIDEMARK_UNSUPPORTED')
    expect(cannotLinkError(native('EXDEV'), '/c', 'a').code).toBe('TIDEMARK_UNSUPPORTED')
    expect(cannotLinkError(native('ENOSPC'), '/c', 'a').code).toBe('TIDEMARK_STORAGE_UNAVAILABLE')
  })
})
