// What `durability: 'fsync'` is worth: the process dies before each of its system calls in turn, by a kill or with the power, and the next
// process looks. The disk is one in memory that loses whatever was not synced, as maliciously as POSIX allows; the code is the real one.

import { describe, expect, test } from 'vitest'
import type { Durability } from '../../../src/files/file-manager.ts'
import { LeasedDirectory } from '../../../src/files/leased-directory.ts'
import { LocalFileManager } from '../../../src/files/local.ts'
import { aroundCalls } from '../../../src/testing/around-calls.ts'
import { bytesOf, namesIn, textOf } from '../../../src/testing/file-manager-contract.ts'
import { commitRows, failure, openProvider, readRows } from '../../../src/testing/stores.ts'
import { MemoryDisk } from '../../../src/files/memory-disk.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import { errnoError, faultyFiles } from '../../support/faulty-fs.ts'
import { CrashFiles } from '../../support/crash-files.ts'

const STORE = 'state/0/0'
const STAGING = '_tidemark/staging/0/0/default'
/** Power failures tried per point of death: each chooses anew what of the unsynced survives. */
const SEEDS_COUNT = 12

/** One life: open, claim, commit versions, replace one, remove one. `told` is what it was told, in order, until it died. */
async function live(machine: CrashFiles, generation: number, durability: Durability) {
  const told: string[] = []
  const { files } = machine
  const life = async (): Promise<void> => {
    await files.makeDirectories(STORE, durability)
    await files.makeDirectories(STAGING, durability)
    await files.makeDirectories('_tidemark/writers', durability)
    const claim = `_tidemark/writers/${generation}`
    if ((await files.createExclusive(claim, bytesOf('claim'), durability)) === 'created')
      told.push(claim)
    await files.makeDirectory(`${STAGING}/${generation}`, durability)
    const leased = new LeasedDirectory({
      files,
      directory: STORE,
      staging: `${STAGING}/${generation}`,
      durability,
    })
    await leased.sync()
    for (const [name, mode] of [
      ['1.delta', 'if-absent'],
      ['2.delta', 'if-absent'],
      ['1.delta', 'replace'],
    ] as const) {
      const file = await leased.create(name)
      await file.write(bytesOf(`${name} by `))
      await file.write(bytesOf(`${generation}, ${mode}`))
      await file.close()
      if ((await leased.publish(file, name, mode)) === 'published')
        told.push(`${name} by ${generation}, ${mode}`)
    }
    if (await leased.remove('2.delta')) {
      await leased.sync()
      told.push('removed 2.delta')
    }
  }
  await life().catch((error: unknown) => {
    if (!machine.dead) throw error
  })
  return told
}

async function open(
  { files }: { files: MemoryFileManager },
  generation: number,
): Promise<LeasedDirectory> {
  await files.makeDirectories(STORE, 'fsync')
  await files.syncDirectory(STORE)
  const staging = `${STAGING}/${generation}`
  await files.makeDirectories(staging, 'fsync')
  return new LeasedDirectory({ files, directory: STORE, staging, durability: 'fsync' })
}

async function publish(leased: LeasedDirectory, name: string): Promise<void> {
  const file = await leased.create(name)
  await file.write(bytesOf(name))
  await file.close()
  expect(await leased.publish(file, name, 'if-absent')).toBe('published')
}

async function contents(machine: CrashFiles): Promise<Record<string, string | undefined>> {
  const found: Record<string, string | undefined> = {}
  for (const name of await namesIn(machine.files, STORE))
    found[name] = await textOf(machine.files, `${STORE}/${name}`)
  return found
}

/** Everything that was acknowledged is there; what was not is there whole or not at all. */
async function check(machine: CrashFiles, told: string[], generation: number, label: string) {
  const found = await contents(machine)
  const [created, replaced] = ['if-absent', 'replace'].map(
    (how) => `1.delta by ${generation}, ${how}`,
  )
  const second = `2.delta by ${generation}, if-absent`
  if (told.includes(replaced)) expect(found['1.delta'], label).toBe(replaced)
  else if (told.includes(created)) expect([created, replaced], label).toContain(found['1.delta'])
  else expect([undefined, created], label).toContain(found['1.delta'])
  if (told.includes('removed 2.delta')) expect(found['2.delta'], label).toBeUndefined()
  else if (told.includes(second))
    expect(told.includes(replaced) ? [second, undefined] : [second], label).toContain(
      found['2.delta'],
    )
  else expect([undefined, second], label).toContain(found['2.delta'])
  expect(
    Object.keys(found).filter((name) => !/^[12]\.delta$/.test(name)),
    label,
  ).toEqual([])
  const claim = `_tidemark/writers/${generation}`
  if (told.includes(claim)) expect(await textOf(machine.files, claim), label).toBe('claim')
}

async function callsOfALife(): Promise<number> {
  const machine = new CrashFiles()
  expect(await live(machine, 1, 'fsync')).toEqual([
    '_tidemark/writers/1',
    '1.delta by 1, if-absent',
    '2.delta by 1, if-absent',
    '1.delta by 1, replace',
    'removed 2.delta',
  ])
  return machine.calls.length
}

