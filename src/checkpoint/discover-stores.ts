// Which stores a checkpoint holds, by listing it: state/<operator>/<partition>[/<name>], numbers in canonical decimal.
//
// A folder counts as a store if it holds a state file, or if somebody has claimed it: an engine makes the folder before the first commit.
// Names that begin with `_` are Spark's metadata (_metadata, _stateSchema), and `.x.crc` are the checksums that Hadoop's local file
// system keeps beside every file x: both are passed over. All else is a stray, for people to look at. Nothing is followed out of the
// checkpoint: symbolic links are strays.

import { isStateStoreError, StateStoreError } from '../errors.ts'
import { type CheckpointFileManager, type FileStatus, joinPath } from '../files/file-manager.ts'
import { parseFileName } from '../format/file-names.ts'
import {
  DEFAULT_STORE_NAME,
  type ResolvedStoreId,
  resolveStoreId,
  storeDirectory,
} from '../store/store-id.ts'
import { listClaims } from '../store/claims.ts'

export const STATE_DIRECTORY = 'state'

export interface Discovery {
  /** By operator, name, then partition. */
  readonly stores: readonly ResolvedStoreId[]
  /** Paths, relative to the checkpoint, that are no part of any store. */
  readonly strays: readonly string[]
}

/** The stores of a checkpoint. CHECKPOINT_NOT_FOUND where there is none, UNSUPPORTED where it is one of Spark's RocksDB provider. */
export async function discoverStores(files: CheckpointFileManager): Promise<Discovery> {
  const stores: ResolvedStoreId[] = []
  const strays: string[] = []
  for (const operator of await stateEntries(files)) {
    const operatorPath = joinPath(STATE_DIRECTORY, operator.name)
    if (isPassedOver(operator.name)) continue
    const operatorId = parseNumber(operator)
    if (operatorId === undefined) {
      strays.push(operatorPath)
      continue
    }
    for (const partition of (await files.list(operatorPath)) ?? []) {
      if (isPassedOver(partition.name)) continue
      const partitionId = parseNumber(partition)
      if (partitionId === undefined) strays.push(joinPath(operatorPath, partition.name))
      else await discoverPartition(files, operatorId, partitionId, stores, strays)
    }
  }
  stores.sort(compareStoreIds)
  return { stores, strays: strays.sort() }
}

/** Operator, name, partition. */
export function compareStoreIds(a: ResolvedStoreId, b: ResolvedStoreId): number {
  if (a.operatorId !== b.operatorId) return a.operatorId - b.operatorId
  if (a.storeName !== b.storeName) return a.storeName < b.storeName ? -1 : 1
  return a.partitionId - b.partitionId
}

/** Spark's metadata and Hadoop's checksums of local files. */
export function isPassedOver(name: string): boolean {
  return name.startsWith('_') || /^\..+\.crc$/.test(name)
}

async function discoverPartition(
  files: CheckpointFileManager,
  operatorId: number,
  partitionId: number,
  stores: ResolvedStoreId[],
  strays: string[],
): Promise<void> {
  const unnamed = resolveStoreId({ operatorId, partitionId, storeName: DEFAULT_STORE_NAME })
  const directory = storeDirectory(unnamed)
  const entries = (await files.list(directory)) ?? []
  refuseRocksDb(entries, directory)
  if (await isStore(files, unnamed, entries)) stores.push(unnamed)
  for (const entry of entries) {
    if (isPassedOver(entry.name) || parseFileName(entry.name) !== undefined) continue
    const path = joinPath(directory, entry.name)
    const named =
      entry.type === 'directory' ? namedStore(operatorId, partitionId, entry.name) : undefined
    const inside = named && ((await files.list(path)) ?? [])
    if (named === undefined || inside === undefined) {
      strays.push(path)
      continue
    }
    refuseRocksDb(inside, path)
    if (await isStore(files, named, inside)) stores.push(named)
    else if (inside.some(({ name }) => !isPassedOver(name))) strays.push(path)
  }
}

/** The id of the store that a folder of that name is for; undefined if no store can have it. */
function namedStore(
  operatorId: number,
  partitionId: number,
  storeName: string,
): ResolvedStoreId | undefined {
  // A folder `default` is nobody's: the store of that name lies in the partition folder itself.
  if (storeName === DEFAULT_STORE_NAME) return undefined
  try {
    return resolveStoreId({ operatorId, partitionId, storeName })
  } catch (error) {
    if (isStateStoreError(error, 'TIDEMARK_INVALID_OPTIONS')) return undefined
    throw error
  }
}

async function isStore(
  files: CheckpointFileManager,
  id: ResolvedStoreId,
  entries: readonly FileStatus[],
): Promise<boolean> {
  if (entries.some((entry) => parseFileName(entry.name) !== undefined)) return true
  return (await listClaims(files, id)).length > 0
}

function refuseRocksDb(entries: readonly FileStatus[], directory: string): void {
  const found = entries.find((entry) => /^\d+(_[^/.]*)?\.(zip|changelog)$/.test(entry.name))
  // Beside files of ours it is just a foreign file.
  const isOurs = entries.some((entry) => parseFileName(entry.name) !== undefined)
  if (found === undefined || isOurs) return
  throw rocksDbCheckpoint(joinPath(directory, found.name))
}

/** The refusal of a checkpoint that Spark's other provider wrote; `path` is what gave it away. */
export function rocksDbCheckpoint(path: string): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_UNSUPPORTED',
    `Expected a checkpoint of Spark's HDFS-backed state store or of tidemark (<version>.delta and .snapshot), found one of Spark's RocksDB state store provider: ${path}`,
    { path },
  )
}

/** The entries of the state folder; CHECKPOINT_NOT_FOUND if there is none. */
async function stateEntries(files: CheckpointFileManager): Promise<FileStatus[]> {
  const entries = await files.list(STATE_DIRECTORY)
  if (entries !== undefined) return entries
  throw new StateStoreError(
    'TIDEMARK_CHECKPOINT_NOT_FOUND',
    `Expected a checkpoint at ${files.location}, found ${describeRoot(await files.list(''))}`,
    { path: files.location },
  )
}

function describeRoot(root: readonly FileStatus[] | undefined): string {
  if (root === undefined) return 'nothing there'
  if (root.length === 0) return 'an empty folder'
  if (root.some((entry) => parseFileName(entry.name) !== undefined))
    return 'the folder of one store; give the folder that holds `state`, some levels up'
  if (root.some((entry) => parseNumber(entry) !== undefined))
    return 'no `state` folder in it but numbered ones; give the folder that holds `state`, above this one'
  return 'a folder without `state` in it'
}

/** The operator or partition that a folder is of; undefined if it is of none. */
export function parseNumber(entry: FileStatus): number | undefined {
  if (entry.type !== 'directory' || !/^(0|[1-9]\d{0,15})$/.test(entry.name)) return undefined
  const value = Number(entry.name)
  return Number.isSafeInteger(value) ? value : undefined
}
