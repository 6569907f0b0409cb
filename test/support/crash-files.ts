// A machine that loses power, a process that is killed, and a storage that lies about timeouts. All on a disk in memory, all decided by
// numbers that the test prints.

import { StateStoreError } from '../../src/errors.ts'
import type { CheckpointFileManager } from '../../src/files/file-manager.ts'
import { MemoryDisk } from '../../src/files/memory-disk.ts'
import { MemoryFileManager } from '../../src/files/memory.ts'
import { aroundCalls, type NumberedCall } from './around-calls.ts'

/** What every system call answers once the process is dead. */
export class ProcessDied extends Error {
  override readonly name = 'ProcessDied'
}

/**
 * One process on one disk. It dies before its system call number `diesAt` (from 1; none: it lives): that call and all later ones change
 * nothing and reject, so whatever the dead code still tries reaches nobody. A move is two calls, so it can be left half done.
 */
export class CrashFiles {
  readonly files: MemoryFileManager
  readonly disk: MemoryDisk
  /** System calls so far, those refused after death not counted. */
  readonly calls: NumberedCall[] = []
  #dead = false

  constructor(options: { disk?: MemoryDisk; diesAt?: number } = {}) {
    this.disk = options.disk ?? new MemoryDisk({ losesPower: true })
    const native = aroundCalls(this.disk, async (call, proceed) => {
      if (this.#dead || call.index === options.diesAt) {
        this.#dead = true
        throw new ProcessDied(`The process died at system call ${call.index}, ${call.method}`)
      }
      this.calls.push(call)
      return proceed()
    })
    this.files = new MemoryFileManager({ disk: this.disk, native })
  }

  get dead(): boolean {
    return this.#dead
  }

  /** The next process, after this one was killed: what the operating system had taken is there, synced or not. */
  afterKill(): CrashFiles {
    this.#dead = true
    return new CrashFiles({ disk: this.disk })
  }

  /** The next process, after the power failed: what was synced is there, and of the rest what `seed` chooses. */
  afterPowerLoss(seed: number): CrashFiles {
    this.#dead = true
    return new CrashFiles({ disk: this.disk.crash(seed) })
  }
}

/**
 * How an operation lies: it answers TIDEMARK_STORAGE_TIMEOUT, and was 'done' all the same, is 'lost' for ever, or comes 'late': it waits on
 * its way and arrives when `arrive` is called.
 */
export type Lie = 'done' | 'lost' | 'late'

export interface LyingFiles {
  readonly files: CheckpointFileManager
  /** Performs the operations that are still on their way. Their outcomes reach nobody. */
  arrive(): Promise<void>
}

/** `lie` says, for each call of the manager, whether and how it lies about it. */
export function lyingFiles(
  inner: CheckpointFileManager,
  lie: (call: NumberedCall) => Lie | undefined,
): LyingFiles {
  const underway: (() => Promise<unknown>)[] = []
  const files = aroundCalls(inner, async (call, proceed) => {
    const how = lie(call)
    if (how === undefined) return proceed()
    if (how === 'done') await proceed()
    if (how === 'late') underway.push(proceed)
    throw new StateStoreError(
      'TIDEMARK_STORAGE_TIMEOUT',
      `No answer to ${call.method}, call ${call.index} (injected: ${how})`,
    )
  })
  const arrive = async (): Promise<void> => {
    for (const proceed of underway.splice(0)) await proceed().catch(() => undefined)
  }
  return { files, arrive }
}
