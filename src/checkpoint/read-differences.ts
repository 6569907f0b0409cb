// What differs between two versions of stores: keys added, removed, and changed. Both versions of one store at a time are in memory.

import { bytesEqual } from '../base/bytes.ts'
import type { SparkRow } from '../codec/unsafe-row/spark-value.ts'
import { isStateStoreError, type StateStoreError } from '../errors.ts'
import type { StateReader } from '../store/state-store.ts'
import type { ResolvedStoreId } from '../store/store-id.ts'
import { checkSelection } from './check-selection.ts'
import { checkCodec } from './codec-check.ts'
import { discoverStores } from './discover-stores.ts'
import { locateRecord } from './locate-record.ts'
import { openVersion } from './open-version.ts'
import { noSuchStore, type ReadContext, SchemaCache } from './read-context.ts'
import {
  type AtVersion,
  chooseVersion,
  noSideOfBytes,
  planRead,
  type ReadSelection,
} from './read-plan.ts'
import { settingsOfVersion } from './spark-settings.ts'
import type { StoreFilesContext } from './store-file.ts'
import { matchesStore } from './store-selection.ts'
import { atRecord, type RowSchema, type StoredRows } from './stored-rows.ts'

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
  asked: DifferencesSelection,
): AsyncGenerator<RawDifference, void, void> {
  const selection = checkSelection('differences', asked)
  if (selection.joinSide !== undefined) throw noSideOfBytes()
  const { stores: there } = await discoverStores(context.files)
  const stores = there.filter((id) => matchesStore(id, selection))
  if (stores.length === 0) throw noSuchStore(context.files.location, selection, there)
  yield* differencesOf(context, stores, selection)
}

export async function* readDifferences(
  context: ReadContext,
  asked: DifferencesSelection,
): AsyncGenerator<CheckpointDifference, void, void> {
  const selection = checkSelection('differences', asked)
  const { files } = context
  const { stores: there } = await discoverStores(files)
  const version = await chooseVersion(files, selection.to)
  const batchId = version === undefined ? undefined : Math.max(0, version - 1)
  const { stores } = await planRead(files, there, selection, batchId)
  if (stores.length === 0) throw noSuchStore(files.location, selection, there)
  const schemas = new SchemaCache(files, { batchId, joinSide: selection.joinSide })
  const state: StoreFilesContext = { ...context, signal: selection.signal }
  let versions: Versions = [0, 0]
  const opened = async (store: ResolvedStoreId, both: Versions): Promise<void> => {
    versions = both
    for (const version of both)
      await checkCodec(state, await settingsOfVersion(files, version), store, version)
  }
  for await (const difference of differencesOf(context, stores, selection, opened)) {
    const { store, type } = difference
    const stored = await schemas.of(store)
    const typed = decode(stored, difference, versions)
    if ('error' in typed) {
      const place = await locateRecord(state, store, typed.version, difference.key)
      throw atRecord(typed.error, store, typed.version, place)
    }
    yield { store, type, schema: stored.schema, ...typed }
  }
}

/** Of the two states of a store. */
type Versions = readonly [older: number, newer: number]

/** The error of what is none of its schema comes with the version that has it. */
function decode(
  stored: StoredRows,
  { key, before, after }: RawDifference,
  [older, newer]: Versions,
):
  | Pick<CheckpointDifference, 'key' | 'before' | 'after'>
  | { readonly error: StateStoreError; readonly version: number } {
  let version = before === undefined ? newer : older
  try {
    const typedKey = stored.key(key)
    const typedBefore = before === undefined ? null : stored.value(before)
    version = newer
    const typedAfter = after === undefined ? null : stored.value(after)
    return { key: typedKey, before: typedBefore, after: typedAfter }
  } catch (error) {
    if (!isStateStoreError(error)) throw error
    return { error, version }
  }
}

/** `opened` is called for each store before what differs in it, with the two versions of it. */
async function* differencesOf(
  context: ReadContext,
  stores: readonly ResolvedStoreId[],
  { from, to, signal }: Pick<DifferencesSelection, 'from' | 'to' | 'signal'>,
  opened?: (store: ResolvedStoreId, versions: Versions) => Promise<void>,
): AsyncGenerator<RawDifference, void, void> {
  const first = await chooseVersion(context.files, from)
  const second = await chooseVersion(context.files, to)
  for (const store of stores) {
    await using older = await openVersion(context, store, first, { signal })
    await using newer = await openVersion(context, store, second, { signal })
    await opened?.(store, [older.reader.version, newer.reader.version])
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
