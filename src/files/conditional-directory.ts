// ConditionalDirectory — a store directory on storage that cannot move files, but writes under a condition (S3).
//
// There is no staging folder to take away, so a fenced writer's upload can arrive at any time. Three things make that harmless:
//
//   condition     a file is written only where none is, or over the very revision that was looked at: never over what a newer writer put there
//   acknowledge   'published' is said only after a listing of the claims shows none newer. So whoever claims after that finds the file
//   stamp         the next holder stamps the newest version anew before it reports it (store/restamp-newest.ts): a pending replacement of it
//                 fails, and what still arrives above it bears an older stamp, which nobody takes for the history (store/version-info.ts, ORPHANS)
//
// What a writer is told when it finds a newer claim after its file was written is FENCED with `published: 'unknown'`: the newer one may have found the
// file and gone on from it, or not.
//
// INVARIANT: nothing that a retained version needs is ever deleted or written twice under the same revision, so a deletion or a write that arrives
// late meets what it was meant for, or its condition fails.

import { assert } from '../base/assert.ts'
import { StateStoreError, isStateStoreError } from '../errors.ts'
import {
  checkPath,
  checkSegment,
  joinPath,
  type ByteRange,
  type CheckpointFileManager,
  type ConditionalUpload,
  type ConditionalWrites,
  type FileStatus,
  type WriteCondition,
} from './file-manager.ts'
import type { PublishMode, StagedFile, WritableDirectory } from './writable-directory.ts'

/** Tries of `settle` to learn what became of a write, before its outcome is declared unknown. */
const SETTLE_TRIES_MAX = 3
/** An upload this old, begun by anybody, belongs to nobody any more. */
const UPLOAD_AGE_MAX_MS = 24 * 3_600_000

export interface ConditionalDirectoryOptions {
  readonly files: CheckpointFileManager
  readonly writes: ConditionalWrites
  /** The store directory, as in `state/0/0`. */
  readonly directory: string
  /** Lists the claims: whether none is newer than the writer's. */
  readonly isNewest: () => Promise<boolean>
  /** Called with the error each time an operation finds the lease lost. */
  readonly onFenced?: (error: StateStoreError) => void
}

export class ConditionalDirectory implements WritableDirectory {
  readonly directory: string
  readonly movesAtomically = false
  readonly #files: CheckpointFileManager
  readonly #writes: ConditionalWrites
  readonly #isNewest: () => Promise<boolean>
  readonly #onFenced: (error: StateStoreError) => void

  constructor(options: ConditionalDirectoryOptions) {
    this.directory = checkPath(options.directory)
    this.#files = options.files
    this.#writes = options.writes
    this.#isNewest = options.isNewest
    this.#onFenced = options.onFenced ?? (() => undefined)
  }

