// A real process, killed with SIGKILL at a random moment, started again, killed again. After each death every version it was told of is there with
// the rows it put, nothing is torn, the next commit works and maintenance leaves nothing behind. SEED=… replays the moments, as far as
// a machine's timing lets it.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { verifyCheckpoint } from '../../src/checkpoint/verify.ts'
import { type Durability, LocalFileManager, StateStores } from '../../src/index.ts'
import { batch, type KillOrders, RETAINED } from '../support/kill-orders.ts'
import { checkVersion, commitNext, type Lineage } from '../support/lineage.ts'
import { ProcessGone, ServingProcess } from '../support/processes.ts'
import { seededRandom, testSeed } from '../support/seeds.ts'
import { ZOMBIE_STORE } from '../support/zombie.ts'
import { expectTidy } from '../support/zombie-sweep.ts'

const DEATHS = 20
/** Longest time a child may work, milliseconds: some tens of commits. */
const WORK_MS_MAX = 200
/** Longest time it takes from claim to the first commit, about. */
const START_MS_MAX = 25

test.concurrent.each(['fsync', 'os'] as const)(
  'what was acknowledged survives twenty deaths by SIGKILL (durability %s)',
  async (durability) => {
    const seed = testSeed()
    const root = await mkdtemp(join(tmpdir(), 'tidemark-kill-'))
    try {
      await dieTwentyTimes(root, durability, seed)
    } catch (error) {
      if (error instanceof Error) error.message = `SEED=${seed}: ${error.message}`
      throw error
    } finally {
      await rm(root, { recursive: true, force: true })
    }
  },
)

async function dieTwentyTimes(root: string, durability: Durability, seed: number): Promise<void> {
  const random = seededRandom(seed)
  const location = join(root, 'checkpoint')
  const journal = join(root, 'journal')
  await writeFile(journal, '')
  let lineage: Lineage = []
  let acknowledgedCount = 0
  for (let run = 1; run <= DEATHS; run++) {
    const early = random() < 0.3
    const lifeMs = random() * (early ? START_MS_MAX : WORK_MS_MAX)
    await liveAndDie({ location, journal, durability, run }, early, lifeMs)
    const told = readJournal(await readFile(journal, 'utf8'), lineage)
    acknowledgedCount += told.acknowledged.length - lineage.length
    lineage = await checkSurvivors(location, told)
    lineage = await goOn(location, lineage, run)
    await writeFile(journal, '')
  }
  expect(acknowledgedCount, 'the children should have got somewhere').toBeGreaterThan(DEATHS)
}

/** One life of the child: killed while it opens the store, or at work. */
async function liveAndDie(orders: KillOrders, early: boolean, lifeMs: number): Promise<void> {
  const child = new ServingProcess(new URL('../support/kill-child.ts', import.meta.url))
  try {
    await child.call('ready')
    const started = child.call('start', orders)
    if (!early) await started
    const working = started.then(() => child.call('work'))
    const death = expect(working, 'the child should not end by itself').rejects.toThrow(ProcessGone)
    await delay(lifeMs)
    await child.kill()
    await death
  } finally {
    await child.kill()
  }
}

interface Told {
  /** By version - 1: the tag that was acknowledged last, those undone taken away. */
  readonly acknowledged: string[]
  /** What was being committed at the moment of death. */
  readonly pending: { readonly version: number; readonly tag: string } | undefined
}

function readJournal(text: string, before: Lineage): Told {
  const acknowledged = [...before]
  let pending: Told['pending']
  for (const line of text.split('\n')) {
    const [what, number, tag] = line.split(' ')
    const version = Number(number)
    if (what === 'intent') pending = { version, tag }
    if (what !== 'ack') continue
    acknowledged.splice(version - 1, Infinity, tag)
    pending = undefined
  }
  return { acknowledged, pending }
}

/** Reads what is there, starting from nothing, and compares it with what the child was told. */
async function checkSurvivors(location: string, told: Told): Promise<Lineage> {
  const reader = await StateStores.open(await LocalFileManager.open(location), {})
  try {
    const provider = reader.provider(ZOMBIE_STORE)
    const latest = await provider.latestVersion()
    const lineage = latest === 0 ? [] : await checkVersion(provider, latest, batch)
    const { acknowledged, pending } = told
    // Only the commit under way may be there or not; what it was to replace must be there as long as it is not.
    const expected =
      pending !== undefined && lineage[pending.version - 1] === pending.tag
        ? [...acknowledged.slice(0, pending.version - 1), pending.tag]
        : acknowledged
    expect(lineage).toEqual(expected)
    for (let version = Math.max(1, latest - RETAINED + 1); version < latest; version++) {
      const older = await checkVersion(provider, version, batch)
      expect(older).toEqual(lineage.slice(0, version))
    }
    return lineage
  } finally {
    await reader.close()
  }
}

/** The next writer commits, and cleans up behind the dead one. */
async function goOn(location: string, lineage: Lineage, run: number): Promise<Lineage> {
  const files = await LocalFileManager.open(location)
  const stores = await StateStores.open(files, {
    maintenanceIntervalMs: 0,
    minBatchesToRetain: RETAINED,
  })
  try {
    const provider = stores.provider(ZOMBIE_STORE)
    const tag = `after-${run}`
    expect(await commitNext(provider, tag, undefined, batch)).toBe(lineage.length + 1)
    await provider.doMaintenance()
    await expectTidy(files)
    expect(await verifyCheckpoint(files)).toEqual([])
    return [...lineage, tag]
  } finally {
    await stores.close()
  }
}
