// The one error class of the engine, and the one table of its codes.
//
// A `kind` tells the caller what to do; a `code` names what happened and is stable within a major version; messages are free-form and may
// change. Wrong arguments (a key that is no Uint8Array, a negative version) are plain TypeError or RangeError: bugs in the calling code,
// not states to handle. A missing key is `undefined`, never an error. `docs/errors.md` is generated from the table.

/** What the caller should do about an error. */
export type ErrorKind =
  | 'invalid' // fix the call or the configuration
  | 'missing' // pick another version
  | 'conflict' // reload and decide
  | 'closed' // open a new instance
  | 'unavailable' // retry with backoff
  | 'corrupt' // restore or inspect; never retry by itself
  | 'internal' // report a bug

interface CodeEntry {
  readonly kind: ErrorKind
  /** Whether the same call may succeed later without anything else being changed; of a commit, whether its batch may that is run again on a store opened anew. */
  readonly retryable: boolean
  readonly doc: string
}

export const ERROR_CODES = {
  TIDEMARK_INVALID_OPTIONS: {
    kind: 'invalid',
    retryable: false,
    doc: 'An option, a store id or a location is not one the engine accepts. The message names it, what was expected and what was found.',
  },
  TIDEMARK_STORE_FINISHED: {
    kind: 'invalid',
    retryable: false,
    doc: 'The store was already committed, aborted or released, or its commit failed: open it again.',
  },
  TIDEMARK_STORE_BUSY: {
    kind: 'invalid',
    retryable: false,
    doc: 'The store is already open for update in this process; the message names the open one. Commit or abort it first.',
  },
  TIDEMARK_UNSUPPORTED: {
    kind: 'invalid',
    retryable: false,
    doc: 'The file system, the codec or the format cannot do what was asked; there is no silent fallback.',
  },
  TIDEMARK_REWIND_REFUSED: {
    kind: 'invalid',
    retryable: false,
    doc: "Opening this version for update would undo more than the newest version without `rewind: 'allow'`, or go below `committedThrough`.",
  },
  TIDEMARK_PROGRESS_UNKNOWN: {
    kind: 'invalid',
    retryable: false,
    doc: 'The version was written without a trailer (by Spark, or with `trailer: false`), so nobody knows which progress it holds.',
  },
  TIDEMARK_MEMORY_LIMIT: {
    kind: 'invalid',
    retryable: false,
    doc: 'The store would grow past `memoryBytesMax`, or the system has no memory for it, or more than `historicalMapsMax` versions outside memory would be open for reading. Nothing was changed by the refused call.',
  },
  TIDEMARK_VERSION_NOT_FOUND: {
    kind: 'missing',
    retryable: false,
    doc: 'The version is not there: never committed, or cleaned since. The message names the versions that are.',
  },
  TIDEMARK_CHECKPOINT_NOT_FOUND: {
    kind: 'missing',
    retryable: false,
    doc: 'The path is not a checkpoint, or holds no such operator, partition or store, or no schema of its rows.',
  },
  TIDEMARK_VERSION_EXISTS: {
    kind: 'conflict',
    retryable: false,
    doc: 'Something stands where the commit belongs that was not there when the store was listed: another engine is writing here, or the storage gave an outdated listing.',
  },
  TIDEMARK_PROVIDER_CLOSED: {
    kind: 'closed',
    retryable: false,
    doc: 'The provider, the StateStores it came from, or the Checkpoint was closed.',
  },
  TIDEMARK_FENCED: {
    kind: 'closed',
    retryable: false,
    doc: 'A newer writer has claimed the store; this one may never write again. `published` says whether the refused file may have become visible.',
  },
  TIDEMARK_POISONED: {
    kind: 'closed',
    retryable: false,
    doc: 'An fsync failed, so what the disk holds is unknown; the provider refuses to write until it is opened anew.',
  },
  TIDEMARK_STORAGE_UNAVAILABLE: {
    kind: 'unavailable',
    retryable: true,
    doc: 'The storage refused or failed (disk full, I/O error, too many open files, no permission, read-only); `cause` holds the native error, where there is one.',
  },
  TIDEMARK_STORAGE_TIMEOUT: {
    kind: 'unavailable',
    retryable: true,
    doc: 'The storage did not answer in time; whether the call took effect is unknown.',
  },
  TIDEMARK_COMMIT_OUTCOME_UNKNOWN: {
    kind: 'unavailable',
    retryable: false,
    doc: 'The storage failed at the moment of publishing and again when asked what had happened. The next getStore settles it before anything else.',
  },
  TIDEMARK_CORRUPT_FILE: {
    kind: 'corrupt',
    retryable: false,
    doc: 'The bytes of a file are not what was written, or not what the rest of the checkpoint says they are. The message names file and offset, what was expected and what was found.',
  },
  TIDEMARK_BROKEN_CHAIN: {
    kind: 'corrupt',
    retryable: false,
    doc: 'A delta that a version needs is missing, or its parent is not the version below it. The message names the version.',
  },
  TIDEMARK_UNKNOWN_FORMAT_VERSION: {
    kind: 'corrupt',
    retryable: false,
    doc: 'The file was written by a newer version of the format than this one reads.',
  },
  TIDEMARK_CODEC_FAILED: {
    kind: 'corrupt',
    retryable: false,
    doc: 'A compression codec failed on data that it should handle.',
  },
  TIDEMARK_INVARIANT_VIOLATED: {
    kind: 'internal',
    retryable: false,
    doc: 'The engine found itself in a state that should be impossible. Please report it.',
  },
} as const satisfies Record<`TIDEMARK_${string}`, CodeEntry>

