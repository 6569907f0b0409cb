// A checkpoint of Spark written anew by the engine: the same operations, version by version, through stores opened for update. All that is not a
// delta, a snapshot or a sidecar is copied as it is, but for the codec that the offset log names, which Spark believes.

import { readdirSync } from 'node:fs'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { openCheckpoint } from '../../../src/checkpoint/checkpoint.ts'
import type { CompressionName } from '../../../src/codec/compression.ts'
import { StateStores } from '../../../src/coordinator/state-stores.ts'
import type { StateStoreOptions } from '../../../src/store/options.ts'
import type { ResolvedStoreId } from '../../../src/store/store-id.ts'
import { readRows } from '../state-files.ts'
import { sourceOf } from '../../../src/testing/source-of.ts'

const STATE_FILE = /^\.?\d+\.(delta|snapshot)(\.crc)?$/

/** What Spark calls a codec; uncompressed streams are a class of ours (Shapes.scala). */
export const SPARK_CODECS: Readonly<Record<CompressionName, string>> = {
  lz4: 'lz4',
  snappy: 'snappy',
  zstd: 'zstd',
  lzf: 'lzf',
  none: 'tidemark.interop.IdentityCodec',
}

export interface RewriteOptions {
  readonly codec: CompressionName
  readonly checksumFiles: boolean
  readonly trailer: boolean
  /** Of the original, and of what is written unless `dropRowChecksums`. */
  readonly rowChecksums?: boolean
  readonly dropRowChecksums?: boolean
  /** Of each commit. */
  readonly progress?: unknown
}

export function engineOptions(options: RewriteOptions): StateStoreOptions {
  return {
    compression: options.codec,
    checksumFiles: options.checksumFiles,
    trailer: options.trailer,
    rowChecksums: options.rowChecksums === true && options.dropRowChecksums !== true,
    durability: 'os',
    maintenanceIntervalMs: 0,
    // Two, so that a handful of batches has several snapshots.
    minDeltasForSnapshot: 2,
  }
}

/** Makes `to` of `from`. Resolves to the number of deltas and snapshots written. */
export async function rewriteCheckpoint(
  from: string,
  to: string,
  options: RewriteOptions,
): Promise<{ deltas: number; snapshots: number }> {
  await cp(from, to, {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => !STATE_FILE.test(basename(path)),
  })
  await nameCodec(to, SPARK_CODECS[options.codec])
  await using checkpoint = await openCheckpoint(from)
  await using stores = await StateStores.open(to, engineOptions(options))
  for (const id of await checkpoint.stores()) await rewriteStore(from, id, stores, options)
  await stores.close()
  return { deltas: countFiles(to, '.delta'), snapshots: countFiles(to, '.snapshot') }
}

async function rewriteStore(
  from: string,
  id: ResolvedStoreId,
  stores: StateStores,
  { rowChecksums = false, progress }: RewriteOptions,
): Promise<void> {
  const folder = join(from, storeFolder(id))
  const provider = stores.provider(id)
  const versions = readdirSync(folder).flatMap((name) => /^(\d+)\.delta$/.exec(name)?.[1] ?? [])
  for (let version = 1; version <= versions.length; version++) {
    const path = join(folder, `${version}.delta`)
    const { rows } = await readRows(sourceOf(new Uint8Array(await readFile(path)), path), {
      store: [id.operatorId, id.partitionId, id.storeName],
      version,
      rowChecksums,
    })
    const store = await provider.getStore(version - 1)
    for (const [key, value] of rows) {
      if (value === undefined) store.remove(key)
      else store.put(key, value)
    }
    await store.commit({ progress })
    await provider.doMaintenance()
  }
}

export function storeFolder({ operatorId, partitionId, storeName }: ResolvedStoreId): string {
  const folder = `state/${operatorId}/${partitionId}`
  return storeName === 'default' ? folder : `${folder}/${storeName}`
}

async function nameCodec(checkpoint: string, codec: string): Promise<void> {
  for (const name of readdirSync(join(checkpoint, 'offsets'))) {
    if (!/^\d+$/.test(name)) continue
    const path = join(checkpoint, 'offsets', name)
    const before = await readFile(path, 'utf8')
    const after = before.replace(
      /("spark\.sql\.streaming\.stateStore\.compression\.codec":)"[^"]*"/,
      `$1"${codec}"`,
    )
    await writeFile(path, after)
  }
}

export function countFiles(checkpoint: string, ending: string): number {
  return readdirSync(join(checkpoint, 'state'), { recursive: true, encoding: 'utf8' }).filter(
    (path) =>
      path.endsWith(ending) && /^\d/.test(basename(path)) && STATE_FILE.test(basename(path)),
  ).length
}
