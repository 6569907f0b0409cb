// The operators of a query and their stores, from their metadata; where there is none (before Spark 3.5, or our own), from the folders.
//
// SPARK: without metadata a query has as many partitions as spark.sql.shuffle.partitions says, which the offset log keeps; but operators
// without keys to partition by have one.
//
// SPARK: of metadata in format 2 there may be several, one for each batch at which something changed; the newest at or below a batch holds.

import { isStateStoreError, StateStoreError } from '../errors.ts'
import { type CheckpointFileManager, joinPath } from '../files/file-manager.ts'
import { type ResolvedStoreId, storeDirectory } from '../store/store-id.ts'
import { parseNumber, STATE_DIRECTORY } from './discover-stores.ts'
import { type OperatorMetadata, parseOperatorMetadata } from './operator-metadata.ts'
import { listBatchIds } from './batches.ts'
import { configuredPartitions, knownSettings } from './spark-settings.ts'
import { hasStoreSchema, readStoreSchema } from './store-schema.ts'
import { readSmallFile, wrongField } from './versioned-text.ts'

export interface OperatorInfo {
  readonly operatorId: number
  /** Spark's name of it, such as stateStoreSave; undefined where there is no metadata. */
  readonly operatorName: string | undefined
  readonly stores: readonly OperatorStore[]
  /** What the operator says of itself in format 2, as JSON; Spark's `operatorProperties`. */
  readonly propertiesJson: string | undefined
  /** The file that tells; undefined where the folders do. */
  readonly metadataPath: string | undefined
  /** The offset log that tells how many partitions there are, where no metadata does; undefined where nothing does but the folders. */
  readonly settingsPath: string | undefined
}

/** Metadata of an operator that cannot be understood. */
export interface OperatorDamage {
  readonly operatorId: number
  readonly error: StateStoreError
}

/** A folder that is missing or too many. */
export interface OperatorProblem {
  readonly store: ResolvedStoreId
  readonly error: StateStoreError
}

/** More partitions than any query has; a forged number makes no endless list. */
const PARTITIONS_LISTED_MAX = 100_000

export interface OperatorStore {
  readonly storeName: string
  /** How many partitions the query has: 0 to one less are their numbers. */
  readonly partitions: number
  /** All rows go to partition 0, and the others need not be there: an operator without keys to partition by. */
  readonly isSingle: boolean
  /** Key columns that a prefix scan goes by; 0 if there is none, undefined where there is no metadata. */
  readonly prefixColumns: number | undefined
}

/** Of each operator that has stores or metadata, by its id; as of `batchId`, or the newest. CORRUPT_FILE, UNKNOWN_FORMAT_VERSION. */
export async function readOperators(
  files: CheckpointFileManager,
  stores: readonly ResolvedStoreId[],
  batchId?: number,
): Promise<readonly OperatorInfo[]> {
  const { operators, problems } = await surveyOperators(files, stores, batchId)
  const [first] = problems
  if (first !== undefined) throw first.error
  return operators
}

/** The same, with what cannot be understood beside: of such an operator the folders tell. */
export async function surveyOperators(
  files: CheckpointFileManager,
  stores: readonly ResolvedStoreId[],
  batchId?: number,
): Promise<{
  readonly operators: readonly OperatorInfo[]
  readonly problems: readonly OperatorDamage[]
}> {
  const folders = (await files.list(STATE_DIRECTORY)) ?? []
  const operatorIds = folders
    .map(parseNumber)
    .filter((operatorId) => operatorId !== undefined)
    .sort((a, b) => a - b)
  const operators: OperatorInfo[] = []
  const problems: OperatorDamage[] = []
  for (const operatorId of operatorIds) {
    const own = stores.filter((id) => id.operatorId === operatorId)
    let operator: OperatorInfo | undefined
    try {
      operator = await fromMetadata(files, operatorId, batchId)
    } catch (error) {
      if (!isStateStoreError(error)) throw error
      problems.push({ operatorId, error })
    }
    if (operator === undefined && own.length > 0)
      operator = await fromFolders(files, operatorId, own)
    if (operator !== undefined) operators.push(operator)
  }
  return { operators, problems }
}

async function fromMetadata(
  files: CheckpointFileManager,
  operatorId: number,
  batchId: number | undefined,
): Promise<OperatorInfo | undefined> {
  const found = await readMetadata(files, operatorId, batchId)
  if (found === undefined) return undefined
  const [metadata, metadataPath] = found
  const { operatorName } = metadata
  const stores: OperatorStore[] = []
  for (const { storeName, numPartitions, numColsPrefixKey } of metadata.stores) {
    const isSingle =
      operatorName === 'globalLimit' ||
      (operatorName === 'stateStoreSave' && (await hasNoKeys(files, { operatorId, storeName })))
    stores.push({
      storeName,
      partitions: numPartitions,
      isSingle,
      prefixColumns: numColsPrefixKey,
    })
  }
  return {
    operatorId,
    operatorName,
    stores,
    propertiesJson: metadata.operatorPropertiesJson,
    metadataPath,
    settingsPath: undefined,
  }
}

