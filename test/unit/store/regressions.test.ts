// Histories that once ended wrong, each told from outside: open, commit, go back, look.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { CHANNELS } from '../../../src/base/diagnostics.ts'
import { StateStoreError } from '../../../src/errors.ts'
import type { FileWriter } from '../../../src/files/file-manager.ts'
import { MemoryDisk } from '../../../src/files/memory-disk.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import { VersionedMap } from '../../../src/map/versioned-map.ts'
import type { StateStoreProvider } from '../../../src/store/provider.ts'
import { aroundCalls } from '../../../src/testing/around-calls.ts'
import { errnoError } from '../../support/faulty-fs.ts'
import {
  commitRows,
  commitVersions,
  expectClean,
  failure,
  names,
  openProvider,
  plant,
  readFile,
  readRows,
  rowsAfter,
  rowsOf,
  text,
} from '../../../src/testing/stores.ts'

test.each([
  [true, false],
  [false, true],
])(
  'a file with a trailer says itself whether its rows have checksums (%s), whatever the setting (%s)',
  async (written, read) => {
    await using opened = await openProvider({ rowChecksums: written })
    await commitRows(opened.provider, { a: 'one', b: '2' })
    await commitRows(opened.provider, { b: undefined })
    await using other = await openProvider({ rowChecksums: read }, opened.files)
    expect(await readRows(other.provider)).toEqual({ a: 'one' })
  },
)

test('a store that keeps no version in memory gets its snapshots all the same', async () => {
  await using opened = await openProvider({ maxBatchesToRetainInMemory: 0 })
  await commitVersions(opened.provider, 12)
  await opened.provider.doMaintenance()
  expect(await names(opened.files)).toContain('12.snapshot')
  await commitRows(opened.provider, { x: '1' })
  expect(await readRows(opened.provider, 12)).toEqual(rowsAfter(12))
})

test('a logger that throws does not make a commit fail', async () => {
  const throwing = (): never => {
    throw new Error('no space for logs')
  }
  await using opened = await openProvider({ logger: { info: throwing, warn: throwing } })
  expect(await commitRows(opened.provider, { a: '1' })).toBe(1)
  expect(await commitRows(opened.provider, { a: '2' })).toBe(2)
})

test('after a bug met in memory behind a commit the files are the truth', async () => {
  await using opened = await openProvider()
  await commitRows(opened.provider, { a: '1' })
  const bug = new StateStoreError('TIDEMARK_INVARIANT_VIOLATED', 'torn')
  using spied = vi.spyOn(VersionedMap.prototype, 'compactSlice')
  spied.mockImplementationOnce(function (this: VersionedMap) {
    this.begin()
    this.put(text('b'), text('of no version'))
    this.commit(3)
    throw bug
  })
  const store = await opened.provider.getStore()
  store.put(text('a'), text('2'))
  const failed = await failure(bug.code, () => store.commit())
  expect(failed).toMatchObject({ version: 2, cause: bug })
  await failure('TIDEMARK_STORE_FINISHED', () => store.get(text('a')))
  await store.abort()
  expect(await readRows(opened.provider)).toEqual({ a: '2' })
  expect(await commitRows(opened.provider, { c: '3' })).toBe(3)
  expect(await readRows(opened.provider)).toEqual({ a: '2', c: '3' })
  await expectClean(opened.files)
})

test('a rewind takes versions away while a round of maintenance cleans', async () => {
  const reached = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  let isHeld = false
  const files = aroundCalls(new MemoryFileManager(), async ({ method, args }, proceed) => {
    if (isHeld && method === 'moveReplacing' && String(args[0]).endsWith('/4.delta')) {
      reached.resolve()
      await gate.promise
    }
    return proceed()
  })
  await using opened = await openProvider({}, files)
  const { provider } = opened
  await commitVersions(provider, 4)
  // Makes the folder that removals go to.
  await commitRows(provider, { z: '3' }, { from: 2, rewind: 'allow' })
  await commitRows(provider, { z: '4' })
  isHeld = true
  const committing = commitRows(provider, { y: '3' }, { from: 2, rewind: 'allow' })
  await reached.promise
  const maintenance = provider.doMaintenance()
  await new Promise(setImmediate)
  gate.resolve()
  expect(await committing).toBe(3)
  await maintenance
  expect(await readRows(provider)).toEqual({ ...rowsAfter(2), y: '3' })
  await expectClean(files)
})

