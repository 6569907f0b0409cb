// The rows of a version, store by store: through the engine itself, so that what is shown is what a processor would get.

import type { SparkRow } from '../codec/unsafe-row/spark-value.ts'
import { isStateStoreError } from '../errors.ts'
import type { ResolvedStoreId } from '../store/store-id.ts'
import { checkSelection } from './check-selection.ts'
import { checkCodec } from './codec-check.ts'
import { discoverStores } from './discover-stores.ts'
import { locateRecord } from './locate-record.ts'
import { noSuchStore, type ReadContext, SchemaCache } from './read-context.ts'
import {
  type AtVersion,
  chooseVersion,
  noSideOfBytes,
  planRead,
  type ReadSelection,
} from './read-plan.ts'
import { openVersion } from './open-version.ts'
import { settingsOfVersion } from './spark-settings.ts'
import type { StoreFilesContext } from './store-file.ts'
import { matchesStore } from './store-selection.ts'
import { atRecord, type RowSchema, type StoredRows } from './stored-rows.ts'

export interface RowsSelection extends ReadSelection, AtVersion {
  /**
   * Rebuild from the snapshot that follows this batch, and no other, to find out which snapshot is wrong. Only with `partition`, and at
   * or below the batch or version that is read.
   */
  readonly snapshotBatchId?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** A row, and which store and version it is of. Key and value are the caller's to keep. */
export interface RawRow {
  readonly store: ResolvedStoreId
  readonly version: number
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** A row in types: one value a column, in the order of the schema; docs/values.md tells what they are in JavaScript. */
export interface CheckpointRow {
  readonly store: ResolvedStoreId
  readonly version: number
  readonly schema: RowSchema
  readonly key: SparkRow
  readonly value: SparkRow
}

/** Rows as bytes; `order: 'key'` sorts each store's by the bytes of the key, at the cost of holding them twice. */
export async function* readRawRows(
  context: ReadContext,
  asked: RowsSelection & { readonly order?: 'key' | undefined },
): AsyncGenerator<RawRow, void, void> {
  const selection = checkSelection('rawRows', asked)
  if (selection.joinSide !== undefined) throw noSideOfBytes()
  const version =
    selection.batchId === undefined
      ? selection.version
      : await chooseVersion(context.files, selection)
  const { stores: there } = await discoverStores(context.files)
  const { operatorId, partitionId, storeName } = selection
  const stores = there.filter((id) => matchesStore(id, selection))
  if (stores.length === 0 && isSelective({ operatorId, partitionId, storeName }))
    throw noSuchStore(context.files.location, selection, there)
  for (const store of stores) {
    await using opened = await openVersion(context, store, version, selection)
    const { reader } = opened
    const rows = selection.order === 'key' ? reader.getRange() : reader.entries()
    for (const [key, value] of rows) yield { store, version: reader.version, key, value }
  }
}

export async function* readRows(
  context: ReadContext,
  asked: RowsSelection,
): AsyncGenerator<CheckpointRow, void, void> {
  const selection = checkSelection('rows', asked)
  const version = await chooseVersion(context.files, selection)
  const batchId = version === undefined ? undefined : Math.max(0, version - 1)
  const { stores: there } = await discoverStores(context.files)
  const { stores } = await planRead(context.files, there, selection, batchId)
  const { operatorId, partitionId, storeName, joinSide, signal } = selection
  if (stores.length === 0 && isSelective({ operatorId, partitionId, storeName }))
    throw noSuchStore(context.files.location, selection, there)
  const schemas = new SchemaCache(context.files, { batchId, joinSide })
  const settings = await settingsOfVersion(context.files, version)
  const files: StoreFilesContext = { ...context, signal }
  for (const store of stores) {
    const stored = await schemas.of(store)
    await using opened = await openVersion(context, store, version, selection)
    const { reader } = opened
    await checkCodec(files, settings, store, reader.version)
    for (const [key, value] of reader.entries()) {
      const typed = decode(stored, key, value)
      if ('error' in typed) {
        const place = await locateRecord(files, store, reader.version, key)
        throw atRecord(typed.error, store, reader.version, place)
      }
      yield { store, version: reader.version, schema: stored.schema, ...typed }
    }
  }
}

function decode(stored: StoredRows, key: Uint8Array, value: Uint8Array) {
  try {
    return { key: stored.key(key), value: stored.value(value) }
  } catch (error) {
    if (!isStateStoreError(error)) throw error
    return { error }
  }
}

function isSelective(selection: Readonly<Record<string, unknown>>): boolean {
  return Object.values(selection).some((value) => value !== undefined)
}
