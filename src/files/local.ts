// LocalFileManager — a checkpoint in a folder of a local disk (any POSIX file system with hard links; not NFS).
//
// - Moving without replacing is link() and then unlink() of the source: rename() would replace, and checking first would be a race.
// - DURABILITY: with 'fsync', a file is synced before it is closed and the target's folder after the link, through a descriptor opened
//   before it: running out of descriptors must not turn up between publishing and syncing. A failed fsync is TIDEMARK_POISONED.
// - Symbolic links below the location are refused. The last segment is guarded by O_NOFOLLOW and O_EXCL; the folders above it are looked at
//   once each and then trusted, which guards against a checkpoint that *came* with links inside (an archive, a prank, `ln -s` to make room).
//   Whoever can swap a folder for a link while we run can write the files as well: no check by path name would stop him.
// - An operation takes descriptors only for its own duration, and at most DESCRIPTORS_MAX for reading and syncing at once, however many
//   callers there are. Files being written are not counted: they are one or two per open store, and waiting for one could be a deadlock.
//
// Not here: retries. What failed for want of descriptors or space changed nothing, is `retryable`, and is the caller's to try again.

import * as nodePath from 'node:path'
import { assert } from '../base/assert.ts'
import { systemClock, type Clock } from '../base/clock.ts'
import { toHex } from '../base/bytes.ts'
import { StateStoreError } from '../errors.ts'
import {
  checkPath,
  type ByteRange,
  type CheckpointFileManager,
  type Durability,
  type FileManagerCapabilities,
  type FileStatus,
  type FileWriter,
} from './file-manager.ts'
import { describePath, errnoOf, localError, meansAbsent, poisonedError } from './local-errors.ts'
import { systemFiles, type NativeFiles } from './local-native.ts'
import { checkLocation, resolveLocation } from './local-location.ts'
import { LocalFileWriter } from './local-writer.ts'
import { Semaphore } from './semaphore.ts'

