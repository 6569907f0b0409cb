// VersionInfo — what is known of a version without its rows: its id, its parent's, when and by whom it was made.
//
// The ids of a store form a chain, by which a version of another history is recognised. It begins anew at every version that was written
// without a trailer, since its id is then made of its own bytes alone.

import { GENESIS_ID } from '../format/commit-id.ts'
import type { Trailer } from '../format/trailer.ts'

/** What is known of one version, from its file's trailer or, where it has none, from its bytes. */
export interface VersionInfo {
  readonly version: number
  /** The commit id: names the content and the whole past. */
  readonly id: string
  /** The commit id of the version below; 32 zeros where a chain begins. */
  readonly parent: string
  /** When it was published, [generation, sequence]; undefined without a trailer. */
  readonly stamp: readonly [number, number] | undefined
  /** Written without a trailer: by Spark, or with `trailer: false`. */
  readonly foreign: boolean
  /** The caller's own JSON, if any was committed with it. */
  readonly progress: unknown
  /** No version up to this one may be undone. */
  readonly committedThrough: number
}

export function versionInfoOf(trailer: Trailer): VersionInfo {
  return {
    version: trailer.version,
    id: trailer.id,
    parent: trailer.parent,
    stamp: trailer.stamp,
    foreign: isForeignSnapshot(trailer),
    progress: trailer.progress,
    committedThrough: trailer.committedThrough ?? 0,
  }
}

/** A snapshot that we wrote of a version without trailer: a chain begins at it, and above version 1 nothing else does that. */
function isForeignSnapshot({ kind, version, parent }: Trailer): boolean {
  return kind === 'snapshot' && version > 1 && parent === GENESIS_ID
}

/** Whether the stamp `a` was given out before `b`. */
export function isOlderStamp(a: readonly [number, number], b: readonly [number, number]): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1])
}

/**
 * ORPHANS: whether a file whose trailer has this parent and stamp was left by an attempt that the version below it has replaced, or by a writer
 * that was fenced. Where files of a fenced writer may still appear, an older stamp alone says so: the holder stamps the newest version anew first.
 */
export function isOrphanAbove(
  below: { readonly id: string | undefined; readonly stamp: VersionInfo['stamp'] },
  { parent, stamp }: Pick<Trailer, 'parent' | 'stamp'>,
  movesAtomically: boolean,
): boolean {
  if (below.stamp === undefined || !isOlderStamp(stamp, below.stamp)) return false
  return !movesAtomically || (below.id !== undefined && parent !== below.id)
}

/** Version 0: empty, and never on disk. */
export const EMPTY_VERSION: VersionInfo = Object.freeze({
  version: 0,
  id: GENESIS_ID,
  parent: GENESIS_ID,
  stamp: undefined,
  foreign: false,
  progress: undefined,
  committedThrough: 0,
})

/** A version without trailer. A chain of ids begins anew at each. */
export function foreignInfo(version: number, id: string, committedThrough = 0): VersionInfo {
  return {
    version,
    id,
    parent: GENESIS_ID,
    stamp: undefined,
    foreign: true,
    progress: undefined,
    committedThrough,
  }
}