test('an fsync that fails poisons the provider, even of a snapshot that a rewind has cancelled meanwhile', async () => {
  const disk = new MemoryDisk()
  const reached = Promise.withResolvers<void>()
  const failing = Promise.withResolvers<void>()
  let descriptor: unknown
  const native = aroundCalls(disk, async (call, proceed) => {
    const answer = await proceed()
    if (call.method === 'openNew' && String(call.args[0]).includes('3.snapshot')) {
      descriptor = answer
    }
    if (call.method === 'sync' && call.args[0] === descriptor) {
      descriptor = undefined
      reached.resolve()
      await failing.promise
      throw errnoError('EIO', call)
    }
    return answer
  })
  const files = new MemoryFileManager({ disk, native })
  await using opened = await openProvider({ minDeltasForSnapshot: 1 }, files)
  await commitVersions(opened.provider, 3)
  const maintenance = opened.provider.doMaintenance()
  await reached.promise
  expect(await commitRows(opened.provider, { again: '3' }, { from: 2 })).toBe(3)
  failing.resolve()
  await maintenance
  await failure('TIDEMARK_POISONED', () => opened.provider.getStore())
})

test('whoever asks for the newest version while a commit undoes several is given the one that it makes', async () => {
  const reached = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  let armed = false
  const files = aroundCalls(new MemoryFileManager(), async (call, proceed) => {
    if (armed && call.method === 'moveReplacing' && String(call.args[0]).includes('4.delta')) {
      armed = false
      reached.resolve()
      await gate.promise
    }
    return proceed()
  })
  await using opened = await openProvider({}, files)
  await commitVersions(opened.provider, 5)
  armed = true
  const committing = commitRows(opened.provider, { again: '3' }, { from: 2, rewind: 'allow' })
  await reached.promise
  const reading = readRows(opened.provider)
  gate.resolve()
  expect(await committing).toBe(3)
  expect(await reading).toEqual({ ...rowsAfter(2), again: '3' })
})

describe('a snapshot of ours of versions without trailer', () => {
  /** Three versions with trailer and a promise, twelve without, a snapshot of the last with trailer. */
  async function mixedHistory(): Promise<MemoryFileManager> {
    const files = new MemoryFileManager()
    const ours = await openProvider({}, files)
    for (const v of [1, 2, 3])
      await commitRows(ours.provider, { a: `${v}` }, { committedThrough: v })
    await ours.stores.close()
    const plain = await openProvider({ trailer: false }, files)
    await commitVersions(plain.provider, 12)
    await plain.stores.close()
    const again = await openProvider({}, files)
    await (await again.provider.getStore()).abort()
    await again.provider.doMaintenance()
    await again.stores.close()
    expect(await names(files)).toContain('15.snapshot')
    return files
  }

  test('keeps what was declared final', async () => {
    await using opened = await openProvider({}, await mixedHistory())
    await (await opened.provider.getStore()).abort()
    await failure('TIDEMARK_REWIND_REFUSED', () => opened.provider.getStore(1, { rewind: 'allow' }))
  })

  test('is foreign even where its delta is gone', async () => {
    const files = await mixedHistory()
    for (let v = 1; v <= 15; v++) await files.deleteFile(`state/0/0/${v}.delta`)
    await using opened = await openProvider({}, files)
    await using store = await opened.provider.getReadStore()
    expect(store.foreign).toBe(true)
    await failure('TIDEMARK_PROGRESS_UNKNOWN', () => store.progress)
  })
})

test('a promise that came with a batch run again below the newest version outlives the process', async () => {
  await using opened = await openProvider()
  for (const a of ['1', '2', '3', '4']) await commitRows(opened.provider, { a })
  const again = { from: 1, rewind: 'allow', committedThrough: 2 } as const
  expect(await commitRows(opened.provider, { a: '2' }, again)).toBe(2)
  await opened.stores.close()
  await using other = await openProvider({}, opened.files)
  await (await other.provider.getStore()).abort()
  await failure('TIDEMARK_REWIND_REFUSED', () => other.provider.getStore(1, { rewind: 'allow' }))
})

test.each([{ checksumFiles: false }, { checksumFiles: true }])(
  'so does one with a snapshot above it: $checksumFiles',
  async (options) => {
    await using opened = await openProvider({ ...options, minDeltasForSnapshot: 2 })
    for (const a of ['1', '2', '3']) await commitRows(opened.provider, { a })
    await opened.provider.doMaintenance()
    await commitRows(opened.provider, { a: '4' })
    expect(await names(opened.files)).toContain('3.snapshot')
    const again = { from: 1, rewind: 'allow', committedThrough: 2 } as const
    expect(await commitRows(opened.provider, { a: '2' }, again)).toBe(2)
    await opened.stores.close()
    await expectClean(opened.files)
    await using other = await openProvider({}, opened.files)
    await (await other.provider.getStore()).abort()
    await failure('TIDEMARK_REWIND_REFUSED', () => other.provider.getStore(1, { rewind: 'allow' }))
    expect(await readRows(other.provider)).toEqual({ a: '4' })
    expect(other.provider.metrics.customMetrics.sidecarsRepaired).toBe(0)
  },
)

