// What the rows of a store are: its schema file found, read, and its JSON understood.
//
//   state/<operator>/0/[<store>/]_metadata/schema           formats 1 and 2; written for partition 0 only
//   state/<operator>/_stateSchema/<store>/<batch>_<uuid>    format 3: the newest at or below the batch holds
//
// Before Spark 3.0 there is none, and our own checkpoints have one only if somebody put it there.

import { parseSchemaJson, printTypeJson } from '../codec/unsafe-row/schema-json.ts'
import type { SparkStruct } from '../codec/unsafe-row/spark-type.ts'
import { isStateStoreError, StateStoreError } from '../errors.ts'
import { type CheckpointFileManager, joinPath } from '../files/file-manager.ts'
import { type ResolvedStoreId, storeDirectory } from '../store/store-id.ts'
import { DEFAULT_FAMILY, parseSchemaFile, schemaMissing } from './schema-file.ts'
import { STATE_DIRECTORY } from './discover-stores.ts'
import { readSmallFile } from './versioned-text.ts'

export interface StoreSchema {
  readonly key: SparkStruct
  readonly value: SparkStruct
  /** The file that says so. */
  readonly path: string
}

type StoreName = Pick<ResolvedStoreId, 'operatorId' | 'storeName'>

/**
 * The schema of a store as of `batchId`, or the newest. CHECKPOINT_NOT_FOUND where there is none; CORRUPT_FILE, UNKNOWN_FORMAT_VERSION; UNSUPPORTED
 * for a type that is not known, or for several column families, which only Spark's RocksDB provider has.
 */
export async function readStoreSchema(
  files: CheckpointFileManager,
  store: StoreName,
  batchId?: number,
): Promise<StoreSchema> {
  const path = (await evolvedPath(files, store, batchId)) ?? plainPath(store)
  const bytes = await readSmallFile(files, path)
  if (bytes === undefined) throw schemaMissing(path)
  const { families } = parseSchemaFile(bytes, path)
  const family = families.find(({ name }) => name === DEFAULT_FAMILY)
  if (family === undefined || families.length > 1)
    throw new StateStoreError(
      'TIDEMARK_UNSUPPORTED',
      `Expected the schema of one column family named ${DEFAULT_FAMILY}, found ${families.length}: only Spark's RocksDB state store provider has families (${path})`,
      { path },
    )
  return {
    key: understand(family.keySchemaJson, 'key', path),
    value: understand(family.valueSchemaJson, 'value', path),
    path,
  }
}

/** Whether a schema is there at all. */
export async function hasStoreSchema(
  files: CheckpointFileManager,
  store: StoreName,
): Promise<boolean> {
  if ((await evolvedPath(files, store, undefined)) !== undefined) return true
  return (await files.stat(plainPath(store))) !== undefined
}

/** A schema as Spark's JSON, for people and programs. */
export function schemaJson(schema: StoreSchema): { key: unknown; value: unknown } {
  const parse = (struct: SparkStruct): unknown => JSON.parse(printTypeJson(struct))
  return { key: parse(schema.key), value: parse(schema.value) }
}

function plainPath({ operatorId, storeName }: StoreName): string {
  return joinPath(storeDirectory({ operatorId, partitionId: 0, storeName }), '_metadata', 'schema')
}

async function evolvedPath(
  files: CheckpointFileManager,
  { operatorId, storeName }: StoreName,
  batchId: number | undefined,
): Promise<string | undefined> {
  const folder = joinPath(STATE_DIRECTORY, String(operatorId), '_stateSchema', storeName)
  let newest: [batch: number, name: string] | undefined
  for (const { name, type } of (await files.list(folder)) ?? []) {
    const batch = Number(/^(\d{1,15})_[0-9A-Za-z-]+$/.exec(name)?.[1] ?? Number.NaN)
    if (type !== 'file' || Number.isNaN(batch) || batch > (batchId ?? batch)) continue
    if (newest === undefined || batch > newest[0]) newest = [batch, name]
  }
  return newest && joinPath(folder, newest[1])
}

function understand(json: string, what: 'key' | 'value', path: string): SparkStruct {
  try {
    return parseSchemaJson(json)
  } catch (error) {
    if (!isStateStoreError(error)) throw error
    throw new StateStoreError(error.code, `In the ${what} schema of ${path}: ${error.message}`, {
      path,
      cause: error,
    })
  }
}
