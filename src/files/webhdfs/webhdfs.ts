// WebHdfsFileManager — a checkpoint on HDFS, over the HTTP interface that its NameNodes and DataNodes have (WebHDFS, Hadoop 3).
//
// - A file is moved by RENAME with `renameoptions=NONE`, one step of the NameNode that refuses an existing target. The plain RENAME would move
//   the file into a folder of that name. HDFS does not tell in the same step whether the source is a file, so moveIfAbsent also moves folders.
// - What must be made by one caller alone, and whole (a claim, a folder), is made under a name of its own in the location and moved to its
//   place: MKDIRS answers true for what exists and makes parents, and a CREATE that breaks off leaves a cut file under its name.
// - INVARIANT: no call on the way of a write makes a parent. Every CREATE says `createparent=false`; MKDIRS is used for makeDirectories,
//   and in the location itself, which is above every staging folder.
// - DURABILITY: names are durable once the NameNode answers: it has written its journal. The bytes are with 'fsync' alone (SYNC_BLOCK).
// - A call whose answer was lost is repeated by the client where that is safe, and STORAGE_TIMEOUT where it is not (attempts.ts).
//
// Cost in requests: a file created and moved 3 (CREATE at NameNode and DataNode, RENAME), read 2, stat 1, list 1 per 1 000 entries,
// deleteFile 2, moveReplacing 2 and moveIfAbsent 1 (one more to say what is missing), createExclusive 3, makeDirectory 3, labelled
// or not.

import { assert } from '../../base/assert.ts'
import { toHex } from '../../base/bytes.ts'
import { isStateStoreError, StateStoreError } from '../../errors.ts'
import {
  checkPath,
  checkSegment,
  describePath,
  joinPath,
  type ByteRange,
  type CheckpointFileManager,
  type Durability,
  type FileManagerCapabilities,
  type FileStatus,
  type FileWriter,
} from '../file-manager.ts'
import { checkRange } from '../read-range.ts'
import { HdfsClient } from './client.ts'
import { HdfsWriter } from './hdfs-writer.ts'
import { parseHdfsLocation, refuseHdfsScheme } from './location.ts'
import {
  type ResolvedWebHdfsOptions,
  resolveWebHdfsOptions,
  type WebHdfsOptions,
} from './options.ts'

export type { AllowedHosts } from './allowed-hosts.ts'
export type { WebHdfsOptions } from './options.ts'

/** First letters of what is being made in the location. Hidden for Hadoop's own tools, and no name of the engine's. */
const NEW_PREFIX = '.new-'
/** After this a leftover of that name belongs to nobody. Younger ones may be in somebody's hands. */
const LEFTOVER_AGE_MS = 3_600_000
/** So long after something was made for moving, nobody can have taken it for a leftover. */
const SURELY_OURS_MS = LEFTOVER_AGE_MS / 2

export class WebHdfsFileManager implements CheckpointFileManager {
  readonly location: string
  readonly capabilities: FileManagerCapabilities = {
    name: 'webhdfs',
    atomicMove: true,
    losesAnswers: true,
    createsLate: true,
  }
  readonly #client: HdfsClient
  readonly #options: ResolvedWebHdfsOptions
  #cleaned: Promise<void> | undefined

  private constructor(location: string, client: HdfsClient, options: ResolvedWebHdfsOptions) {
    this.location = location
    this.#client = client
    this.#options = options
  }

  /**
   * The manager of the checkpoint at `location`: `webhdfs://namenode:9870/path`, or `swebhdfs://namenode:9871/path` over TLS; the NameNodes of a
   * high-available cluster are separated by commas. The port is the NameNode's HTTP port; the path is taken as it stands, without
   * percent-decoding. Nothing is sent yet, and the folder need not exist. INVALID_OPTIONS where `location` or an option is not right.
   */
  static open(location: string, options: WebHdfsOptions = {}): Promise<WebHdfsFileManager> {
    // Not thrown at the caller who did not await yet.
    return Promise.resolve().then(() => {
      const resolved = resolveWebHdfsOptions(options)
      if (/^hdfs:/i.test(location)) refuseHdfsScheme(location)
      const client = new HdfsClient(location, parseHdfsLocation(location), resolved)
      return new WebHdfsFileManager(location, client, resolved)
    })
  }

