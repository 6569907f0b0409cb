// LocalFileManager — a checkpoint in a folder of a local disk (any POSIX file system with hard links; not NFS).
//
// - Moving without replacing is link() and then unlink() of the source: rename() would replace, and checking first would be a race. The file is
//   moved with the first; for the second only those wait who ask for the source or its folder.
// - DURABILITY: with 'fsync', a file is synced before it is closed and the target's folder after the link, through a descriptor opened
//   before it: running out of descriptors must not turn up between publishing and syncing. A failed fsync is TIDEMARK_POISONED.
// - Symbolic links below the location are refused: the last segment is guarded by O_NOFOLLOW and O_EXCL, the folders above it by
//   local-folders.ts.
// - An operation takes descriptors only for its own duration, and at most DESCRIPTORS_MAX for reading and syncing at once, however many
//   callers there are. Files being written are not counted: they are one or two per open store, and waiting for one could be a deadlock.
//
// Not here: retries. What failed for want of descriptors or space changed nothing, is `retryable`, and is the caller's to try again.

import { assert } from '../base/assert.ts'
import { systemClock, type Clock } from '../base/clock.ts'
import { toHex } from '../base/bytes.ts'
import { StateStoreError } from '../errors.ts'
import {
  checkPath,
  describePath,
  PROBE_PREFIX,
  type ByteRange,
  type CheckpointFileManager,
  type Durability,
  type FileManagerCapabilities,
  type FileStatus,
  type FileWriter,
} from './file-manager.ts'
import {
  cannotLinkError,
  errnoOf,
  localError,
  meansAbsent,
  moveError,
  notPlainError,
  syncError,
} from './local-errors.ts'
import { systemFiles, type NativeFiles } from './local-native.ts'
import { checkLocation, resolveLocation } from './local-location.ts'
import { readOpenFile } from './local-read.ts'
import { checkRange } from './read-range.ts'
import { LocalFolders, parentOf } from './local-folders.ts'
import { LocalFileWriter } from './local-writer.ts'
import { Semaphore } from '../base/semaphore.ts'

/** Read at once by all callers together: enough to keep the four threads of libuv busy, far below the usual `ulimit -n` of 1024. */
const DESCRIPTORS_MAX = 64
/** Entries of one folder looked at, or deleted, at once: libuv runs four calls at a time. */
const ENTRIES_AT_ONCE = 8
/** How often deleteTree starts over when new files keep appearing. */
const DELETE_PASSES_MAX = 5

export interface LocalFileManagerOptions {
  /** The system calls. Default: those of the real disk. */
  readonly native?: NativeFiles
  readonly clock?: Clock
}

export class LocalFileManager implements CheckpointFileManager {
  readonly location: string
  readonly capabilities: FileManagerCapabilities
  readonly #folders: LocalFolders
  readonly #native: NativeFiles
  readonly #clock: Clock
  readonly #descriptors = new Semaphore(DESCRIPTORS_MAX)
  /** Of files that were moved the old names, by path, while they are on their way out. Whoever asks for one of them waits. */
  readonly #leaving = new Map<string, Promise<void>>()

  /** For `open` and for the manager in memory. `root` is the absolute path of `location`. */
  protected constructor(
    location: string,
    root: string,
    options: LocalFileManagerOptions,
    name = 'local',
  ) {
    this.location = location
    this.capabilities = { name, atomicMove: true }
    this.#native = options.native ?? systemFiles
    this.#clock = options.clock ?? systemClock
    this.#folders = new LocalFolders(this.#native, location, root)
  }

  /**
   * The manager of the checkpoint in the folder `location`, a path or a `file:` URL. A relative path is resolved once, now. The folder need
   * not exist; nothing is created. Throws INVALID_OPTIONS where `location` is another kind of URL or a file, RangeError for what is no path.
   */
  static async open(
    location: string,
    options: LocalFileManagerOptions = {},
  ): Promise<LocalFileManager> {
    const root = resolveLocation(location)
    await checkLocation(options.native ?? systemFiles, location, root)
    return new LocalFileManager(location, root, options)
  }

