// The change feed: what each batch put and removed, out of the deltas alone.
//
// SPARK: batch b is the delta of version b + 1; `update` for every put, `delete` for every removal, a key as often as it was written.

import type { SparkRow } from '../codec/unsafe-row/spark-value.ts'
import { isStateStoreError, StateStoreError } from '../errors.ts'
import { type ResolvedStoreId, storeIdText } from '../store/store-id.ts'
import { lastCommittedBatch } from './batches.ts'
import { checkSelection } from './check-selection.ts'
import { checkCodec } from './codec-check.ts'
import { checkSuccession, type DeltaChanges, readDeltaChanges } from './delta-changes.ts'
import { discoverStores } from './discover-stores.ts'
import { noSuchStore, type ReadContext, SchemaCache } from './read-context.ts'
import { planRead, refused } from './read-plan.ts'
import { type SparkSettings, settingsOfVersion } from './spark-settings.ts'
import { matchesStore, type StoreSelection } from './store-selection.ts'
import { atRecord, type RowSchema } from './stored-rows.ts'

export interface ChangesSelection extends StoreSelection {
  /** The first batch. */
  readonly from: number
  /** The last batch. Default: the last committed one, or of each store its newest where nothing tells of batches. */
  readonly to?: number | undefined
  readonly signal?: AbortSignal | undefined
}

interface ChangePlace {
  readonly store: ResolvedStoreId
  readonly batchId: number
  readonly type: 'update' | 'delete'
}

export interface RawChange extends ChangePlace {
  readonly key: Uint8Array
  /** Undefined where the key was removed. */
  readonly value: Uint8Array | undefined
}

/** A change in types; see CheckpointRow. */
export interface CheckpointChange extends ChangePlace {
  readonly schema: RowSchema
  readonly key: SparkRow
  /** Null where the key was removed. */
  readonly value: SparkRow | null
}

/** The changes as bytes, by operator, store name, batch, partition, then in the order they were made. */
export async function* readRawChanges(
  context: ReadContext,
  asked: ChangesSelection,
): AsyncGenerator<RawChange, void, void> {
  const selection = checkSelection('changes', asked)
  const { stores: there } = await discoverStores(context.files)
  const stores = there.filter((id) => matchesStore(id, selection))
  if (stores.length === 0) throw noSuchStore(context.files.location, selection, there)
  for await (const { store, batchId, delta } of deltasOf(context, stores, selection)) {
    for (const { key, value } of delta.changes)
      yield { store, batchId, type: typeOf(value), key, value }
  }
}

export async function* readChanges(
  context: ReadContext,
  asked: ChangesSelection,
): AsyncGenerator<CheckpointChange, void, void> {
  const selection = checkSelection('changes', asked)
  const { files } = context
  const { stores: there } = await discoverStores(files)
  const { stores } = await planRead(files, there, selection, selection.to)
  if (stores.length === 0) throw noSuchStore(files.location, selection, there)
  const schemas = new SchemaCache(files, { batchId: selection.to })
  let settings: SparkSettings | undefined
  let settingsBatch: number | undefined
  for await (const { store, batchId, delta } of deltasOf(context, stores, selection)) {
    if (batchId !== settingsBatch) settings = await settingsOfVersion(files, batchId + 1)
    settingsBatch = batchId
    await checkCodec({ ...context, signal: selection.signal }, settings, store, batchId + 1)
    const stored = await schemas.of(store)
    for (const [record, { key, value }] of delta.changes.entries()) {
      let row: { key: SparkRow; value: SparkRow | null }
      try {
        row = { key: stored.key(key), value: value === undefined ? null : stored.value(value) }
      } catch (error) {
        if (!isStateStoreError(error)) throw error
        throw atRecord(error, store, batchId + 1, { path: delta.path, record })
      }
      yield { store, batchId, type: typeOf(value), schema: stored.schema, ...row }
    }
  }
}

function typeOf(value: Uint8Array | undefined): 'update' | 'delete' {
  return value === undefined ? 'delete' : 'update'
}

/** The deltas of a range of batches, by operator, store name, batch, then partition. */
async function* deltasOf(
  context: ReadContext,
  stores: readonly ResolvedStoreId[],
  { from, to, signal }: Pick<ChangesSelection, 'from' | 'to' | 'signal'>,
): AsyncGenerator<{ store: ResolvedStoreId; batchId: number; delta: DeltaChanges }, void, void> {
  const files = { ...context, signal }
  for (const group of groupsOf(stores)) {
    const lasts =
      to === undefined
        ? await lastBatchesOf(context, group)
        : new Map(group.map((store) => [store, to]))
    const last = Math.max(...lasts.values())
    if (from > last)
      throw refused(`Expected \`from\` to be at most the last batch, ${last}, got ${from}`)
    const below = new Map<number, DeltaChanges>()
    for (let batchId = from; batchId <= last; batchId++) {
      for (const store of group) {
        signal?.throwIfAborted()
        const own = lasts.get(store)
        if (own === undefined || batchId > own) continue
        const delta = await readDeltaChanges(files, store, batchId + 1)
        checkSuccession(store, batchId + 1, below.get(store.partitionId), delta)
        if (batchId === own && delta.id !== undefined) await checkNoOrphan(context, store, own + 1)
        yield { store, batchId, delta }
        // Of what was handed out only the id is asked for again.
        below.set(store.partitionId, { ...delta, changes: [] })
      }
    }
  }
}

/** The partitions of each store together. */
function groupsOf(stores: readonly ResolvedStoreId[]): ResolvedStoreId[][] {
  const groups = new Map<string, ResolvedStoreId[]>()
  for (const store of stores) {
    const name = `${store.operatorId}/${store.storeName}`
    groups.set(name, [...(groups.get(name) ?? []), store])
  }
  return [...groups.values()]
}

/** Of each store its last batch; -1 of one that was never committed. */
async function lastBatchesOf(
  { files, readers }: ReadContext,
  group: readonly ResolvedStoreId[],
): Promise<ReadonlyMap<ResolvedStoreId, number>> {
  const committed = await lastCommittedBatch(files)
  if (committed === 'none') throw refused('Expected a last batch (`to`), because none is committed')
  const lasts = new Map<ResolvedStoreId, number>()
  await using own = await readers.open()
  for (const store of group)
    lasts.set(store, committed ?? (await own.stores.provider(store).latestVersion()) - 1)
  if (Math.max(...lasts.values()) < 0)
    throw refused('Expected stores with changes, found none that was ever committed')
  return lasts
}

/** A file of ours that a rewind left behind is whole, but of no history any more. */
async function checkNoOrphan(
  { readers }: ReadContext,
  store: ResolvedStoreId,
  version: number,
): Promise<void> {
  await using own = await readers.open()
  const latest = await own.stores.provider(store).latestVersion()
  if (version <= latest) return
  throw new StateStoreError(
    'TIDEMARK_VERSION_NOT_FOUND',
    `Expected version ${version} of ${storeIdText(store)}, found its file to be of a replaced history: the newest version is ${latest}`,
    { storeId: storeIdText(store), version },
  )
}
