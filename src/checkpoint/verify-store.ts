// verifyStore — what is wrong with one store, by walking its versions upwards.
//
//   1. file      every delta and snapshot: framing, checksums, trailer, identity; its sidecar, if it has one
//   2. chain     each delta's parent is the version below; no version is missing; orphans are told from damage
//   3. rows      the deltas are replayed; the key counts of the trailers and the rows of every snapshot are what they add up to
//
// After a damaged delta the rows are unknown until the next good snapshot, and 3 starts anew there; after a damaged file whose trailer is
// still whole 2 goes on. So one damaged file is one finding, not a flood. Memory: the rows of one version, twice while a snapshot is compared.
//
// The rules are recovery's (store/recovery.ts); this walk is written apart from it, because what recovery may pass over is what it looks for.

import { assert } from '../base/assert.ts'
import { corruptFile } from '../codec/corrupt-file.ts'
import { isStateStoreError, type StateStoreError } from '../errors.ts'
import { type CheckpointFileManager, type FileStatus, joinPath } from '../files/file-manager.ts'
import { GENESIS_ID } from '../format/commit-id.ts'
import {
  classifyFiles,
  deltaName,
  parseFileName,
  stateFileName,
  sidecarName,
  type StateFileKind,
  type StoreFiles,
} from '../format/file-names.ts'
import { verifySidecar } from '../format/sidecar.ts'
import { inspectStateFile, type StateFileContent } from '../format/state-file-reader.ts'
import type { Trailer } from '../format/trailer.ts'
import { VersionedMap } from '../map/versioned-map.ts'
import {
  DEFAULT_STORE_NAME,
  type ResolvedStoreId,
  storeDirectory,
  storeIdText,
} from '../store/store-id.ts'
import { isOlderStamp, isOrphanAbove } from '../store/version-info.ts'
import { isPassedOver } from './discover-stores.ts'
import { type Finding, type FindingKind, findingOf } from './finding.ts'
import { firstDifference } from './first-difference.ts'
import { type OpenedFile, openListed } from './opened-file.ts'
import { FileVanishedError, openStateFile } from './state-file-source.ts'
import type { RowSettings } from './spark-settings.ts'

/** How often a store is looked at anew because its files changed meanwhile. */
const ATTEMPTS_MAX = 3

export interface VerifyStoreContext {
  readonly files: CheckpointFileManager
  readonly id: ResolvedStoreId
  readonly settings: RowSettings
  /** Versions above it are not looked at. */
  readonly version: number | undefined
  /** The version that the last committed batch left; undefined where nothing tells of batches. */
  readonly committed: number | undefined
  readonly signal: AbortSignal | undefined
  readonly hashSeed: Uint8Array
}

/** What is wrong with a store, in order of versions. A finding counts only if the files stood still while it was made, or never do. */
export async function verifyStore(context: VerifyStoreContext): Promise<Finding[]> {
  const directory = storeDirectory(context.id)
  const list = async (): Promise<FileStatus[]> => (await context.files.list(directory)) ?? []
  for (let attempt = 1; ; attempt++) {
    const entries = await list()
    const verification = new StoreVerification(context, entries)
    try {
      await verification.run()
    } catch (error) {
      if (!(error instanceof FileVanishedError)) throw error
      if (attempt >= ATTEMPTS_MAX) return [...verification.findings, verification.vanished(error)]
      continue
    }
    const { findings } = verification
    const isClean = findings.every((finding) => finding.severity === 'warning')
    if (isClean || attempt >= ATTEMPTS_MAX || isSameListing(entries, await list())) return findings
  }
}

function isSameListing(before: readonly FileStatus[], after: readonly FileStatus[]): boolean {
  const known = new Map(before.map((entry) => [entry.name, entry]))
  return (
    before.length === after.length &&
    after.every(({ name, sizeBytes, modifiedMs }) => {
      const entry = known.get(name)
      return entry?.sizeBytes === sizeBytes && entry.modifiedMs === modifiedMs
    })
  )
}

