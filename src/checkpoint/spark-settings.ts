// What a Spark checkpoint's files do not say about themselves, from its offset log.
//
// SPARK: the settings are those of the first batch and restored at every restart, so the newest file tells them. Whether rows carry
// checksums is the setting below; value sizes are always floored to a multiple of 8, but under row checksums, whose four bytes would not
// fit. A checkpoint of our own has no offset log, no row checksums unless asked for, and values of any size.

import { type CompressionName } from '../codec/compression.ts'
import { isCompressionName } from '../codec/compressions.ts'
import { type CheckpointFileManager, joinPath } from '../files/file-manager.ts'
import { listBatchIds, readOffsets } from './batches.ts'
import { rocksDbCheckpoint } from './discover-stores.ts'
import { OFFSETS_DIRECTORY } from './offset-log.ts'

const ROW_CHECKSUMS_KEY = 'spark.sql.streaming.stateStore.rowChecksum.enabled'
const PROVIDER_KEY = 'spark.sql.streaming.stateStore.providerClass'
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

/** The settings of a checkpoint. CORRUPT_FILE or UNKNOWN_FORMAT_VERSION where an offset log is there that cannot be understood, unless `overrides` makes it needless. */
export async function detectRowSettings(
  files: CheckpointFileManager,
  overrides: RowSettingsOverrides = {},
): Promise<RowSettings> {
  const isSparks = (await files.list(OFFSETS_DIRECTORY)) !== undefined
  let { rowChecksums } = overrides
  if (rowChecksums === undefined && isSparks) {
    const conf = (await readSettings(files))?.conf
    rowChecksums = conf?.[ROW_CHECKSUMS_KEY]?.toLowerCase() === 'true'
  }
  rowChecksums ??= false
  return { rowChecksums, floorValues: overrides.floorValues ?? (isSparks && !rowChecksums) }
}

export interface SparkSettings {
  /** The offset log that they are from. */
  readonly path: string
  readonly conf: Readonly<Record<string, string>>
}

/** The settings of the newest batch; undefined where there is no offset log. UNSUPPORTED for a checkpoint of the RocksDB provider. */
export async function readSettings(
  files: CheckpointFileManager,
): Promise<SparkSettings | undefined> {
  const newest = (await listBatchIds(files, OFFSETS_DIRECTORY)).at(-1)
  if (newest === undefined) return undefined
  const path = joinPath(OFFSETS_DIRECTORY, String(newest))
  const conf = (await readOffsets(files, newest))?.metadata?.conf ?? {}
  if (conf[PROVIDER_KEY]?.includes('RocksDB')) throw rocksDbCheckpoint(path)
  return { path, conf }
}

/** The codec that Spark will read the files with; undefined where it does not say, or names one that is not known here. */
export function configuredCodec({ conf }: SparkSettings): CompressionName | undefined {
  const name = conf[CODEC_KEY]
  const short = (name && (CODEC_CLASS.exec(name)?.[1] ?? name))?.toLowerCase()
  return isCompressionName(short) && short !== 'none' ? short : undefined
}
