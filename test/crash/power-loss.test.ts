// Goal: at whatever moment a process dies or the power fails, every acknowledged commit is there with exactly its content, the one under way is
// there wholly or not at all, and the store goes on. Method: pass 1 counts the system calls of a scenario, pass 2 ends the process before each
// one of them (which is also after the one before it), on a disk that forgets what was not synced, with several choices of what it forgets. Then a new
// process opens the store, compares, commits, cleans up, and compares once more.

import { describe, expect, test } from 'vitest'
import { MemoryDisk } from '../../src/files/memory-disk.ts'
import { type Durability, MemoryFileManager, type StateStoreOptions } from '../../src/index.ts'
import { aroundCalls, type NumberedCall } from '../../src/testing/around-calls.ts'
import { CrashFiles } from '../support/crash-files.ts'
import { checkRecovered, Ledger, playScenario } from '../support/crash-scenario.ts'
import { Failures } from '../support/failures.ts'

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

/** Options, and the durabilities under which the process is killed: a kill alone is the same with and without trailers. */
const VARIANTS: readonly [string, StateStoreOptions, readonly Durability[]][] = [
  ['with trailers', {}, ['fsync', 'os']],
  ['with pure Spark files', { trailer: false }, []],
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
        await checkRecovered(new MemoryFileManager({ disk: image }), variant, known).catch(
          (error) => failures.add(call, `seed ${seeds[i]}`, error),
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
        await checkRecovered(dead.afterKill().files, options, ledger).catch((error) =>
          failures.add(call, 'killed', error),
        )
      }
      failures.report()
    },
  )
})
