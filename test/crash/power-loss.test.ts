// Goal: at whatever moment a process dies or the power fails, every acknowledged commit is there with exactly its content, the one under way is
// there wholly or not at all, and the store goes on. Method: pass 1 counts the system calls of a scenario, pass 2 ends the process before each
// one of them (which is also after the one before it), on a disk that forgets what was not synced, with several choices of what it forgets. Then a new
// process opens the store, compares, commits, cleans up, and compares once more.

import { describe, expect, test } from 'vitest'
import {
  type Durability,
  isStateStoreError,
  MemoryFileManager,
  type StateStoreOptions,
  type StateStoreProvider,
  StateStores,
} from '../../src/index.ts'
import { MemoryDisk } from '../../src/files/memory-disk.ts'
import { aroundCalls, type NumberedCall } from '../support/around-calls.ts'
import { describeCall } from '../support/counting-files.ts'
import { CrashFiles } from '../support/crash-files.ts'
import {
  commitOver,
  Ledger,
  playScenario,
  SCENARIO_STORE,
  scenarioOptions,
} from '../support/power-scenario.ts'
import { difference, rowsOf, type VersionHistory } from '../support/version-history.ts'

/** Of each crash, several disks come up: they differ in which of the unsynced changes survived. `SEED=` tries one other. */
const POWER_SEEDS = [0, 1]

/** Plays the scenario until the process dies before call `diesAt`. */
async function playUntil(
  diesAt: number | undefined,
  options: StateStoreOptions,
): Promise<{ machine: CrashFiles; ledger: Ledger }> {
  const machine = new CrashFiles(diesAt === undefined ? {} : { diesAt })
  const ledger = new Ledger()
  try {
    await playScenario(machine.files, options, ledger)
  } catch (error) {
    if (!machine.dead) throw error
  }
  return { machine, ledger }
}

/** The next process: what it finds must be what the ledger says, and it must be able to go on. */
async function recover(files: MemoryFileManager, options: StateStoreOptions, ledger: Ledger) {
  const stores = await StateStores.open(files, scenarioOptions(options))
  const provider = stores.provider(SCENARIO_STORE)
  const store = await provider.getStore() // Claims the lease, and so settles what is there.
  const latest = store.version
  await store.abort()

  const before = await mismatch(provider, latest, ledger.acknowledged)
  const after = ledger.underway && (await mismatch(provider, latest, ledger.underway))
  const history =
    before === undefined
      ? ledger.acknowledged
      : ledger.underway !== undefined && after === undefined
        ? ledger.underway
        : await halfRewound(provider, latest, ledger)
  if (history === undefined) {
    throw new Error(
      `Found neither what was acknowledged (${before}) nor what was under way (${after ?? 'nothing'})`,
    )
  }

  const next = new Ledger()
  next.acknowledged = history.copy()
  await commitOver(provider, next, latest, 77)
  next.acknowledged.cleaned(2)
  await stores.doMaintenance()
  expect(await mismatch(provider, latest + 1, next.acknowledged)).toBeUndefined()
  await stores.close()
  expect(await entriesOf(files, '_tidemark/staging/0/0/default'), 'left in staging').toEqual([])
  const foreign = (await entriesOf(files, 'state/0/0')).filter(
    (name) => !/^\d+\.(delta|snapshot)(\.crc)?$/.test(name),
  )
  expect(foreign, 'left in the store directory').toEqual([])

  const again = await StateStores.open(files, scenarioOptions(options))
  expect(
    await mismatch(again.provider(SCENARIO_STORE), latest + 1, next.acknowledged),
  ).toBeUndefined()
  await again.close()
}

/** A rewind that was cut short may have undone the newest of what it was told to undo, down to the version it was opened at. */
async function halfRewound(
  provider: StateStoreProvider,
  latest: number,
  ledger: Ledger,
): Promise<VersionHistory | undefined> {
  if (ledger.underway === undefined || latest < ledger.underwayParent) return undefined
  if (latest >= ledger.acknowledged.latest) return undefined
  const undone = ledger.acknowledged.undoneTo(latest)
  return (await mismatch(provider, latest, undone)) === undefined ? undone : undefined
}

/** Undefined if the store holds exactly this history. */
async function mismatch(
  provider: StateStoreProvider,
  latest: number,
  history: VersionHistory,
): Promise<string | undefined> {
  if (latest !== history.latest) return `version ${latest}, not ${history.latest}, is the newest`
  for (let version = 1; version <= latest; version++) {
    try {
      await using reader = await provider.getReadStore(version)
      const differs = difference(rowsOf(reader), history.at(version).rows)
      if (differs !== undefined) return `version ${version}: ${differs}`
    } catch (error) {
      if (history.isKept(version) || !isStateStoreError(error)) throw error
      // Half cleaned: gone, or with a hole below. Never wrong.
      expect(error.code).toMatch(/VERSION_NOT_FOUND|BROKEN_CHAIN/)
    }
  }
  return undefined
}

async function entriesOf(files: MemoryFileManager, directory: string): Promise<string[]> {
  return ((await files.list(directory)) ?? []).map(({ name }) => name)
}

const VARIANTS: readonly [string, StateStoreOptions, readonly Durability[]][] = [
  ['with trailers', {}, ['fsync', 'os']],
  ['with pure Spark files', { trailer: false }, ['os']],
]

describe.each(VARIANTS)('%s', (_, variant, durabilities) => {
  const seeds = process.env['SEED'] === undefined ? POWER_SEEDS : [Number(process.env['SEED'])]

  test(`the power fails before each system call, and at the end (seeds ${seeds.join(' ')})`, async () => {
    const ledger = new Ledger()
    const disk = new MemoryDisk({ losesPower: true })
    const failures = new Failures()
    const crashHere = async (call: NumberedCall | undefined): Promise<void> => {
      const known = ledger.copy()
      const images = seeds.map((seed) => disk.crash(seed * 10_000 + (call?.index ?? 0)))
      for (const [i, image] of images.entries()) {
        await recover(new MemoryFileManager({ disk: image }), variant, known).catch((error) =>
          failures.add(call, `seed ${seeds[i]}`, error),
        )
      }
    }
    // The disk lives on; what fails is a copy of it.
    const native = aroundCalls(disk, async (call, proceed) => {
      await crashHere(call)
      return proceed()
    })
    await playScenario(new MemoryFileManager({ disk, native }), variant, ledger)
    await crashHere(undefined)
    failures.report()
  })

  test.each(durabilities)(
    'the process is killed at each system call, durability %s',
    async (durability) => {
      const options = { ...variant, durability }
      const { machine } = await playUntil(undefined, options)
      expect(machine.calls.length).toBeGreaterThan(300)
      const failures = new Failures()
      for (const call of machine.calls) {
        const { machine: dead, ledger } = await playUntil(call.index, options)
        await recover(dead.afterKill().files, options, ledger).catch((error) =>
          failures.add(call, 'killed', error),
        )
      }
      failures.report()
    },
  )
})

/** Crash points that were not survived; all are reported together, by name. */
class Failures {
  readonly #lines: string[] = []
  #first: unknown

  add(call: NumberedCall | undefined, what: string, error: unknown): void {
    this.#first ??= error
    const where = call === undefined ? 'at the end' : `before ${describeCall(call)}`
    this.#lines.push(`${where}, ${what}: ${String(error)}`)
  }

  report(): void {
    if (this.#lines.length === 0) return
    const shown = this.#lines.slice(0, 12).join('\n')
    throw new Error(`${this.#lines.length} crashes were not survived:\n${shown}`, {
      cause: this.#first,
    })
  }
}
