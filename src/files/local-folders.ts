// LocalFolders — the folders of a checkpoint on disk: their absolute paths, none of them a symbolic link, their entries durable.
//
// Each folder is looked at once and then trusted. That guards against a checkpoint that *came* with links inside (an archive, a prank, an
// `ln -s` to make room). Whoever can swap a folder for a link while we run can write the files as well: no check by path name stops that.

import * as nodePath from 'node:path'
import { checkPath, type Durability } from './file-manager.ts'
import { errnoOf, localError, meansAbsent, notPlainError, syncError } from './local-errors.ts'
import type { NativeFiles } from './local-native.ts'

/** Folders remembered; beyond it they are looked at again. About 100 bytes each. */
const REMEMBERED_MAX = 20_000

export class LocalFolders {
  readonly #native: NativeFiles
  readonly #location: string
  readonly #root: string
  readonly #trusted = new Set<string>()
  /** Folders whose entry in their parent was made durable here. */
  readonly #durable = new Set<string>()

  /** `root` is the absolute path of `location`. */
  constructor(native: NativeFiles, location: string, root: string) {
    this.#native = native
    this.#location = location
    this.#root = root
  }

  /** The absolute path of `path`, whose parent may be used. */
  async entry(path: string): Promise<string> {
    checkPath(path)
    await this.#refuseLinks(parentOf(path))
    return this.#absolute(path)
  }

  /** As entry(), at once: undefined unless its parent was looked at before. */
  trustedEntry(path: string): string | undefined {
    const parent = parentOf(path)
    return parent === '' || this.#trusted.has(parent) ? this.#absolute(checkPath(path)) : undefined
  }

  /** The absolute path of the folder `path`, which may be used. */
  async folder(path: string): Promise<string> {
    checkPath(path)
    await this.#refuseLinks(path)
    return this.#absolute(path)
  }

  isDurable(path: string): boolean {
    return this.#durable.has(path)
  }

  /** Notes that the entry of `path` in its parent was synced. */
  rememberDurable(path: string): void {
    remember(this.#durable, path)
  }

  /** After folders were moved or deleted. */
  forget(): void {
    this.#trusted.clear()
    this.#durable.clear()
  }

  /**
   * Makes the location and whatever is missing above it.
   *
   * DURABILITY: each folder is durable before the next is made. So whoever died while making them has left one at most that is not, the deepest there is.
   */
  async makeLocation(durability: Durability): Promise<void> {
    const missing: string[] = []
    let found = this.#root
    for (; !(await this.#exists(found)); found = nodePath.dirname(found)) missing.push(found)
    const isSynced = durability === 'fsync'
    if (isSynced && !(missing.length === 0 && this.isDurable('')))
      await this.#syncParent(found, 'found')
    for (const folder of missing.reverse()) {
      try {
        await this.#native.makeDirectory(folder)
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw this.#error(error, 'making', '')
      }
      if (isSynced) await this.#syncParent(folder, 'made')
    }
    if (isSynced) this.rememberDurable('')
  }

  #absolute(path: string): string {
    return path === '' ? this.#root : `${this.#root}/${path}`
  }

  /** Throws CORRUPT_FILE if `folder` or one above it is a symbolic link. What is absent or a file, the call itself will find. */
  async #refuseLinks(folder: string): Promise<void> {
    if (folder === '' || this.#trusted.has(folder)) return
    await this.#refuseLinks(parentOf(folder))
    try {
      const { type } = await this.#native.stat(this.#absolute(folder))
      if (type === 'other') throw notPlainError(this.#location, folder)
      if (type === 'directory') remember(this.#trusted, folder)
    } catch (error) {
      if (!meansAbsent(error)) throw this.#error(error, 'looking at', folder)
    }
  }

  async #exists(absolute: string): Promise<boolean> {
    try {
      await this.#native.stat(absolute)
      return true
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false
      throw this.#error(error, 'making', '')
    }
  }

  /** Of a folder that was found, what its owner does not let us sync, or no file system like that can, is not ours to sync. */
  async #syncParent(absolute: string, how: 'made' | 'found'): Promise<void> {
    let descriptor: number
    try {
      descriptor = await this.#native.openDirectory(nodePath.dirname(absolute))
    } catch (error) {
      if (how === 'found' && ['EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) return
      throw this.#error(error, 'syncing the folder above', '')
    }
    try {
      await this.#native.sync(descriptor)
    } catch (error) {
      const failure = syncError(error, this.#location, '')
      if (how === 'found' && failure.code === 'TIDEMARK_UNSUPPORTED') return
      throw failure
    } finally {
      await this.#native.close(descriptor).catch(() => undefined)
    }
  }

  #error(error: unknown, doing: string, path: string): Error {
    return localError(error, doing, this.#location, path)
  }
}

/** The path of the folder that holds `path`; of the location, itself. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '' : path.slice(0, slash)
}

function remember(known: Set<string>, path: string): void {
  if (known.size >= REMEMBERED_MAX) known.clear()
  known.add(path)
}
