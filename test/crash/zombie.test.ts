// A writer is stopped at every single system call of what it does, overtaken, and let go on. The exhaustive sweep holds it by a promise, on the
// disk in memory and on the real one; the other one stops a real process with SIGSTOP. What must hold is told in test/support/zombie-sweep.ts.

import { afterAll, beforeAll, describe, test } from 'vitest'
import { LocalFileManager, MemoryFileManager } from '../../src/index.ts'
import { systemFiles } from '../../src/files/local-native.ts'
import { aroundCalls } from '../../src/testing/around-calls.ts'
import { memoryBackedFolder } from '../support/folders.ts'
import { localStorage, type ProofStorage } from '../support/proof-storage.ts'
import { stoppedProcesses } from '../support/proofs/stopped-processes.ts'
import { type Scenario, SCENARIOS } from '../support/zombie.ts'
import {
  haunt,
  type Haunted,
  PromisedZombie,
  type Succession,
  SUCCESSIONS,
  sweep,
} from '../support/zombie-sweep.ts'

/** Every how many operations the real file system is tried in this process. */
const SAMPLE_STEP = 3

let storage: ProofStorage
beforeAll(async () => void (storage = await localStorage(memoryBackedFolder())))
afterAll(() => storage[Symbol.asyncDispose]())

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
  const location = await storage.newLocation()
  const zombie = new PromisedZombie((around) =>
    LocalFileManager.open(location, { native: aroundCalls(systemFiles, around) }),
  )
  try {
    return await haunt(zombie, await LocalFileManager.open(location), scenario, at, succession)
  } finally {
    await storage.discard(location)
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

stoppedProcesses(() => localStorage(memoryBackedFolder()))
