// A writer is stopped at every single system call of what it does, overtaken, and let go on. The exhaustive sweep holds it by a promise, on the
// disk in memory and on the real one; the other one stops a real process with SIGSTOP. What must hold is told in test/support/zombie-sweep.ts.

import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { LocalFileManager, MemoryFileManager } from '../../src/index.ts'
import { systemFiles } from '../../src/files/local-native.ts'
import { aroundCalls } from '../support/around-calls.ts'
import { memoryBackedFolder } from '../support/folders.ts'
import { ServingProcess } from '../support/processes.ts'
import { type Attempt, type Scenario, SCENARIOS } from '../support/zombie.ts'
import {
  haunt,
  type Haunted,
  type HeldZombie,
  PromisedZombie,
  type Succession,
  SUCCESSIONS,
} from '../support/zombie-sweep.ts'

/** More operations than any scenario has: a sweep that does not end by itself is broken. */
const OPERATIONS_MAX = 400
/** Every how many operations the real file system is tried in this process. */
const SAMPLE_STEP = 3
/** Processes that are zombies at the same time. */
const PROCESSES = 3

let root: string
let locations = 0
beforeAll(async () => {
  root = await mkdtemp(join(memoryBackedFolder(), 'tidemark-zombie-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))
const newLocation = (): string => join(root, String(++locations))

/** Runs `hauntAt` for 1, 2, 3 … until there is no such operation. Each end must have been met: a zombie that was refused, and one that was not. */
async function sweep(hauntAt: (at: number) => Promise<Haunted>, lanes = 1): Promise<void> {
  let next = 1
  const codes = new Set<string | undefined>()
  const lane = async (): Promise<void> => {
    while (next <= OPERATIONS_MAX) {
      const at = next++
      const { outcome, code } = await naming(`stopped before operation ${at}`, () => hauntAt(at))
      codes.add(code)
      if (outcome === 'ended') return
    }
    throw new Error(`The sweep did not end after ${OPERATIONS_MAX} operations`)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  expect(codes).toEqual(new Set(['TIDEMARK_FENCED', undefined]))
}

async function naming<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof Error) error.message = `${what}: ${error.message}`
    throw error
  }
}

async function hauntInMemory(
  scenario: Scenario,
  at: number,
  succession: Succession,
): Promise<Haunted> {
  const files = new MemoryFileManager()
  const zombie = new PromisedZombie(async (around) => {
    return new MemoryFileManager({ disk: files.disk, native: aroundCalls(files.disk, around) })
  })
  return await haunt(zombie, files, scenario, at, succession)
}

async function hauntOnDisk(
  scenario: Scenario,
  at: number,
  succession: Succession,
): Promise<Haunted> {
  const location = newLocation()
  const zombie = new PromisedZombie((around) =>
    LocalFileManager.open(location, { native: aroundCalls(systemFiles, around) }),
  )
  try {
    return await haunt(zombie, await LocalFileManager.open(location), scenario, at, succession)
  } finally {
    await rm(location, { recursive: true, force: true })
  }
}

describe.each(SCENARIOS)('a zombie stopped at every system call of its %s', (scenario) => {
  test.each(SUCCESSIONS)('changes nothing in memory once overtaken by one that %s', async (how) => {
    await sweep((at) => hauntInMemory(scenario, at, how))
  })
  // The same calls on a real file system: a sample, since the stopped processes below meet each of them there.
  test('changes nothing on local disk once overtaken', async () => {
    await sweep((at) =>
      hauntOnDisk(scenario, at * SAMPLE_STEP, SUCCESSIONS[at % SUCCESSIONS.length]),
    )
  })
})

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

// Reads /proc to see that a process has really stopped.
describe.skipIf(process.platform !== 'linux')('a process stopped with SIGSTOP', () => {
  let processes: ServingProcess[] = []
  let idle: ServingProcess[] = []
  beforeEach(() => {
    const script = new URL('../support/zombie-child.ts', import.meta.url)
    processes = Array.from({ length: PROCESSES }, () => new ServingProcess(script))
    idle = [...processes]
  })
  afterEach(async () => {
    await Promise.all(processes.map((process) => process.kill()))
  })

  async function hauntProcess(scenario: Scenario, at: number): Promise<Haunted> {
    const process = idle.pop()!
    const location = newLocation()
    const zombie = new ProcessZombie(process, location)
    const files = await LocalFileManager.open(location)
    const outcome = await haunt(zombie, files, scenario, at, SUCCESSIONS[at % SUCCESSIONS.length])
    idle.push(process)
    await rm(location, { recursive: true, force: true })
    return outcome
  }

  test.each(SCENARIOS)(
    'at each system call of its %s is overtaken, goes on, and is refused',
    async (scenario) => {
      await sweep((at) => hauntProcess(scenario, at), PROCESSES)
    },
  )
})