export type ErrorCode = keyof typeof ERROR_CODES

export interface StateStoreErrorDetails {
  /** The store concerned, as text: `operator/partition/name`. */
  storeId?: string | undefined
  version?: number | undefined
  /** The file or folder concerned, relative to the checkpoint location unless absolute. */
  path?: string | undefined
  /** Byte offset in `path` at which the problem was found. */
  offset?: number | undefined
  /** With FENCED, POISONED and COMMIT_OUTCOME_UNKNOWN of a commit: whether the refused file may have become visible. */
  published?: 'no' | 'unknown' | undefined
  cause?: unknown
}

/** By this the errors of one copy of the package know those of another: a file manager may have been installed with a copy of its own. */
const BRAND = Symbol.for('tidemark.StateStoreError')

/** Every failure the engine reports, apart from wrong arguments. Narrow on `code`, decide on `kind`. */
export class StateStoreError extends Error {
  static {
    // On the prototype, so that logs do not show it.
    Object.defineProperty(this.prototype, BRAND, { value: true })
  }

  override readonly name = 'StateStoreError'
  readonly code: ErrorCode
  readonly kind: ErrorKind
  readonly retryable: boolean
  // Declared only: a detail that is not known is no property at all, so that logs show none.
  declare readonly storeId?: string
  declare readonly version?: number
  declare readonly path?: string
  declare readonly offset?: number
  declare readonly published?: 'no' | 'unknown'

  constructor(code: ErrorCode, message: string, details: StateStoreErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    const entry: CodeEntry = ERROR_CODES[code]
    this.code = code
    this.kind = entry.kind
    this.retryable = entry.retryable
    if (details.storeId !== undefined) this.storeId = details.storeId
    if (details.version !== undefined) this.version = details.version
    if (details.path !== undefined) this.path = details.path
    if (details.offset !== undefined) this.offset = details.offset
    if (details.published !== undefined) this.published = details.published
  }
}

/**
 * True for a StateStoreError, of one of `codes` if any are given. One of another copy of this package is one as well, if its code is in the table
 * of this copy; so use this and not `instanceof`.
 */
export function isStateStoreError(error: unknown, ...codes: ErrorCode[]): error is StateStoreError {
  const isOurs = error instanceof StateStoreError || isOfAnotherCopy(error)
  return isOurs && (codes.length === 0 || codes.includes(error.code))
}

function isOfAnotherCopy(error: unknown): error is StateStoreError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false
  const { code, kind, message } = error as Partial<StateStoreError>
  const entry = Object.hasOwn(ERROR_CODES, String(code)) ? ERROR_CODES[code!] : undefined
  return entry !== undefined && entry.kind === kind && typeof message === 'string'
}