/** Read at once by all callers together: enough to keep the four threads of libuv busy, far below the usual `ulimit -n` of 1024. */
const DESCRIPTORS_MAX = 64
/** lstat calls in flight in one listing: libuv runs four at a time. */
const LIST_STATS_MAX = 8
/** Read in one system call; between two an AbortSignal is honoured. */
const READ_SLICE_BYTES = 16 * 1024 * 1024
/** Read into one array. Above it the caller must ask for ranges: a sparse file of a terabyte must not take the process down. */
const READ_BYTES_MAX = 2 * 1024 * 1024 * 1024
/** Folders remembered as being folders; beyond it they are looked at again. About 100 bytes each. */
const TRUSTED_MAX = 20_000
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
  readonly #root: string
  readonly #native: NativeFiles
  readonly #clock: Clock
  readonly #descriptors = new Semaphore(DESCRIPTORS_MAX)
  readonly #trusted = new Set<string>()
  /** Folders whose entry in their parent this manager has made durable. */
  readonly #durable = new Set<string>()

  /** For `open` and for the manager in memory. `root` is the absolute path of `location`. */
  protected constructor(
    location: string,
    root: string,
    options: LocalFileManagerOptions,
    name = 'local',
  ) {
    this.location = location
    this.capabilities = { name, atomicMove: true }
    this.#root = root
    this.#native = options.native ?? systemFiles
    this.#clock = options.clock ?? systemClock
  }

  /**
   * The manager of the checkpoint in the folder `location`, a path or a `file:` URL. A relative path is resolved once, now. The folder need
   * not exist; nothing is created. Throws INVALID_OPTIONS where `location` is another kind of URL, a file, or no path at all.
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
    const absolute = await this.#directory(directory)
    let names: string[]
    try {
      names = await this.#native.names(absolute)
    } catch (error) {
      if (meansAbsent(error)) return undefined
      throw this.#error(error, 'listing', directory)
    }
    const entries: FileStatus[] = []
    const describeNext = async (): Promise<void> => {
      for (let name = names.pop(); name !== undefined; name = names.pop()) {
        const found = await this.#native.stat(`${absolute}/${name}`).catch((error: unknown) => {
          if (meansAbsent(error)) return undefined // Removed since the names were read.
          throw this.#error(error, 'listing', directory)
        })
        if (found !== undefined) entries.push({ name, ...found })
      }
    }
    await Promise.all(Array.from({ length: LIST_STATS_MAX }, describeNext))
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
        return await this.#readOpen(descriptor, path, range, signal)
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
    const absolute = await this.#entry(path)
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
        await this.#refuseUnlessFile(from, source)
        throw this.#error(error, `moving ${source} to`, target)
      }
      // The file is published: nothing that happens to the old name can change that. What stays is a leftover in a staging folder.
      await this.#native.unlink(from).catch(() => undefined)
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
        await this.#refuseUnlessFile(to, target)
        throw this.#error(error, `moving ${source} over`, target)
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
    const absolute = await this.#directory(directory)
    this.#trusted.clear()
    this.#durable.clear()
    try {
      await this.#deleteTree(absolute)
    } catch (error) {
      if (meansAbsent(error)) return // Somebody else deletes it too.
      throw this.#error(error, 'deleting', directory)
    }
  }

  async moveDirectory(source: string, target: string): Promise<'moved' | 'source-missing'> {
    const from = await this.#directory(source)
    const to = await this.#entry(target)
    this.#trusted.clear()
    this.#durable.clear()
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
    await this.#makeLocation(durability)
    const segments = directory === '' ? [] : directory.split('/')
    for (let count = 1; count <= segments.length; count++) {
      const path = segments.slice(0, count).join('/')
      const outcome = await this.makeDirectory(path, 'os')
      if (outcome === 'exists') await this.#refuseUnlessDirectory(path)
      if (outcome === 'parent-missing')
        throw this.#error(new Error('Its parent was deleted meanwhile'), 'making', path)
      // DURABILITY: also where it existed: whoever made it may have died before syncing it.
      if (durability === 'fsync' && (outcome === 'created' || !this.#durable.has(path))) {
        await this.syncDirectory(parentOf(path))
        remember(this.#durable, path)
      }
    }
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#directory(directory)
    // Nothing to change: it counts as moved, by somebody who did not sync.
    await this.#thenSync(directory, 'fsync', () => Promise.resolve('moved'))
  }

  async probeMove(sourceDirectory: string, targetDirectory: string): Promise<void> {
    // No dot: a process that dies here must not leave a name that Spark's maintenance trips over.
    const name = `_probe-${toHex(this.#clock.randomBytes(8))}`
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
      throw cannotLink(error, describePath(this.location, targetDirectory), targetDirectory)
    } finally {
      await writer.abort()
    }
  }

  /** The absolute path of `path`, after a look at the folders above it. */
  async #entry(path: string): Promise<string> {
    checkPath(path)
    if (path === '') return this.#root
    await this.#trust(parentOf(path))
    return `${this.#root}/${path}`
  }

  /** The absolute path of the folder `path`, after a look at it and those above it. */
  async #directory(path: string): Promise<string> {
    checkPath(path)
    await this.#trust(path)
    return path === '' ? this.#root : `${this.#root}/${path}`
  }

  /** Throws CORRUPT_FILE if `directory` or a folder above it is a symbolic link. What is absent or a file, the call itself will find. */
  async #trust(directory: string): Promise<void> {
    if (directory === '' || this.#trusted.has(directory)) return
    await this.#trust(parentOf(directory))
    let type: FileStatus['type']
    try {
      type = (await this.#native.stat(`${this.#root}/${directory}`)).type
    } catch (error) {
      if (meansAbsent(error)) return
      throw this.#error(error, 'looking at', directory)
    }
    if (type === 'other') throw this.#notPlain(directory)
    if (type === 'directory') remember(this.#trusted, directory)
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
        descriptor = await this.#native.openDirectory(this.#absolute(directory))
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return 'parent-missing'
        throw this.#error(error, 'opening', directory)
      }
      try {
        const outcome = await change()
        if (outcome === 'moved' || outcome === 'created')
          await this.#native.sync(descriptor).catch((error: unknown) => {
            throw poisonedError(error, this.location, directory)
          })
        return outcome
      } finally {
        await this.#native.close(descriptor).catch(() => undefined)
      }
    })
  }

  async #readOpen(
    descriptor: number,
    path: string,
    range: ByteRange,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const found = await this.#native.statOpen(descriptor)
    if (found.type !== 'file') throw this.#notPlain(path)
    const offset = range.offset ?? 0
    const length = Math.max(0, Math.min(range.length ?? Infinity, found.sizeBytes - offset))
    if (length > READ_BYTES_MAX) {
      throw new StateStoreError(
        'TIDEMARK_UNSUPPORTED',
        `${describePath(this.location, path)}: ${length} bytes were to be read in one piece; expected at most ${READ_BYTES_MAX}. Read it in ranges.`,
        { path, offset },
      )
    }
    // PERF: not zeroed; every byte is overwritten, and what was not read is cut off by copying.
    const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
    let done = 0
    while (done < length) {
      signal?.throwIfAborted()
      const into = bytes.subarray(done, Math.min(length, done + READ_SLICE_BYTES))
      const count = await this.#native.read(descriptor, into, offset + done)
      if (count === 0) return bytes.slice(0, done)
      done += count
    }
    return bytes
  }

  async #deleteTree(absolute: string): Promise<void> {
    for (let pass = 1; pass <= DELETE_PASSES_MAX; pass++) {
      for (const name of await this.#native.names(absolute)) {
        const child = `${absolute}/${name}`
        try {
          const { type } = await this.#native.stat(child)
          await (type === 'directory' ? this.#deleteTree(child) : this.#native.unlink(child))
        } catch (error) {
          if (!meansAbsent(error)) throw error
        }
      }
      try {
        await this.#native.removeDirectory(absolute)
        return
      } catch (error) {
        if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EEXIST') throw error
      }
    }
  }

  /** Makes the location and whatever is missing above it. */
  async #makeLocation(durability: Durability): Promise<void> {
    const missing: string[] = []
    for (let folder = this.#root; ; folder = nodePath.dirname(folder)) {
      const found = await this.#native.stat(folder).catch((error: unknown) => {
        if (errnoOf(error) === 'ENOENT') return undefined
        throw this.#error(error, 'making', '')
      })
      if (found !== undefined) break
      missing.push(folder)
    }
    for (const folder of missing.reverse()) {
      try {
        await this.#native.makeDirectory(folder)
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw this.#error(error, 'making', '')
      }
    }
    if (durability === 'fsync' && (missing.length > 0 || !this.#durable.has('')))
      await this.#syncAbove(missing)
  }

  /** Makes the entry of the location durable, and those of the folders that were just made above it. */
  async #syncAbove(made: readonly string[]): Promise<void> {
    for (const folder of made.length > 0 ? made : [this.#root]) {
      const parent = nodePath.dirname(folder)
      let descriptor: number
      try {
        descriptor = await this.#native.openDirectory(parent)
      } catch (error) {
        // A parent that we may pass through but not read (as in a shared mount) is its owner's to sync, unless we changed it.
        if (made.length === 0) continue
        throw this.#error(error, 'syncing the folder above', '')
      }
      try {
        await this.#native.sync(descriptor)
      } catch (error) {
        throw poisonedError(error, this.location, '')
      } finally {
        await this.#native.close(descriptor).catch(() => undefined)
      }
    }
    remember(this.#durable, '')
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
    if (found !== undefined && found.type !== 'file') throw this.#notPlain(path)
    return found !== undefined
  }

  async #refuseUnlessDirectory(path: string): Promise<void> {
    const found = await this.stat(path)
    if (found?.type === 'other') throw this.#notPlain(path)
    if (found?.type === 'file') {
      const inTheWay = Object.assign(new Error('Expected a folder'), { code: 'ENOTDIR' })
      throw this.#error(inTheWay, 'making', path)
    }
  }

  #notPlain(path: string): StateStoreError {
    return new StateStoreError(
      'TIDEMARK_CORRUPT_FILE',
      `${describePath(this.location, path)}: expected a plain file or folder, found something else (a folder in place of a file, a symbolic ` +
        'link, a pipe or a device). Links below the checkpoint location are never followed.',
      { path },
    )
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

  #absolute(path: string): string {
    return path === '' ? this.#root : `${this.#root}/${path}`
  }

  #error(error: unknown, doing: string, path: string): StateStoreError {
    return localError(error, doing, this.location, path)
  }
}

