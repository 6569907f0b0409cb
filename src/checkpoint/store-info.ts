// What the files of one store tell at a glance: by a listing, a few small reads and the claims, without any row being read.

import type { CompressionName } from '../codec/compression.ts'
import { sniffCompression, SNIFF_BYTES } from '../codec/compressions.ts'
import { type ErrorCode, isStateStoreError } from '../errors.ts'
import { type CheckpointFileManager, type FileStatus, joinPath } from '../files/file-manager.ts'
import { classifyFiles, type StoreFiles } from '../format/file-names.ts'
import { readTrailer } from '../format/state-file-reader.ts'
import {
  DEFAULT_STORE_NAME,
  type ResolvedStoreId,
  stagingDirectory,
  storeDirectory,
} from '../store/store-id.ts'
import { type Claim, listClaims } from '../store/claims.ts'
import { FilesChangedError, whileFilesChange } from '../store/state-files.ts'
import { isPassedOver } from './discover-stores.ts'
import type { ReaderStores } from './reader-stores.ts'
import { FileVanishedError, openStateFile } from './state-file-source.ts'

export interface FileTotals {
  readonly count: number
  readonly sizeBytes: number
}

export interface StoreInfo extends ResolvedStoreId {
  /** The oldest version that can be rebuilt, by the listing; 0 if there is none. */
  readonly oldestVersion: number
  /** 0 if nothing was ever committed. Where `problem` says that the chain is broken: the newest that has a file. */
  readonly newestVersion: number
  /** Of the newest snapshot; 0 if there is none. */
  readonly snapshotVersion: number
  /** How many deltas follow it. */
  readonly snapshotLag: number
  readonly files: Readonly<Record<'deltas' | 'snapshots' | 'sidecars' | 'foreign', FileTotals>>
  /** Of the newest version's file; undefined if there is none, or it cannot be told. */
  readonly codec: CompressionName | undefined
  /** True if the newest version was written without a trailer. */
  readonly foreign: boolean
  /** How many keys the newest version has; undefined where no trailer says it. */
  readonly keys: number | undefined
  /** The progress committed with the newest version; undefined if there is none or nobody knows. */
  readonly progress: unknown
  /** The newest claim, if the store was ever claimed. `state` is undefined on storage where nothing tells whether its writer has closed (S3). */
  readonly lease: (Claim & { readonly state: 'released' | 'open' | undefined }) | undefined
  /** What kept the newest version from being found or read. */
  readonly problem: { readonly code: ErrorCode; readonly message: string } | undefined
}

type Newest = Pick<StoreInfo, 'codec' | 'foreign' | 'keys' | 'progress'>

const UNKNOWN: Newest = { codec: undefined, foreign: false, keys: undefined, progress: undefined }

/** Throws only what listing throws, and PROVIDER_CLOSED. */
export async function describeStore(
  files: CheckpointFileManager,
  readers: ReaderStores,
  id: ResolvedStoreId,
): Promise<StoreInfo> {
  return await whileFilesChange((_, isLast) => describeAsListed(files, readers, id, isLast))
}

async function describeAsListed(
  files: CheckpointFileManager,
  readers: ReaderStores,
  id: ResolvedStoreId,
  isLastLook: boolean,
): Promise<StoreInfo> {
  const directory = storeDirectory(id)
  const listed = classifyFiles((await files.list(directory)) ?? [])
  let newestVersion = newestOf([...listed.deltas.keys(), ...listed.snapshots.keys()])
  let newest = UNKNOWN
  let problem: StoreInfo['problem']
  await using own = await readers.open()
  try {
    newestVersion = await own.stores.provider(id).latestVersion()
    newest = await describeNewest(files, directory, listed, newestVersion)
  } catch (error) {
    if (!isStateStoreError(error)) throw error
    if (error.kind === 'corrupt' && !isLastLook) throw new FilesChangedError(error)
    // Cleaned or rewound since the listing: what is known stays true of that moment.
    if (!(error instanceof FileVanishedError))
      problem = { code: error.code, message: error.message }
  }
  const snapshots = [...listed.snapshots.keys()].filter((version) => version <= newestVersion)
  const snapshotVersion = newestOf(snapshots)
  return {
    ...id,
    oldestVersion: oldestOf(listed, snapshots),
    newestVersion,
    snapshotVersion,
    snapshotLag: newestVersion - snapshotVersion,
    files: {
      deltas: totals(listed.deltas.values()),
      snapshots: totals(listed.snapshots.values()),
      sidecars: totals(listed.sidecars.values()),
      foreign: totals(listed.foreign.filter((entry) => isForeign(entry, id))),
    },
    ...newest,
    lease: await newestClaim(files, id),
    problem,
  }
}

function newestOf(versions: readonly number[]): number {
  return versions.reduce((newest, version) => Math.max(newest, version), 0)
}

/** Version 1 has no need of a base; else it is the oldest snapshot. */
function oldestOf(listed: StoreFiles<FileStatus>, snapshots: readonly number[]): number {
  if (listed.deltas.has(1)) return 1
  return snapshots.length === 0 ? 0 : snapshots.reduce((a, b) => Math.min(a, b))
}

function totals(entries: Iterable<FileStatus>): FileTotals {
  let [count, sizeBytes] = [0, 0]
  for (const entry of entries) {
    count++
    sizeBytes += entry.sizeBytes
  }
  return { count, sizeBytes }
}

/** A folder in a partition's own folder is a named store, counted by itself. */
function isForeign(entry: FileStatus, id: ResolvedStoreId): boolean {
  if (isPassedOver(entry.name)) return false
  return !(entry.type === 'directory' && id.storeName === DEFAULT_STORE_NAME)
}

async function describeNewest(
  files: CheckpointFileManager,
  directory: string,
  listed: StoreFiles<FileStatus>,
  version: number,
): Promise<Newest> {
  const status = listed.deltas.get(version) ?? listed.snapshots.get(version)
  if (status === undefined || status.type !== 'file') return UNKNOWN
  const source = openStateFile(files, joinPath(directory, status.name), status.sizeBytes)
  const trailer = await readTrailer(source)
  if (trailer !== undefined) {
    const { codec, keys, progress } = trailer
    return { codec, foreign: false, keys, progress }
  }
  const head = await source.read(0, Math.min(SNIFF_BYTES, status.sizeBytes))
  return { ...UNKNOWN, codec: sniffCompression(head)?.name, foreign: true }
}

async function newestClaim(
  files: CheckpointFileManager,
  id: ResolvedStoreId,
): Promise<StoreInfo['lease']> {
  const claim = (await listClaims(files, id)).at(-1)
  if (claim === undefined) return undefined
  if (!files.capabilities.atomicMove) return { ...claim, state: undefined }
  // A writer that closes takes its staging folder away; one that works, or died, has left it.
  const staging = (await files.list(stagingDirectory(id))) ?? []
  const isOpen = staging.some(({ name }) => /^\d+$/.test(name) && Number(name) === claim.generation)
  return { ...claim, state: isOpen ? 'open' : 'released' }
}
