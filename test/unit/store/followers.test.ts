// Who reads a store without its lease, while another writes it.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CHANNELS, type StepMessage } from '../../../src/base/diagnostics.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import {
  commitRows,
  commitVersions,
  openProvider,
  plant,
  readFile,
  readRows,
  rowsAfter,
} from '../../../src/testing/stores.ts'

describe('of versions without trailer, as Spark writes them', () => {
  const WITHOUT = { trailer: false }

  /** The versions whose deltas were replayed. */
  const replayed: (number | undefined)[] = []
  const note = (message: unknown): number => replayed.push((message as StepMessage).version)
  beforeEach(() => subscribe(CHANNELS.replay, note))
  afterEach(() => void unsubscribe(CHANNELS.replay, note))

  /** A store of `versions` versions, and a follower that has read the newest. */
  async function followed(versions: number) {
    const disk = new MemoryFileManager()
    const writer = await openProvider(WITHOUT, disk)
    await commitVersions(writer.provider, versions)
    const follower = await openProvider(WITHOUT, disk)
    expect(await readRows(follower.provider)).toEqual(rowsAfter(versions))
    replayed.length = 0
    const close = async (): Promise<void> => {
      await follower[Symbol.asyncDispose]()
      await writer[Symbol.asyncDispose]()
    }
    return { disk, writer, follower, [Symbol.asyncDispose]: close }
  }

  /** The delta of `version` as another run of its batch would have written it. */
  async function runAgain(files: MemoryFileManager, version: number): Promise<void> {
    await using other = await openProvider(WITHOUT)
    await commitVersions(other.provider, version - 1)
    await commitRows(other.provider, { [`k${version}`]: 'again', last: String(version) })
    await plant(files, `${version}.delta`, await readFile(other.files, `${version}.delta`))
  }

  test('the newest is in memory for as long as its files are the same', async () => {
    await using store = await followed(3)
    expect(await readRows(store.follower.provider)).toEqual(rowsAfter(3))
    expect(replayed).toEqual([])
  })

  test('the next goes on from it', async () => {
    await using store = await followed(3)
    await commitRows(store.writer.provider, { k4: '4', last: '4' })
    expect(await readRows(store.follower.provider)).toEqual(rowsAfter(4))
    expect(replayed).toEqual([4])
  })

  test('what was cleaned below does not matter', async () => {
    await using store = await followed(12)
    const loads = () => store.follower.provider.metrics.customMetrics.loadedMapCacheMissCount
    const before = loads()
    await store.writer.provider.doMaintenance()
    await store.disk.deleteFile('state/0/0/1.delta')
    expect(await readRows(store.follower.provider)).toEqual(rowsAfter(12))
    expect(loads()).toBe(before)
  })

  test.each([2, 3])('version %i was run again: the files count', async (version) => {
    await using store = await followed(3)
    await runAgain(store.disk, version)
    const expected = { ...rowsAfter(3), [`k${version}`]: 'again' }
    expect(await readRows(store.follower.provider)).toEqual(expected)
  })

  test('a version that follows one that was run again is not made of the old one', async () => {
    await using store = await followed(3)
    await runAgain(store.disk, 3)
    await using other = await openProvider(WITHOUT)
    await commitVersions(other.provider, 4)
    await plant(store.disk, '4.delta', await readFile(other.files, '4.delta'))
    expect(await readRows(store.follower.provider)).toEqual({ ...rowsAfter(4), k3: 'again' })
  })
})

test('files that change between the look at what is in memory and the load are not taken for those it came from', async () => {
  const disk = new MemoryFileManager()
  await using writer = await openProvider({ trailer: false }, disk)
  await commitVersions(writer.provider, 3)
  await using follower = await openProvider({ trailer: false }, disk)
  expect(await readRows(follower.provider)).toEqual(rowsAfter(3))
  await commitRows(writer.provider, { k4: 'y', last: '4' })

  await using other = await openProvider({ trailer: false })
  await commitVersions(other.provider, 2)
  await commitRows(other.provider, { k3: 'X', last: '3' })
  await commitRows(other.provider, { k4: '4', last: '4' })
  let listings = 0
  disk.list = async (path) => {
    const found = await MemoryFileManager.prototype.list.call(disk, path)
    if (path === 'state/0/0' && ++listings === 2)
      for (const name of ['3.delta', '4.delta'])
        await plant(disk, name, await readFile(other.files, name))
    return found
  }
  // Whatever the first sees that looks in between: it does not last.
  await readRows(follower.provider)
  expect(await readRows(follower.provider)).toEqual({ ...rowsAfter(4), k3: 'X' })
})

test('memory that another load took the place of counts for as long as somebody reads it', async () => {
  await using writer = await openProvider()
  await commitVersions(writer.provider, 4)
  await using follower = await openProvider({}, writer.files)
  const { metrics: alone } = follower.provider
  await using early = await follower.provider.getReadStore()
  const { memoryUsedBytes } = follower.provider.metrics
  expect(memoryUsedBytes).toBeGreaterThan(alone.memoryUsedBytes)

  await commitRows(writer.provider, { a: '1' }, { from: 3, rewind: 'allow' })
  expect(await readRows(follower.provider)).toEqual({ ...rowsAfter(3), a: '1' })
  expect(follower.provider.metrics.memoryUsedBytes).toBeGreaterThan(memoryUsedBytes)
  expect(follower.provider.metrics.customMetrics.openReaders).toBe(1)

  await early.release()
  expect(follower.provider.metrics.memoryUsedBytes).toBe(memoryUsedBytes)
  expect(follower.provider.metrics.customMetrics.openReaders).toBe(0)
})