function cannotLink(error: unknown, where: string, path: string): StateStoreError {
  const errno = errnoOf(error)
  if (error instanceof StateStoreError || errno === undefined)
    return localError(error, 'trying', where, path)
  // EPERM is how Linux says that a file system knows no hard links.
  const unable = ['EPERM', 'EXDEV', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errno)
  if (!unable) return localError(error, 'trying a hard link in', where, '')
  return new StateStoreError(
    'TIDEMARK_UNSUPPORTED',
    `Expected a hard link from the staging folder to ${where} to work, got ${errno}. A commit is published by such a link; there is no ` +
      'fallback. Put the checkpoint on one file system that has hard links (ext4, xfs, btrfs, zfs, apfs, tmpfs).',
    { path, cause: error },
  )
}

function checkRange({ offset, length }: ByteRange): void {
  for (const [name, number] of [
    ['offset', offset],
    ['length', length],
  ] as const) {
    if (number !== undefined && !(Number.isSafeInteger(number) && number >= 0))
      throw new RangeError(`Expected \`range.${name}\` to be a whole number from 0, got ${number}`)
  }
}

function remember(known: Set<string>, path: string): void {
  if (known.size >= TRUSTED_MAX) known.clear()
  known.add(path)
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '' : path.slice(0, slash)
}

function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
