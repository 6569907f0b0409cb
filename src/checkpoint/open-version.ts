import { StateStores } from '../coordinator/state-stores.ts'
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
  if (snapshotBatchId === undefined)
    return await openFrom(context.stores.provider(store), (provider) =>
      provider.getReadStore(version, { ...(signal && { signal }) }),
    )
  checkWhole('snapshotBatchId', snapshotBatchId)
  if (partitionId === undefined)
    throw refused(
      'Expected `partitionId` together with `snapshotBatchId`, got none: partitions have their snapshots at different batches',
    )
  if (version !== undefined && snapshotBatchId + 1 > version)
    throw refused(
      `Expected \`snapshotBatchId\` to be at most the batch that is read, ${version - 1}, got ${snapshotBatchId}`,
    )
  const { settings } = context
  const files = await filesFromSnapshot({ ...context, signal }, store, snapshotBatchId + 1)
  const apart = await StateStores.open(files, {
    readOnly: true,
    maintenanceIntervalMs: 0,
    ...settings,
  })
  return await openFrom(apart, (stores) =>
    stores.provider(store).getReadStore(version, { ...(signal && { signal }) }),
  )
}

/** `owner` goes with what it opened. */
async function openFrom<Owner extends AsyncDisposable>(
  owner: Owner,
  open: (owner: Owner) => Promise<ReadStateStore>,
): Promise<OpenedVersion> {
  try {
    const reader = await open(owner)
    return {
      reader,
      [Symbol.asyncDispose]: async () => {
        await reader.release()
        await owner[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await owner[Symbol.asyncDispose]()
    throw error
  }
}
