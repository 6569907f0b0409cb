// What differs between two versions of stores: keys added, removed, and changed. Both versions of one store at a time are in memory.

import { bytesEqual } from '../base/bytes.ts'
import type { SparkRow } from '../codec/unsafe-row/spark-value.ts'
import { isStateStoreError } from '../errors.ts'
import type { StateReader } from '../store/state-store.ts'
import type { ResolvedStoreId } from '../store/store-id.ts'
import { discoverStores } from './discover-stores.ts'
import { openVersion } from './open-version.ts'
import { noSuchStore, type ReadContext, SchemaCache } from './read-context.ts'
import {
  type AtVersion,
  chooseVersion,
  noSideOfBytes,
  planRead,
  type ReadSelection,
} from './read-plan.ts'
import { matchesStore } from './store-selection.ts'
import { atRecord, type RowSchema } from './stored-rows.ts'

export interface DifferencesSelection extends ReadSelection {
  readonly from: AtVersion
  readonly to: AtVersion
  readonly signal?: AbortSignal | undefined
}

interface DifferencePlace {
  readonly store: ResolvedStoreId
  readonly type: 'added' | 'removed' | 'changed'
}

export interface RawDifference extends DifferencePlace {
  readonly key: Uint8Array
  /** Undefined where the key was not there. */
  readonly before: Uint8Array | undefined
  readonly after: Uint8Array | undefined
}

/** A difference in types; see CheckpointRow. */
export interface CheckpointDifference extends DifferencePlace {
  readonly schema: RowSchema
  readonly key: SparkRow
  /** Null where the key was not there. */
  readonly before: SparkRow | null
  readonly after: SparkRow | null
}

/** The differences as bytes, by operator, store name, partition, then in no particular order. */
export async function* readRawDifferences(
  context: ReadContext,
  selection: DifferencesSelection,
): AsyncGenerator<RawDifference, void, void> {
  if (selection.joinSide !== undefined) throw noSideOfBytes()
  const { stores: there } = await discoverStores(context.files)
  const stores = there.filter((id) => matchesStore(id, selection))
  if (stores.length === 0) throw noSuchStore(context.files.location, selection, there)
  yield* differencesOf(context, stores, selection)
}

export async function* readDifferences(
  context: ReadContext,
  selection: DifferencesSelection,
): AsyncGenerator<CheckpointDifference, void, void> {
  const { files } = context
  const { stores: there } = await discoverStores(files)
  const version = await chooseVersion(files, selection.to)
  const batchId = version === undefined ? undefined : Math.max(0, version - 1)
  const { stores } = await planRead(files, there, selection, batchId)
  if (stores.length === 0) throw noSuchStore(files.location, selection, there)
  const schemas = new SchemaCache(files, { batchId, joinSide: selection.joinSide })
  for await (const { store, type, key, before, after } of differencesOf(
    context,
    stores,
    selection,
  )) {
    const stored = await schemas.of(store)
    try {
      yield {
        store,
        type,
        schema: stored.schema,
        key: stored.key(key),
        before: before === undefined ? null : stored.value(before),
        after: after === undefined ? null : stored.value(after),
      }
    } catch (error) {
      if (!isStateStoreError(error)) throw error
      throw atRecord(error, store, undefined, undefined)
    }
  }
}

async function* differencesOf(
  context: ReadContext,
  stores: readonly ResolvedStoreId[],
  { from, to, signal }: DifferencesSelection,
): AsyncGenerator<RawDifference, void, void> {
  const first = await chooseVersion(context.files, from)
  const second = await chooseVersion(context.files, to)
  for (const store of stores) {
    await using older = await openVersion(context, store, first, { signal })
    await using newer = await openVersion(context, store, second, { signal })
    yield* compare(store, older.reader, newer.reader)
  }
}

function* compare(
  store: ResolvedStoreId,
  older: StateReader,
  newer: StateReader,
): Generator<RawDifference, void, void> {
  for (const [key, after] of newer.entries()) {
    const before = older.get(key)
    if (before === undefined) yield { store, type: 'added', key, before, after }
    else if (!bytesEqual(before, after)) yield { store, type: 'changed', key, before, after }
  }
  for (const [key, before] of older.entries())
    if (!newer.has(key)) yield { store, type: 'removed', key, before, after: undefined }
}
