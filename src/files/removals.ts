// Removals — takes files away by moving them into a folder below the staging folder, so that a move whose answer was lost cannot come later.
//
// A removal that is still on its way when its caller has given up on it could arrive after the same name was published anew, and take an
// acknowledged version away. Deleting the source, which settles a publication (LeasedDirectory.settle), is no help here: the source is the name
// itself. So the target's folder goes instead:
//
// INVARIANT: after a removal without an answer nothing is published, or removed, before the folder it went to is deleted. Its name is never used
// again, so that whatever is still on its way finds no target, and what is in the store directory then is what stays there.
//
// On local disk no call outlives its answer; there it costs one folder between two rounds of maintenance. What was taken away is deleted with the
// folder: by `clean`, or by whoever takes the staging folder.

import { isStateStoreError } from '../errors.ts'
import { joinPath, type CheckpointFileManager } from './file-manager.ts'

export class Removals {
  readonly #files: CheckpointFileManager
  readonly #staging: string
  readonly #prefix: string
  #fileCount = 0
  #folderCount = 0
  #folder: Promise<string | undefined> | undefined
  /** Folders that a removal without an answer may still reach. */
  readonly #doubtful = new Set<string>()
  /** Folders to be deleted, nothing more goes there. */
  readonly #full = new Set<string>()
  readonly #underWay = new Set<Promise<unknown>>()

  /** `prefix` begins the names of its folders in `staging`, and nobody else's. */
  constructor(files: CheckpointFileManager, staging: string, prefix: string) {
    this.#files = files
    this.#staging = staging
    this.#prefix = prefix
  }

  /**
   * Takes the file `path` away; false if there is none, undefined if the staging folder is gone. A move without an answer is settled here
   * where the storage allows it; where not, it throws STORAGE_TIMEOUT, and `settle` is due.
   */
  async remove(path: string): Promise<boolean | undefined> {
    await this.settle()
    const removing = this.#remove(path)
    this.#underWay.add(removing)
    try {
      return await removing
    } finally {
      this.#underWay.delete(removing)
    }
  }

  async #remove(path: string): Promise<boolean | undefined> {
    const making = (this.#folder ??= this.#makeFolder())
    // The next removal makes another. Unless somebody has let go of this one already.
    const letGo = (): void => {
      if (this.#folder === making) this.#folder = undefined
    }
    let folder: string | undefined
    try {
      folder = await making
    } finally {
      if (folder === undefined) letGo()
    }
    if (folder === undefined) return undefined
    const trash = joinPath(folder, `${++this.#fileCount}.tmp`)
    try {
      const outcome = await this.#files.moveReplacing(path, trash, 'os')
      if (outcome === 'source-missing') return false
      if (outcome === 'parent-missing') {
        letGo()
        return undefined
      }
    } catch (error) {
      if (!isStateStoreError(error, 'TIDEMARK_STORAGE_TIMEOUT')) throw error
      letGo()
      this.#doubtful.add(folder)
      await this.settle()
      if ((await this.#files.stat(path)) !== undefined) throw error
      return true
    }
    return true
  }

  /** Makes sure that no removal without an answer can take effect any more. Throws as the storage does, and is then to be called again. */
  async settle(): Promise<void> {
    for (const folder of this.#doubtful) {
      await this.#files.deleteTree(folder)
      this.#doubtful.delete(folder)
    }
  }

  /** Deletes what was taken away so far. */
  async clean(): Promise<void> {
    await this.settle()
    const making = this.#folder
    this.#folder = undefined // Who removes from here on makes another.
    await Promise.allSettled(this.#underWay)
    const folder = await making?.catch(() => undefined)
    if (folder !== undefined) this.#full.add(folder)
    for (const full of this.#full) {
      await this.#files.deleteTree(full)
      this.#full.delete(full)
    }
  }

  async #makeFolder(): Promise<string | undefined> {
    const folder = joinPath(this.#staging, `${this.#prefix}${++this.#folderCount}`)
    const outcome = await this.#files.makeDirectory(folder, 'os')
    return outcome === 'parent-missing' ? undefined : folder
  }
}
