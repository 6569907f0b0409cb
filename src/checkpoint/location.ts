import { isStateStoreError, StateStoreError } from '../errors.ts'
import { checkFileManager } from '../files/check-file-manager.ts'
import type { CheckpointFileManager } from '../files/file-manager.ts'
import { openLocation as openFiles } from '../files/open-location.ts'

/** The file manager of a checkpoint that is there: `location` is a folder on local disk, a `webhdfs://`, `swebhdfs://` or `s3://` URL, or a manager already. A path to a file is CHECKPOINT_NOT_FOUND, what is neither text nor manager TypeError. */
export async function openLocation(
  location: string | CheckpointFileManager,
): Promise<CheckpointFileManager> {
  if (typeof location !== 'string') return checkFileManager(location)
  try {
    return await openFiles(location)
  } catch (cause) {
    // A URL of another scheme stays what it is: a wrong argument, which says nothing about what is there. It carries no path.
    if (!isStateStoreError(cause, 'TIDEMARK_INVALID_OPTIONS') || cause.path === undefined)
      throw cause
    throw new StateStoreError(
      'TIDEMARK_CHECKPOINT_NOT_FOUND',
      `Expected a checkpoint at ${location}, found a file in its place; give the folder that holds \`state\``,
      { path: location, cause },
    )
  }
}
