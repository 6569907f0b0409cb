// The changes that one version made, straight out of its delta: no state is built for it.
//
// The rows of one delta are held until the whole file has proved to be what was written; so memory is that of the largest delta.

import { isStateStoreError, StateStoreError } from '../errors.ts'
import { type FileStatus, joinPath } from '../files/file-manager.ts'
import { deltaName } from '../format/file-names.ts'
import { FilesChangedError, whileFilesChange } from '../store/state-files.ts'
import { type ResolvedStoreId, storeDirectory, storeIdText } from '../store/store-id.ts'
import { FileVanishedError } from './state-file-source.ts'
import { listStoreFiles, readWhole, sourceOf, type StoreFilesContext } from './store-file.ts'

export interface StoredChange {
  readonly key: Uint8Array
  /** Undefined where the key was removed. */
  readonly value: Uint8Array | undefined
}

export interface DeltaChanges {
  readonly path: string
  /** In the order they were made; a key may occur more than once. */
  readonly changes: readonly StoredChange[]
  /** Of the version, and of the one below; undefined in files without trailer. */
  readonly id: string | undefined
  readonly parent: string | undefined
}

/**
 * VERSION_NOT_FOUND where the delta is not there, be it that it was cleaned or never written; and what reading a file throws, once another look at the store
 * finds the same: a writer may be replacing or cleaning the file.
 */
export async function readDeltaChanges(
  context: StoreFilesContext,
  id: ResolvedStoreId,
  version: number,
): Promise<DeltaChanges> {
  return await whileFilesChange(async () => {
    const { deltas } = await listStoreFiles(context.files, id)
    const status = deltas.get(version)
    if (status === undefined) throw notThere(id, version, [...deltas.keys()])
    try {
      return await readListed(context, id, version, status)
    } catch (error) {
      const mayHaveChanged =
        error instanceof FileVanishedError || (isStateStoreError(error) && error.kind === 'corrupt')
      throw mayHaveChanged ? new FilesChangedError(error) : error
    }
  })
}

async function readListed(
  context: StoreFilesContext,
  id: ResolvedStoreId,
  version: number,
  status: FileStatus,
): Promise<DeltaChanges> {
  const source = sourceOf(context, id, status)
  const changes: StoredChange[] = []
  const { trailer } = await readWhole(
    context,
    id,
    source,
    { kind: 'delta', version },
    {
      onPut: (key, value) => void changes.push({ key: key.slice(), value: value.slice() }),
      onRemove: (key) => void changes.push({ key: key.slice(), value: undefined }),
    },
  )
  return { path: source.path, changes, id: trailer?.id, parent: trailer?.parent }
}

/** BROKEN_CHAIN unless two deltas that follow each other belong to one history, as far as their trailers tell. */
export function checkSuccession(
  id: ResolvedStoreId,
  version: number,
  below: DeltaChanges | undefined,
  delta: DeltaChanges,
): void {
  if (below?.id === undefined || delta.parent === undefined || delta.parent === below.id) return
  throw new StateStoreError(
    'TIDEMARK_BROKEN_CHAIN',
    `Expected version ${version} of ${storeIdText(id)} to have been made on ${below.id}, found ${delta.parent}: one of the two is of another history (${delta.path})`,
    { storeId: storeIdText(id), version, path: delta.path },
  )
}

function notThere(id: ResolvedStoreId, version: number, there: readonly number[]): StateStoreError {
  const path = joinPath(storeDirectory(id), deltaName(version))
  const sorted = there.toSorted((a, b) => a - b)
  const range =
    sorted.length === 0
      ? 'there are no deltas'
      : `there are those from ${sorted[0]} to ${sorted.at(-1)}`
  return new StateStoreError(
    'TIDEMARK_VERSION_NOT_FOUND',
    `Expected ${path}, which has the changes of batch ${version - 1}, found nothing: ${range}`,
    { storeId: storeIdText(id), version, path },
  )
}
