// MemoryFileManager — a checkpoint in memory: for tests, and for state that may die with the process.
//
// It is the local file manager on a disk in memory, not a second implementation: what it publishes, syncs and refuses is what the real one
// does, in the same order. Two managers on one `disk` are two processes on one machine. With `losesPower`, `crash(seed)` gives the
// checkpoint as it would come up after a power failure (memory-disk.ts says what may be lost).

import { LocalFileManager } from './local.ts'
import type { NativeFiles } from './local-native.ts'
import { MemoryDisk } from './memory-disk.ts'

export interface MemoryFileManagerOptions {
  /** Share the disk of another manager. Default: an empty one. */
  readonly disk?: MemoryDisk
  /** Remember what was not synced, for `crash`; costs memory. Default false; a given `disk` decides for itself. */
  readonly losesPower?: boolean
  /** For fault injection: what stands between the manager and `disk`. Default: the disk. */
  readonly native?: NativeFiles
}

export class MemoryFileManager extends LocalFileManager {
  readonly disk: MemoryDisk

  constructor(options: MemoryFileManagerOptions = {}) {
    const disk = options.disk ?? new MemoryDisk({ losesPower: options.losesPower ?? false })
    super('memory', '/checkpoint', { native: options.native ?? disk }, 'memory')
    this.disk = disk
  }

  /** The checkpoint after a power failure at this moment; `seed` chooses what of the unsynced survived. This manager is not affected. */
  crash(seed: number): MemoryFileManager {
    return new MemoryFileManager({ disk: this.disk.crash(seed) })
  }
}
