// Rewind — going back to a version and committing over what followed.
//
// A batch that is run again undoes the newest version, and needs no leave. Going further back does: `rewind: 'allow'`. Below `committedThrough`
// nobody goes. Nothing on disk changes when the older version is opened, so an abort loses nothing; the commit first removes what it undoes.

import { StateStoreError } from '../errors.ts'
import { deltaName, sidecarName, snapshotName } from '../format/file-names.ts'
import type { WritableDirectory } from '../files/writable-directory.ts'
import { isRebuildable, listFiles, type RecoveryContext } from './state-files.ts'
import { storeIdText, type ResolvedStoreId } from './store-id.ts'

export interface RewindRequest {
  readonly id: ResolvedStoreId
  /** The version to open. */
  readonly target: number
  /** The newest version. */
  readonly latest: number
  readonly committedThrough: number
  readonly allowed: boolean
  /** Whether the storage moves files atomically. */
  readonly movesAtomically: boolean
}

/** Throws REWIND_REFUSED unless the versions above `target` may be undone. */
export function checkRewind(request: RewindRequest): void {
  const { id, target, latest, committedThrough, allowed, movesAtomically } = request
  const storeId = storeIdText(id)
  if (target < Math.min(committedThrough, latest)) {
    throw new StateStoreError(
      'TIDEMARK_REWIND_REFUSED',
      `Version ${target} of ${storeId} cannot be opened for update: everything up to version ${committedThrough} was declared final (committedThrough)`,
      { storeId, version: target },
    )
  }
  if (latest - target > 1 && !allowed) {
    throw new StateStoreError(
      'TIDEMARK_REWIND_REFUSED',
      `Opening version ${target} of ${storeId} for update would undo ${latest - target} versions (the newest is ${latest}); pass rewind: 'allow' if that is meant`,
      { storeId, version: target },
    )
  }
  if (latest - target > 1 && !movesAtomically) {
    throw new StateStoreError(
      'TIDEMARK_UNSUPPORTED',
      `Opening version ${target} of ${storeId} for update would undo ${latest - target} versions (the newest is ${latest}); on storage without atomic moves only the newest version can be undone, because a version that is deleted there cannot be told from one that arrives late`,
      { storeId, version: target },
    )
  }
}

/**
 * Removes what a commit of `version` undoes: everything above it, highest first and one version after the other durably, so that a
 * crash or a power failure at any point leaves a history without holes; then its snapshot and sidecars. `<version>.delta` stays, to be replaced in one step.
 *
 * INVARIANT: what is left at any point can be rebuilt. Where cleaning has come by, a rewind to version 0 takes away the snapshot that everything begins at:
 * deltas below it, left by a cleaning that was cut short, go first, and its own delta goes before it.
 */
export async function removeUndone(
  version: number,
  directory: WritableDirectory,
  context: RecoveryContext,
): Promise<void> {
  // There only the newest version is undone, in one step; its snapshot is recognised by its id and written anew.
  if (!directory.movesAtomically) return
  // A snapshot that was given up without an answer would else arrive behind the listing, and stay.
  await directory.settleDoubts()
  const files = await listFiles(context)
  const undone = [...new Set([...files.deltas.keys(), ...files.snapshots.keys(), version])]
    .filter((other) => other >= version)
    .sort((a, b) => b - a)
  const present = new Set([
    ...[...files.deltas.values(), ...files.snapshots.values()].map(({ name }) => name),
    ...files.sidecars.keys(),
  ])
  const remove = async (names: string[]): Promise<void> => {
    const there = names.filter((name) => present.has(name))
    for (const name of there) await directory.remove(name)
    // DURABILITY: else a power failure might bring back a higher version without the one below it, or an old snapshot beside a new delta.
    if (there.length > 0) await directory.sync()
  }
  const isStranded = (other: number): boolean => other > version && !isRebuildable(other, files)
  const stranded = undone.filter(isStranded).reverse()
  for (const other of [...stranded, ...undone.filter((each) => !isStranded(each))]) {
    // A sidecar goes before its file: left over it would contradict the next file of that name.
    const snapshot = [sidecarName(snapshotName(other)), snapshotName(other)]
    const delta = [sidecarName(deltaName(other)), ...(other > version ? [deltaName(other)] : [])]
    if (other > version && !isRebuildable(other - 1, files)) {
      await remove(delta)
      await remove(snapshot)
    } else {
      await remove([...snapshot, ...delta])
    }
  }
}