  async list(): Promise<FileStatus[]> {
    return (await this.#files.list(this.directory)) ?? []
  }

  async read(
    name: string,
    range?: ByteRange,
    signal?: AbortSignal,
    revision?: string,
  ): Promise<Uint8Array | undefined> {
    return this.#files.read(this.#pathOf(name), range, signal, revision)
  }

  async create(name: string): Promise<StagedFile> {
    const path = this.#pathOf(name)
    return new StagedUpload(path, await this.#writes.upload(path))
  }

  async publish(
    file: StagedFile,
    name: string,
    mode: PublishMode,
  ): Promise<'published' | 'exists'> {
    const staged = this.#ownUpload(file, name)
    assert(mode !== 'replace', `${staged.path} is replaced only if its revision is known`)
    assert(staged.state === 'closed', `${staged.path} is ${staged.state}, cannot be published`)
    staged.condition = mode === 'if-absent' ? 'absent' : { revision: mode.replacing }
    if ((await staged.complete()) === 'refused') return 'exists'
    await this.#acknowledge(name)
    return 'published'
  }

  /**
   * Asks again under the same condition, until the answer is certain; or looks, where there is no answer, whether the condition can still hold. Then
   * nothing that is still on its way can do more than what is there tells.
   */
  async settle(file: StagedFile, name: string): Promise<'withdrawn' | 'gone'> {
    const staged = this.#ownUpload(file, name)
    assert(staged.condition !== undefined, `${staged.path} was never to be published`)
    let cause: unknown
    for (let attempt = 1; attempt <= SETTLE_TRIES_MAX; attempt++) {
      try {
        const canAsk = staged.state === 'closed'
        if (canAsk && (await staged.complete()) === 'refused') {
          await staged.giveUp()
          return 'withdrawn'
        }
        await this.#acknowledge(name)
        return 'gone'
      } catch (error) {
        if (isStateStoreError(error, 'TIDEMARK_FENCED')) throw error
        cause = error
      }
    }
    try {
      const isOver = await this.#isOver(name, staged.condition)
      await this.#acknowledge(name)
      if (isOver) {
        await staged.giveUp()
        return 'gone'
      }
    } catch (error) {
      if (isStateStoreError(error, 'TIDEMARK_FENCED')) throw error
      cause = error
    }
    throw new StateStoreError(
      'TIDEMARK_COMMIT_OUTCOME_UNKNOWN',
      `Whether ${staged.path} was written is unknown: the storage failed while writing it, and again when asked what had happened. It is settled ` +
        'by the next getStore.',
      { path: staged.path, published: 'unknown', cause },
    )
  }

  /** Here nothing is in doubt: what arrives late meets its condition, and nobody goes back by what a listing says. */
  // eslint-disable-next-line typescript/require-await -- asynchronous as the others are
  async settleDoubts(): Promise<void> {}

  /** A deletion that arrives late finds what it was meant for or nothing: no version below the retention floor is ever written again. */
  async remove(name: string): Promise<boolean> {
    const path = this.#pathOf(name)
    if (!(await this.#isNewest())) throw this.#fenced(`${name} cannot be removed`, 'no')
    return this.#files.deleteFile(path)
  }

  /** What was answered is durable. */
  sync(): Promise<void> {
    return Promise.resolve()
  }

  async probe(): Promise<void> {
    await this.#writes.probe()
  }

  async refuseIfFenced(): Promise<void> {
    if (!(await this.#isNewest())) throw this.#fenced('the lease is lost', 'no')
  }

  async cleanLeftovers(): Promise<number> {
    return this.#writes.cleanUploads(this.directory, UPLOAD_AGE_MAX_MS)
  }

  /** Whether `condition` holds no more, and so never again: no file that a live writer may write is ever deleted, and no revision comes back. */
  async #isOver(name: string, condition: WriteCondition): Promise<boolean> {
    const there = (await this.list()).find((file) => file.name === name)
    return condition === 'absent' ? there !== undefined : there?.revision !== condition.revision
  }

  /** `name` is written. It counts if no newer claim is there now: whoever claims from here on finds it. */
  async #acknowledge(name: string): Promise<void> {
    let isNewest: boolean
    try {
      isNewest = await this.#isNewest()
    } catch (cause) {
      throw new StateStoreError(
        'TIDEMARK_STORAGE_TIMEOUT',
        `${this.#pathOf(name)} was written, but whether the lease still held could not be asked: ${cause instanceof Error ? cause.message : String(cause)}`,
        { path: this.#pathOf(name), cause },
      )
    }
    if (!isNewest) throw this.#fenced(`${name} was written too late to count`, 'unknown')
  }

  #pathOf(name: string): string {
    return joinPath(this.directory, checkSegment(name))
  }

  #ownUpload(file: StagedFile, name: string): StagedUpload {
    if (!(file instanceof StagedUpload))
      throw new TypeError('Expected `file` to be one that create() returned')
    assert(file.path === this.#pathOf(name), `${file.path} was begun under the name it is to have`)
    return file
  }

  #fenced(what: string, published: 'no' | 'unknown'): StateStoreError {
    const error = new StateStoreError(
      'TIDEMARK_FENCED',
      `Another writer has claimed ${this.directory}: ${what}. Open a new provider to claim the store back.`,
      { path: this.directory, published },
    )
    this.#onFenced(error)
    return error
  }
}

class StagedUpload implements StagedFile {
  readonly path: string
  state: 'open' | 'closed' | 'written' | 'discarded' = 'open'
  /** Of the last attempt to publish it. */
  condition: WriteCondition | undefined
  readonly #upload: ConditionalUpload
  /** An attempt to publish it is under way, or had no answer. */
  #isDoubtful = false

  constructor(path: string, upload: ConditionalUpload) {
    this.path = path
    this.#upload = upload
  }

  async complete(): Promise<'written' | 'refused'> {
    assert(this.condition !== undefined, `${this.path} is completed under a condition`)
    const wasDoubtful = this.#isDoubtful
    this.#isDoubtful = true
    try {
      const outcome = await this.#upload.complete(this.condition)
      this.#isDoubtful = false
      if (outcome === 'written') this.state = 'written'
      return outcome
    } catch (error) {
      this.#isDoubtful = wasDoubtful || isStateStoreError(error, 'TIDEMARK_STORAGE_TIMEOUT')
      throw error
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    assert(this.state === 'open', `write on ${this.path}: ${this.state}`)
    await this.#upload.write(chunk)
  }

  close(): Promise<void> {
    assert(this.state === 'open', `close on ${this.path}: ${this.state}`)
    this.state = 'closed'
    return Promise.resolve()
  }

  async discard(): Promise<void> {
    // What may have been written is needed to ask again.
    if (!this.#isDoubtful) await this.giveUp()
  }

  /** Nothing will be asked of it any more. */
  async giveUp(): Promise<void> {
    if (this.state === 'written' || this.state === 'discarded') return
    this.state = 'discarded'
    await this.#upload.abort()
  }
}
