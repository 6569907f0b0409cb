// The names of the files in a store directory, all of them in one place.
//
//   <V>.delta          the changes from version V-1 to V
//   <V>.snapshot       all rows of version V
//   <V>.delta.crc, <V>.snapshot.crc      Spark's checksum sidecars
//
// V is a canonical decimal, 1 to 2^53-1: version 0 is empty and never on disk. Whatever else lies there is foreign: never read, never
// deleted. SPARK: Spark also takes `007.delta` for version 7 and `7.DELTA` for a delta, but writes neither.

export type StateFileKind = 'delta' | 'snapshot'

const SIDECAR_SUFFIX = '.crc'

export function deltaName(version: number): string {
  return stateFileName('delta', version)
}

export function snapshotName(version: number): string {
  return stateFileName('snapshot', version)
}

export function stateFileName(kind: StateFileKind, version: number): string {
  if (!Number.isSafeInteger(version) || version < 1)
    throw new RangeError(`Expected a version on disk to be a whole number from 1, got ${version}`)
  return `${version}.${kind}`
}

/** The sidecar of a delta or snapshot of that name. */
export function sidecarName(name: string): string {
  return `${name}${SIDECAR_SUFFIX}`
}

export interface ParsedFileName {
  readonly kind: StateFileKind
  readonly version: number
  /** True for the sidecar of that file. */
  readonly sidecar: boolean
}

/** What `name` stands for; undefined if it is none of ours. */
export function parseFileName(name: string): ParsedFileName | undefined {
  const match = /^([1-9][0-9]{0,15})\.(delta|snapshot)(\.crc)?$/.exec(name)
  if (match === null) return undefined
  const version = Number(match[1])
  if (!Number.isSafeInteger(version)) return undefined
  return { kind: match[2] as StateFileKind, version, sidecar: match[3] !== undefined }
}

/** What `classifyFiles` needs to know of a directory entry; FileStatus of the file managers fits. */
export interface StoreFileEntry {
  readonly name: string
  readonly type: 'file' | 'directory' | 'other'
  readonly sizeBytes: number
}

/** The entries of a store directory by what they are. */
export interface StoreFiles<Entry extends StoreFileEntry> {
  /**
   * By version, in no order. An entry that has the name but is no regular file is here too: it is in the way of that version, and who
   * reads it must say so rather than take the version for absent.
   */
  readonly deltas: Map<number, Entry>
  readonly snapshots: Map<number, Entry>
  /** By the sidecar's own name, also where the file it belongs to is gone. */
  readonly sidecars: Map<string, Entry>
  /** Everything else: other people's files, `_metadata`, the directories of named stores. */
  readonly foreign: Entry[]
}

export function classifyFiles<Entry extends StoreFileEntry>(
  entries: Iterable<Entry>,
): StoreFiles<Entry> {
  const files: StoreFiles<Entry> = {
    deltas: new Map(),
    snapshots: new Map(),
    sidecars: new Map(),
    foreign: [],
  }
  for (const entry of entries) {
    const parsed = parseFileName(entry.name)
    if (parsed === undefined) files.foreign.push(entry)
    else if (parsed.sidecar) files.sidecars.set(entry.name, entry)
    else if (parsed.kind === 'delta') files.deltas.set(parsed.version, entry)
    else files.snapshots.set(parsed.version, entry)
  }
  return files
}
