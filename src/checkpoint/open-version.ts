// openVersion — one version of one store for one reader, through the engine itself: what is shown is what a processor would get.
//
// The reader has it for itself (reader-stores.ts), so that any number may read at once, the same store at different versions too. From a snapshot
// of the caller's choice it is rebuilt over a view of the files in which there is no other (snapshot-start.ts).

import type { ReadStateStore } from '../store/state-store.ts'
import type { ResolvedStoreId } from '../store/store-id.ts'
import type { ReadContext } from './read-context.ts'
import { checkWhole, refused } from './read-plan.ts'
import { filesFromSnapshot } from './snapshot-start.ts'

export interface OpenVersionOptions {
  readonly partitionId?: number | undefined
  readonly snapshotBatchId?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** A version of a store, in memory until it is disposed of. */
export interface OpenedVersion extends AsyncDisposable {
  readonly reader: ReadStateStore
}

/** Opens a version (undefined: the newest) for reading, rebuilt from a chosen snapshot if one is. Throws as getReadStore and filesFromSnapshot. */
export async function openVersion(
  context: ReadContext,
  store: ResolvedStoreId,
  version: number | undefined,
  { snapshotBatchId, partitionId, signal }: OpenVersionOptions,
): Promise<OpenedVersion> {
  checkSnapshotBatch(snapshotBatchId, partitionId, version)
  const files =
    snapshotBatchId === undefined
      ? undefined
      : await filesFromSnapshot({ ...context, signal }, store, snapshotBatchId + 1)
  const own = await context.readers.open(files)
  try {
    const provider = own.stores.provider(store)
    const reader = await provider.getReadStore(version, { ...(signal && { signal }) })
    return {
      reader,
      [Symbol.asyncDispose]: async () => {
        await reader.release()
        await own[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await own[Symbol.asyncDispose]()
    throw error
  }
}

function checkSnapshotBatch(
  snapshotBatchId: number | undefined,
  partitionId: number | undefined,
  version: number | undefined,
): void {
  checkWhole('snapshotBatchId', snapshotBatchId)
  if (snapshotBatchId === undefined) return
  if (partitionId === undefined)
    throw refused(
      'Expected `partition` together with `snapshotBatchId`, got none: partitions have their snapshots at different batches',
    )
  if (version !== undefined && snapshotBatchId + 1 > version)
    throw refused(
      `Expected \`snapshotBatchId\` to be at most the batch that is read, ${version - 1}, got ${snapshotBatchId}`,
    )
}
