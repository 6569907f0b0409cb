// What a Spark checkpoint's files do not say about themselves, from its offset log.
//
//   offsets/<batch>     line 1 `v1` or `v2`, line 2 JSON metadata with `conf` (empty before Spark 2.2), then the offsets of the sources
//
// SPARK: the settings are those of the first batch and restored at every restart, so the newest file tells them. Whether rows carry
// checksums is the setting below; value sizes are always floored to a multiple of 8, but under row checksums, whose four bytes would not
// fit. A checkpoint of our own has no offset log, no row checksums unless asked for, and values of any size.

import { StateStoreError } from '../errors.ts'
import { corruptFile } from '../codec/corrupt-file.ts'
import { type CheckpointFileManager, joinPath } from '../files/file-manager.ts'
import { rocksDbCheckpoint } from './discover-stores.ts'

const OFFSETS_DIRECTORY = 'offsets'
const ROW_CHECKSUMS_KEY = 'spark.sql.streaming.stateStore.rowChecksum.enabled'
const PROVIDER_KEY = 'spark.sql.streaming.stateStore.providerClass'

/** The two lines that are wanted stand at the start; the offsets behind them may be long. */
const HEAD_BYTES_MAX = 1024 * 1024

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
  const offsets = await files.list(OFFSETS_DIRECTORY)
  const isSparks = offsets !== undefined
  const newest = (offsets ?? [])
    .filter((entry) => entry.type === 'file' && /^\d{1,15}$/.test(entry.name))
    .sort((a, b) => Number(b.name) - Number(a.name))
    .at(0)
  let rowChecksums = overrides.rowChecksums
  if (rowChecksums === undefined && newest !== undefined) {
    const conf = await readConf(files, joinPath(OFFSETS_DIRECTORY, newest.name))
    rowChecksums = conf.get(ROW_CHECKSUMS_KEY)?.toLowerCase() === 'true'
  }
  rowChecksums ??= false
  return { rowChecksums, floorValues: overrides.floorValues ?? (isSparks && !rowChecksums) }
}

async function readConf(
  files: CheckpointFileManager,
  path: string,
): Promise<ReadonlyMap<string, string>> {
  const bytes = await files.read(path, { length: HEAD_BYTES_MAX })
  const [header, metadata] = new TextDecoder().decode(bytes).split('\n', 2)
  if (header !== 'v1' && header !== 'v2') throw unknownHeader(path, header)
  // SPARK: before 2.2 there was no metadata.
  if (metadata === '') return new Map()
  const conf = parseConf(metadata, path)
  if (conf.get(PROVIDER_KEY)?.includes('RocksDB')) throw rocksDbCheckpoint(path)
  return conf
}

function parseConf(metadata: string | undefined, path: string): Map<string, string> {
  let parsed: unknown
  try {
    parsed = JSON.parse(metadata ?? '')
  } catch (cause) {
    throw corruptFile(
      path,
      'Expected the second line of an offset log to be JSON, found something else; say whether rows have checksums (`rowChecksums`, --row-checksums or --no-row-checksums) to read without it',
      { cause },
    )
  }
  const conf = isRecord(parsed) && isRecord(parsed['conf']) ? parsed['conf'] : {}
  return new Map(Object.entries(conf).map(([name, value]) => [name, String(value)]))
}

function unknownHeader(path: string, header: string): StateStoreError {
  const found = JSON.stringify(header.slice(0, 40))
  if (!/^v\d+$/.test(header))
    return corruptFile(path, `Expected an offset log to begin with v1 or v2, found ${found}`, {
      offset: 0,
    })
  return new StateStoreError(
    'TIDEMARK_UNKNOWN_FORMAT_VERSION',
    `Expected an offset log of format v1 or v2, found ${found}: read the checkpoint with a newer tidemark (${path})`,
    { path, offset: 0 },
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
