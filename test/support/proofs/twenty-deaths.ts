// A real process, killed with SIGKILL at a random moment, started again, killed again. After each death every version it was told of is there with
// the rows it put, nothing is torn, the next commit works and maintenance leaves nothing behind. SEED=… replays the moments, as far as
// a machine's timing lets it.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { verifyCheckpoint } from '../../../src/checkpoint/verify.ts'
import { StateStores } from '../../../src/index.ts'
import { batch, type KillOrders, RETAINED } from '../kill-orders.ts'
import { checkVersion, commitNext, type Lineage } from '../lineage.ts'
import { ProcessGone, ServingProcess } from '../processes.ts'
import {
  openFiles,
  type ProofOptions,
  type ProofStorage,
  type StorageOpener,
} from '../proof-storage.ts'
import { seededRandom, testSeed } from '../seeds.ts'
import { ZOMBIE_STORE } from '../zombie.ts'
import { expectTidy } from '../zombie-sweep.ts'

const DEATHS = 20
/** How fast the storage is. Both are for local disk by default. */
export interface DeathOptions extends ProofOptions {
  /** Longest time a child may work, milliseconds: some tens of commits. */
  readonly workMsMax?: number
  /** Longest time it takes from claim to the first commit, about. */
  readonly startMsMax?: number
}

export function twentyDeaths(openStorage: StorageOpener, options: DeathOptions = {}): void {
  let storage: ProofStorage
  beforeAll(async () => void (storage = await openStorage()))
  afterAll(() => storage?.[Symbol.asyncDispose]())

  const timed = options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }
  test.concurrent.each(['fsync', 'os'] as const)(
    'what was acknowledged survives twenty deaths by SIGKILL (durability %s)',
    timed,
    async (durability) => {
      const seed = testSeed()
      const root = await mkdtemp(join(tmpdir(), 'tidemark-kill-'))
      const location = await storage.newLocation()
      try {
        const journal = join(root, 'journal')
        const orders = { location, journal, durability, sidecars: storage.onlyObjects !== true }
        await dieTwentyTimes(orders, options, seed)
      } catch (error) {
        if (error instanceof Error) error.message = `SEED=${seed}: ${error.message}`
        throw error
      } finally {
        await rm(root, { recursive: true, force: true })
        await storage.discard(location)
      }
    },
  )
}

async function dieTwentyTimes(
  orders: Omit<KillOrders, 'run'>,
  { workMsMax = 200, startMsMax = 25 }: DeathOptions,
  seed: number,
): Promise<void> {
  const { location, journal } = orders
  const random = seededRandom(seed)
  await writeFile(journal, '')
  let lineage: Lineage = []
  let acknowledgedCount = 0
  // Hundreds of commits, as a rule. On a machine that is busy with other things children get less far in their time, and more of them have to die.
  const isEnough = (): boolean => acknowledgedCount > DEATHS
  for (let run = 1; run <= DEATHS || (!isEnough() && run <= DEATHS * 3); run++) {
    const early = random() < 0.3
    const lifeMs = random() * (early ? startMsMax : workMsMax)
    await liveAndDie({ ...orders, run }, early, lifeMs)
    const told = readJournal(await readFile(journal, 'utf8'), lineage)
    acknowledgedCount += told.acknowledged.length - lineage.length
    await outlast(location)
    lineage = await checkSurvivors(location, told)
    lineage = await goOn(location, lineage, run)
    await writeFile(journal, '')
  }
  expect(acknowledgedCount, 'the children should have got somewhere').toBeGreaterThan(DEATHS)
}

/** One life of the child: killed while it opens the store, or at work. */
async function liveAndDie(orders: KillOrders, early: boolean, lifeMs: number): Promise<void> {
  const child = new ServingProcess(new URL('../kill-child.ts', import.meta.url))
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

/** Where nothing is moved, the last request of a dead writer may still arrive, and counts until somebody else has claimed the store. */
async function outlast(location: string): Promise<void> {
  const files = await openFiles(location)
  if (files.capabilities.atomicMove) return
  await using stores = await StateStores.open(files, { maintenanceIntervalMs: 0 })
  await (await stores.provider(ZOMBIE_STORE).getStore()).abort()
}

/** Reads what is there, starting from nothing, and compares it with what the child was told. */
async function checkSurvivors(location: string, told: Told): Promise<Lineage> {
  const reader = await StateStores.open(await openFiles(location), {})
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
  const files = await openFiles(location)
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
    const findings = await verifyCheckpoint(files)
    // The snapshot of a version that was undone stays until it is cleaned, where nothing is moved.
    expect(
      findings.filter(({ kind }) => files.capabilities.atomicMove || kind !== 'orphan'),
    ).toEqual([])
    return [...lineage, tag]
  } finally {
    await stores.close()
  }
}
