// OpenedFile — a state file as `verify` first sees it: where it lies and what its own trailer says of it, before any row is read.
//
// The trailer is believed only as a hint at whose file it is; whether the file is whole is verify-store.ts's to find out, by reading it.

import { isStateStoreError } from '../errors.ts'
import type { FileStatus } from '../files/file-manager.ts'
import type { StateFileKind } from '../format/file-names.ts'
import { readTrailer, type StateFileSource } from '../format/state-file-reader.ts'
import type { Trailer } from '../format/trailer.ts'
import type { ResolvedStoreId } from '../store/store-id.ts'

/** A listed state file, before its rows are read: what it should be, and what its trailer says it is. */
export interface OpenedFile {
  readonly kind: StateFileKind
  readonly version: number
  readonly status: FileStatus
  readonly source: StateFileSource
  /** Undefined if there is none, or none that is whole. */
  readonly trailer: Trailer | undefined
  /** The trailer speaks of another store, kind or version. */
  readonly isMisplaced: boolean
}

/** Reads the trailer of a file listed in the directory of store `id`, where at least that is whole. */
export async function openListed(
  listed: Pick<OpenedFile, 'kind' | 'version' | 'status' | 'source'>,
  id: ResolvedStoreId,
): Promise<OpenedFile> {
  const trailer = listed.status.type === 'file' ? await trailerOf(listed.source) : undefined
  const isMisplaced =
    trailer !== undefined &&
    (trailer.kind !== listed.kind ||
      trailer.version !== listed.version ||
      trailer.store[0] !== id.operatorId ||
      trailer.store[1] !== id.partitionId ||
      trailer.store[2] !== id.storeName)
  return { ...listed, trailer, isMisplaced }
}

/** The trailer of a file that could not be read to its end, where at least that is whole. */
async function trailerOf(source: StateFileSource): Promise<Trailer | undefined> {
  try {
    return await readTrailer(source)
  } catch (error) {
    // What is wrong with the file has been said already.
    if (isStateStoreError(error)) return undefined
    throw error
  }
}
