// Which folder of the local disk a checkpoint location names.

import * as nodePath from 'node:path'
import { fileURLToPath } from 'node:url'
import { StateStoreError } from '../errors.ts'
import { errnoOf, localError } from './local-errors.ts'
import type { NativeFiles } from './local-native.ts'

/** The absolute path that `location`, a path or a `file:` URL, stands for. Another kind of URL, whole or as path.join() leaves it: INVALID_OPTIONS. */
export function resolveLocation(location: string): string {
  if (typeof location !== 'string')
    throw new TypeError(`Expected \`location\` to be a string, got ${typeof location}`)
  if (location === '' || location.includes('\0'))
    throw new RangeError(`Expected \`location\` to be a path, got ${JSON.stringify(location)}`)
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(location) && !/^file:/i.test(location)) {
    throw new StateStoreError(
      'TIDEMARK_INVALID_OPTIONS',
      `Expected \`location\` to be a path or a file: URL, got ${JSON.stringify(location)}, which is no place on a local disk.`,
    )
  }
  // Else it would be a folder below the current one, on a disk that nobody meant.
  if (/^(s3[an]?|hdfs|s?webhdfs):\/(?!\/)/i.test(location)) {
    throw new StateStoreError(
      'TIDEMARK_INVALID_OPTIONS',
      `Expected \`location\` to be a path or a URL, got ${JSON.stringify(location)}, a URL with one slash for two, as path.join() leaves it; for a folder of that name give it as ./${location}`,
    )
  }
  return nodePath.resolve(/^file:/i.test(location) ? pathOfUrl(location) : location)
}

/** One of another host, or with an escaped slash, is no path here. */
function pathOfUrl(location: string): string {
  try {
    return fileURLToPath(location)
  } catch (cause) {
    throw new StateStoreError(
      'TIDEMARK_INVALID_OPTIONS',
      `Expected \`location\` to be a file: URL of this machine, got ${JSON.stringify(location)}: ${(cause as Error).message}`,
      { cause },
    )
  }
}

/** INVALID_OPTIONS unless `root` is a folder, a symbolic link (then: to wherever the user points it) or absent. */
export async function checkLocation(native: NativeFiles, location: string, root: string) {
  const found = await native.stat(root).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined
    if (errnoOf(error) === 'ENOTDIR') throw notAFolder(location, 'a path below a file', error)
    throw localError(error, 'opening', location, '')
  })
  if (found?.type === 'file') throw notAFolder(location, 'a file')
}

function notAFolder(location: string, found: string, cause?: unknown): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_INVALID_OPTIONS',
    `Expected the checkpoint location ${location} to be a folder or absent, found ${found}.`,
    { path: location, cause },
  )
}