  async stat(path: string): Promise<FileStatus | undefined> {
    const absolute = await this.#entry(path)
    try {
      return { name: lastSegment(path), ...(await this.#native.stat(absolute)) }
    } catch (error) {
      if (meansAbsent(error)) return undefined
      throw this.#error(error, 'looking at', path)
    }
  }

  async list(directory: string): Promise<FileStatus[] | undefined> {
    const absolute = await this.#folder(directory)
    let names: string[]
    try {
      names = await this.#descriptors.run(() => this.#native.names(absolute))
    } catch (error) {
      if (meansAbsent(error)) return undefined
      throw this.#error(error, 'listing', directory)
    }
    const entries: FileStatus[] = []
    await forEachEntry(names, async (name) => {
      const found = await this.#native.stat(`${absolute}/${name}`).catch((error: unknown) => {
        if (meansAbsent(error)) return undefined // Removed since the names were read.
        throw this.#error(error, 'listing', directory)
      })
      if (found !== undefined) entries.push({ name, ...found })
    })
    return entries
  }

  async read(
    path: string,
    range: ByteRange = {},
    signal?: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    checkRange(range)
    const absolute = await this.#entry(path)
    return this.#descriptors.run(async () => {
      signal?.throwIfAborted()
      let descriptor: number
      try {
        descriptor = await this.#native.openExisting(absolute)
      } catch (error) {
        if (meansAbsent(error)) return undefined
        throw this.#error(error, 'opening', path)
      }
      try {
        return await readOpenFile(
          this.#native,
          descriptor,
          { location: this.location, path },
          range,
          signal,
        )
      } catch (error) {
        if (signal?.aborted === true && error === signal.reason) throw error
        throw this.#error(error, 'reading', path)
      } finally {
        await this.#native.close(descriptor).catch(() => undefined)
      }
    })
  }

  async createExclusive(
    path: string,
    bytes: Uint8Array,
    durability: Durability,
  ): Promise<'created' | 'exists' | 'parent-missing'> {
    const absolute = await this.#entry(path)
    return this.#thenSync(parentOf(path), durability, async () => {
      let descriptor: number
      try {
        descriptor = await this.#native.openNew(absolute)
      } catch (error) {
        if (errnoOf(error) === 'EEXIST') return 'exists'
        if (errnoOf(error) === 'ENOENT') return 'parent-missing'
        throw this.#error(error, 'creating', path)
      }
      const writer = this.#writer(descriptor, absolute, path, durability)
      try {
        await writer.write(bytes)
        await writer.close()
      } catch (error) {
        // It is ours (O_EXCL said so) and nobody was told 'created': leaving it cut would make everybody after us fail.
        await writer.abort()
        throw error
      }
      return 'created'
    })
  }

  async createFile(path: string, durability: Durability): Promise<FileWriter | undefined> {
    // PERF: the call is under way when this returns, while the caller, who may be putting rows, does not turn the event loop yet.
    const absolute = this.#folders.trustedEntry(path) ?? (await this.#entry(path))
    try {
      const descriptor = await this.#native.openNew(absolute)
      return this.#writer(descriptor, absolute, path, durability)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      assert(
        errnoOf(error) !== 'EEXIST',
        `${describePath(this.location, path)} is to be created and exists already`,
      )
      throw this.#error(error, 'creating', path)
    }
  }

  async moveIfAbsent(
    source: string,
    target: string,
    durability: Durability,
  ): Promise<'moved' | 'exists' | 'source-missing' | 'parent-missing'> {
    const from = await this.#entry(source)
    const to = await this.#entry(target)
    return this.#thenSync(parentOf(target), durability, async () => {
      try {
        await this.#native.link(from, to)
      } catch (error) {
        if (errnoOf(error) === 'EEXIST') return 'exists'
        if (errnoOf(error) === 'ENOENT') return this.#missingOf(from, source)
        const failure = moveError(error, this.location, source, target)
        if (!isDoubtful(failure)) await this.#refuseUnlessFile(from, source)
        throw failure
      }
      // The file is published: nothing that happens to the old name can change that. What stays is a leftover in a staging folder.
      // PERF: so nobody waits for that but who asks for it.
      this.#leave(source, from)
      return 'moved'
    })
  }

  async moveReplacing(
    source: string,
    target: string,
    durability: Durability,
  ): Promise<'moved' | 'source-missing' | 'parent-missing'> {
    const from = await this.#entry(source)
    const to = await this.#entry(target)
    return this.#thenSync(parentOf(target), durability, async () => {
      if (!(await this.#refuseUnlessFile(from, source))) return 'source-missing'
      try {
        await this.#native.rename(from, to)
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return this.#missingOf(from, source)
        const failure = moveError(error, this.location, source, target)
        if (!isDoubtful(failure)) await this.#refuseUnlessFile(to, target)
        throw failure
      }
      return 'moved'
    })
  }

  async deleteFile(path: string): Promise<boolean> {
    const absolute = await this.#entry(path)
    try {
      await this.#native.unlink(absolute)
      return true
    } catch (error) {
      if (meansAbsent(error)) return false
      const found = await this.#native.stat(absolute).catch(() => undefined)
      assert(
        found?.type !== 'directory',
        `${describePath(this.location, path)} is to be deleted as a file and is a folder`,
      )
      throw this.#error(error, 'deleting', path)
    }
  }

  async deleteTree(directory: string): Promise<void> {
    const absolute = await this.#folder(directory)
    this.#folders.forget()
    try {
      await this.#deleteTree(absolute)
    } catch (error) {
      if (meansAbsent(error)) return // Somebody else deletes it too.
      throw this.#error(error, 'deleting', directory)
    }
  }

  async moveDirectory(source: string, target: string): Promise<'moved' | 'source-missing'> {
    const from = await this.#folder(source)
    const to = await this.#entry(target)
    this.#folders.forget()
    const occupied = await this.stat(target)
    assert(occupied === undefined, `${describePath(this.location, target)} exists already`)
    try {
      await this.#native.rename(from, to)
      return 'moved'
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' && (await this.#missingOf(from, source)) === 'source-missing')
        return 'source-missing'
      throw this.#error(error, `moving ${source} to`, target)
    }
  }

  async makeDirectory(
    directory: string,
    durability: Durability,
  ): Promise<'created' | 'exists' | 'parent-missing'> {
    const absolute = await this.#entry(directory)
    return this.#thenSync(parentOf(directory), durability, async () => {
      try {
        await this.#native.makeDirectory(absolute)
        return 'created'
      } catch (error) {
        if (errnoOf(error) === 'EEXIST') return 'exists'
        if (errnoOf(error) === 'ENOENT') return 'parent-missing'
        throw this.#error(error, 'making', directory)
      }
    })
  }

  async makeDirectories(directory: string, durability: Durability): Promise<void> {
    checkPath(directory)
    await this.#folders.makeLocation(durability)
    const segments = directory === '' ? [] : directory.split('/')
    for (let count = 1; count <= segments.length; count++) {
      const path = segments.slice(0, count).join('/')
      const outcome = await this.makeDirectory(path, 'os')
      if (outcome === 'exists') await this.#refuseUnlessDirectory(path)
      if (outcome === 'parent-missing')
        throw this.#error(new Error('Its parent was deleted meanwhile'), 'making', path)
      // DURABILITY: also where it existed: whoever made it may have died before syncing it.
      if (durability === 'fsync' && (outcome === 'created' || !this.#folders.isDurable(path))) {
        await this.syncDirectory(parentOf(path))
        this.#folders.rememberDurable(path)
      }
    }
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#folders.folder(directory)
    // Nothing to change: it counts as moved, by somebody who did not sync.
    await this.#thenSync(directory, 'fsync', () => Promise.resolve('moved'))
  }

  async probeMove(sourceDirectory: string, targetDirectory: string): Promise<void> {
    // No dot: a process that dies here must not leave a name that Spark's maintenance trips over.
    const name = `${PROBE_PREFIX}${toHex(this.#clock.randomBytes(8))}`
    const source = await this.#entry(`${sourceDirectory}/${name}`)
    const target = await this.#entry(`${targetDirectory}/${name}`)
    const writer = await this.createFile(`${sourceDirectory}/${name}`, 'os')
    if (writer === undefined) return
    try {
      await writer.close()
      await this.#native.link(source, target)
      await this.#native.unlink(target)
    } catch (error) {
      if (meansAbsent(error)) return
      throw cannotLinkError(error, this.location, targetDirectory)
    } finally {
      await writer.abort()
    }
  }

  /** As LocalFolders.entry(), once `path` has left if it is about to. */
  async #entry(path: string): Promise<string> {
    await this.#leaving.get(path)
    return await this.#folders.entry(path)
  }

  /** As LocalFolders.folder(), once everything below `path` has left that is about to. */
  async #folder(path: string): Promise<string> {
    for (const [left, leaving] of this.#leaving) {
      if (path === '' || left.startsWith(`${path}/`)) await leaving
    }
    return await this.#folders.folder(path)
  }

  #leave(path: string, absolute: string): void {
    const leaving = this.#native.unlink(absolute).catch(() => undefined)
    this.#leaving.set(
      path,
      leaving.then(() => void this.#leaving.delete(path)),
    )
  }

  /** Runs `change` and then, with 'fsync' and unless nothing was changed, makes the entries of `directory` durable. */
  async #thenSync<T extends string>(
    directory: string,
    durability: Durability,
    change: () => Promise<T>,
  ): Promise<T | 'parent-missing'> {
    if (durability === 'os') return change()
    return this.#descriptors.run(async () => {
      let descriptor: number
      try {
        descriptor = await this.#native.openDirectory(await this.#folders.folder(directory))
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return 'parent-missing'
        throw this.#error(error, 'opening', directory)
      }
      try {
        const outcome = await change()
        if (outcome === 'moved' || outcome === 'created')
          await this.#native.sync(descriptor).catch((error: unknown) => {
            throw syncError(error, this.location, directory)
          })
        return outcome
      } finally {
        await this.#native.close(descriptor).catch(() => undefined)
      }
    })
  }

  async #deleteTree(absolute: string): Promise<void> {
    for (let pass = 1; pass <= DELETE_PASSES_MAX; pass++) {
      await forEachEntry(await this.#native.names(absolute), async (name) => {
        const child = `${absolute}/${name}`
        try {
          const { type } = await this.#native.stat(child)
          await (type === 'directory' ? this.#deleteTree(child) : this.#native.unlink(child))
        } catch (error) {
          if (!meansAbsent(error)) throw error
        }
      })
      try {
        await this.#native.removeDirectory(absolute)
        return
      } catch (error) {
        if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EEXIST') throw error
      }
    }
  }

  async #missingOf(from: string, source: string): Promise<'source-missing' | 'parent-missing'> {
    try {
      await this.#native.stat(from)
      return 'parent-missing'
    } catch (error) {
      if (meansAbsent(error)) return 'source-missing'
      throw this.#error(error, 'looking at', source)
    }
  }

  /** False if absent; throws CORRUPT_FILE if it is anything but a file. */
  async #refuseUnlessFile(absolute: string, path: string): Promise<boolean> {
    const found = await this.#native.stat(absolute).catch((error: unknown) => {
      if (meansAbsent(error)) return undefined
      throw this.#error(error, 'looking at', path)
    })
    if (found !== undefined && found.type !== 'file') throw notPlainError(this.location, path)
    return found !== undefined
  }

  async #refuseUnlessDirectory(path: string): Promise<void> {
    const found = await this.stat(path)
    if (found?.type === 'other') throw notPlainError(this.location, path)
    if (found?.type === 'file') {
      const inTheWay = Object.assign(new Error('Expected a folder'), { code: 'ENOTDIR' })
      throw this.#error(inTheWay, 'making', path)
    }
  }

  #writer(descriptor: number, absolutePath: string, path: string, durability: Durability) {
    return new LocalFileWriter({
      native: this.#native,
      descriptor,
      absolutePath,
      location: this.location,
      path,
      durability,
    })
  }

  #error(error: unknown, doing: string, path: string): StateStoreError {
    return localError(error, doing, this.location, path)
  }
}

/** Whether a move that failed like this may have happened: then no other error may hide it. */
function isDoubtful(failure: StateStoreError): boolean {
  return failure.code === 'TIDEMARK_STORAGE_TIMEOUT'
}

function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Some at once. After a failure none is begun any more; rejects with it when those under way have ended. */
async function forEachEntry(
  names: readonly string[],
  act: (name: string) => Promise<void>,
): Promise<void> {
  const waiting = [...names]
  const lane = async (): Promise<void> => {
    try {
      for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) await act(name)
    } catch (error) {
      waiting.length = 0
      throw error
    }
  }
  const outcomes = await Promise.allSettled(Array.from({ length: ENTRIES_AT_ONCE }, lane))
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