/** Where the chain stands. */
interface ChainPoint {
  readonly version: number
  /** Undefined where the file could not be read: then the next parent cannot be checked. */
  readonly id: string | undefined
  readonly stamp: readonly [number, number] | undefined
}

/** What one file turned out to be. */
interface Inspected {
  readonly name: string
  readonly version: number
  /** Undefined if there is none, or one of another file. */
  readonly trailer: Trailer | undefined
  /** The commit id; undefined where it cannot be known. */
  readonly id: string | undefined
  /** Nothing is wrong with the file by itself. */
  readonly isWhole: boolean
  /** Nothing is wrong with where it goes on from. */
  readonly isLinked: boolean
}

class StoreVerification {
  readonly findings: Finding[] = []
  readonly #context: VerifyStoreContext
  readonly #storeId: string
  readonly #directory: string
  readonly #files: StoreFiles<FileStatus>
  /**
   * The snapshot below which nothing is expected; 0 where the chain begins at the first file. SPARK: of a version with both files it cleans the
   * snapshot first, and the delta a round later; so a single delta stays below the base.
   */
  #base = 0
  /** Undefined where the chain has no beginning, or lost it in a hole. */
  #chain: ChainPoint | undefined
  /** The rows of the version the chain stands at; undefined where they are unknown. */
  #rows: VersionedMap | undefined
  #isOrphaned = false

  constructor(context: VerifyStoreContext, entries: readonly FileStatus[]) {
    this.#context = context
    this.#storeId = storeIdText(context.id)
    this.#directory = storeDirectory(context.id)
    this.#files = classifyFiles(entries)
  }

  async run(): Promise<void> {
    const { deltas, snapshots } = this.#files
    const top = this.#context.version ?? Number.MAX_SAFE_INTEGER
    const versions = [...new Set([...deltas.keys(), ...snapshots.keys()])]
      .filter((version) => version <= top)
      .sort((a, b) => a - b)
    this.#begin(versions)
    const { version: wanted, committed = 0 } = this.#context
    if (wanted !== undefined && wanted !== 0 && versions.at(-1) !== wanted) this.#notThere(wanted)
    if (wanted === undefined && (versions.at(-1) ?? 0) < committed) this.#notThere(committed)
    for (const [index, version] of versions.entries()) {
      this.#context.signal?.throwIfAborted()
      const next = index === 0 ? version : versions[index - 1] + 1
      if (next < version && !this.#isOrphaned) {
        if (index === 1 && version <= this.#base) this.#lose()
        else this.#hole(next, versions, index)
      }
      await this.#version(version, index === 0)
    }
    this.#strays()
  }

  vanished(error: FileVanishedError): Finding {
    const message = 'It was listed, but is gone: files are removed faster than they can be read'
    return this.#finding('unreadable-file', error.path, `${message} (${error.path})`)
  }

  /** The start of the chain: version 0, or the snapshot that cleaning left, or nothing. */
  #begin(versions: readonly number[]): void {
    const first = versions.at(0)
    if (first === undefined) return
    // A single delta below a snapshot is no beginning: cleaning has left it, or it came late to storage where a file of another writer may.
    const isLeft = versions.length > 1 && versions[1] > 2 && this.#files.snapshots.has(versions[1])
    if (first === 1 && !isLeft) {
      this.#chain = { version: 0, id: GENESIS_ID, stamp: undefined }
      this.#rows = this.#emptyMap()
      return
    }
    if (this.#files.snapshots.has(first)) return
    // Cleaning goes from old to new, so a crash in it leaves deltas without a base, below the snapshot that is the base of what is kept.
    const base = versions.find((version) => this.#files.snapshots.has(version))
    const path = this.#path(deltaName(first))
    if (base === undefined) {
      this.#missing(first - 1, versions.at(-1) ?? first)
    } else {
      this.#base = base
      const message = `Versions ${first} to ${base - 1} can no longer be rebuilt, as when cleaning was interrupted, or a write came late; the next maintenance removes what is left (${path})`
      this.findings.push({
        severity: 'warning',
        kind: 'leftover',
        storeId: this.#storeId,
        version: first,
        path,
        message,
      })
    }
  }

  /** Versions from `missing` to below versions[index] have no file. */
  #hole(missing: number, versions: readonly number[], index: number): void {
    const base = versions.find((version, i) => i >= index && this.#files.snapshots.has(version))
    this.#missing(missing, base === undefined ? (versions.at(-1) ?? missing) : base - 1)
    this.#lose()
  }

  #missing(version: number, lost: number): void {
    const path = this.#path(deltaName(version))
    const range = lost > version ? `versions ${version} to ${lost}` : `version ${version}`
    this.findings.push({
      severity: 'error',
      kind: 'missing-file',
      code: 'TIDEMARK_BROKEN_CHAIN',
      storeId: this.#storeId,
      version,
      path,
      message: `Expected ${path}, found nothing: ${range} cannot be rebuilt without it`,
    })
  }

  #notThere(version: number): void {
    const path = this.#path(deltaName(version))
    this.findings.push({
      severity: 'error',
      kind: 'missing-file',
      code: 'TIDEMARK_VERSION_NOT_FOUND',
      storeId: this.#storeId,
      version,
      path,
      message: `Expected version ${version}, found no file of it (${path})`,
    })
  }

