// plan — from a listing, what to snapshot and what to delete. A pure function; others execute it.
//
// A snapshot is due when more deltas than minDeltasForSnapshot follow the last good one, or when a load had to pass over a damaged one that
// is newer than the last good one. SPARK: strictly more, as there.
//
// Kept: every version from `latest - minBatchesToRetain` on, and so the newest good snapshot at or below that version and all that follows it.
// Everything older goes, oldest first, so that a crash leaves no hole among what is kept. The base's own delta stays with it: the id of a version
// without trailers is computed from its delta. Foreign files are nobody's business but their owner's.

import type { FileStatus } from '../files/file-manager.ts'
import { sidecarName, type StoreFiles } from '../format/file-names.ts'

export interface PlanInput {
  readonly files: StoreFiles<FileStatus>
  /** The newest committed version. */
  readonly latest: number
  /** Snapshots known to be damaged: neither counted nor relied on. */
  readonly damagedSnapshots: ReadonlySet<number>
  readonly minDeltasForSnapshot: number
  readonly minBatchesToRetain: number
}

export interface MaintenancePlan {
  /** Version to write a snapshot of; undefined if none is due. */
  readonly snapshotVersion: number | undefined
  /** The snapshot that all kept versions can be rebuilt from; undefined if nothing is to be removed. */
  readonly base: number | undefined
  /** File names to remove, in this order. */
  readonly removals: readonly string[]
}

export function planMaintenance(input: PlanInput): MaintenancePlan {
  const good = [...input.files.snapshots]
    .filter(([version, status]) => {
      return (
        version <= input.latest && status.type === 'file' && !input.damagedSnapshots.has(version)
      )
    })
    .map(([version]) => version)
  const base = newestOf(good.filter((v) => v <= input.latest - input.minBatchesToRetain))
  const removals = base === 0 ? [] : planRemovals(input.files, base)
  return {
    snapshotVersion: planSnapshot(input, good),
    base: removals.length === 0 ? undefined : base,
    removals,
  }
}

function newestOf(versions: readonly number[]): number {
  return versions.reduce((newest, version) => Math.max(newest, version), 0)
}

function planSnapshot(input: PlanInput, good: readonly number[]): number | undefined {
  const last = newestOf(good)
  // One above the newest version is of a history that was undone.
  const damagedSince = [...input.damagedSnapshots].some(
    (version) => version > last && version <= input.latest && input.files.snapshots.has(version),
  )
  const due = damagedSince || input.latest - last > input.minDeltasForSnapshot
  return due && input.latest > last ? input.latest : undefined
}

function planRemovals(files: StoreFiles<FileStatus>, base: number): string[] {
  // A snapshot before its delta: without it nobody could tell one of an undone history from the right one.
  const mains = [...files.snapshots, ...files.deltas]
    .filter(([version, status]) => version < base && status.type === 'file')
    .sort(([a], [b]) => a - b)
  const removals: string[] = []
  for (const [, status] of mains) {
    const sidecar = sidecarName(status.name)
    if (files.sidecars.has(sidecar)) removals.push(sidecar)
    removals.push(status.name)
  }
  return [...removals, ...strandedSidecars(files, base)]
}

/** Sidecars below `base` whose main file is gone: a crash came between the two removals of another engine. */
function strandedSidecars(files: StoreFiles<FileStatus>, base: number): string[] {
  const mains = new Set(
    [...files.deltas.values(), ...files.snapshots.values()].map((main) => main.name),
  )
  return [...files.sidecars.keys()].filter((name) => {
    const main = name.slice(0, -'.crc'.length)
    return Number.parseInt(main, 10) < base && !mains.has(main)
  })
}
