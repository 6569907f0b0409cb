// What is in memory is gone on from only as the files have it now; and what a load does not need may be damaged.

import { expect, test } from 'vitest'
import type { ByteRange, CheckpointFileManager } from '../../../src/files/file-manager.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import { aroundCalls } from '../../../src/testing/around-calls.ts'
import {
  commitRows,
  commitVersions,
  failure,
  names,
  openProvider,
  plant,
  readFile,
  readRows,
  rowsAfter,
  text,
} from '../../../src/testing/stores.ts'
import { MemoryObjects } from '../../support/memory-objects.ts'

/** A holder whose PUT of 2.delta is held back, and a second writer, that knows version 1 or not. */
async function heldCommit(isWarm: boolean) {
  const files = new MemoryObjects()
  const older = await openProvider({}, files)
  await commitVersions(older.provider, 1)
  const newerFiles = new MemoryObjects(files.storage)
  const newer = await openProvider({}, newerFiles)
  if (isWarm) await readRows(newer.provider)
  const store = await older.provider.getStore()
  store.put(text('from'), text('older'))
  const reached = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  files.hooks = {
    before: async (path) => {
      if (!path.endsWith('/2.delta')) return
      files.hooks = {}
      reached.resolve()
      await gate.promise
    },
  }
  const refused = failure('TIDEMARK_FENCED', () => store.commit())
  await reached.promise
  const arrive = async (): Promise<void> => {
    gate.resolve()
    await refused
  }
  return { storage: files.storage, newer, newerFiles, arrive }
}

test.each([true, false])(
  'a late delta of a fenced writer is an orphan to its successor, whether that had version 1 in memory (%s) or not',
  async (isWarm) => {
    const { storage, newer, newerFiles, arrive } = await heldCommit(isWarm)
    newerFiles.hooks = {
      // Just behind the new stamp of version 1.
      after: async (path) => {
        if (!path.endsWith('/1.delta')) return
        newerFiles.hooks = {}
        await arrive()
      },
    }
    expect(await commitRows(newer.provider, { from: 'newer' })).toBe(2)
    await newer.stores.close()
    await using fresh = await openProvider({}, new MemoryObjects(storage))
    expect(await readRows(fresh.provider)).toEqual({ ...rowsAfter(1), from: 'newer' })
  },
)

test('nor is it history after a commit that was given up, or to those who follow', async () => {
  const { storage, newer, arrive } = await heldCommit(true)
  await using follower = await openProvider({ readOnly: true }, new MemoryObjects(storage))
  await readRows(follower.provider)
  const store = await newer.provider.getStore()
  await arrive()
  await failure('TIDEMARK_VERSION_NOT_FOUND', () => readRows(follower.provider, 2))
  const giveUp = new AbortController()
  const committing = store.commit({ signal: giveUp.signal })
  giveUp.abort()
  await expect(committing).rejects.toThrow('aborted')
  await store.abort()
  expect(await commitRows(newer.provider, { from: 'newer' })).toBe(2)
  await newer.stores.close()
  expect(await readRows(follower.provider, 2)).toEqual({ ...rowsAfter(1), from: 'newer' })
})

/** Flips a bit of the trailer. */
async function spoil(files: CheckpointFileManager, name: string): Promise<void> {
  const bytes = new Uint8Array(await readFile(files, name))
  bytes[bytes.length - 60] ^= 1
  await plant(files, name, bytes)
}

test.each(['spoiled', 'emptied'])(
  'a delta that a snapshot has made unneeded may be %s',
  async (how) => {
    const files = new MemoryFileManager()
    await using writer = await openProvider({ minDeltasForSnapshot: 3 }, files)
    await commitVersions(writer.provider, 4)
    await writer.provider.doMaintenance()
    await commitVersions(writer.provider, 1)
    expect(await names(files)).toContain('4.snapshot')
    for (const name of ['3.delta', '2.delta']) {
      if (how === 'spoiled') await spoil(files, name)
      else await plant(files, name, new Uint8Array(0))
      await using other = await openProvider({ readOnly: true }, files)
      expect(await other.provider.latestVersion()).toBe(5)
      expect(await readRows(other.provider)).toEqual(rowsAfter(5))
    }
  },
)