async function readMetadata(
  files: CheckpointFileManager,
  operatorId: number,
  batchId: number | undefined,
): Promise<[OperatorMetadata, string] | undefined> {
  const folder = joinPath(STATE_DIRECTORY, String(operatorId), '_metadata')
  const evolved = joinPath(folder, 'v2')
  const newest = (await listBatchIds(files, evolved))
    .filter((id) => batchId === undefined || id <= batchId)
    .at(-1)
  const path = newest === undefined ? joinPath(folder, 'metadata') : joinPath(evolved, `${newest}`)
  const bytes = await readSmallFile(files, path)
  if (bytes === undefined) return undefined
  const metadata = parseOperatorMetadata(bytes, path)
  if (metadata.operatorId !== operatorId)
    throw wrongField('operatorId', String(operatorId), metadata.operatorId, path)
  return [metadata, path]
}

/**
 * SPARK: an operator without keys has all rows in one partition, while metadata and settings name the number that the query has: an aggregation over
 * everything, whose keys have no columns, or a limit, whose only key column is of the type that has only null.
 */
async function hasNoKeys(
  files: CheckpointFileManager,
  store: { readonly operatorId: number; readonly storeName: string },
): Promise<boolean> {
  try {
    const { fields } = (await readStoreSchema(files, store)).key
    return fields.every(({ type }) => type.kind === 'null')
  } catch (error) {
    // A schema that is missing or cannot be understood is for those to tell who need it.
    if (isStateStoreError(error)) return false
    throw error
  }
}

/** SPARK: without metadata, partitions count from 0 without a gap; so there are as many as the settings say, and no fewer than the highest. */
async function fromFolders(
  files: CheckpointFileManager,
  operatorId: number,
  own: readonly ResolvedStoreId[],
): Promise<OperatorInfo> {
  const settings = await knownSettings(files)
  const configured = (settings && configuredPartitions(settings)) ?? 1
  const there = new Map<string, number>()
  for (const { storeName, partitionId } of own)
    there.set(storeName, Math.max(there.get(storeName) ?? 0, partitionId + 1))
  const stores: OperatorStore[] = []
  for (const [storeName, count] of there) {
    const store = { operatorId, storeName }
    // Before Spark 3.0 there are no schemas either, and a lone partition 0 may be that of an operator without keys.
    const isSingle =
      count === 1 && (!(await hasStoreSchema(files, store)) || (await hasNoKeys(files, store)))
    const partitions = isSingle ? 1 : Math.max(count, configured)
    stores.push({ storeName, partitions, isSingle, prefixColumns: undefined })
  }
  return {
    operatorId,
    operatorName: undefined,
    stores,
    propertiesJson: undefined,
    metadataPath: undefined,
    settingsPath: settings?.path,
  }
}

/**
 * What is wrong with the folders of an operator's stores: partitions that are missing or too many, stores that its metadata does not name. Only
 * where there is metadata, or a query of Spark's with its offset log; our own checkpoints may have any partitions.
 */
export function checkOperator(
  operator: OperatorInfo,
  stores: readonly ResolvedStoreId[],
): OperatorProblem[] {
  const { operatorId, metadataPath } = operator
  if (metadataPath === undefined && operator.settingsPath === undefined) return []
  const own = stores.filter((id) => id.operatorId === operatorId)
  const problems = operator.stores.flatMap((store) => checkStore(operator, store, own))
  if (metadataPath === undefined) return problems
  const names = operator.stores.map(({ storeName }) => storeName)
  for (const id of own.filter(({ storeName }) => !names.includes(storeName)))
    problems.push(
      problemOf(
        id,
        `Expected the stores of operator ${operatorId} to be ${names.join(', ')}, as ${metadataPath} says, found ${id.storeName}`,
      ),
    )
  return problems
}

function checkStore(
  { operatorId, metadataPath, settingsPath }: OperatorInfo,
  { storeName, partitions, isSingle }: OperatorStore,
  own: readonly ResolvedStoreId[],
): OperatorProblem[] {
  const there = own.filter((id) => id.storeName === storeName).map((id) => id.partitionId)
  const whoSays =
    metadataPath !== undefined
      ? `as ${metadataPath} says`
      : there.includes(partitions - 1)
        ? 'up to the highest that is there'
        : `as spark.sql.shuffle.partitions in ${settingsPath} says`
  const expected = `Expected store ${storeName} of operator ${operatorId} to have the partitions 0 to ${partitions - 1}, ${whoSays}`
  const needed = isSingle ? 1 : Math.min(partitions, PARTITIONS_LISTED_MAX)
  const numbers = Array.from({ length: needed }, (_, i) => i)
  return [
    ...numbers
      .filter((partitionId) => !there.includes(partitionId))
      .map((partitionId) => {
        const found = there.length === 0 ? 'none: the store is not there' : `no ${partitionId}`
        return problemOf({ operatorId, storeName, partitionId }, `${expected}, found ${found}`)
      }),
    ...there
      .filter((partitionId) => partitionId >= partitions)
      .map((partitionId) =>
        problemOf({ operatorId, storeName, partitionId }, `${expected}, found also ${partitionId}`),
      ),
  ]
}

function problemOf(store: ResolvedStoreId, problem: string): OperatorProblem {
  const path = storeDirectory(store)
  const error = new StateStoreError('TIDEMARK_CORRUPT_FILE', `${problem} (${path})`, { path })
  return { store, error }
}