  async stat(path: string): Promise<FileStatus | undefined> {
    const found = await this.#client.stat(checkPath(path))
    return found === 'absent' ? undefined : found
  }

  async list(directory: string): Promise<FileStatus[] | undefined> {
    return (await this.#list(checkPath(directory)))?.entries
  }

  async read(
    path: string,
    range: ByteRange = {},
    signal?: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    checkPath(path)
    checkRange(range)
    signal?.throwIfAborted()
    if (range.length === 0) {
      const found = await this.stat(path)
      if (found === undefined) return undefined
      if (found.type === 'file') return new Uint8Array(0)
      throw this.#notAFile(path)
    }
    const bytes = await this.#client.read(path, range, signal)
    if (bytes === 'directory') throw this.#notAFile(path)
    return bytes === 'absent' ? undefined : bytes
  }

  async createExclusive(
    path: string,
    bytes: Uint8Array,
    durability: Durability,
  ): Promise<'created' | 'exists' | 'parent-missing'> {
    assert(checkPath(path) !== '', `${this.location} is to be created as a file`)
    return this.#makeAndMove(path, async (made) => {
      await this.#client.createWhole(made, bytes, durability)
    })
  }

  createFile(path: string, durability: Durability): Promise<FileWriter | undefined> {
    return Promise.resolve().then(
      () =>
        new HdfsWriter({
          client: this.#client,
          path: checkPath(path),
          durability,
          described: this.#describe(path),
        }),
    )
  }

  async moveIfAbsent(
    source: string,
    target: string,
    _durability: Durability,
  ): Promise<'moved' | 'exists' | 'source-missing' | 'parent-missing'> {
    const outcome = await this.#client.rename(checkPath(source), checkPath(target), 'NONE')
    if (outcome === 'not-found') return this.#missingOf(source)
    return outcome === 'kinds-differ' ? 'exists' : outcome
  }

  async moveReplacing(
    source: string,
    target: string,
    _durability: Durability,
  ): Promise<'moved' | 'source-missing' | 'parent-missing'> {
    checkPath(target)
    const found = await this.stat(source)
    if (found === undefined) return 'source-missing'
    if (found.type !== 'file') throw this.#notAFile(source)
    const outcome = await this.#client.rename(source, target, 'OVERWRITE')
    if (outcome === 'not-found') return this.#missingOf(source)
    if (outcome === 'moved') return 'moved'
    throw this.#notAFile(target)
  }

  async deleteFile(path: string): Promise<boolean> {
    // HDFS deletes an empty folder as it deletes a file. That nothing is there is asked of who may write: a NameNode that only reads (an
    // observer, one that was active once) may say so of a file that is on its way to be published.
    const found = await this.stat(checkPath(path))
    assert(
      found?.type !== 'directory',
      `${this.#describe(path)} is to be deleted as a file and is a folder`,
    )
    const { deleted, doubtful } = await this.#client.remove(path, 'one')
    if (!deleted && doubtful)
      throw new StateStoreError(
        'TIDEMARK_STORAGE_TIMEOUT',
        `${this.#describe(path)} is gone, but an earlier DELETE of it had no answer: it was deleted by that one, or moved by somebody.`,
        { path },
      )
    return deleted
  }

  async deleteTree(directory: string): Promise<void> {
    // One step of the NameNode, so nothing can appear meanwhile.
    await this.#client.remove(checkPath(directory), 'tree')
  }

  async moveDirectory(source: string, target: string): Promise<'moved' | 'source-missing'> {
    const outcome = await this.#client.rename(checkPath(source), checkPath(target), 'NONE')
    if (outcome === 'moved') return 'moved'
    assert(outcome === 'not-found', `${this.#describe(target)} exists already`)
    if ((await this.#missingOf(source)) === 'source-missing') return 'source-missing'
    throw new StateStoreError(
      'TIDEMARK_STORAGE_UNAVAILABLE',
      `${source} cannot be moved to ${this.#describe(target)}: expected the folder above the target to be there, found it missing. Check who deletes it.`,
      { path: target },
    )
  }

  makeDirectory(
    directory: string,
    _durability: Durability,
  ): Promise<'created' | 'exists' | 'parent-missing'> {
    return this.#makeFolder(directory, '')
  }

  makeLabelledDirectory(
    directory: string,
    label: string,
    _durability: Durability,
  ): Promise<'created' | 'exists' | 'parent-missing'> {
    return Promise.resolve().then(() => this.#makeFolder(directory, checkSegment(label)))
  }

  async #makeFolder(
    directory: string,
    inside: string,
  ): Promise<'created' | 'exists' | 'parent-missing'> {
    assert(checkPath(directory) !== '', `${this.location} is to be made by makeDirectories`)
    // Also so that the location exists: MKDIRS would make it.
    const parent = await this.stat(directory.slice(0, Math.max(0, directory.lastIndexOf('/'))))
    if (parent === undefined) return 'parent-missing'
    this.#cleaned ??= this.#cleanLeftovers()
    await this.#cleaned
    return this.#makeAndMove(directory, async (made) => {
      const path = joinPath(made, inside)
      if ((await this.#client.makeDirectories(path)) === 'in-the-way') throw this.#inTheWay('')
    })
  }

  async makeDirectories(directory: string, _durability: Durability): Promise<void> {
    if ((await this.#client.makeDirectories(checkPath(directory))) === 'there') return
    const segments = directory.split('/')
    for (let count = 1; count <= segments.length; count++) {
      const path = segments.slice(0, count).join('/')
      const found = await this.stat(path)
      if (found !== undefined && found.type !== 'directory') throw this.#inTheWay(path)
    }
    throw this.#inTheWay('')
  }

  syncDirectory(directory: string): Promise<void> {
    // DURABILITY: a name is in the NameNode's journal before its answer is sent.
    return Promise.resolve().then(() => void checkPath(directory))
  }

  /** Makes something under a name of its own and moves it to `target`, if nothing is there. It is deleted where it was not moved. */
  async #makeAndMove(
    target: string,
    make: (path: string) => Promise<void>,
  ): Promise<'created' | 'exists' | 'parent-missing'> {
    const { clock } = this.#options
    const made = `${NEW_PREFIX}${toHex(clock.randomBytes(12))}`
    const startedMs = clock.elapsedMs()
    try {
      await make(made)
    } catch (error) {
      await this.#discard(made)
      if (meansAbsentFolder(error) && (await this.stat('')) === undefined) return 'parent-missing'
      // Nothing has the target's name yet, whatever became of this one.
      throw isStateStoreError(error, 'TIDEMARK_STORAGE_TIMEOUT')
        ? new StateStoreError('TIDEMARK_STORAGE_UNAVAILABLE', error.message, {
            path: target,
            cause: error,
          })
        : error
    }
    const surelyOurs = (): boolean => clock.elapsedMs() - startedMs < SURELY_OURS_MS
    const outcome = await this.#client.rename(made, target, 'NONE').catch(async (error) => {
      if (isStateStoreError(error, 'TIDEMARK_STORAGE_TIMEOUT'))
        return this.#settle(made, surelyOurs, error)
      await this.#discard(made)
      throw error
    })
    if (outcome === 'moved') return 'created'
    if (outcome === 'not-found' && (await this.#missingOf(made)) === 'source-missing')
      throw new StateStoreError(
        'TIDEMARK_STORAGE_UNAVAILABLE',
        `${this.#describe(made)} vanished before it could be moved to ${target}. Check who deletes it; tidemark does after an hour.`,
        { path: target },
      )
    await this.#discard(made)
    return outcome === 'not-found' ? 'parent-missing' : 'exists'
  }

  /** The move of `made` had no answer. Deleting it decides: nobody else knows its name. Either it was still there, or it was moved. */
  async #settle(made: string, surelyOurs: () => boolean, cause: StateStoreError): Promise<'moved'> {
    const { deleted, doubtful } = await this.#client.remove(made, 'tree').catch(() => {
      throw cause
    })
    if (deleted)
      throw new StateStoreError('TIDEMARK_STORAGE_UNAVAILABLE', cause.message, {
        path: cause.path,
        cause,
      })
    if (doubtful || !surelyOurs()) throw cause
    return 'moved'
  }

  async #discard(made: string): Promise<void> {
    await this.#client.remove(made, 'tree').catch((error: unknown) => {
      // A leftover then, for a later manager to delete.
      if (!isStateStoreError(error)) throw error
    })
  }

  /** Deletes what dead processes left half made in the location. By the server's clock: ours may be wrong, or may have been stopped. */
  async #cleanLeftovers(): Promise<void> {
    try {
      const { entries, nowMs } = (await this.#list('')) ?? { entries: [], nowMs: undefined }
      if (nowMs === undefined) return
      const { clock, retryTimeMs } = this.#options
      const startedMs = clock.elapsedMs()
      for (const { name, modifiedMs } of entries) {
        if (!name.startsWith(NEW_PREFIX) || nowMs - modifiedMs <= LEFTOVER_AGE_MS) continue
        await this.#discard(name)
        // Claims wait for this: what is left then is for a later manager.
        if (clock.elapsedMs() - startedMs >= retryTimeMs) return
      }
    } catch (error) {
      // Whoever needs the storage next will say what is wrong with it.
      if (!isStateStoreError(error)) throw error
    }
  }

  async #list(
    directory: string,
  ): Promise<{ entries: FileStatus[]; nowMs: number | undefined } | undefined> {
    const all: FileStatus[] = []
    let after = ''
    for (;;) {
      const page = await this.#client.listPage(directory, after)
      if (page === 'absent') return undefined
      const { entries, remaining, nowMs } = page
      // A file answers for itself, without a name.
      if (entries.some(({ name }) => name === '')) return undefined
      for (const entry of entries) all.push(entry)
      if (remaining <= 0) return { entries: all, nowMs }
      const last = entries.at(-1)?.name
      // Each page begins after the last name of the one before, or this would never end.
      if (last === undefined || last === after)
        throw new StateStoreError(
          'TIDEMARK_STORAGE_UNAVAILABLE',
          `Listing ${this.#describe(directory)}: expected ${remaining} more entries, got none. Try again; then check the NameNode.`,
          { path: directory },
        )
      after = last
    }
  }

  async #missingOf(source: string): Promise<'source-missing' | 'parent-missing'> {
    return (await this.stat(source)) === undefined ? 'source-missing' : 'parent-missing'
  }

  #describe(path: string): string {
    return describePath(this.location, path)
  }

  #notAFile(path: string): StateStoreError {
    return new StateStoreError(
      'TIDEMARK_CORRUPT_FILE',
      `${this.#describe(path)}: expected a plain file, found a folder or a symbolic link. Links below the checkpoint location are never followed.`,
      { path },
    )
  }

  #inTheWay(path: string): StateStoreError {
    return new StateStoreError(
      'TIDEMARK_STORAGE_UNAVAILABLE',
      `A file stands where a folder belongs: ${this.#describe(path)}${path === '' ? ', or above it' : ''}. Move it away.`,
      { path },
    )
  }
}

function meansAbsentFolder(error: unknown): boolean {
  return (
    isStateStoreError(error) &&
    error.cause instanceof Error &&
    error.cause.name === 'FileNotFoundException'
  )
}
