import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { StateStoreError } from '../../../src/errors.ts'
import { LeasedDirectory } from '../../../src/files/leased-directory.ts'
import { LocalFileManager } from '../../../src/files/local.ts'
import { MemoryDisk } from '../../../src/files/memory-disk.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import { aroundCalls, type NumberedCall } from '../../../src/testing/around-calls.ts'
import { bytesOf, namesIn, textOf } from '../../../src/testing/file-manager-contract.ts'
import { leasedDirectoryContract } from '../../../src/testing/leased-directory-contract.ts'

leasedDirectoryContract('memory', {
  create: async () => ({ files: new MemoryFileManager(), dispose: async () => undefined }),
})

// As HDFS does it: the folder is deleted with what is in it.
leasedDirectoryContract('memory, fenced by deleting', {
  create: async () => ({ files: new MemoryFileManager(), dispose: async () => undefined }),
  fence: (files, staging) => files.deleteTree(staging),
})

leasedDirectoryContract('local', {
  create: async () => {
    const root = await mkdtemp(join(tmpdir(), 'tidemark-leased-'))
    return {
      files: await LocalFileManager.open(root),
      dispose: () => rm(root, { recursive: true }),
    }
  },
})

describe('the memory of what was written', () => {
  class FarAway extends MemoryFileManager {
    override readonly capabilities = {
      name: 'far away',
      atomicMove: true,
      losesAnswers: true,
    }
  }

  /** Writes `chunk` into a file and publishes it; answers what the file holds then. */
  async function writeIn(files: MemoryFileManager, chunk: Uint8Array): Promise<string | undefined> {
    const options = { files, directory: 'state', staging: 'staging', durability: 'os' } as const
    for (const path of ['state', 'staging']) await files.makeDirectories(path, 'os')
    const file = await new LeasedDirectory(options).create('1.delta')
    await file.write(chunk)
    await file.close()
    const [name] = await namesIn(files, 'staging')
    return textOf(files, `staging/${name}`)
  }

  test('is given back at once', async () => {
    const chunk = Uint8Array.of(104, 105)
    expect(await writeIn(new MemoryFileManager(), chunk)).toBe('hi')
    expect(chunk.length).toBe(0)
  })

  test('is left alone where something else lies in it', async () => {
    const whole = Uint8Array.of(104, 105, 33)
    expect(await writeIn(new MemoryFileManager(), whole.subarray(0, 2))).toBe('hi')
    expect([...whole]).toEqual([104, 105, 33])
  })

  test('is left alone where a request that was given up may still be under way', async () => {
    const chunk = Uint8Array.of(104, 105)
    expect(await writeIn(new FarAway(), chunk)).toBe('hi')
    expect([...chunk]).toEqual([104, 105])
  })
})

