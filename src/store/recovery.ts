// store/recovery.ts — how version V is rebuilt from files.
//
//   1. list     what the store directory holds
//   2. choose   where to start: a version in memory, the newest readable snapshot <= V, or nothing
//   3. replay   the deltas after it, in order, each checked against its parent
//   4. install  V in the map
//
// (What comes before, 0. recall, is the provider's: a version in memory needs none of this.)
//
// V itself absent is VERSION_NOT_FOUND; a hole below V or a parent that does not match is BROKEN_CHAIN; bad bytes are CORRUPT_FILE. Never a
// partial map, never silently version 0. Deltas are the truth and snapshots are disposable: a snapshot that cannot be read, or whose id is
// not its delta's, is passed over for an older one and reported for repair.
//
// Another process may rewind or clean while we read. So a file that vanishes after the listing, or a parent mismatch, is first taken for that:
// list anew and start over, up to three times in all, before anything is concluded.
//
// ORPHANS: a file above V whose parent is not V's id and whose stamp is lower than V's was left by an attempt that V replaced. It is not loaded
// and does not count as latest. With a higher stamp the same mismatch is BROKEN_CHAIN. Where files of a fenced writer may still arrive (no
// atomic moves) the lower stamp alone makes an orphan.

import { assert } from '../base/assert.ts'
import { publishStep } from '../base/diagnostics.ts'
import { WorkSlice } from '../base/work-slice.ts'
import { isStateStoreError, StateStoreError } from '../errors.ts'
import type { FileStatus } from '../files/file-manager.ts'
import { type StateFileKind, stateFileName, type StoreFiles } from '../format/file-names.ts'
import {
  LOAD_SLICE_MS,
  readStateFile,
  readTrailer,
  type RowSink,
  type StateFileContent,
  type StateFileSource,
} from '../format/state-file-reader.ts'
import type { VersionedMap } from '../map/versioned-map.ts'
import {
  asListed,
  fileOptions,
  FilesChangedError,
  whileFilesChange,
  isRebuildable,
  isSameFile,
  listFiles,
  newestListed,
  openSource,
  type RecoveryContext,
  statusOf,
  withoutStamp,
} from './state-files.ts'
import { type SidecarSubject, verifyListedSidecar } from './state-sidecar.ts'
import { storeIdText } from './store-id.ts'
import { brokenChain, isOrphan, parentMismatch } from './survey.ts'
import {
  EMPTY_VERSION,
  foreignInfo,
  isOrphanAbove,
  type VersionInfo,
  versionInfoOf,
} from './version-info.ts'

/** A version in memory to go on from instead of a snapshot, if the files still hold it. Its map is changed only if the load succeeds. */
export interface WarmStart {
  readonly map: VersionedMap
  readonly info: VersionInfo
  /** See InstalledVersions. */
  readonly loadedFrom?: StoreFiles<FileStatus> | undefined
}

export interface Recovered {
  readonly map: VersionedMap
  readonly info: VersionInfo
  /** True if the map is the warm one, with the version installed in it. */
  readonly warm: boolean
  /** What the directory held. */
  readonly files: StoreFiles<FileStatus>
  /** Versions of the snapshots that were passed over, for the lease holder to rewrite. */
  readonly damagedSnapshots: readonly number[]
  /** State files that are right, but whose sidecars say otherwise; for the lease holder to repair. */
  readonly staleSidecars: readonly SidecarSubject[]
  /** Deltas above the newest version that belong to a replaced history. */
  readonly orphans: readonly number[]
  readonly deltasReplayed: number
  /** Version of the snapshot it started from; 0 for none, undefined for a warm start. */
  readonly snapshotVersion: number | undefined
}

/** Rebuilds version `target`, or the newest there is. */
export async function loadVersion(
  target: number | 'latest',
  context: RecoveryContext,
  warm?: WarmStart,
): Promise<Recovered> {
  const startedMs = context.clock.elapsedMs()
  const recovered = await whileFilesChange(async (attempt, isLast) => {
    const files = await listFiles(context)
    // Another process may have rewound it; asked of the very listing that the load goes by. Once files have changed under us, it is left aside.
    const asked = attempt === 1 ? warm : undefined
    const info = asked && (await asListed(asked.info, asked.loadedFrom, files, context))
    return await new Load(target, context, files, isLast).run(info && { ...asked, info })
  })
  publishStep('recovered', {
    storeId: storeIdText(context.id),
    version: recovered.info.version,
    rows: recovered.map.keyCount,
    durationMs: context.clock.elapsedMs() - startedMs,
  })
  return recovered
}

