// Where in a store's files a row comes from: for errors about the row.

import { bytesEqual } from '../base/bytes.ts'
import { isStateStoreError } from '../errors.ts'
import type { ResolvedStoreId } from '../store/store-id.ts'
import { listStoreFiles, readWhole, sourceOf, type StoreFilesContext } from './store-file.ts'

export interface RecordPlace {
  readonly path: string
  readonly record: number
}

/**
 * Which record of which file gave a row of a version its value: the last put of `key` in the newest delta at or below, or in the snapshot where the
 * deltas end. Undefined if none did, or a file cannot be read any more. Costs the reading of the files in between, so only errors are worth it.
 */
export async function locateRecord(
  context: StoreFilesContext,
  id: ResolvedStoreId,
  version: number,
  key: Uint8Array,
): Promise<RecordPlace | undefined> {
  try {
    return await search(context, id, version, key)
  } catch (error) {
    // It is asked for to complete another error, which must not get lost.
    if (!isStateStoreError(error)) throw error
    return undefined
  }
}

async function search(
  context: StoreFilesContext,
  id: ResolvedStoreId,
  version: number,
  key: Uint8Array,
): Promise<RecordPlace | undefined> {
  const { deltas, snapshots } = await listStoreFiles(context.files, id)
  for (let at = version; at > 0; at--) {
    const kind = deltas.has(at) ? 'delta' : 'snapshot'
    const status = deltas.get(at) ?? snapshots.get(at)
    if (status === undefined) return undefined
    const source = sourceOf(context, id, status)
    let [record, found] = [0, -1]
    await readWhole(
      context,
      id,
      source,
      { kind, version: at },
      {
        onPut: (other) => {
          if (bytesEqual(other, key)) found = record
          record++
        },
        onRemove: () => void record++,
      },
    )
    if (found >= 0) return { path: source.path, record: found }
    if (kind === 'snapshot') return undefined
  }
  return undefined
}
