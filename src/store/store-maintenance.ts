// StoreMaintenance — the engine's side of maintenance: what maintenance/ may see and do of a store whose lease is held here.
//
// INVARIANT: cleaning and rewinding never meet. A rewind takes away the snapshot that made older deltas dispensable, and commits on top of
// those deltas; so a removal runs under the provider's mutex, only if nothing was undone since it was planned, and only if no store is open at a
// version that cleaning may take away. A snapshot is published under the same mutex, only if its version was not undone meanwhile.

import { publishStep } from '../base/diagnostics.ts'
import { isStateStoreError, StateStoreError } from '../errors.ts'
import type { FileStatus } from '../files/file-manager.ts'
import type { StagedFile } from '../files/writable-directory.ts'
import { sidecarName, snapshotName, type StoreFiles } from '../format/file-names.ts'
import { checkStateFile, readStateFile, readTrailer } from '../format/state-file-reader.ts'
import type { StreamTotals } from '../format/state-file-writer.ts'
import type { Trailer } from '../format/trailer.ts'
import type { MapView } from '../map/versioned-map.ts'
import { buildTrailer } from './commit.ts'
import type { LeasedStore } from './leased-store.ts'
import type { Maintainable, SnapshotTicket } from './maintainable.ts'
import { loadVersion } from './recovery.ts'
import { SnapshotSlot } from './snapshot-slot.ts'
import type { StagedStateFile } from './staged-state-file.ts'
import {
  fileOptions,
  FilesChangedError,
  listFiles,
  openSource,
  type RecoveryContext,
  statusOf,
} from './state-files.ts'
import { verifyListedSidecar } from './state-sidecar.ts'
import { storeIdText } from './store-id.ts'
import { recoveryContext } from './store-parts.ts'
import type { VersionInfo } from './version-info.ts'

/** A snapshot is published again where what stood in its way changed between the attempt and the look at it. */
const PUBLISH_ATTEMPTS_MAX = 3

/** What was so when a round of maintenance was planned. */
interface Plan {
  latest: number
  readonly rewindCount: number
}

export class StoreMaintenance {
  readonly #leased: LeasedStore
  /** The version now open for update, if any. */
  readonly #openVersion: () => number | undefined
  readonly #snapshots = new SnapshotSlot()
  readonly #stopping = new AbortController()
  /** The last snapshot that was read from end to end and found whole. */
  #checkedSnapshot: number | undefined
  #rewindCount = 0

  constructor(leased: LeasedStore, openVersion: () => number | undefined) {
    this.#leased = leased
    this.#openVersion = openVersion
  }