test('damage to the version in memory does not fail loads that do not need it', async () => {
  const files = new MemoryFileManager()
  await using writer = await openProvider({ minDeltasForSnapshot: 3 }, files)
  await commitVersions(writer.provider, 2)
  await using follower = await openProvider({ readOnly: true }, files)
  await readRows(follower.provider)
  await commitVersions(writer.provider, 4)
  await writer.provider.doMaintenance()
  const whole = await readFile(files, '2.delta')
  await spoil(files, '2.delta')
  expect(await readRows(follower.provider)).toEqual(rowsAfter(6))
  await plant(files, '2.delta', whole)
  await spoil(files, '6.delta')
  const store = await writer.provider.getStore()
  const giveUp = new AbortController()
  const committing = store.commit({ signal: giveUp.signal })
  giveUp.abort()
  await expect(committing).rejects.toThrow('aborted')
  await store.abort()
  // Going back below a damaged file is how it is undone.
  const older = await writer.provider.getStore(5)
  expect(older.version).toBe(5)
  await older.abort()
})

test('what was declared final below a damaged file stays so for whoever goes back to undo that', async () => {
  const files = new MemoryFileManager()
  await using writer = await openProvider({}, files)
  await commitVersions(writer.provider, 2)
  await commitRows(writer.provider, { a: '3' }, { committedThrough: 3 })
  await commitVersions(writer.provider, 2)
  await writer.stores.close()
  await spoil(files, '5.delta')
  await using other = await openProvider({}, files)
  await failure('TIDEMARK_REWIND_REFUSED', () => other.provider.getStore(2, { rewind: 'allow' }))
  await failure('TIDEMARK_CORRUPT_FILE', () => other.provider.getStore())
  const store = await other.provider.getStore(4)
  store.put(text('a'), text('5'))
  expect(await store.commit()).toBe(5)
  await failure('TIDEMARK_REWIND_REFUSED', () => other.provider.getStore(2, { rewind: 'allow' }))
  expect((await readRows(other.provider))['a']).toBe('5')
})

test('a batch is run again with a higher promise below a damaged file, which stays as it is', async () => {
  const files = new MemoryFileManager()
  await using writer = await openProvider({}, files)
  for (const a of ['1', '2', '3']) await commitRows(writer.provider, { a })
  await writer.stores.close()
  await spoil(files, '3.delta')
  const damaged = await readFile(files, '3.delta')
  await using other = await openProvider({}, files)
  const again = { from: 1, rewind: 'allow', committedThrough: 2 } as const
  expect(await commitRows(other.provider, { a: '2' }, again)).toBe(2)
  expect(await readFile(files, '3.delta')).toEqual(damaged)
  expect(await commitRows(other.provider, { a: '3' }, { from: 2 })).toBe(3)
  await failure('TIDEMARK_REWIND_REFUSED', () => other.provider.getStore(1, { rewind: 'allow' }))
})

test('a large delta that is replaced by a smaller one while it is read is looked for anew', async () => {
  const files = new MemoryFileManager()
  await using writer = await openProvider({ compression: 'none' }, files)
  await commitVersions(writer.provider, 1)
  const commitMebibytes = async (count: number): Promise<void> => {
    const store = await writer.provider.getStore(1)
    for (let i = 0; i < count; i++) store.put(text(`b${i}`), new Uint8Array(1024 * 1024))
    await store.commit()
  }
  await commitMebibytes(10)
  let isListed = false
  const read = aroundCalls(files, async ({ method, args }, proceed) => {
    const result = await proceed()
    if (!isListed && method === 'list' && args[0] === 'state/0/0') {
      isListed = true
      await commitMebibytes(9)
    }
    return result
  })
  await using follower = await openProvider({ readOnly: true }, read)
  const store = await follower.provider.getReadStore(2)
  expect(store.get(text('b8'))).toHaveLength(1024 * 1024)
  expect(store.has(text('b9'))).toBe(false)
  await store.release()
})

test('so is one that is replaced by one of the same size', async () => {
  const files = new MemoryFileManager()
  await using writer = await openProvider({ compression: 'none' }, files)
  await commitVersions(writer.provider, 1)
  const commitFilled = async (byte: number): Promise<void> => {
    const store = await writer.provider.getStore(1)
    for (let i = 0; i < 10; i++) store.put(text(`b${i}`), new Uint8Array(1024 * 1024).fill(byte))
    await store.commit()
  }
  await commitFilled(1)
  const sizes = async () => (await files.list('state/0/0'))?.map(({ sizeBytes }) => sizeBytes)
  const before = await sizes()
  let isBegun = false
  const read = aroundCalls(files, async ({ method, args }, proceed) => {
    const result = await proceed()
    // The trailer is known by then, the rows are not.
    const range = args[1] as ByteRange | undefined
    if (!isBegun && method === 'read' && args[0] === 'state/0/0/2.delta' && range?.offset === 0) {
      isBegun = true
      await commitFilled(2)
    }
    return result
  })
  await using follower = await openProvider({ readOnly: true }, read)
  const store = await follower.provider.getReadStore(2)
  expect(await sizes()).toEqual(before)
  expect(store.get(text('b9'))?.[0]).toBe(2)
  await store.release()
})