describe("with durability 'fsync'", () => {
  test('the power may fail before any system call: what was acknowledged is there, the rest whole or absent', async () => {
    const total = await callsOfALife()
    expect(total).toBeGreaterThan(50)
    for (let diesAt = 1; diesAt <= total + 1; diesAt++) {
      const machine = new CrashFiles({ diesAt })
      const told = await live(machine, 1, 'fsync')
      for (let seed = 1; seed <= SEEDS_COUNT; seed++)
        await check(machine.afterPowerLoss(seed), told, 1, `died at ${diesAt}, seed ${seed}`)
    }
  })

  test('what the next process acknowledges survives too, whatever a killed one left unsynced', async () => {
    const total = await callsOfALife()
    for (let diesAt = 1; diesAt <= total; diesAt++) {
      const first = new CrashFiles({ diesAt })
      const toldFirst = await live(first, 1, 'fsync')
      const second = first.afterKill()
      await check(second, toldFirst, 1, `killed at ${diesAt}`)
      // As a writer that opens the store does: make sure of the folders, and of what they hold, before going by it.
      const leased = await open(second, 2)
      const seen = await contents(second)
      await publish(leased, '3.delta')
      for (let seed = 1; seed <= SEEDS_COUNT; seed++)
        expect(
          await contents(second.afterPowerLoss(seed)),
          `killed at ${diesAt}, seed ${seed}`,
        ).toEqual({ ...seen, '3.delta': '3.delta' })
    }
  })

  test('what is found after an unanswered move is durable once settled', async () => {
    const disk = new MemoryDisk({ losesPower: true })
    const { native } = faultyFiles(disk, { at: 1, method: 'link', errno: 'EIO', when: 'after' })
    const leased = await open({ files: new MemoryFileManager({ disk, native }) }, 1)
    const file = await leased.create('1.delta')
    await file.write(bytesOf('ours'))
    await file.close()
    await expect(leased.publish(file, '1.delta', 'if-absent')).rejects.toMatchObject({
      code: 'TIDEMARK_STORAGE_TIMEOUT',
    })
    await leased.settle(file, '1.delta')
    expect(await leased.read('1.delta')).toEqual(bytesOf('ours'))
    for (let seed = 1; seed <= SEEDS_COUNT; seed++)
      expect(
        await textOf(new MemoryFileManager({ disk: disk.crash(seed) }), `${STORE}/1.delta`),
      ).toBe('ours')
  })
})

describe("with durability 'os'", () => {
  test('a kill before any system call loses nothing that was acknowledged', async () => {
    const whole = new CrashFiles()
    await live(whole, 1, 'os')
    expect(whole.calls.filter((call) => call.method === 'sync')).toEqual([])
    for (let diesAt = 1; diesAt <= whole.calls.length + 1; diesAt++) {
      const machine = new CrashFiles({ diesAt })
      const told = await live(machine, 1, 'os')
      await check(machine.afterKill(), told, 1, `killed at ${diesAt}`)
    }
  })

  test('a power failure may lose it: this is what the other durability is for', async () => {
    const machine = new CrashFiles()
    await live(machine, 1, 'os')
    const outcomes = new Set<string>()
    for (let seed = 1; seed <= 50; seed++)
      outcomes.add(JSON.stringify(await contents(machine.afterPowerLoss(seed))))
    expect(outcomes.size).toBeGreaterThan(1)
    expect(outcomes).toContain('{}')
  })
})

test('folders above the location are durable, whoever died while making them', async () => {
  const disk = new MemoryDisk({ losesPower: true })
  const dying = aroundCalls(disk, async ({ method }, proceed) => {
    if (method === 'sync') return await new Promise(() => undefined)
    return await proceed()
  })
  const first = await LocalFileManager.open('/a/b/c', { native: dying })
  void first.makeDirectories('state/0/0', 'fsync')
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
  await using opened = await openProvider(
    {},
    await LocalFileManager.open('/a/b/c', { native: disk }),
  )
  await commitRows(opened.provider, { k: '1' })
  for (let seed = 1; seed <= 40; seed++) {
    const after = await LocalFileManager.open('/a/b/c', { native: disk.crash(seed) })
    await using other = await openProvider({ readOnly: true }, after)
    expect(await readRows(other.provider), `seed ${seed}`).toEqual({ k: '1' })
  }
})

test('a location whose parent cannot be synced by its file system is none of ours, one that we make is', async () => {
  const disk = new MemoryDisk()
  await disk.makeDirectory('/data')
  const roots = new Set<unknown>()
  const native = aroundCalls(disk, async (call, proceed) => {
    if (call.method === 'sync' && roots.has(call.args[0])) throw errnoError('EINVAL', call)
    const result = await proceed()
    if (call.method === 'openDirectory' && call.args[0] === '/') roots.add(result)
    return result
  })
  await using found = await openProvider({}, await LocalFileManager.open('/data', { native }))
  expect(await commitRows(found.provider, { k: '1' })).toBe(1)
  await using made = await openProvider({}, await LocalFileManager.open('/other', { native }))
  await failure('TIDEMARK_UNSUPPORTED', () => made.provider.getStore())
})
