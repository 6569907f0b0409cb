// LeasedDirectory — on storage that moves files, the only way anything is written to, or deleted from, a store directory.
//
// Who may write is decided by one fact: whether the writer's own staging folder still exists under its name. The next writer, before it
// looks at the store at all, takes that folder away in one atomic step (a rename), and nobody ever makes it again.
//
//   publish   write a file in the staging folder, close it, move it out to its name: the source's path goes through the staging folder
//   remove    move the file into a folder below the staging folder, to be deleted there: the target's path goes through the staging folder
//
// INVARIANT: each change of the store directory is one atomic step that fails once the staging folder is gone. There is no check to be
// outdated: the step and the fence are ordered by the storage. So for a fencer that strikes at any moment:
// - before create: the file cannot be made (its parent is absent) → FENCED.
// - between create and publish, or while bytes are written: they go to a file nobody will look at; then the move
//   finds no source → FENCED, published 'no'. Here 'source-missing' and a look at the staging folder are enough, in any order: the
//   folder, once gone, stays gone.
// - inside publish: the move came first: the file is there when the fencer lists, which it does only afterwards, and the success we
//   report is true. Or the fence came first: FENCED. On local disk a move is link() then unlink(source); a fence between the two changes
//   nothing, the link was the publishing and the unlink finds no path.
// - inside remove: one rename(), never link() and unlink(name): a writer that was stopped between those two would, when it wakes, delete
//   the file that its successor has published under that name meanwhile.
// - after a lost response (STORAGE_TIMEOUT): nobody knows, and looking at the target decides nothing, since a delayed move may still
//   arrive. `settle` deletes the source: after that nothing can publish it any more, and the target tells the truth.
// - a source that is missing while the staging folder stands was moved by a call whose answer was lost, or deleted by a stranger. We
//   cannot tell them apart: STORAGE_TIMEOUT, and settle. A removal without an answer is settled by its folder (removals.ts).
//
// It does not know what versions are: which files to remove, and whether one that exists may be replaced, is for the caller.

import { assert } from '../base/assert.ts'
import { release, toHex } from '../base/bytes.ts'
import { systemClock, type Clock } from '../base/clock.ts'
import { StateStoreError, isStateStoreError } from '../errors.ts'
import {
  checkPath,
  checkSegment,
  joinPath,
  type ByteRange,
  type CheckpointFileManager,
  type Durability,
  type FileStatus,
  type FileWriter,
} from './file-manager.ts'
import { Removals } from './removals.ts'
import type { PublishMode, StagedFile, WritableDirectory } from './writable-directory.ts'

/** Tries of `settle` to delete the source, or to learn that it is gone, before the outcome is declared unknown. */
const SETTLE_TRIES_MAX = 3

export interface LeasedDirectoryOptions {
  readonly files: CheckpointFileManager
  /** The store directory, as in `state/0/0`. */
  readonly directory: string
  /** The staging folder of the writer's generation; somebody else makes it, once. */
  readonly staging: string
  readonly durability: Durability
  /** Where unique names come from. */
  readonly clock?: Clock
  /** Called with the error each time an operation finds the lease lost. */
  readonly onFenced?: (error: StateStoreError) => void
}

export class LeasedDirectory implements WritableDirectory {
  readonly directory: string
  readonly #files: CheckpointFileManager
  readonly #staging: string
  readonly #durability: Durability
  readonly #onFenced: (error: StateStoreError) => void
  /** Two LeasedDirectory objects may share one staging folder; this keeps their names apart. */
  readonly #nonce: string
  #fileCount = 0
  readonly #inUse = new Set<string>()
  /** Discarded files whose publication ended without an answer, and which may be there still: it could take effect yet. */
  readonly #doubtful = new Set<string>()
  readonly #removals: Removals