  /** A commit is about to undo `version` and what follows it. */
  rewinding(version: number): void {
    this.#rewindCount++
    this.#checkedSnapshot = undefined
    this.#snapshots.cancelFrom(version)
    // Undone with the rest, if it was that late. Which one is the last now, the next listing or load tells; until then, none is relied on.
    const { counters, damagedSnapshots } = this.#leased.parts
    if (counters.lastSnapshotVersion >= version) counters.lastSnapshotVersion = -1
    // There it stays, if there is one, and is of no use.
    if (!this.#leased.lease.directory.movesAtomically) damagedSnapshots.add(version)
    else
      for (const damaged of damagedSnapshots)
        if (damaged >= version) damagedSnapshots.delete(damaged)
  }

  /** Gives up what is under way, a snapshot or cleaning, and starts none any more. */
  stop(): void {
    this.#stopping.abort()
    this.#snapshots.stop()
  }

  /** Resolves when no snapshot is under way. Not to be awaited under the mutex. */
  async idle(): Promise<void> {
    await this.#snapshots.idle()
  }

  /** What one round may see and do. `latest` gives the newest version, undefined once it is not known any more. */
  round(latest: () => number | undefined): Maintainable {
    const { parts, lease } = this.#leased
    const plan: Plan = { latest: 0, rewindCount: this.#rewindCount }
    return {
      id: parts.id,
      options: parts.options,
      damagedSnapshots: parts.damagedSnapshots,
      survey: async () => {
        const files = await listFiles(recoveryContext(parts))
        // After the listing: what was the newest before may have left the memory meanwhile, and could not be snapshotted.
        plan.latest = latest() ?? 0
        this.#noteSnapshots(files, plan)
        return { files, latest: plan.latest }
      },
      writeSnapshot: (version, write) => this.#writeSnapshot(version, write),
      checkSnapshot: (version, files) => this.#checkSnapshot(version, files),
      cleanLeftovers: () => lease.cleanLeftovers(),
      remove: (names) => this.#remove(names, plan),
      cleaned: (durationMs) => {
        parts.counters.latencies.cleanMs = durationMs
      },
    }
  }

  /** The last snapshot, where a listing tells: where nothing was undone meanwhile. */
  #noteSnapshots(files: StoreFiles<FileStatus>, plan: Plan): void {
    const { parts } = this.#leased
    if (plan.rewindCount !== this.#rewindCount) return
    const good = [...files.snapshots.keys()].filter(
      (version) => version <= plan.latest && !parts.damagedSnapshots.has(version),
    )
    const known = parts.counters.lastSnapshotVersion
    // What is known above the newest version was undone by another writer.
    parts.counters.lastSnapshotVersion = Math.max(known > plan.latest ? -1 : known, ...good)
  }

  // --- cleaning

  async #remove(names: readonly string[], plan: Plan): Promise<number> {
    const { parts, lease, sidecars } = this.#leased
    const { clock, maintenanceSliceMs, minBatchesToRetain } = parts.options
    return await parts.mutex.run(async () => {
      if (plan.rewindCount !== this.#rewindCount || this.#stopping.signal.aborted) return 0
      const kept = plan.latest - minBatchesToRetain
      const open = this.#openVersion()
      if (open !== undefined && open < kept) return 0
      let startedMs: number | undefined
      let removed = 0
      for (const name of names) {
        await lease.directory.remove(name)
        sidecars.delete(name)
        removed++
        if (this.#stopping.signal.aborted) break
        // Not from the beginning: the first answer waits for the puts of the batch that is open. The commit after them waits for us.
        startedMs ??= clock.elapsedMs()
        if (removed > 1 && clock.elapsedMs() - startedMs >= maintenanceSliceMs) break
      }
      return removed
    })
  }

  async #checkSnapshot(version: number, files: StoreFiles<FileStatus>): Promise<boolean> {
    if (this.#checkedSnapshot === version) return true
    const rewindCount = this.#rewindCount
    const context = recoveryContext(this.#leased.parts, this.#stopping.signal)
    try {
      const source = openSource(context, files, 'snapshot', version)
      if (source === undefined) return false
      const content = await checkStateFile(source, fileOptions(context, 'snapshot', version))
      // Without a trailer a load does not believe a snapshot that its sidecar contradicts.
      if (content.trailer === undefined) {
        const { sizeBytes } = source
        const subject = { name: snapshotName(version), sizeBytes, crc: content.fileCrc }
        await verifyListedSidecar(subject, files, context)
      }
      await checkIsOfDelta(version, files, context)
    } catch (error) {
      if (error instanceof FilesChangedError) return false // Undone meanwhile.
      if (this.#stopping.signal.aborted) return false
      if (!isStateStoreError(error) || error.kind !== 'corrupt') throw error
      this.#leased.parts.damagedSnapshots.add(version)
      publishStep('repair', { storeId: this.#leased.storeId, version, error })
      return false
    }
    // What was undone meanwhile says nothing of the next file of that name.
    if (rewindCount === this.#rewindCount) this.#checkedSnapshot = version
    return true
  }

  // --- snapshots

  async #writeSnapshot(
    version: number,
    write: (ticket: SnapshotTicket) => Promise<void>,
  ): Promise<boolean> {
    const { counters, options } = this.#leased.parts
    const startedMs = options.clock.elapsedMs()
    const written = await this.#snapshots.run(version, async (signal) => {
      const pinned = await this.#pin(version, signal)
      if (pinned === undefined) return false
      const { info, view } = pinned
      const file = this.#leased.stage('snapshot', snapshotName(version))
      try {
        await write({ view, file, signal })
        return await this.#publish(info, file, signal)
      } catch (error) {
        await file.discard()
        // Remembered even of a snapshot that was cancelled: a failed fsync, or a lease that is lost, concerns all that follows.
        const reason = this.#leased.ending(error)
        if (signal.aborted) return false
        throw reason
      } finally {
        view.release()
      }
    })
    if (written !== true) return false
    const durationMs = options.clock.elapsedMs() - startedMs
    counters.latencies.snapshotMs = durationMs
    publishStep('snapshot', { storeId: this.#leased.storeId, version, durationMs })
    return true
  }

  /** The version to be written, pinned in memory; undefined if it is not there, or gone. */
  async #pin(
    version: number,
    signal: AbortSignal,
  ): Promise<{ info: VersionInfo; view: MapView } | undefined> {
    const { parts } = this.#leased
    const { installed, options, mutex } = parts
    const info = installed.info(version)
    const view = installed.view(version)
    if (info !== undefined && view !== undefined) return { info, view }
    if (options.maxBatchesToRetainInMemory > 0) return undefined
    // No version stays in memory, so it is loaded; under the mutex, since a rewind that began before us has not cancelled our signal.
    return await mutex.run(async () => {
      try {
        const loaded = await loadVersion(version, recoveryContext(parts, signal))
        const apart = loaded.map.view(version)
        loaded.map.retire() // Its memory goes with the view.
        return apart && { info: loaded.info, view: apart }
      } catch (error) {
        if (signal.aborted || isStateStoreError(error, 'TIDEMARK_VERSION_NOT_FOUND'))
          return undefined
        throw error
      }
    })
  }

  /** False if the version was undone while its rows were being written. */
  async #publish(info: VersionInfo, file: StagedStateFile, signal: AbortSignal): Promise<boolean> {
    const { parts, lease, sidecars } = this.#leased
    const { mutex, options, counters } = parts
    const totals = await file.end()
    const staged = await file.seal(this.#trailer(info, totals))
    return await mutex.run(async () => {
      // A rewind runs under this mutex too: if it came first it has aborted the signal.
      if (signal.aborted || this.#leased.endedBy !== undefined) {
        await file.discard()
        return false
      }
      const sidecar = sidecarName(file.name)
      if (sidecars.has(sidecar)) await lease.directory.remove(sidecar)
      sidecars.delete(sidecar)
      if (!(await this.#moveIn(info, staged, file))) return false
      this.#leased.parts.damagedSnapshots.delete(info.version)
      counters.lastSnapshotVersion = Math.max(counters.lastSnapshotVersion, info.version)
      if (options.checksumFiles) await this.#leased.addSidecar(file)
      return true
    })
  }

  /** False if the one that is there is to stay. */
  async #moveIn(info: VersionInfo, staged: StagedFile, file: StagedStateFile): Promise<boolean> {
    const { parts, lease } = this.#leased
    const { directory } = lease
    if (directory.movesAtomically) {
      await directory.publish(staged, file.name, 'replace')
      return true
    }
    // Never over what a newer writer put there: only over what was seen and is of no use.
    for (let attempt = 1; attempt <= PUBLISH_ATTEMPTS_MAX; attempt++) {
      const context = recoveryContext(parts)
      const files = await listFiles(context)
      const revision = statusOf(files, 'snapshot', info.version)?.revision
      if (revision !== undefined && (await this.#isToStay(info, files, context))) break
      const mode = revision === undefined ? 'if-absent' : { replacing: revision }
      if ((await directory.publish(staged, file.name, mode)) === 'published') return true
    }
    await file.discard()
    return false
  }

  /** Whether the snapshot that is there is a newer writer's, or of this very version and not known to be damaged. */
  async #isToStay(
    info: VersionInfo,
    files: StoreFiles<FileStatus>,
    context: RecoveryContext,
  ): Promise<boolean> {
    const source = openSource(context, files, 'snapshot', info.version)
    try {
      const trailer = source && (await readTrailer(source))
      if (trailer === undefined) return false
      const isNewer = trailer.stamp[0] > this.#leased.lease.generation
      return (
        isNewer ||
        (trailer.id === info.id && !this.#leased.parts.damagedSnapshots.has(info.version))
      )
    } catch (error) {
      if (error instanceof FilesChangedError) return false
      if (isStateStoreError(error) && error.kind === 'corrupt') return false
      throw error
    }
  }

  #trailer(info: VersionInfo, totals: StreamTotals): Trailer | undefined {
    const { id, options } = this.#leased.parts
    if (!options.trailer) return undefined
    return buildTrailer({
      id,
      kind: 'snapshot',
      info,
      stamp: this.#leased.lease.nextStamp(),
      totals,
      keys: totals.puts,
      options,
    })
  }
}

/** CORRUPT_FILE unless a snapshot is that of its delta: another engine may have gone back and left it beside a delta of its own. */
async function checkIsOfDelta(
  version: number,
  files: StoreFiles<FileStatus>,
  context: RecoveryContext,
): Promise<void> {
  const snapshot = openSource(context, files, 'snapshot', version)
  const delta = openSource(context, files, 'delta', version)
  if (snapshot === undefined || delta === undefined) return
  const found = (await readTrailer(snapshot))?.id
  let expected = (await readTrailer(delta))?.id
  if (expected === undefined && found !== undefined) {
    // A delta without trailer has an id only by its content.
    const sink = { onPut: () => undefined, onRemove: () => undefined }
    expected = (await readStateFile(delta, fileOptions(context, 'delta', version), sink)).id
  }
  if (found === expected) return
  throw new StateStoreError(
    'TIDEMARK_CORRUPT_FILE',
    `Expected ${snapshot.path} to be of the same history as ${delta.path} (${expected ?? 'foreign'}), found ${found ?? 'a foreign one'}`,
    { storeId: storeIdText(context.id), version, path: snapshot.path },
  )
}