/** One attempt at a load, over one listing. */
class Load {
  readonly #target: number | 'latest'
  /** The version to rebuild; lower than the newest file where that turns out to be an orphan. */
  #top: number
  readonly #context: RecoveryContext
  readonly #files: StoreFiles<FileStatus>
  readonly #damagedSnapshots: number[] = []
  readonly #staleSidecars: SidecarSubject[] = []
  readonly #orphans: number[] = []
  #deltasReplayed = 0

  /** Whether what contradicts itself now is damaged, and not being replaced. */
  readonly #isLastLook: boolean

  constructor(
    target: number | 'latest',
    context: RecoveryContext,
    files: StoreFiles<FileStatus>,
    isLastLook: boolean,
  ) {
    this.#isLastLook = isLastLook
    this.#target = target
    this.#context = context
    this.#files = files
    this.#top = target === 'latest' ? newestListed(files) : target
  }

  async run(warm: WarmStart | undefined): Promise<Recovered> {
    const top = this.#top
    if (top > 0 && !this.#files.deltas.has(top) && !this.#files.snapshots.has(top)) {
      throw this.#notFound(top)
    }
    if (warm !== undefined && this.#canContinue(warm.info.version)) {
      return await this.#replayInto(warm.map, warm.info, undefined, true)
    }
    const base = await this.#choose()
    return await this.#replayInto(base.map, base.info, base.info.version, false)
  }

  /** Whether going on from `version` is possible, and reads no more bytes than starting from the newest snapshot. */
  #canContinue(version: number): boolean {
    if (version > this.#top || !isRebuildable(version, this.#files)) return false
    let bytes = 0
    for (let next = this.#top; next > version; next--) {
      const delta = this.#files.deltas.get(next)
      if (delta === undefined) return false
      const snapshot = this.#files.snapshots.get(next)
      if (snapshot !== undefined && bytes + delta.sizeBytes > snapshot.sizeBytes) return false
      bytes += delta.sizeBytes
    }
    return true
  }

  // --- 2. choose