  #lose(): void {
    this.#chain = undefined
    this.#rows = undefined
  }

  // --- one version

  async #version(version: number, isFirst: boolean): Promise<void> {
    const delta = this.#files.deltas.has(version) ? await this.#delta(version) : undefined
    if (delta === undefined && !isFirst && !this.#isOrphaned) {
      this.#missing(version, version)
      this.#lose()
    }
    const snapshot = this.#files.snapshots.has(version)
      ? await this.#snapshot(version, delta)
      : undefined
    const file = delta ?? snapshot
    const isKnown = file?.isLinked === true
    // A snapshot may have been stamped after the versions above it; only where nothing arrives late does that matter to nobody.
    const stamped = delta ?? (this.#movesAtomically ? snapshot : undefined)
    const point = { version, id: file?.id, stamp: stamped?.trailer?.stamp }
    if (!this.#isOrphaned) this.#chain = isKnown ? point : undefined
  }

  async #delta(version: number): Promise<Inspected> {
    const opened = await this.#open('delta', version)
    const link = this.#link(opened, version)
    if (link === 'broken') this.#rows = undefined
    if (link === 'orphan') {
      this.#isOrphaned = true
      this.#rows = undefined
      this.#orphan(version)
    }
    const rows = this.#rows
    rows?.begin()
    const delta = await this.#inspect(opened, rows)
    // What follows a stranger is neither right nor wrong by it.
    if (link === 'broken') return { ...delta, isLinked: false }
    if (rows === undefined) return delta
    if (!delta.isWhole) {
      rows.abort()
      this.#rows = undefined
      return delta
    }
    this.#checkKeys(delta, rows, 'the deltas up to it add up to')
    const before = rows.newestVersion
    rows.commit(version)
    rows.release(before)
    return delta
  }

  /** How a delta goes on from the version below. What cannot be asked counts as linked. */
  #link({ trailer, isMisplaced }: OpenedFile, version: number): 'linked' | 'orphan' | 'broken' {
    if (this.#isOrphaned) return 'orphan'
    const below = this.#chain
    if (trailer === undefined || isMisplaced || below?.id === undefined) return 'linked'
    if (isOrphanAbove(below, trailer, this.#movesAtomically)) return 'orphan'
    if (trailer.parent === below.id) return 'linked'
    this.#error(
      'broken-chain',
      deltaName(version),
      version,
      `It was made on ${trailer.parent}, but version ${below.version} here is ${below.id}`,
      'TIDEMARK_BROKEN_CHAIN',
    )
    return 'broken'
  }

  /** Whether the key count in a file's trailer is that of `rows`; says so if it is not. */
  #checkKeys({ trailer, name, version }: Inspected, rows: VersionedMap, sum: string): boolean {
    if (trailer === undefined || trailer.keys === rows.keyCount) return true
    const what = `The trailer says that the store has ${trailer.keys} keys at this version, but ${sum} ${rows.keyCount}`
    this.#error('damaged-file', name, version, what)
    return false
  }

  get #movesAtomically(): boolean {
    return this.#context.files.capabilities.atomicMove
  }

  #orphan(version: number, kind: StateFileKind = 'delta'): void {
    const path = this.#path(stateFileName(kind, version))
    this.findings.push({
      severity: 'warning',
      kind: 'orphan',
      storeId: this.#storeId,
      version,
      path,
      offset: 0,
      message:
        kind === 'delta'
          ? `An orphan: it goes on from a version that was replaced since, so it is never loaded, and the next commit of version ${version} replaces it (${path})`
          : `An orphan: a snapshot of a version that was replaced since; it is passed over, and goes when the version is cleaned (${path})`,
    })
  }

  async #snapshot(version: number, delta: Inspected | undefined): Promise<Inspected> {
    const rows = this.#emptyMap()
    rows.begin()
    const opened = await this.#open('snapshot', version)
    const snapshot = await this.#inspect(opened, rows)
    rows.commit(version)
    rows.release(0)
    // Recovery starts at the newest snapshot that agrees with its delta, and would never see that the two are orphans.
    if (snapshot.isWhole && this.#isOrphaned) {
      const what = `The snapshot of an orphan: recovery would take version ${version} of the replaced history for the newest; move it away`
      this.#error('orphan', snapshot.name, version, what)
    }
    if (!snapshot.isWhole || this.#isOrphaned) return snapshot
    const isForeign = snapshot.trailer === undefined && delta?.trailer === undefined
    if (delta?.id !== undefined && !isForeign && snapshot.trailer?.id !== delta.id) {
      if (!this.#movesAtomically && isOlder(snapshot, delta)) {
        this.#orphan(version, 'snapshot')
        return snapshot
      }
      const found = snapshot.trailer?.id ?? 'a version without trailer'
      const what = `Version ${version} is ${delta.id}, but the snapshot is of ${found}; recovery passes it over`
      this.#error('wrong-snapshot', snapshot.name, version, what)
      return snapshot
    }
    const difference = this.#rows && firstDifference(this.#rows, rows)
    if (difference !== undefined) {
      this.#error('wrong-snapshot', snapshot.name, version, difference)
      return snapshot
    }
    // Where the deltas are known they are the truth; else this is where the rows are known again.
    if (this.#checkKeys(snapshot, rows, 'it has')) this.#rows ??= rows
    return snapshot
  }

  // --- one file

  /** Opens a listed file and reads its trailer, where at least that is whole. */
  async #open(kind: StateFileKind, version: number): Promise<OpenedFile> {
    const { files, id, signal } = this.#context
    const status = (kind === 'delta' ? this.#files.deltas : this.#files.snapshots).get(version)
    assert(status !== undefined, `${version}.${kind} is opened only if it was listed`)
    const source = openStateFile(files, this.#path(status.name), status.sizeBytes, signal)
    return await openListed({ kind, version, status, source }, id)
  }

  /** Reads a file into `rows`, which has an open transaction, and its sidecar; says what is wrong with either. */
  async #inspect(file: OpenedFile, rows: VersionedMap | undefined): Promise<Inspected> {
    const { id, settings, signal } = this.#context
    const { kind, version, status } = file
    const problems: StateStoreError[] = []
    let content: StateFileContent | undefined
    if (status.type !== 'file') {
      problems.push(notAFile(status, file.source.path))
    } else {
      const store = [id.operatorId, id.partitionId, id.storeName] as const
      const sink = {
        onPut: (key: Uint8Array, value: Uint8Array) => rows?.put(key, value),
        onRemove: (key: Uint8Array) => void rows?.remove(key),
      }
      try {
        const options = { kind, store, version, ...settings, signal }
        const inspection = await inspectStateFile(file.source, options, sink)
        content = inspection.content
        problems.push(...inspection.problems)
      } catch (error) {
        if (!isStateStoreError(error) || error.kind !== 'unavailable') throw error
        problems.push(error)
      }
    }
    for (const problem of problems) this.#problem(problem, file)
    if (content !== undefined) await this.#sidecar(status, version, content)
    const trailer = file.isMisplaced ? undefined : file.trailer
    return {
      name: status.name,
      version,
      trailer,
      id: file.isMisplaced ? undefined : (trailer?.id ?? content?.id),
      isWhole: problems.length === 0,
      isLinked: true,
    }
  }

  /** Compares a file with its sidecar. A file that was not read to its end has no checksum to compare. */
  async #sidecar(main: FileStatus, version: number, content: StateFileContent): Promise<void> {
    const name = sidecarName(main.name)
    const status = this.#files.sidecars.get(name)
    if (status === undefined) return
    const path = this.#path(name)
    try {
      const bytes = await this.#context.files.read(path, {}, this.#context.signal)
      if (bytes === undefined) throw new FileVanishedError(path)
      verifySidecar(bytes, { path, sizeBytes: main.sizeBytes, crc: content.fileCrc })
    } catch (error) {
      if (!isStateStoreError(error) || error instanceof FileVanishedError) throw error
      const where = { storeId: this.#storeId, version, path }
      this.findings.push(findingOf('stale-sidecar', error, where))
    }
  }

  /** A problem of a state file; of an orphan, which nobody loads, only a warning. */
  #problem(problem: StateStoreError, { version, source, isMisplaced }: OpenedFile): void {
    const isCorrupt = problem.code === 'TIDEMARK_CORRUPT_FILE'
    const kind = !isCorrupt ? 'unreadable-file' : isMisplaced ? 'wrong-file' : 'damaged-file'
    const finding = findingOf(kind, problem, { storeId: this.#storeId, version, path: source.path })
    this.findings.push(this.#isOrphaned ? { ...finding, severity: 'warning' } : finding)
  }

  // --- what does not belong

  #strays(): void {
    const { deltas, snapshots, sidecars, foreign } = this.#files
    for (const name of [...sidecars.keys()].sort()) {
      const parsed = parseFileName(name)
      const mains = parsed?.kind === 'delta' ? deltas : snapshots
      if (parsed === undefined || mains.has(parsed.version)) continue
      const message = 'A sidecar whose file is gone, as when cleaning was interrupted'
      this.#warning('leftover', name, message)
    }
    // The folders in a partition's own folder are named stores, or are reported by the discovery of stores.
    const mayHoldFolders = this.#context.id.storeName === DEFAULT_STORE_NAME
    for (const entry of foreign.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (isPassedOver(entry.name) || mayHoldFolders) continue
      this.#warning('foreign', entry.name, 'Nothing that belongs into a store; it is never read')
    }
  }

  #warning(kind: FindingKind, name: string, message: string): void {
    const path = this.#path(name)
    this.findings.push({
      severity: 'warning',
      kind,
      storeId: this.#storeId,
      path,
      offset: 0,
      message: `${message} (${path})`,
    })
  }

  #error(
    kind: FindingKind,
    name: string,
    version: number,
    problem: string,
    code: 'TIDEMARK_CORRUPT_FILE' | 'TIDEMARK_BROKEN_CHAIN' = 'TIDEMARK_CORRUPT_FILE',
  ): void {
    const path = this.#path(name)
    const message = `${problem} (${path})`
    this.findings.push({ ...this.#finding(kind, path, message), code, version })
  }

  #finding(kind: FindingKind, path: string, message: string): Finding {
    return { severity: 'error', kind, storeId: this.#storeId, path, offset: 0, message }
  }

  #path(name: string): string {
    return joinPath(this.#directory, name)
  }

  #emptyMap(): VersionedMap {
    return new VersionedMap({ hashSeed: this.#context.hashSeed })
  }
}

function notAFile(status: FileStatus, path: string): StateStoreError {
  const found = status.type === 'directory' ? 'a directory' : 'a link or device'
  return corruptFile(path, `Expected a file, found ${found}; move it away`)
}

/** Whether a snapshot was written before the delta that stands beside it. */
function isOlder(snapshot: Inspected, delta: Inspected): boolean {
  const [own, beside] = [snapshot.trailer?.stamp, delta.trailer?.stamp]
  return own !== undefined && beside !== undefined && isOlderStamp(own, beside)
}
