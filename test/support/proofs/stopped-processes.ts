// Writer A in a process of its own, stopped with SIGSTOP before each of its operations in turn, overtaken by B, and let go on. What an operation
// is on which storage is told in held-files.ts, and what must hold in zombie-sweep.ts.

import { afterAll, afterEach, beforeAll, beforeEach, describe, test } from 'vitest'
import { ServingProcess } from '../processes.ts'
import {
  openFiles,
  type ProofOptions,
  type ProofStorage,
  type StorageOpener,
} from '../proof-storage.ts'
import { type Attempt, type Scenario, SCENARIOS } from '../zombie.ts'
import {
  haunt,
  type Haunted,
  type HeldZombie,
  type Succession,
  SUCCESSIONS,
  sweep,
} from '../zombie-sweep.ts'

/** Processes that are zombies at the same time. */
const PROCESSES = 3

/** A in a process of its own. */
class ProcessZombie implements HeldZombie {
  readonly #process: ServingProcess
  readonly #location: string
  #acting: Promise<Attempt[]> = Promise.resolve([])

  constructor(process: ServingProcess, location: string) {
    this.#process = process
    this.#location = location
  }

  arrange(scenario: Scenario): Promise<void> {
    return this.#process.call('arrange', { location: this.#location, scenario })
  }

  async actUntil(at: number | undefined): Promise<'stopped' | 'ended'> {
    this.#acting = this.#process.call<Attempt[]>('act', at)
    return await this.#process.stoppedOr(this.#acting)
  }

  async resume(): Promise<Attempt[]> {
    this.#process.resume()
    return await this.#acting
  }

  goOn(): Promise<Attempt[]> {
    return this.#process.call('goOn')
  }

  calls(): Promise<readonly string[]> {
    return this.#process.call('calls')
  }

  async close(): Promise<void> {
    this.#process.resume()
    await this.#process.call('close')
  }
}

export interface StoppedProcessesOptions extends ProofOptions {
  /** What the smallest operation is called in the names of the tests. Default 'system call'. */
  readonly step?: string
  /** Whether each operation meets each succession, and not just one of them. Where operations are few. Default false. */
  readonly everySuccession?: boolean
}

export function stoppedProcesses(
  openStorage: StorageOpener,
  { timeoutMs, step = 'system call', everySuccession = false }: StoppedProcessesOptions = {},
): void {
  // Reads /proc to see that a process has really stopped.
  describe.skipIf(process.platform !== 'linux')('a process stopped with SIGSTOP', () => {
    let storage: ProofStorage
    let processes: ServingProcess[] = []
    let idle: ServingProcess[] = []
    beforeAll(async () => void (storage = await openStorage()))
    afterAll(() => storage?.[Symbol.asyncDispose]())
    beforeEach(() => {
      const script = new URL('../zombie-child.ts', import.meta.url)
      processes = Array.from({ length: PROCESSES }, () => new ServingProcess(script))
      idle = [...processes]
    })
    afterEach(async () => {
      await Promise.all(processes.map((process) => process.kill()))
    })

    async function hauntProcess(
      scenario: Scenario,
      at: number,
      succession: Succession,
    ): Promise<Haunted> {
      const process = idle.pop()!
      const location = await storage.newLocation()
      const zombie = new ProcessZombie(process, location)
      const files = await openFiles(location)
      const outcome = await haunt(zombie, files, scenario, at, succession)
      idle.push(process)
      await storage.discard(location)
      return outcome
    }

    const timed = timeoutMs === undefined ? {} : { timeout: timeoutMs }
    test.each(SCENARIOS)(
      `at each ${step} of its %s is overtaken, goes on, and is refused`,
      timed,
      async (scenario) => {
        for (const shift of everySuccession ? SUCCESSIONS.keys() : [0])
          await sweep(
            (at) => hauntProcess(scenario, at, SUCCESSIONS[(at + shift) % SUCCESSIONS.length]),
            PROCESSES,
          )
      },
    )
  })
}
