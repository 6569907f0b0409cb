// WritableDirectory — a store directory as its writer sees it, as long as the lease is held. Two ways to keep the same promises:
//
//   leased-directory.ts        storage that moves files atomically: everything goes through a staging folder that the next writer takes away
//   conditional-directory.ts   storage that writes under a condition: what was written counts once a listing shows no newer claim
//
// INVARIANT: the caller of `publish` is told 'published' if and only if the file was in place when the next holder listed the directory.

import type { ByteRange, FileStatus } from './file-manager.ts'

/**
 * 'if-absent' refuses what is there. 'replace' takes its place, whatever it is; `replacing` only if it is of that revision. Storage that knows
 * revisions (FileStatus.revision) wants to be told which: a file that is to be replaced has been looked at.
 */
export type PublishMode = 'if-absent' | 'replace' | { readonly replacing: string }

/** A file on its way to a name in the store directory, seen by no reader yet. One call at a time. */
export interface StagedFile {
  /** Appends `chunk`, which is used up: it may be empty once the promise resolves. A rejection is final: discard the file. */
  write(chunk: Uint8Array): Promise<void>
  /** Makes the file complete, and with 'fsync' durable. Needed before it is published. */
  close(): Promise<void>
  /** Deletes it, quietly: never rejects. Nothing if it was published. */
  discard(): Promise<void>
}

export interface WritableDirectory {
  /** The store directory, as in `state/0/0`. */
  readonly directory: string
  /** True if nothing of a fenced writer can arrive any more. */
  readonly movesAtomically: boolean
  list(): Promise<FileStatus[]>
  read(
    name: string,
    range?: ByteRange,
    signal?: AbortSignal,
    revision?: string,
  ): Promise<Uint8Array | undefined>
  /** A new, empty file that is to become `name`. */
  create(name: string): Promise<StagedFile>
  /**
   * Makes a closed staged file visible as `name`. 'exists' if what is there is not what `mode` may replace; the file stays staged. FENCED if the
   * lease is lost, with `published` saying whether it may be visible all the same. STORAGE_TIMEOUT: `settle` before anything else.
   */
  publish(file: StagedFile, name: string, mode: PublishMode): Promise<'published' | 'exists'>
  /**
   * After a publish whose outcome is unknown: when this returns, `name` holds its final word as far as this file is concerned: read it and see.
   * May be called again, also much later. Fails too: COMMIT_OUTCOME_UNKNOWN, or POISONED.
   */
  settle(file: StagedFile, name: string): Promise<'withdrawn' | 'gone'>
  /** When this returns, nothing that was discarded or removed earlier, and had no answer then, can change the directory any more. Fails as the storage does. */
  settleDoubts(): Promise<void>
  /** Removes `name`; false if it is not there. FENCED if the lease is lost. */
  remove(name: string): Promise<boolean>
  /** Makes removals and publications durable, also those of a dead process. */
  sync(): Promise<void>
  /** UNSUPPORTED unless the storage does what `publish` rests on. */
  probe(): Promise<void>
  /** Throws FENCED if the lease is lost. It may be lost a moment later. */
  refuseIfFenced(): Promise<void>
  /** Deletes what was left half done; returns how many files. */
  cleanLeftovers(): Promise<number>
}

/** Publishes what `pieces` make, which are used up. Whatever becomes of it, nothing stays staged. Throws what `pieces` does, too. */
export async function publishPieces(
  directory: WritableDirectory,
  name: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  mode: PublishMode,
): Promise<'published' | 'exists'> {
  const staged = await directory.create(name)
  try {
    for await (const piece of pieces) await staged.write(piece)
    await staged.close()
    return await directory.publish(staged, name, mode)
  } finally {
    await staged.discard() // Nothing if it was published.
  }
}