  /** A map, in an open transaction, that holds the newest readable snapshot at or below the top, or nothing. */
  async #choose(): Promise<WarmStart> {
    const snapshots = [...this.#files.snapshots.keys()]
      .filter((version) => version <= this.#top)
      .sort((a, b) => b - a)
    let firstProblem: unknown
    for (const version of snapshots) {
      if (await this.#isOrphaned(version)) continue
      try {
        const base = await this.#loadSnapshot(version)
        if (base !== undefined) return base
      } catch (error) {
        if (!isStateStoreError(error) || error.kind !== 'corrupt') throw error
        firstProblem ??= error
      }
      this.#damagedSnapshots.push(version)
      publishStep('repair', {
        storeId: storeIdText(this.#context.id),
        version,
        error: firstProblem,
      })
    }
    if (firstProblem !== undefined && this.#top > 0 && !this.#files.deltas.has(1))
      throw firstProblem
    const map = this.#context.createMap(0)
    map.begin()
    return { map, info: EMPTY_VERSION }
  }

  /** Whether a snapshot is one of a replaced history. Then so is everything from its version on. */
  async #isOrphaned(version: number): Promise<boolean> {
    if (!(await isOrphan(version, this.#files, this.#context))) return false
    this.#noteOrphansFrom(version)
    if (this.#target !== 'latest') throw this.#notFound(this.#target)
    this.#top = version - 1
    return true
  }

  #noteOrphansFrom(version: number): void {
    for (const orphan of this.#files.deltas.keys()) {
      if (orphan >= version) this.#orphans.push(orphan)
    }
  }

  /** Undefined if the snapshot is not the one of its delta. */
  async #loadSnapshot(version: number): Promise<WarmStart | undefined> {
    const startedMs = this.#context.clock.elapsedMs()
    const source = this.#source('snapshot', version)
    const trailer = await readTrailer(source, fileOptions(this.#context, 'snapshot', version))
    const info = await this.#snapshotInfo(version, trailer && versionInfoOf(trailer))
    if (info === 'mismatch') return undefined
    const map = this.#context.createMap(trailer?.keys ?? 0)
    await this.#settle(map)
    map.begin()
    const content = await this.#read(source, 'snapshot', version, map)
    publishStep('choose', {
      storeId: storeIdText(this.#context.id),
      version,
      rows: content.puts,
      bytes: source.sizeBytes,
      durationMs: this.#context.clock.elapsedMs() - startedMs,
    })
    return { map, info: info ?? foreignInfo(version, content.id) }
  }

  /** Which version a snapshot holds; undefined if only its own bytes can tell (foreign, and no delta is left). */
  async #snapshotInfo(
    version: number,
    own: VersionInfo | undefined,
  ): Promise<VersionInfo | 'mismatch' | undefined> {
    if (!this.#files.deltas.has(version)) return own && withoutStamp(own, this.#context)
    const delta = this.#source('delta', version)
    const deltaTrailer = await readTrailer(delta, fileOptions(this.#context, 'delta', version))
    if (deltaTrailer !== undefined) {
      return own?.id === deltaTrailer.id ? versionInfoOf(deltaTrailer) : 'mismatch'
    }
    // A foreign delta has an id only by its content, so it is read to the end, with its rows left aside.
    const content = await this.#read(delta, 'delta', version, undefined)
    if (own !== undefined && own.id !== content.id) return 'mismatch'
    return foreignInfo(version, content.id, own?.committedThrough)
  }

  // --- 3. replay, 4. install

  async #replayInto(
    map: VersionedMap,
    base: VersionInfo,
    snapshotVersion: number | undefined,
    warm: boolean,
  ): Promise<Recovered> {
    if (warm && base.version === this.#top) return this.#recovered(map, base, snapshotVersion, warm)
    if (warm) {
      while (map.reclaim()) await this.#context.clock.turn()
      map.begin()
    }
    let info = base
    try {
      for (let version = base.version + 1; version <= this.#top; version++) {
        const next = await this.#replay(version, info, map)
        if (next === undefined) break
        info = next
      }
      if (this.#target !== 'latest' && info.version !== this.#target)
        throw this.#notFound(this.#target)
      this.#context.signal?.throwIfAborted()
    } catch (error) {
      if (warm) map.abort()
      throw error
    }
    if (info.version === 0 || (warm && info.version === base.version)) map.abort()
    else map.commit(info.version)
    if (!warm && info.version > 0) map.release(0)
    return this.#recovered(map, info, snapshotVersion, warm)
  }

  /** Applies one delta. Undefined if it and all above it are orphans. */
  async #replay(
    version: number,
    parent: VersionInfo,
    map: VersionedMap,
  ): Promise<VersionInfo | undefined> {
    const startedMs = this.#context.clock.elapsedMs()
    if (!this.#files.deltas.has(version)) {
      if (this.#wasCleaned(version)) throw this.#notFound(this.#top)
      throw brokenChain(this.#context, this.#top, version, 'it is missing')
    }
    const source = this.#source('delta', version)
    const trailer = await readTrailer(source, fileOptions(this.#context, 'delta', version))
    const { movesAtomically } = this.#context.directory
    if (trailer !== undefined && isOrphanAbove(parent, trailer, movesAtomically)) {
      this.#noteOrphansFrom(version)
      return undefined
    }
    if (trailer !== undefined && trailer.parent !== parent.id) {
      const what = parentMismatch(trailer.parent, parent.version, parent.id)
      throw new FilesChangedError(brokenChain(this.#context, this.#top, version, what))
    }
    const content = await this.#read(source, 'delta', version, map)
    this.#deltasReplayed++
    publishStep('replay', {
      storeId: storeIdText(this.#context.id),
      version,
      rows: content.puts + content.removes,
      bytes: source.sizeBytes,
      durationMs: this.#context.clock.elapsedMs() - startedMs,
    })
    if (trailer === undefined) return foreignInfo(version, content.id, parent.committedThrough)
    // A batch that was run again below the newest version may have raised the promise there.
    const info = versionInfoOf(trailer)
    return { ...info, committedThrough: Math.max(info.committedThrough, parent.committedThrough) }
  }

  /** Whether `version` is missing because it was cleaned: nothing as old is left, and a snapshot above the target carries what is kept. */
  #wasCleaned(version: number): boolean {
    const { deltas, snapshots } = this.#files
    const older = [...deltas.keys(), ...snapshots.keys()].some((other) => other <= version)
    return !older && [...snapshots.keys()].some((other) => other > this.#top)
  }

  #recovered(
    map: VersionedMap,
    info: VersionInfo,
    snapshotVersion: number | undefined,
    warm: boolean,
  ): Recovered {
    return {
      map,
      info,
      warm,
      files: this.#files,
      damagedSnapshots: this.#damagedSnapshots,
      staleSidecars: this.#staleSidecars,
      orphans: this.#orphans,
      deltasReplayed: this.#deltasReplayed,
      snapshotVersion,
    }
  }

  // --- files

  #source(kind: StateFileKind, version: number): StateFileSource {
    const source = openSource(this.#context, this.#files, kind, version)
    assert(source !== undefined, `${version}.${kind} is read only if it was listed`)
    return source
  }

  /** Reads one file into `map` (or only checks it), with its sidecar if it has one. */
  async #read(
    source: StateFileSource,
    kind: StateFileKind,
    version: number,
    map: VersionedMap | undefined,
  ): Promise<StateFileContent> {
    const sink: RowSink =
      map === undefined
        ? { onPut: () => undefined, onRemove: () => undefined }
        : {
            onPut: (key, value) => map.put(key, value),
            onPutAt: map.putAt.bind(map),
            onRemove: (key) => void map.remove(key),
          }
    const options = fileOptions(this.#context, kind, version)
    try {
      const content = await readStateFile(source, options, sink)
      if (map !== undefined) await this.#settle(map)
      await this.#checkSidecar(source, kind, version, content)
      return content
    } catch (error) {
      await this.#throwIfReplaced(kind, version, error)
      throw error
    }
  }

  /** Has the map do what waits in it, in turns with other work. */
  async #settle(map: VersionedMap): Promise<void> {
    const slice = new WorkSlice(this.#context.clock, LOAD_SLICE_MS)
    while (map.settle()) if (slice.isOver) await slice.turn()
  }

  /** Bytes that are wrong may be those of a file that took the listed one's place while it was being read. */
  async #throwIfReplaced(kind: StateFileKind, version: number, error: unknown): Promise<void> {
    if (!isStateStoreError(error) || error.kind !== 'corrupt') return
    const now = statusOf(await listFiles(this.#context), kind, version)
    const before = statusOf(this.#files, kind, version)
    const isSame = now !== undefined && before !== undefined && isSameFile(now, before)
    if (!isSame) throw new FilesChangedError(error)
  }

  async #checkSidecar(
    source: StateFileSource,
    kind: StateFileKind,
    version: number,
    content: StateFileContent,
  ): Promise<void> {
    const subject = {
      name: stateFileName(kind, version),
      sizeBytes: source.sizeBytes,
      crc: content.fileCrc,
    }
    try {
      await verifyListedSidecar(subject, this.#files, this.#context)
    } catch (error) {
      // With a trailer the file has proved itself whole, so it is the sidecar that is wrong. Without one, another process may have been
      // replacing the pair between our two reads: look once more before calling it corrupt.
      if (content.trailer === undefined && isStateStoreError(error))
        throw kind === 'snapshot' && this.#isLastLook ? error : new FilesChangedError(error)
      if (!isStateStoreError(error)) throw error
      this.#staleSidecars.push(subject)
    }
  }

  // --- what to tell

  /** The versions that can be rebuilt, as far as names tell, ascending. */
  #readable(): number[] {
    const { deltas, snapshots } = this.#files
    const orphans = new Set(this.#orphans)
    const readable: number[] = []
    for (const version of [...new Set([...deltas.keys(), ...snapshots.keys()])].sort(
      (a, b) => a - b,
    )) {
      if (orphans.has(version)) continue
      const goesOn = (readable.at(-1) ?? 0) === version - 1
      if (snapshots.has(version) || goesOn) readable.push(version)
    }
    return readable
  }

  #notFound(version: number): StateStoreError {
    const orphan = this.#orphans.includes(version)
      ? ' (its file belongs to a replaced history)'
      : ''
    const there = this.#readable()
    const range =
      there.length === 0
        ? 'no version is there'
        : `there are versions ${there[0]} to ${there.at(-1)}`
    return new StateStoreError(
      'TIDEMARK_VERSION_NOT_FOUND',
      `Version ${version} of ${storeIdText(this.#context.id)} not found in ${this.#context.directory.directory}${orphan}: ${range}`,
      { storeId: storeIdText(this.#context.id), version, path: this.#context.directory.directory },
    )
  }
}
