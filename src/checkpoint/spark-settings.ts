// What a Spark checkpoint's files do not say about themselves, from its offset log.
//
// SPARK: the settings are those of the first batch and restored at every restart, so any entry tells them; of a batch that is read its own
// must be there all the same, as Spark's state source demands it too. Whether rows carry checksums is the setting below; value sizes are
// always floored to a multiple of 8, but under row checksums, whose four bytes would not fit. A checkpoint of our own has no offset log,
// no row checksums unless asked for, and values of any size.

import { type CompressionName } from '../codec/compression.ts'
import { isCompressionName } from '../codec/compressions.ts'
import { isStateStoreError, type StateStoreError } from '../errors.ts'
import { type CheckpointFileManager, joinPath } from '../files/file-manager.ts'
import { hasQueryFiles, listBatchIds, offsetsMissing, readOffsets } from './batches.ts'
import { COMMITS_DIRECTORY } from './commit-log.ts'
import { rocksDbCheckpoint } from './discover-stores.ts'
import { OFFSETS_DIRECTORY } from './offset-log.ts'

const ROW_CHECKSUMS_KEY = 'spark.sql.streaming.stateStore.rowChecksum.enabled'
const PROVIDER_KEY = 'spark.sql.streaming.stateStore.providerClass'
const PARTITIONS_KEY = 'spark.sql.shuffle.partitions'
const CODEC_KEY = 'spark.sql.streaming.stateStore.compression.codec'

/** SPARK: a codec may be named by its class as well. */
const CODEC_CLASS = /^org\.apache\.spark\.io\.(LZ4|LZF|Snappy|ZStd)CompressionCodec$/i

/** What reading rows depends on and no file says. */
export interface RowSettings {
  /** Rows carry a checksum each. */
  readonly rowChecksums: boolean
  /** Value sizes are cut down to a multiple of 8. */
  readonly floorValues: boolean
}

/** Settings that the caller knows better; what is left out is detected. */
export type RowSettingsOverrides = { readonly [Name in keyof RowSettings]?: boolean | undefined }

/**
 * The settings of a checkpoint, by the newest offset log that can be understood. CORRUPT_FILE or UNKNOWN_FORMAT_VERSION where a query of Spark's
 * stands around the stores and none can be, or none is there, unless `overrides` makes it needless. UNSUPPORTED for Spark's RocksDB provider.
 */
export async function detectRowSettings(
  files: CheckpointFileManager,
  overrides: RowSettingsOverrides = {},
): Promise<RowSettings> {
  const isSparks = await hasQueryFiles(files)
  let { rowChecksums } = overrides
  if (isSparks) {
    const isNeeded = rowChecksums === undefined
    const spark = isNeeded ? await newestUnderstood(files) : await knownSettings(files)
    rowChecksums ??= spark?.conf[ROW_CHECKSUMS_KEY]?.toLowerCase() === 'true'
  }
  rowChecksums ??= false
  return { rowChecksums, floorValues: overrides.floorValues ?? (isSparks && !rowChecksums) }
}

export interface SparkSettings {
  /** The offset log that they are from. */
  readonly path: string
  readonly conf: Readonly<Record<string, string>>
}

/**
 * The settings of a batch; of the newest one if none is named, and the nearest if it was cleaned or never planned. Undefined where no query stands
 * around the stores. CORRUPT_FILE where its offset log should be there and is not; CORRUPT_FILE or UNKNOWN_FORMAT_VERSION where it cannot be
 * understood; UNSUPPORTED for a checkpoint of the RocksDB provider.
 */
export async function readSettings(
  files: CheckpointFileManager,
  batchId?: number,
): Promise<SparkSettings | undefined> {
  const chosen = await chooseEntry(files, batchId)
  if (chosen === undefined) return undefined
  const path = joinPath(OFFSETS_DIRECTORY, String(chosen))
  const conf = (await readOffsets(files, chosen))?.metadata?.conf ?? {}
  if (conf[PROVIDER_KEY]?.includes('RocksDB')) throw rocksDbCheckpoint(path)
  return { path, conf }
}

/** The settings that a version was written with, which batch version - 1 made; version 0 is of no batch. As readSettings. */
export async function settingsOfVersion(
  files: CheckpointFileManager,
  version: number | undefined,
): Promise<SparkSettings | undefined> {
  return await readSettings(files, version === undefined || version < 1 ? undefined : version - 1)
}

/** The settings by the newest offset log that can be understood; undefined where none can be, or none is there. UNSUPPORTED as above. */
export async function knownSettings(
  files: CheckpointFileManager,
): Promise<SparkSettings | undefined> {
  try {
    return await newestUnderstood(files)
  } catch (error) {
    if (isDamage(error)) return undefined
    throw error
  }
}

/** Throws what is wrong with the newest if none can be understood. */
async function newestUnderstood(files: CheckpointFileManager): Promise<SparkSettings | undefined> {
  const planned = await listBatchIds(files, OFFSETS_DIRECTORY)
  let problem: StateStoreError | undefined
  for (const batchId of planned.reverse()) {
    try {
      return await readSettings(files, batchId)
    } catch (error) {
      if (!isDamage(error)) throw error
      problem ??= error
    }
  }
  if (problem !== undefined) throw problem
  return await readSettings(files)
}

/** The batch whose entry tells the settings of `batchId`. */
async function chooseEntry(
  files: CheckpointFileManager,
  batchId: number | undefined,
): Promise<number | undefined> {
  const planned = await listBatchIds(files, OFFSETS_DIRECTORY)
  const [oldest, newest] = [planned.at(0), planned.at(-1)]
  if (oldest === undefined || newest === undefined) {
    if (!(await hasQueryFiles(files))) return undefined
    throw offsetsMissing(batchId ?? (await listBatchIds(files, COMMITS_DIRECTORY)).at(-1))
  }
  if (batchId === undefined || planned.includes(batchId)) return batchId ?? newest
  const isBetween = batchId > oldest && batchId < newest
  if (isBetween || (await listBatchIds(files, COMMITS_DIRECTORY)).includes(batchId))
    throw offsetsMissing(batchId)
  return batchId < oldest ? oldest : newest
}

function isDamage(error: unknown): error is StateStoreError {
  return (
    isStateStoreError(error, 'TIDEMARK_CORRUPT_FILE') ||
    isStateStoreError(error, 'TIDEMARK_UNKNOWN_FORMAT_VERSION')
  )
}

/** How many partitions the stores of a query have; undefined where no setting says it (before Spark 2.3). */
export function configuredPartitions({ conf }: SparkSettings): number | undefined {
  const text = conf[PARTITIONS_KEY]
  return text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined
}

/** The codec that Spark will read the files with; undefined where it does not say, or names one that is not known here. */
export function configuredCodec({ conf }: SparkSettings): CompressionName | undefined {
  const name = conf[CODEC_KEY]
  const short = (name && (CODEC_CLASS.exec(name)?.[1] ?? name))?.toLowerCase()
  return isCompressionName(short) && short !== 'none' ? short : undefined
}
