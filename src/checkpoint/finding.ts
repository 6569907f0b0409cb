// Finding — one thing that is not as it should be in a checkpoint, as data: what the command line prints and tests assert on.

import type { ErrorCode, StateStoreError } from '../errors.ts'

/**
 * What is wrong:
 * - damaged-file: its bytes are not what was written, or it is no regular file
 * - wrong-file: whole, but of another store, kind or version than its place says
 * - unreadable-file: the storage refused to give it, or its codec or format is not one that is read here
 * - missing-file: versions above need it
 * - broken-chain: whole, but made on another history than the version below
 * - wrong-snapshot: whole, but not what the deltas of its version add up to
 * - stale-sidecar: contradicts its file, or is itself no sidecar
 * - orphan: left by a history that was replaced; never loaded, and replaced by the next commit of that number
 * - damaged-metadata: a file of the query around the stores (offsets, commits, metadata, schema) cannot be understood, or is not there
 * - wrong-folders: partitions or stores are missing, or are there and should not be, by the operator's metadata or the query's settings
 * - wrong-codec: whole, but not in the compression that the query is set to, so that Spark cannot read it
 * - wrong-row: whole, but a row of the newest version is none of its store's schema
 * - foreign: nothing that the engine knows; never read, never deleted
 * - leftover: of a crashed writer or an interrupted cleaning; harmless, and removed by maintenance
 */
export type FindingKind =
  | 'damaged-file'
  | 'wrong-file'
  | 'unreadable-file'
  | 'missing-file'
  | 'broken-chain'
  | 'wrong-snapshot'
  | 'stale-sidecar'
  | 'orphan'
  | 'damaged-metadata'
  | 'wrong-folders'
  | 'wrong-codec'
  | 'wrong-row'
  | 'foreign'
  | 'leftover'

export interface Finding {
  /** An error costs a version, or would; a warning costs nobody anything. */
  readonly severity: 'error' | 'warning'
  readonly kind: FindingKind
  /** The code that reading the file would end in, where it would. */
  readonly code?: ErrorCode
  /** operator/partition/name, where it concerns one store. */
  readonly storeId?: string
  readonly version?: number
  /** Relative to the checkpoint location. */
  readonly path: string
  /** Byte of the file at which it was found, 0 where the file as a whole is meant; absent where there is no file to point into. */
  readonly offset?: number
  readonly message: string
}

/** The finding that an error about a file stands for. */
export function findingOf(
  kind: FindingKind,
  error: StateStoreError,
  where: { storeId?: string; version?: number; path: string },
): Finding {
  return {
    severity: 'error',
    kind,
    code: error.code,
    ...where,
    offset: error.offset ?? 0,
    message: error.message,
  }
}