  constructor(options: LeasedDirectoryOptions) {
    this.directory = checkPath(options.directory)
    this.#staging = checkPath(options.staging)
    this.#files = options.files
    this.#durability = options.durability
    this.#onFenced = options.onFenced ?? (() => undefined)
    this.#nonce = toHex((options.clock ?? systemClock).randomBytes(4))
    this.#removals = new Removals(this.#files, this.#staging, `removed-${this.#nonce}-`)
  }

  /** True if nothing of a fenced writer can arrive any more. */
  get movesAtomically(): boolean {
    return this.#files.capabilities.atomicMove
  }

  /** The entries of the store directory. Absent: none. */
  async list(): Promise<FileStatus[]> {
    return (await this.#files.list(this.directory)) ?? []
  }

  /** The bytes of a file of the store directory, or of a range of it. Absent: undefined. */
  async read(
    name: string,
    range?: ByteRange,
    signal?: AbortSignal,
    revision?: string,
  ): Promise<Uint8Array | undefined> {
    return this.#files.read(this.#pathOf(name), range, signal, revision)
  }

  /** A new, empty file in the staging folder. Its name starts with `label`, for people who look there. Lease lost: FENCED. */
  async create(label: string): Promise<StagedFile> {
    const name = checkSegment(`${label}-${this.#nonce}-${++this.#fileCount}.tmp`)
    const path = joinPath(this.#staging, name)
    this.#inUse.add(name)
    const letGo = (): void => void this.#inUse.delete(name)
    try {
      const writer = await this.#files.createFile(path, this.#durability)
      if (writer === undefined) throw this.#fenced(`${label} cannot be written`, 'no')
      return new StagedFileInFolder({
        path,
        writer,
        // A request that was given up and made again may be under way still; a call of the system never is.
        isWriteOver: this.#files.capabilities.losesAnswers !== true,
        letGo,
        doubt: () => void this.#doubtful.add(path),
        refuseIfFenced: () => this.#refuseIfFenced(`${label} cannot be written`, 'no'),
      })
    } catch (error) {
      letGo()
      throw error
    }
  }

  /**
   * Moves a closed staged file to `name` in the store directory; a mode that replaces replaces whatever is there. 'exists' (only with
   * 'if-absent') where something is there already; the file then stays staged, to be published otherwise or discarded. Lease lost: FENCED. The
   * store directory gone: STORAGE_UNAVAILABLE. STORAGE_TIMEOUT: `settle` before anything else.
   */
  async publish(
    file: StagedFile,
    name: string,
    mode: PublishMode,
  ): Promise<'published' | 'exists'> {
    const staged = ownFile(file)
    const target = this.#pathOf(name)
    await this.settleDoubts()
    assert(staged.state === 'closed', `${staged.path} is ${staged.state}, cannot be published`)
    try {
      const outcome =
        mode === 'if-absent'
          ? await this.#files.moveIfAbsent(staged.path, target, this.#durability)
          : await this.#files.moveReplacing(staged.path, target, this.#durability)
      if (outcome === 'exists') return 'exists'
      if (outcome === 'moved') {
        staged.settled()
        return 'published'
      }
      await this.#refuseIfFenced(`${name} cannot be published`, staged.doubtful ? 'unknown' : 'no')
      throw outcome === 'source-missing'
        ? this.#sourceLost(staged, name)
        : this.#directoryLost(name)
    } catch (error) {
      // POISONED: the file has its name, but whether the disk knows it is unknown.
      if (isStateStoreError(error, 'TIDEMARK_STORAGE_TIMEOUT', 'TIDEMARK_POISONED'))
        staged.doubtful = true
      throw inPlacePerhaps(error)
    }
  }

  /**
   * After a publish whose outcome is unknown: makes sure that `file` cannot be published any more, by deleting it, and that what the
   * directory holds is durable. When this returns, `name` holds its final word as far as this file is concerned: read it and see.
   * 'withdrawn': the file was still staged (on storage where moving is one step, it was not published). 'gone': it was published, or the
   * lease is lost. May be called again, also much later. Fails too: COMMIT_OUTCOME_UNKNOWN, or POISONED.
   */
  async settle(file: StagedFile, name: string): Promise<'withdrawn' | 'gone'> {
    const staged = ownFile(file)
    let cause: unknown
    for (let attempt = 1; attempt <= SETTLE_TRIES_MAX; attempt++) {
      try {
        const deleted = await this.#files.deleteFile(staged.path)
        staged.settled()
        // DURABILITY: the move may have come without its sync; the caller is about to acknowledge what it finds.
        await this.sync()
        return deleted ? 'withdrawn' : 'gone'
      } catch (error) {
        if (isStateStoreError(error, 'TIDEMARK_POISONED')) throw inPlacePerhaps(error)
        cause = error
      }
    }
    throw new StateStoreError(
      'TIDEMARK_COMMIT_OUTCOME_UNKNOWN',
      `Whether ${this.#pathOf(name)} was published is unknown: the storage failed while publishing it, and again while settling it by deleting ` +
        `${staged.path}. It is settled by the next getStore.`,
      { path: this.#pathOf(name), published: 'unknown', cause },
    )
  }

  /** Before the directory is listed by somebody who means to change it by what the listing says. publish() and remove() do so themselves. */
  async settleDoubts(): Promise<void> {
    await this.#removals.settle()
    await this.#settleDiscarded()
  }

  /**
   * Removes `name` from the store directory; false if it is not there. The removal is visible at once and durable after the next publish
   * or `sync`. Lease lost: FENCED, and nothing was removed. STORAGE_TIMEOUT: it may be gone or not, but nothing is published before that is
   * certain.
   */
  async remove(name: string): Promise<boolean> {
    await this.#settleDiscarded()
    const removed = await this.#removals.remove(this.#pathOf(name))
    if (removed !== undefined) return removed
    await this.#refuseIfFenced(`${name} cannot be removed`, 'no')
    throw this.#removalsLost(name)
  }

  /** Makes the removals and publications in the store directory durable, also those of a dead process. Nothing with durability 'os'. */
  async sync(): Promise<void> {
    if (this.#durability === 'fsync') await this.#files.syncDirectory(this.directory)
  }

  /** UNSUPPORTED unless files can be moved from the staging folder to the store directory in one atomic step. Both must exist. */
  async probe(): Promise<void> {
    await this.#files.probeMove?.(this.#staging, this.directory)
  }

  /** Throws FENCED if the lease is lost. It may be lost a moment later: for giving up early, never instead of an atomic step. */
  async refuseIfFenced(): Promise<void> {
    await this.#refuseIfFenced('the lease is lost', 'no')
  }

  /** Deletes what was removed, and what lies in the staging folder and is not being written through this object; returns how many of the latter. */
  async cleanLeftovers(): Promise<number> {
    await this.#removals.clean()
    let count = 0
    for (const { name, type } of (await this.#files.list(this.#staging)) ?? []) {
      if (type !== 'file' || !name.includes(`-${this.#nonce}-`) || this.#inUse.has(name)) continue
      if (await this.#files.deleteFile(joinPath(this.#staging, name))) count++
    }
    return count
  }

  /** INVARIANT: nothing is published or removed while a file that was discarded could still be: it is deleted for certain first. */
  async #settleDiscarded(): Promise<void> {
    for (const path of this.#doubtful) {
      await this.#files.deleteFile(path)
      this.#doubtful.delete(path)
    }
  }

  #pathOf(name: string): string {
    return joinPath(this.directory, checkSegment(name))
  }

  async #refuseIfFenced(what: string, published: 'no' | 'unknown'): Promise<void> {
    const staging = await this.#files.stat(this.#staging)
    if (staging?.type !== 'directory') throw this.#fenced(what, published)
  }

  #fenced(what: string, published: 'no' | 'unknown'): StateStoreError {
    const error = new StateStoreError(
      'TIDEMARK_FENCED',
      `Another writer has taken over ${this.directory}: ${what}. The staging folder ${this.#staging} of this one was taken away; open a new ` +
        'provider to claim the store back.',
      { path: this.directory, published },
    )
    this.#onFenced(error)
    return error
  }

  #sourceLost(staged: StagedFileInFolder, name: string): StateStoreError {
    return new StateStoreError(
      'TIDEMARK_STORAGE_TIMEOUT',
      `${staged.path} is missing although its folder is there: an earlier attempt to publish it as ${this.#pathOf(name)} may have worked, or ` +
        'somebody deleted it.',
      { path: staged.path },
    )
  }

  #removalsLost(name: string): StateStoreError {
    return new StateStoreError(
      'TIDEMARK_STORAGE_UNAVAILABLE',
      `${name} cannot be removed from ${this.directory}: the folder for removals in ${this.#staging} is gone. Expected it to be there while the ` +
        'lease is held; check who deletes it. The next removal makes another.',
      { path: this.#staging },
    )
  }

  #directoryLost(name: string): StateStoreError {
    return new StateStoreError(
      'TIDEMARK_STORAGE_UNAVAILABLE',
      `${name} cannot be published: the store directory ${this.directory} is gone. Expected it to be there since the store was opened; check ` +
        'who deletes it, or whether the disk is still mounted.',
      { path: this.directory },
    )
  }
}

interface StagedFileParts {
  readonly path: string
  readonly writer: FileWriter
  /** Whether nothing looks at a chunk any more once its write has resolved. */
  readonly isWriteOver: boolean
  /** It is in the staging folder no more. */
  readonly letGo: () => void
  /** It may be published yet, unless it is deleted. */
  readonly doubt: () => void
  readonly refuseIfFenced: () => Promise<void>
}

class StagedFileInFolder implements StagedFile {
  readonly path: string
  state: 'open' | 'closed' | 'failed' | 'settled' | 'discarded' = 'open'
  /** An attempt to publish it ended without an answer. */
  doubtful = false
  readonly #parts: StagedFileParts