test('the empty version can be opened where the first versions were cleaned, also by a new process', async () => {
  const options = { minBatchesToRetain: 1, minDeltasForSnapshot: 1 }
  await using opened = await openProvider(options)
  for (let round = 0; round < 5; round++) {
    await commitVersions(opened.provider, 1)
    await opened.provider.doMaintenance()
  }
  expect(await names(opened.files)).not.toContain('1.delta')
  await opened.stores.close()
  await using other = await openProvider(options, opened.files)
  await failure('TIDEMARK_REWIND_REFUSED', () => other.provider.getStore(0))
  expect(await commitRows(other.provider, { a: '1' }, { from: 0, rewind: 'allow' })).toBe(1)
  expect(await names(other.files)).toEqual(['1.delta'])
  expect(await readRows(other.provider)).toEqual({ a: '1' })
})

test('after a rewind the lag counts from no snapshot that was undone', async () => {
  await using opened = await openProvider()
  await commitVersions(opened.provider, 20)
  await opened.provider.doMaintenance()
  expect(opened.provider.metrics.customMetrics.snapshotLag).toBe(0)
  await commitRows(opened.provider, { a: '1' }, { from: 5, rewind: 'allow' })
  expect(opened.provider.metrics.customMetrics.snapshotLag).toBe(6)
})

test('a follower that reads the newest version goes back with the writer', async () => {
  await using opened = await openProvider()
  await commitVersions(opened.provider, 8)
  await using follower = await openProvider({ historicalMapsMax: 0 }, opened.files)
  expect(await readRows(follower.provider)).toEqual(rowsAfter(8))
  await commitRows(opened.provider, { a: '1' }, { from: 3, rewind: 'allow' })
  expect(await readRows(follower.provider)).toEqual({ ...rowsAfter(3), a: '1' })
})

test('a rewind that fails half-way lets nobody join readers of what it undid', async () => {
  let isDown = false
  const files = aroundCalls(new MemoryFileManager(), async ({ method, args }, proceed) => {
    const result = method === 'deleteFile' && isDown ? undefined : await proceed()
    const isCommit = method === 'moveReplacing' && args[1] === 'state/0/0/3.delta'
    // The commit lands, but nobody hears of it.
    if (isDown && (isCommit || method === 'deleteFile'))
      throw new StateStoreError('TIDEMARK_STORAGE_TIMEOUT', 'no answer')
    return result
  })
  await using opened = await openProvider({}, files)
  await commitVersions(opened.provider, 6)
  await using early = await opened.provider.getReadStore(3)
  await using store = await opened.provider.getStore(2, { rewind: 'allow' })
  store.put(text('a'), text('1'))
  isDown = true
  await expect(store.commit()).rejects.toThrow('Error committing version 3')
  isDown = false
  await store.abort()
  // Until it is no longer in memory.
  await commitVersions(opened.provider, 3)
  expect(rowsOf(early)).toEqual(rowsAfter(3))
  expect(await readRows(opened.provider, 3)).toEqual({ ...rowsAfter(2), a: '1' })
})

test('cleaning relies on no snapshot of another history than its delta', async () => {
  const files = new MemoryFileManager()
  const options = { minBatchesToRetain: 2, minDeltasForSnapshot: 3 }
  const opened = await openProvider(options, files)
  await commitVersions(opened.provider, 4)
  await opened.provider.doMaintenance()
  const stale = await readFile(files, '4.snapshot')
  await commitRows(opened.provider, { a: 'another' }, { from: 3 })
  await commitVersions(opened.provider, 4)
  await opened.provider.doMaintenance()
  await opened.stores.close()
  // As an engine leaves it that goes back without removing snapshots.
  await plant(files, '4.snapshot', stale)
  await using again = await openProvider(options, files)
  await commitVersions(again.provider, 1)
  const before = await names(files)
  expect(before).toContain('1.delta')
  await again.provider.doMaintenance()
  expect(await readRows(again.provider, 6)).toMatchObject({ a: 'another', last: '6' })
})

