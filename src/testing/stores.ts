// Stores on a checkpoint in memory, for tests: opened with the scheduler off, filled with short texts, their files looked at as bytes.
// A checkpoint whose stores were used properly ends in `expectClean`, the checker behind `tidemark verify`.

import { verifyCheckpoint } from '../checkpoint/verify.ts'
import { MemoryFileManager } from '../files/memory.ts'
import type { CheckpointFileManager } from '../files/file-manager.ts'
import { StateStores } from '../coordinator/state-stores.ts'
import type { StateStoreOptions } from '../store/options.ts'
import type { StateStoreProvider } from '../store/provider.ts'
import type { CommitOptions, StateReader } from '../store/state-store.ts'
import { isStateStoreError, type ErrorCode, StateStoreError } from '../errors.ts'

export const ID = { operatorId: 0, partitionId: 0 }
export const DIRECTORY = 'state/0/0'

export const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value))
export const fromText = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString()

/** Maintenance only when asked for, so that nothing happens behind a test's back. */
export const QUIET: StateStoreOptions = { maintenanceIntervalMs: 0 }

export interface OpenedStore extends AsyncDisposable {
  readonly stores: StateStores
  readonly provider: StateStoreProvider
  readonly files: CheckpointFileManager
}

/** The store 0/0/default of a checkpoint, an empty one in memory unless `files` is given. */
export async function openProvider(
  options: StateStoreOptions = {},
  files: CheckpointFileManager = new MemoryFileManager(),
): Promise<OpenedStore> {
  const stores = await StateStores.open(files, { ...QUIET, ...options })
  const provider = stores.provider(ID)
  return { stores, provider, files, [Symbol.asyncDispose]: () => stores.close() }
}

/** Rows to put, by key; undefined removes. */
export type Changes = Readonly<Record<string, string | undefined>>

/** Opens the newest version (or `from`), changes it and commits. Resolves to the version that came of it. */
export async function commitRows(
  provider: StateStoreProvider,
  changes: Changes,
  {
    from,
    rewind,
    ...request
  }: CommitOptions & { from?: number | undefined; rewind?: 'allow' | undefined } = {},
): Promise<number> {
  const store = await provider.getStore(from, { ...(rewind && { rewind }) })
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) store.remove(text(key))
    else store.put(text(key), text(value))
  }
  return await store.commit(request)
}

/** Versions 1 to `count`: version v sets `k<v>` and `last` to v. */
export async function commitVersions(provider: StateStoreProvider, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const store = await provider.getStore()
    const version = store.version + 1
    store.put(text(`k${version}`), text(String(version)))
    store.put(text('last'), text(String(version)))
    await store.commit()
  }
}

/** What `commitVersions` leaves at a version. */
export function rowsAfter(version: number): Record<string, string> {
  const rows: Record<string, string> = {}
  for (let v = 1; v <= version; v++) rows[`k${v}`] = String(v)
  if (version > 0) rows['last'] = String(version)
  return rows
}

/** All rows of a store, as texts. */
export function rowsOf(store: StateReader): Record<string, string> {
  const rows: Record<string, string> = {}
  for (const [key, value] of store.entries()) rows[fromText(key)!] = fromText(value)!
  return rows
}

/** The rows of a version, read and released. */
export async function readRows(
  provider: StateStoreProvider,
  version?: number,
): Promise<Record<string, string>> {
  await using store = await provider.getReadStore(version)
  return rowsOf(store)
}

/** The names in a folder, sorted; none where it is absent. */
export async function names(
  files: CheckpointFileManager,
  directory = DIRECTORY,
): Promise<string[]> {
  return ((await files.list(directory)) ?? []).map((entry) => entry.name).sort()
}

/** Every file of a store's folder with its size and time of change: what "nothing was written" is compared by. */
export async function footprint(
  files: CheckpointFileManager,
  directory = DIRECTORY,
): Promise<string[]> {
  return ((await files.list(directory)) ?? [])
    .map((entry) => `${entry.name} ${entry.sizeBytes} ${entry.modifiedMs}`)
    .sort()
}

export async function readFile(files: CheckpointFileManager, name: string): Promise<Uint8Array> {
  const bytes = await files.read(`${DIRECTORY}/${name}`)
  if (bytes === undefined) throw new Error(`${name} is not there`)
  return bytes
}

/** Puts a file into a store's folder, over what is there: what no engine of ours would do. */
export async function plant(
  files: CheckpointFileManager,
  name: string,
  bytes: Uint8Array,
  directory = DIRECTORY,
): Promise<void> {
  await files.makeDirectories(directory, 'os')
  await files.deleteFile(`${directory}/${name}`)
  const outcome = await files.createExclusive(`${directory}/${name}`, bytes, 'os')
  if (outcome !== 'created') throw new Error(`${name}: ${outcome}`)
}

/** The file with one byte changed. */
export async function damage(files: CheckpointFileManager, name: string, at = 12): Promise<void> {
  const bytes = (await readFile(files, name)).slice()
  bytes[at] ^= 0xff
  await plant(files, name, bytes)
}

/** Runs `action`, which must fail with a StateStoreError of `code`; resolves to it. */
export async function failure(code: ErrorCode, action: () => unknown): Promise<StateStoreError> {
  let result: unknown
  try {
    result = await action()
  } catch (error) {
    if (isStateStoreError(error, code)) return error
    throw new Error(`Expected ${code}, got ${String(error)}`, { cause: error })
  }
  throw new Error(`Expected ${code}, got success: ${String(result)}`)
}

/** Runs the checker over a checkpoint: every file whole, every chain unbroken, nothing astray but what fenced writers left in staging. */
export async function expectClean(files: CheckpointFileManager): Promise<void> {
  const findings = (await verifyCheckpoint(files)).filter(({ kind }) => kind !== 'leftover')
  if (findings.length > 0)
    throw new Error(`The checkpoint is not clean: ${JSON.stringify(findings, undefined, 2)}`)
}
