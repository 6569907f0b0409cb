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
    foreign: false,
    progress: trailer.progress,
    committedThrough: trailer.committedThrough ?? 0,
  }
}

/** Whether the stamp `a` was given out before `b`. */
export function isOlderStamp(a: readonly [number, number], b: readonly [number, number]): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1])
}