  constructor(parts: StagedFileParts) {
    this.path = parts.path
    this.#parts = parts
  }

  async write(chunk: Uint8Array): Promise<void> {
    await this.#attempt('write', () => this.#parts.writer.write(chunk))
    if (this.#parts.isWriteOver) release(chunk)
  }

  async close(): Promise<void> {
    await this.#attempt('close', () => this.#parts.writer.close())
    this.state = 'closed'
  }

  async discard(): Promise<void> {
    if (this.state === 'settled' || this.state === 'discarded') return
    this.state = 'discarded'
    // What abort() cannot delete it leaves where it is.
    if (this.doubtful) this.#parts.doubt()
    await this.#parts.writer.abort()
    this.#parts.letGo()
  }

  /** It has left the staging folder, one way or the other. */
  settled(): void {
    this.state = 'settled'
    this.#parts.letGo()
  }

  async #attempt(call: string, action: () => Promise<void>): Promise<void> {
    assert(
      this.state === 'open' || this.state === 'failed',
      `${call} on ${this.path}: ${this.state}`,
    )
    try {
      await action()
    } catch (error) {
      this.state = 'failed'
      // Where a file cannot be finished in a folder that was moved, that is what happened, and not a fault of the storage.
      await this.#parts.refuseIfFenced().catch((reason: unknown) => {
        if (isStateStoreError(reason, 'TIDEMARK_FENCED')) throw reason
      })
      throw error
    }
  }
}

/** A failed sync after the move: the file has its name, for now. */
function inPlacePerhaps(error: unknown): unknown {
  if (!isStateStoreError(error, 'TIDEMARK_POISONED')) return error
  const { code, message, path, cause } = error
  return new StateStoreError(code, message, { path, published: 'unknown', cause })
}

function ownFile(file: StagedFile): StagedFileInFolder {
  if (!(file instanceof StagedFileInFolder))
    throw new TypeError('Expected `file` to be one that LeasedDirectory.create returned')
  return file
}