describe('a damaged newest delta', () => {
  test.each([
    ['empty', () => new Uint8Array(0)],
    ['cut in its trailer', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 3)],
  ])('that is %s can be undone, and by the name of its version only', async (_, harm) => {
    const opened = await openProvider()
    await commitVersions(opened.provider, 3)
    await opened.stores.close()
    await plant(opened.files, '3.delta', harm(await readFile(opened.files, '3.delta')))
    await using other = await openProvider({}, opened.files)
    await failure('TIDEMARK_CORRUPT_FILE', () => other.provider.getStore())
    await failure('TIDEMARK_REWIND_REFUSED', () => other.provider.getStore(1))
    expect(await commitRows(other.provider, { again: '3' }, { from: 2 })).toBe(3)
    expect(await readRows(other.provider)).toEqual({ ...rowsAfter(2), again: '3' })
  })
})

test('the newest version run again is undone in memory, without reading files', async () => {
  await using opened = await openProvider()
  await commitVersions(opened.provider, 3)
  const before = opened.provider.metrics.customMetrics.loadedMapCacheMissCount
  expect(await commitRows(opened.provider, { again: '3' }, { from: 2 })).toBe(3)
  expect(await readRows(opened.provider)).toEqual({ ...rowsAfter(2), again: '3' })
  expect(opened.provider.metrics.customMetrics.loadedMapCacheMissCount).toBe(before)
})

describe('a version that is in memory, but was cleaned', () => {
  const options = { minBatchesToRetain: 1, minDeltasForSnapshot: 1, maxBatchesToRetainInMemory: 3 }

  /** Five versions, of which the files hold two: 4.snapshot is all that the others could be told from. */
  async function cleanedHistory(prepare: (provider: StateStoreProvider) => Promise<void>) {
    const opened = await openProvider(options)
    await commitVersions(opened.provider, 4)
    await opened.provider.doMaintenance()
    await commitVersions(opened.provider, 1)
    await prepare(opened.provider)
    await opened.provider.doMaintenance()
    expect(await names(opened.files)).toEqual(['4.delta', '4.snapshot', '5.delta'])
    return opened
  }

  test.each([
    ['since memory holds more versions than the disk', 3, () => Promise.resolve()],
    [
      'since it was opened and aborted before',
      2,
      async (provider: StateStoreProvider) => {
        await (await provider.getStore(2, { rewind: 'allow' })).abort()
      },
    ],
  ])('cannot be gone back to: %s', async (_, from, prepare) => {
    const opened = await cleanedHistory(prepare)
    const error = await failure('TIDEMARK_VERSION_NOT_FOUND', () =>
      opened.provider.getStore(from, { rewind: 'allow' }),
    )
    expect(error.message).toContain('there are versions 4 to 5')
    expect(await readRows(opened.provider)).toEqual(rowsAfter(5))
    expect(await commitRows(opened.provider, { x: '1' }, { from: 4 })).toBe(5)
    await opened.stores.close()
    await expectClean(opened.files)
    await using other = await openProvider(options, opened.files)
    expect(await readRows(other.provider)).toEqual({ ...rowsAfter(4), x: '1' })
  })

  test('cannot be gone back to by a follower that claims the lease while half of it is cleaned', async () => {
    let removals = 0
    const files = aroundCalls(new MemoryFileManager(), async ({ method, args }, proceed) => {
      const isRemoval = String(args[0]).startsWith('state/') && method === 'moveReplacing'
      if (isRemoval && ++removals > 2)
        throw new StateStoreError('TIDEMARK_STORAGE_UNAVAILABLE', 'gone fishing')
      return await proceed()
    })
    const opened = await openProvider(options, files)
    await commitVersions(opened.provider, 3)
    await using follower = await openProvider(options, files)
    expect(await readRows(follower.provider)).toEqual(rowsAfter(3))
    await commitVersions(opened.provider, 1)
    await opened.provider.doMaintenance()
    await commitVersions(opened.provider, 1)
    await expect(opened.provider.doMaintenance()).rejects.toThrow('gone fishing')
    expect(await names(files)).toEqual(['3.delta', '4.delta', '4.snapshot', '5.delta'])
    await failure('TIDEMARK_VERSION_NOT_FOUND', () =>
      follower.provider.getStore(3, { rewind: 'allow' }),
    )
    expect(await commitRows(follower.provider, { x: '1' })).toBe(6)
  })
})