// On POSIX one operation of the file manager is several system calls. The writer is stopped before each of them in turn; its successor
// takes over, looks, and publishes under the same names; then the writer goes on.
describe('a writer that is stopped between two system calls', () => {
  const LEASE = '_tidemark/staging/0/0/default'
  const STORE = 'state/0/0'

  interface Run {
    calls: NumberedCall[]
    /** What the writer was told, in order. */
    told: string[]
    /** What the successor found when it had taken over. */
    seen: Record<string, string | undefined>
    after: Record<string, string | undefined>
  }

  /** Replaces 1.delta, publishes 2.delta and removes 0.delta; stopped before system call `stopAt`. */
  async function run(stopAt: number | undefined): Promise<Run> {
    const disk = new MemoryDisk()
    const others = new MemoryFileManager({ disk })
    await others.makeDirectories(STORE, 'os')
    await others.makeDirectories(`${LEASE}/1`, 'os')
    for (const name of ['0.delta', '1.delta'])
      await others.createExclusive(`${STORE}/${name}`, bytesOf('initial'), 'os')

    const calls: NumberedCall[] = []
    let takingOver: Promise<Run['seen']> | undefined
    const native = aroundCalls(disk, async (call, proceed) => {
      calls.push(call)
      if (call.index === stopAt) takingOver = takeOver(others)
      // It is stopped as a whole: the old name of a file it has published leaves beside what it does next.
      await takingOver
      return proceed()
    })
    const writer = new LeasedDirectory({
      files: new MemoryFileManager({ disk, native }),
      directory: STORE,
      staging: `${LEASE}/1`,
      durability: 'fsync',
    })
    const told: string[] = []
    try {
      for (const [name, mode] of [
        ['1.delta', 'replace'],
        ['2.delta', 'if-absent'],
      ] as const) {
        const file = await writer.create(name)
        await file.write(bytesOf('writer'))
        await file.close()
        told.push(`${await writer.publish(file, name, mode)} ${name}`)
      }
      if (await writer.remove('0.delta')) told.push('removed 0.delta')
    } catch (error) {
      expect(error).toMatchObject({ code: 'TIDEMARK_FENCED', published: 'no' })
    }
    const seen = (await takingOver) ?? {}
    expect(disk.openCount).toBe(0)
    return { calls, told, seen, after: await contents(others) }
  }

  async function takeOver(files: MemoryFileManager): Promise<Record<string, string | undefined>> {
    await files.makeDirectory(`${LEASE}/2`, 'os')
    await files.moveDirectory(`${LEASE}/1`, `${LEASE}/.fenced-1`)
    const seen = await contents(files)
    const successor = new LeasedDirectory({
      files,
      directory: STORE,
      staging: `${LEASE}/2`,
      durability: 'fsync',
    })
    for (const name of ['0.delta', '1.delta', '2.delta']) {
      const file = await successor.create(name)
      await file.write(bytesOf('successor'))
      await file.close()
      await successor.publish(file, name, 'replace')
    }
    return seen
  }

  async function contents(files: MemoryFileManager): Promise<Record<string, string | undefined>> {
    const found: Record<string, string | undefined> = {}
    for (const name of await namesIn(files, STORE))
      found[name] = await textOf(files, `${STORE}/${name}`)
    return found
  }

  test('is told success for exactly what the successor found, and touches nothing of it', async () => {
    const { calls, told } = await run(undefined)
    expect(told).toEqual(['published 1.delta', 'published 2.delta', 'removed 0.delta'])
    expect(calls.filter(({ method }) => method === 'link')).toHaveLength(1)
    for (let stopAt = 1; stopAt <= calls.length; stopAt++) {
      const { told, seen, after } = await run(stopAt)
      const label = `stopped before call ${stopAt}, ${calls[stopAt - 1].method}`
      expect(told.includes('published 1.delta'), label).toBe(seen['1.delta'] === 'writer')
      expect(told.includes('published 2.delta'), label).toBe(seen['2.delta'] === 'writer')
      expect(told.includes('removed 0.delta'), label).toBe(seen['0.delta'] === undefined)
      expect(after, label).toEqual({
        '0.delta': 'successor',
        '1.delta': 'successor',
        '2.delta': 'successor',
      })
    }
  })
})

test('a move that comes after its file was discarded replaces nothing that was published since', async () => {
  const inner = new MemoryFileManager()
  const late: (() => Promise<unknown>)[] = []
  let deletesFail = false
  const files = aroundCalls(inner, async (call, proceed) => {
    if (call.method === 'moveReplacing' && late.length === 0) {
      late.push(proceed)
      throw new StateStoreError('TIDEMARK_STORAGE_TIMEOUT', 'no answer')
    }
    if (call.method === 'deleteFile' && deletesFail) {
      throw new StateStoreError('TIDEMARK_STORAGE_UNAVAILABLE', 'no connection')
    }
    return proceed()
  })
  for (const path of ['state', 'staging']) await files.makeDirectories(path, 'os')
  const leased = new LeasedDirectory({
    files,
    directory: 'state',
    staging: 'staging',
    durability: 'os',
  })
  const staged = async (content: string) => {
    const file = await leased.create('4.snapshot')
    await file.write(bytesOf(content))
    await file.close()
    return file
  }
  const lost = await staged('undone')
  await expect(leased.publish(lost, '4.snapshot', 'replace')).rejects.toThrow('no answer')
  deletesFail = true
  await lost.discard()
  // Whether the first can still arrive is not known: nothing is published over it.
  const good = await staged('good')
  await expect(leased.publish(good, '4.snapshot', 'replace')).rejects.toThrow('no connection')
  deletesFail = false
  expect(await leased.publish(good, '4.snapshot', 'replace')).toBe('published')
  expect(await late[0]()).toBe('source-missing')
  expect(await textOf(inner, 'state/4.snapshot')).toBe('good')
})
