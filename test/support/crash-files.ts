// A machine that loses power and a process that is killed, on a disk in memory, decided by numbers that the test prints.

import { MemoryDisk } from '../../src/files/memory-disk.ts'
import { MemoryFileManager } from '../../src/files/memory.ts'
import { aroundCalls, type NumberedCall } from '../../src/testing/around-calls.ts'

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
