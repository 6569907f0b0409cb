// Rebuilding a version from a snapshot of the caller's choice, to find out which one is wrong.
//
// The engine chooses snapshots itself, so it is shown a folder in which there is no other: older files and other snapshots are left out of
// the listing. What is then read, checked and replayed is what it always does.

import { StateStoreError } from '../errors.ts'
import { type CheckpointFileManager, joinPath } from '../files/file-manager.ts'
import { parseFileName, snapshotName } from '../format/file-names.ts'
import { type ResolvedStoreId, storeDirectory, storeIdText } from '../store/store-id.ts'
import { listStoreFiles, readWhole, sourceOf, type StoreFilesContext } from './store-file.ts'

/**
 * The files as if `version` of the store had its only snapshot. VERSION_NOT_FOUND if there is no such snapshot, and what reading it throws: the engine
 * would pass a damaged one over.
 */
export async function filesFromSnapshot(
  context: StoreFilesContext,
  id: ResolvedStoreId,
  version: number,
): Promise<CheckpointFileManager> {
  const { snapshots } = await listStoreFiles(context.files, id)
  const status = snapshots.get(version)
  if (status === undefined) throw notThere(id, version, [...snapshots.keys()])
  const ignore = { onPut: () => undefined, onRemove: () => undefined }
  await readWhole(context, id, sourceOf(context, id, status), { kind: 'snapshot', version }, ignore)
  return hiding(context.files, storeDirectory(id), (name) => {
    const file = parseFileName(name)
    if (file === undefined) return false
    return file.version < version || (file.kind === 'snapshot' && file.version !== version)
  })
}

function hiding(
  files: CheckpointFileManager,
  directory: string,
  isHidden: (name: string) => boolean,
): CheckpointFileManager {
  return new Proxy(files, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target)
      if (typeof member !== 'function') return member
      if (property !== 'list')
        return (...args: unknown[]): unknown => Reflect.apply(member, target, args)
      return async (path: string) => {
        const entries = await target.list(path)
        return path === directory ? entries?.filter(({ name }) => !isHidden(name)) : entries
      }
    },
  })
}

function notThere(id: ResolvedStoreId, version: number, there: readonly number[]): StateStoreError {
  const path = joinPath(storeDirectory(id), snapshotName(version))
  const batches = there.map((other) => other - 1).sort((a, b) => a - b)
  const found = batches.length === 0 ? 'no snapshots' : `those of the batches ${batches.join(', ')}`
  return new StateStoreError(
    'TIDEMARK_VERSION_NOT_FOUND',
    `Expected ${path}, the snapshot of batch ${version - 1}, found ${found}`,
    { storeId: storeIdText(id), version, path },
  )
}
