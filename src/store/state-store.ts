// The stores a caller holds: StateStore (open for update) and ReadStateStore (one version, read only). Names and lifecycle are Spark's.

import type { ByteSlice } from '../base/byte-slice.ts'
import type { MapCursor } from '../map/versioned-map.ts'
import type { StateStoreMetrics } from './metrics.ts'
import type { ResolvedStoreId } from './store-id.ts'

/** UPDATING takes changes; COMMITTED and ABORTED take none ever again. */
export type StoreState = 'updating' | 'committed' | 'aborted'

/** A key and its value, both copies that the caller may keep. */
export type Entry = [key: Uint8Array, value: Uint8Array]

/**
 * Walks rows without copying: call next() until it is false. `key` and `value` are views made for each call, `keySlice` and
 * `valueSlice` tell where they lie and make nothing; both hold until the next call on the cursor, and as long as those of getView: copy what must last. Sees the state at its creation, whatever is written meanwhile. Close it if you stop early: an open cursor keeps old
 * rows in memory (metric `openReaders`).
 */
export type StoreCursor = Omit<MapCursor, 'locate'>

/**
 * What can be read of one version of a store. All reads are synchronous and in memory. They throw STORE_FINISHED once the store was aborted, released, or
 * committed and followed by another commit, or its provider was closed; TypeError for what is no Uint8Array, RangeError for a key of more than 16 MiB.
 */
export interface StateReader {
  readonly id: ResolvedStoreId
  /** The version that was opened. */
  readonly version: number
  /** True if that version was written without a trailer: by Spark, or with `trailer: false`. */
  readonly foreign: boolean
  /** The JSON committed with that version; undefined if none was. Throws PROGRESS_UNKNOWN for a foreign version. The caller owns it. */
  readonly progress: unknown
  /** The value of `key`, a copy the caller may keep; undefined if there is none. */
  get(key: Uint8Array): Uint8Array | undefined
  /**
   * The value of `key` without a copy: valid until the next call on this store, and the next commit, open for update or close of its provider. Not to be
   * kept across an `await`.
   */
  getView(key: Uint8Array): Uint8Array | undefined
  /**
   * Where the value of `key` lies, as long as a view of getView() is valid, and not to be written to; false, and `into` as it was, if there is none. Nothing is
   * allocated: `into` is the caller's, one for any number of calls.
   */
  getSlice(key: Uint8Array, into: ByteSlice): boolean
  /** get() for each of `keys`, in their order. In a state larger than the processor's caches several times as fast as one after the other. */
  getMany(keys: readonly Uint8Array[]): (Uint8Array | undefined)[]
  /** getView() for each of `keys`, in their order; all of them valid as long as that. */
  getViews(keys: readonly Uint8Array[]): (Uint8Array | undefined)[]
  /** Whether there is a value for `key`, be it of 0 bytes. */
  has(key: Uint8Array): boolean
  /**
   * All rows in no particular order, as copies, as they are now: writing while iterating is allowed and not seen. Until it has ended (leaving the loop
   * ends it, too) it keeps old rows in memory (metric `openReaders`).
   */
  entries(): IterableIterator<Entry>
  /** The same without copies. */
  cursor(): StoreCursor
  /** The rows whose key begins with `prefix`, as they are now, sorted by the key's unsigned bytes; copies. Scans the whole store at once and copies what matches; what is not read is not sorted. */
  prefixScan(prefix: Uint8Array): IterableIterator<Entry>
  /** The rows with start <= key < end, as they are now, sorted by the key's unsigned bytes; copies. Either bound may be left out. Scans the whole store at once and copies what matches; what is not read is not sorted. */
  getRange(start?: Uint8Array, end?: Uint8Array): IterableIterator<Entry>
  /** Of the whole store and its provider, as of now; not of this version alone. */
  readonly metrics: StateStoreMetrics
  toString(): string
}

/** One version, open for reading. Dispose of it to let its memory go. */
export interface ReadStateStore extends StateReader, AsyncDisposable {
  /** Lets the version go; reading afterwards is STORE_FINISHED. May be called twice. */
  release(): Promise<void>
}

export interface CommitOptions {
  /** JSON kept in the very commit, at most 1,032,192 bytes and 100 levels deep (RangeError; TypeError for what is no JSON): source offsets, say. It is part of the commit id, so a wall-clock time in it makes every replay a replacement. */
  progress?: unknown
  /** No version up to this one may be undone from now on. At most the version being committed; lower than before is ignored. */
  committedThrough?: number
  /** Honoured until publishing starts; then the commit runs to its end. */
  signal?: AbortSignal
}

/** A store open for update: version N, on its way to N + 1. One at a time per store and process. Once committed it reads N + 1, until the next commit or an open of an older version. */
export interface StateStore extends StateReader, AsyncDisposable {
  readonly state: StoreState
  readonly hasCommitted: boolean
  /** Sets `key` to `value`; both are copied. Keys of 0 bytes to 16 MiB, values of 0 bytes to 1 GiB. Throws STORE_FINISHED, MEMORY_LIMIT. */
  put(key: Uint8Array, value: Uint8Array): void
  /** Removes `key`; true if it was there. A missing key leaves no trace. Throws STORE_FINISHED, MEMORY_LIMIT. */
  remove(key: Uint8Array): boolean
  /**
   * Publishes the changes as version N + 1 and resolves to that number once it is durable (option `durability`). Rejects with the text
   * `Error committing version …`, the code of what went wrong and its cause; then only reading and abort() are left. The codes: FENCED, POISONED,
   * VERSION_EXISTS, STORAGE_UNAVAILABLE, STORAGE_TIMEOUT, COMMIT_OUTCOME_UNKNOWN (settled by the provider's next getStore), CODEC_FAILED,
   * INVARIANT_VIOLATED, and those of kind `corrupt` for a damaged file in the way. Of a signal that is aborted meanwhile it is the signal's reason.
   *
   * What is refused at once leaves the store as it is, and it can still be committed: options (TypeError, also for an unknown one; RangeError;
   * INVALID_OPTIONS for `progress` or `committedThrough` with `trailer: false`), and a signal that was aborted before. STORE_FINISHED for a second call.
   */
  commit(options?: CommitOptions): Promise<number>
  /** Drops the changes; the version on disk stays what it was. A second call does nothing; after commit it is STORE_FINISHED. */
  abort(): Promise<void>
}