test('getStore declares nothing final that is not there, and nothing where it cannot be kept', async () => {
  await using opened = await openProvider()
  await commitVersions(opened.provider, 2)
  await expect(opened.provider.getStore(2, { committedThrough: 3 })).rejects.toThrow(RangeError)
  expect(await commitRows(opened.provider, { a: '1' }, { from: 1 })).toBe(2)
  await using pure = await openProvider({ trailer: false })
  await commitRows(pure.provider, { a: '1' })
  await failure('TIDEMARK_INVALID_OPTIONS', () =>
    pure.provider.getStore(1, { committedThrough: 1 }),
  )
})

test('a snapshot that had no answer does not arrive behind a rewind, with versions that were undone', async () => {
  const inner = new MemoryFileManager()
  let late: (() => Promise<unknown>) | undefined
  let isRewinding = false
  const files = aroundCalls(inner, async ({ method, args }, proceed) => {
    if (method === 'moveReplacing' && String(args[1]).endsWith('/12.snapshot')) {
      late = proceed
      throw new StateStoreError('TIDEMARK_STORAGE_TIMEOUT', 'no answer')
    }
    if (method === 'createFile' && String(args[0]).includes('12.snapshot')) {
      const writer = (await proceed()) as FileWriter
      // It cannot be deleted while the storage is away.
      return Object.assign(writer, { abort: () => Promise.resolve() })
    }
    if (method === 'deleteFile' && isRewinding) {
      isRewinding = false
      expect(await late?.()).toBe('moved')
    }
    return proceed()
  })
  await using opened = await openProvider({}, files)
  await commitVersions(opened.provider, 12)
  await failure('TIDEMARK_STORAGE_TIMEOUT', () => opened.provider.doMaintenance())
  const store = await opened.provider.getStore(3, { rewind: 'allow' })
  store.put(text('again'), text('4'))
  isRewinding = true
  expect(await store.commit()).toBe(4)
  await opened.stores.close()
  await using other = await openProvider({}, inner)
  expect(await other.provider.latestVersion()).toBe(4)
  expect(await readRows(other.provider)).toEqual({ ...rowsAfter(3), again: '4' })
})

test('what a follower remembers of snapshots does not outlive a rewind by another writer', async () => {
  const files = new MemoryFileManager()
  await using writer = await openProvider({ minDeltasForSnapshot: 5 }, files)
  await commitVersions(writer.provider, 12)
  await writer.provider.doMaintenance()
  await using follower = await openProvider({ minDeltasForSnapshot: 5 }, files)
  expect(await readRows(follower.provider)).toEqual(rowsAfter(12))
  expect(follower.provider.metrics.customMetrics.snapshotLag).toBe(0)
  await commitRows(writer.provider, { again: '4' }, { from: 3, rewind: 'allow' })
  expect(await readRows(follower.provider)).toEqual({ ...rowsAfter(3), again: '4' })
  const metrics = () => follower.provider.metrics
  expect(metrics().customMetrics.snapshotLag).toBe(4)
  expect(await commitRows(follower.provider, { b: '5' })).toBe(5)
  await follower.provider.doMaintenance()
  expect(metrics().instanceMetrics['SnapshotLastUploaded.partition_0_default']).toBe(-1)
})

test('close() ends a cleaning that is under way', async () => {
  let removals = 0
  let closing: Promise<void> | undefined
  const files = aroundCalls(new MemoryFileManager(), async ({ method, args }, proceed) => {
    if (method === 'moveReplacing' && String(args[0]).startsWith('state/0/0/')) {
      if (++removals === 3) closing = opened.provider.close()
    }
    return proceed()
  })
  // Each look at the clock ends a slice.
  let nowMs = 0
  const clock = { ...systemClock, elapsedMs: () => (nowMs += 10) }
  const options = { minBatchesToRetain: 1, minDeltasForSnapshot: 1, clock }
  await using opened = await openProvider(options, files)
  await commitVersions(opened.provider, 40)
  await opened.provider.doMaintenance()
  await commitVersions(opened.provider, 1)
  await opened.provider.doMaintenance()
  await closing
  expect(removals).toBeLessThan(10)
  await using other = await openProvider({}, files)
  expect(await readRows(other.provider)).toEqual(rowsAfter(41))
})

test('a lease that a snapshot finds lost is told of once', async () => {
  let told = 0
  const listener = (): void => void told++
  subscribe(CHANNELS.fenced, listener)
  try {
    const files = new MemoryFileManager()
    await using opened = await openProvider({}, files)
    await commitVersions(opened.provider, 12)
    await using other = await openProvider({}, files)
    await (await other.provider.getStore()).abort()
    await failure('TIDEMARK_FENCED', () => opened.provider.doMaintenance())
    expect(told).toBe(1)
  } finally {
    unsubscribe(CHANNELS.fenced, listener)
  }
})
