// Opening versions: which are refused, what comes from memory, what readers see while a writer goes on, and what the metrics say.

import { channel } from 'node:diagnostics_channel'
import { describe, expect, test } from 'vitest'
import { CHANNELS, type Step, type StepMessage } from '../../../src/base/diagnostics.ts'
import { StateStores } from '../../../src/coordinator/state-stores.ts'
import { StateStoreError } from '../../../src/errors.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import { aroundCalls } from '../../../src/testing/around-calls.ts'
import { countingFiles } from '../../../src/testing/counting-files.ts'
import { spareMemory } from '../../../src/store/spare-memory.ts'
import {
  commitRows,
  commitVersions,
  expectClean,
  failure,
  footprint,
  ID,
  names,
  openProvider,
  QUIET,
  readRows,
  rowsAfter,
  rowsOf,
  text,
} from '../../../src/testing/stores.ts'

const NOT_FOUND = 'TIDEMARK_VERSION_NOT_FOUND'

describe('versions asked for', () => {
  for (const version of [-1, 1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY, '1', null]) {
    test(`${String(version)} (${typeof version}) is a RangeError, for writing and for reading`, async () => {
      await using opened = await openProvider()
      const wrong = version as number
      await expect(opened.provider.getStore(wrong)).rejects.toThrow(RangeError)
      await expect(opened.provider.getReadStore(wrong)).rejects.toThrow(
        'Expected `version` to be a whole number, 0 or more, got ',
      )
      await expect(opened.provider.getStore(0, { committedThrough: wrong })).rejects.toThrow(
        RangeError,
      )
      // Nothing was claimed for a call that was wrong.
      expect(await names(opened.files, '_tidemark/writers/0/0/default')).toEqual([])
    })
  }

  test('that are texts are shown as such, so that nobody reads: expected a number, got 1', async () => {
    await using opened = await openProvider()
    const text = '1' as unknown as number
    const message = (name: string) =>
      `Expected \`${name}\` to be a whole number, 0 or more, got "1"`
    await expect(opened.provider.getStore(text)).rejects.toThrow(message('version'))
    const wrong = opened.provider.getStore(0, { committedThrough: text })
    await expect(wrong).rejects.toThrow(message('committedThrough'))
    const store = await opened.provider.getStore()
    await expect(store.commit({ committedThrough: text })).rejects.toThrow('0 to 1, got "1"')
  })

  test('a future one is VERSION_NOT_FOUND, as often as it is asked for, and says what is there', async () => {
    await using opened = await openProvider()
    const none = await failure(NOT_FOUND, () => opened.provider.getReadStore(1))
    expect(none.message).toBe(
      'Version 1 of 0/0/default not found in state/0/0: no version is there',
    )
    await commitVersions(opened.provider, 3)
    for (let attempt = 0; attempt < 2; attempt++) {
      const error = await failure(NOT_FOUND, () => opened.provider.getStore(4))
      expect(error.message).toContain('there are versions 1 to 3')
      expect(error).toMatchObject({ kind: 'missing', version: 4, storeId: '0/0/default' })
      await failure(NOT_FOUND, () => opened.provider.getReadStore(2 ** 40))
    }
    expect(await commitRows(opened.provider, {})).toBe(4)
    await expectClean(opened.files)
  })

  test('0 is empty and always there', async () => {
    await using opened = await openProvider()
    expect(await readRows(opened.provider, 0)).toEqual({})
    expect(await readRows(opened.provider)).toEqual({})
    expect(await opened.provider.latestVersion()).toBe(0)
    await commitVersions(opened.provider, 2)
    expect(await readRows(opened.provider, 0)).toEqual({})
    expect(await opened.provider.latestVersion()).toBe(2)
  })

  test('a second store for update is refused, naming the open one', async () => {
    await using opened = await openProvider()
    await commitVersions(opened.provider, 1)
    const store = await opened.provider.getStore()
    const error = await failure('TIDEMARK_STORE_BUSY', () => opened.provider.getStore())
    expect(error.message).toContain('Version 1 of 0/0/default is open for update')
    await store.abort()
    await (await opened.provider.getStore()).abort()
  })

  test('a signal that was aborted stops an open, and the next one works', async () => {
    await using opened = await openProvider()
    const reason = new Error('enough')
    const signal = AbortSignal.abort(reason)
    await expect(opened.provider.getStore(undefined, { signal })).rejects.toBe(reason)
    expect(await commitRows(opened.provider, {})).toBe(1)
  })
})

describe('memory', () => {
  test('the newest version is opened again without reading a file', async () => {
    const counting = countingFiles(new MemoryFileManager())
    await using opened = await openProvider({}, counting.files)
    await commitVersions(opened.provider, 3)
    counting.calls.length = 0
    const store = await opened.provider.getStore()
    await using read = await opened.provider.getReadStore(2)
    expect(rowsOf(store)).toEqual(rowsAfter(3))
    expect(rowsOf(read)).toEqual(rowsAfter(2))
    expect(counting.calls.map((call) => call.method)).toEqual([])
    await store.abort()
  })

  for (const [kept, cached] of [
    [0, []],
    [1, [3]],
    [2, [2, 3]],
  ] as const) {
    test(`holds ${kept} versions after three commits; the others are read from files, and right`, async () => {
      const counting = countingFiles(new MemoryFileManager())
      await using opened = await openProvider({ maxBatchesToRetainInMemory: kept }, counting.files)
      await commitVersions(opened.provider, 3)
      const fromMemory: number[] = []
      for (const version of [1, 2, 3]) {
        counting.calls.length = 0
        expect(await readRows(opened.provider, version)).toEqual(rowsAfter(version))
        if (counting.calls.length === 0) fromMemory.push(version)
      }
      expect(fromMemory).toEqual([...cached])
      await expectClean(counting.files)
    })
  }

  test('with none retained, each open reads anew and goes on right', async () => {
    await using opened = await openProvider({ maxBatchesToRetainInMemory: 0 })
    await commitVersions(opened.provider, 5)
    expect(opened.provider.metrics.customMetrics.loadedMapCacheHitCount).toBe(0)
    expect(opened.provider.metrics.customMetrics.loadedMapCacheMissCount).toBeGreaterThanOrEqual(5)
    expect(await readRows(opened.provider)).toEqual(rowsAfter(5))
    await expectClean(opened.files)
  })

  test('a version committed again with other data is the new one, in memory and on disk', async () => {
    for (const kept of [0, 1, 2]) {
      await using opened = await openProvider({ maxBatchesToRetainInMemory: kept })
      await commitRows(opened.provider, { a: '1' })
      await commitRows(opened.provider, { a: '2', b: '2' })
      expect(await commitRows(opened.provider, { a: '3' }, { from: 1 })).toBe(2)
      expect(await readRows(opened.provider)).toEqual({ a: '3' })
      expect(await readRows(opened.provider, 1)).toEqual({ a: '1' })
      await using again = await openProvider({}, opened.files)
      expect(await readRows(again.provider)).toEqual({ a: '3' })
      await expectClean(opened.files)
    }
  })

  test('an abort leaves the version as it was, in memory and on disk', async () => {
    await using opened = await openProvider()
    await commitRows(opened.provider, { a: '1' })
    const before = await footprint(opened.files)
    const store = await opened.provider.getStore()
    store.put(text('a'), text('x'))
    store.put(text('b'), text('y'))
    await store.abort()
    expect(await footprint(opened.files)).toEqual(before)
    const reopened = await opened.provider.getStore()
    expect(reopened.version).toBe(1)
    expect(rowsOf(reopened)).toEqual({ a: '1' })
    await reopened.abort()
    await expectClean(opened.files)
  })
})

describe('read stores', () => {
  test('keep their version while a writer commits over it, and after', async () => {
    await using opened = await openProvider({ maxBatchesToRetainInMemory: 1 })
    await commitVersions(opened.provider, 1)
    await using read = await opened.provider.getReadStore()
    for (let version = 2; version <= 6; version++) {
      const store = await opened.provider.getStore()
      store.put(text('last'), text(String(version)))
      store.put(text(`k${version}`), text(String(version)))
      expect(rowsOf(read)).toEqual(rowsAfter(1))
      await store.commit()
      expect(rowsOf(read)).toEqual(rowsAfter(1))
    }
    expect(await readRows(opened.provider)).toEqual(rowsAfter(6))
    await expectClean(opened.files)
  })

  test('do not see what is not committed, nor does another process', async () => {
    await using opened = await openProvider()
    await commitVersions(opened.provider, 1)
    const store = await opened.provider.getStore()
    store.put(text('last'), text('uncommitted'))
    expect(await readRows(opened.provider)).toEqual(rowsAfter(1))
    await using other = await openProvider({ readOnly: true }, opened.files)
    expect(await readRows(other.provider)).toEqual(rowsAfter(1))
    await store.abort()
  })

  test('survive the rewind of what they read', async () => {
    await using opened = await openProvider()
    await commitVersions(opened.provider, 3)
    await using read = await opened.provider.getReadStore(3)
    await commitRows(opened.provider, { last: 'other' }, { from: 2 })
    expect(rowsOf(read)).toEqual(rowsAfter(3))
    expect(await readRows(opened.provider, 3)).toEqual({ ...rowsAfter(2), last: 'other' })
    await expectClean(opened.files)
  })

  test('are refused once released; releasing twice is nothing', async () => {
    await using opened = await openProvider()
    await commitVersions(opened.provider, 1)
    const { openReaders } = opened.provider.metrics.customMetrics
    const read = await opened.provider.getReadStore()
    expect(opened.provider.metrics.customMetrics.openReaders).toBe(openReaders + 1)
    await read.release()
    await read.release()
    const error = await failure('TIDEMARK_STORE_FINISHED', () => read.get(text('last')))
    expect(error.message).toContain('Cannot get after already released')
    expect(opened.provider.metrics.customMetrics.openReaders).toBe(openReaders)
  })

  test('outside memory share a map, are counted, bounded, and free it on release', async () => {
    await using opened = await openProvider({ historicalMapsMax: 2, maxBatchesToRetainInMemory: 1 })
    await commitVersions(opened.provider, 6)
    const counts = () => opened.provider.metrics.customMetrics
    const { openReaders } = counts()
    const first = await opened.provider.getReadStore(1)
    const memory = opened.provider.metrics.memoryUsedBytes
    const shared = await opened.provider.getReadStore(1)
    expect(counts().historicalMaps).toBe(1)
    expect(opened.provider.metrics.memoryUsedBytes).toBe(memory)
    const second = await opened.provider.getReadStore(2)
    expect(counts().historicalMaps).toBe(2)
    expect(counts().openReaders).toBe(openReaders + 3)
    const error = await failure('TIDEMARK_MEMORY_LIMIT', () => opened.provider.getReadStore(3))
    expect(error.message).toContain('historicalMapsMax: 2')
    await first.release()
    expect(rowsOf(shared)).toEqual(rowsAfter(1))
    await failure('TIDEMARK_MEMORY_LIMIT', () => opened.provider.getReadStore(3))
    await shared.release()
    const third = await opened.provider.getReadStore(3)
    expect(rowsOf(third)).toEqual(rowsAfter(3))
    await second.release()
    await third.release()
    expect(counts().historicalMaps).toBe(0)
    expect(counts().openReaders).toBe(openReaders)
  })

  test('of version 0 share a map beside a writer that went on', async () => {
    await using writer = await openProvider()
    await commitVersions(writer.provider, 3)
    await using reader = await openProvider({ readOnly: true, historicalMapsMax: 1 }, writer.files)
    const newest = await reader.provider.getReadStore()
    const empty = [0, 0].map((version) => reader.provider.getReadStore(version))
    const stores = [...(await Promise.all(empty)), await reader.provider.getReadStore(0)]
    for (const store of stores) expect(rowsOf(store)).toEqual({})
    expect(reader.provider.metrics.customMetrics.historicalMaps).toBe(1)
    for (const store of [newest, ...stores]) await store.release()
  })

  test('need no lease and write nothing', async () => {
    const files = new MemoryFileManager()
    await using writer = await openProvider({}, files)
    await commitVersions(writer.provider, 2)
    const counting = countingFiles(files)
    await using reader = await openProvider({ readOnly: true }, counting.files)
    expect(await readRows(reader.provider)).toEqual(rowsAfter(2))
    expect(await readRows(reader.provider, 1)).toEqual(rowsAfter(1))
    expect(await reader.provider.latestVersion()).toBe(2)
    const methods = new Set(counting.calls.map((call) => call.method))
    for (const method of methods) expect(['list', 'read', 'stat']).toContain(method)
    await commitVersions(writer.provider, 1)
  })

  test('of a reader beside the writer follow it, version by version and over a rewind', async () => {
    await using writer = await openProvider()
    await commitVersions(writer.provider, 1)
    await using reader = await openProvider({ readOnly: true }, writer.files)
    for (let version = 2; version <= 4; version++) {
      await commitVersions(writer.provider, 1)
      expect(await readRows(reader.provider)).toEqual(rowsAfter(version))
    }
    await commitRows(writer.provider, { last: 'other' }, { from: 3 })
    expect(await readRows(reader.provider)).toEqual({ ...rowsAfter(3), last: 'other' })
    expect(await readRows(reader.provider, 4)).toEqual({ ...rowsAfter(3), last: 'other' })
    await expectClean(writer.files)
  })
})

describe('the memory of a store', () => {
  const BIG: Record<string, string> = Object.fromEntries(
    Array.from({ length: 20_000 }, (_, n) => [`key ${n}`, 'a value of some length']),
  )

  test('is left to the next one when it is closed, once nobody reads it any more', async () => {
    const opened = await openProvider()
    await commitRows(opened.provider, BIG)
    const reader = await opened.provider.getReadStore()
    const before = spareMemory.bytes
    await opened.stores.close()
    expect([spareMemory.bytes, reader.get(text('key 7'))]).toEqual([before, text(BIG['key 7'])])
    await reader.release()
    const left = spareMemory.bytes
    expect(left).toBeGreaterThan(before)

    await using again = await openProvider({}, opened.files)
    await using next = await again.provider.getReadStore()
    expect(spareMemory.bytes).toBeLessThan(left)
    expect(rowsOf(next)).toEqual(BIG)
  })

  test('is left when it is loaded anew, and when the last reader of an old version goes', async () => {
    await using opened = await openProvider({ maxBatchesToRetainInMemory: 1 })
    await commitRows(opened.provider, BIG)
    await commitRows(opened.provider, { last: '2' })
    const before = spareMemory.bytes
    const old = await opened.provider.getReadStore(1)
    await old.release()
    const afterReader = spareMemory.bytes
    expect(afterReader).toBeGreaterThan(before)
    // Undone on disk: version 1 is no longer in memory, so it is loaded into a new map, and the old one ends.
    await commitRows(opened.provider, { last: '2 again' }, { from: 1, rewind: 'allow' })
    expect(spareMemory.bytes).toBeGreaterThan(before)
    await using reader = await opened.provider.getReadStore()
    expect(rowsOf(reader)).toEqual({ ...BIG, last: '2 again' })
  })

  test('is left when a snapshot was written of a version that does not stay in memory', async () => {
    const options = { maxBatchesToRetainInMemory: 0, minDeltasForSnapshot: 1 }
    await using opened = await openProvider(options)
    await commitRows(opened.provider, BIG)
    await commitRows(opened.provider, { last: '2' })
    const before = spareMemory.bytes
    await opened.provider.doMaintenance()
    expect(opened.provider.metrics.customMetrics.snapshotLag).toBe(0)
    expect(spareMemory.bytes).toBeGreaterThanOrEqual(before)
  })
})

describe('ownership and closing', () => {
  test('readOnly refuses getStore', async () => {
    await using writer = await openProvider()
    await commitVersions(writer.provider, 1)
    await using reader = await openProvider({ readOnly: true }, writer.files)
    await failure('TIDEMARK_INVALID_OPTIONS', () => reader.provider.getStore())
  })

  test('after close everything is PROVIDER_CLOSED, and closing twice is nothing', async () => {
    const opened = await openProvider()
    await commitVersions(opened.provider, 1)
    await opened.provider.close()
    await opened.provider.close()
    for (const call of [
      () => opened.provider.getStore(),
      () => opened.provider.getReadStore(),
      () => opened.provider.latestVersion(),
      () => opened.provider.doMaintenance(),
    ]) {
      await failure('TIDEMARK_PROVIDER_CLOSED', call)
    }
    await opened.stores.close()
    await expectClean(opened.files)
  })

  test('closing waits for an old version that is being loaded', async () => {
    const reached = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    let isHeld = false
    const files = aroundCalls(new MemoryFileManager(), async ({ args }, proceed) => {
      if (isHeld && String(args[0]).endsWith('/1.delta')) {
        reached.resolve()
        await gate.promise
      }
      return proceed()
    })
    await using opened = await openProvider({ maxBatchesToRetainInMemory: 1 }, files)
    await commitVersions(opened.provider, 3)
    isHeld = true
    const order: string[] = []
    const reading = opened.provider.getReadStore(1).finally(() => order.push('loaded'))
    await reached.promise
    const closing = opened.provider.close().finally(() => order.push('closed'))
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    gate.resolve()
    await closing
    expect(order).toEqual(['loaded', 'closed'])
    expect(rowsOf(await reading)).toEqual(rowsAfter(1))
  })

  test('a claim that failed has left nothing under way: closing ends all there is', async () => {
    const reached = Promise.withResolvers<void>()
    const held = Promise.withResolvers<void>()
    const order: string[] = []
    const files = aroundCalls(new MemoryFileManager(), async ({ method, args }, proceed) => {
      if (method === 'list' && args[0] === '_tidemark/writers/0/0/default')
        throw new StateStoreError('TIDEMARK_STORAGE_UNAVAILABLE', 'No listing now (injected)')
      if (method !== 'makeDirectories') return proceed()
      reached.resolve()
      await held.promise
      await proceed()
      order.push('made')
      return undefined
    })
    const { provider, stores } = await openProvider({}, files)
    const claiming = failure('TIDEMARK_STORAGE_UNAVAILABLE', () => provider.getStore())
    await reached.promise
    const closing = stores.close().finally(() => order.push('closed'))
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    held.resolve()
    await claiming
    await closing
    expect(order).toEqual(['made', 'closed'])
  })

  test('two StateStores on one location: the newer writer wins, the older one is FENCED and stays so', async () => {
    const files = new MemoryFileManager()
    await using a = await openProvider({}, files)
    await commitVersions(a.provider, 1)
    const zombie = await a.provider.getStore()
    zombie.put(text('last'), text('zombie'))
    await using b = await openProvider({}, files)
    await commitVersions(b.provider, 1)
    const error = await failure('TIDEMARK_FENCED', () => zombie.commit())
    expect(error).toMatchObject({ kind: 'closed', published: 'no' })
    await zombie.abort()
    await failure('TIDEMARK_FENCED', () => a.provider.getStore())
    await failure('TIDEMARK_FENCED', () => a.provider.getStore())
    // Reading goes on, and sees what the winner wrote.
    expect(await readRows(a.provider)).toEqual(rowsAfter(2))
    expect(await commitRows(b.provider, {})).toBe(3)
    await expectClean(files)
  })
})

describe('what it tells', () => {
  test('keys, bytes, hits and misses, by the names that Spark gives them', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    const before = opened.provider.metrics.memoryUsedBytes
    store.put(text('a'), text('1'))
    store.put(text('b'), text('22'))
    expect(store.metrics.numKeys).toBe(2)
    store.remove(text('a'))
    expect(store.metrics.numKeys).toBe(1)
    await store.commit()
    const metrics = opened.provider.metrics
    expect(metrics.numKeys).toBe(1)
    expect(metrics.memoryUsedBytes).toBeGreaterThanOrEqual(before)
    expect(metrics.customMetrics.stateOnCurrentVersionSizeBytes).toBe(3)
    expect(metrics.instanceMetrics).toEqual({ 'SnapshotLastUploaded.partition_0_default': -1 })
    expect(Object.keys(metrics.customMetrics).slice(0, 5)).toEqual([
      'stateOnCurrentVersionSizeBytes',
      'loadedMapCacheHitCount',
      'loadedMapCacheMissCount',
      'numSnapshotsAutoRepaired',
      'forceSnapshotCount',
    ])
    const hits = metrics.customMetrics.loadedMapCacheHitCount
    await (await opened.provider.getStore()).abort()
    expect(opened.provider.metrics.customMetrics.loadedMapCacheHitCount).toBe(hits + 1)
    for (const step of [
      'openMs',
      'sealMs',
      'publishMs',
      'installMs',
      'commitMs',
      'loadMs',
    ] as const)
      expect(metrics.latencies[step]).toBeGreaterThanOrEqual(0)
  })

  test('every step on its channel, in the order of the commit, recovery and maintenance', async () => {
    const seen: [Step, StepMessage][] = []
    const listeners = (Object.keys(CHANNELS) as Step[]).map((step) => {
      const listener = (message: unknown) => void seen.push([step, message as StepMessage])
      channel(CHANNELS[step]).subscribe(listener)
      return () => channel(CHANNELS[step]).unsubscribe(listener)
    })
    try {
      const files = new MemoryFileManager()
      await using opened = await openProvider({ minDeltasForSnapshot: 1 }, files)
      await commitVersions(opened.provider, 1)
      const committing = seen.map(([step]) => step).filter((step) => step !== 'list')
      expect(committing).toEqual([
        'claim',
        'recovered',
        'open',
        'seal',
        'publish',
        'install',
        'committed',
      ])
      await commitVersions(opened.provider, 1)
      await opened.provider.doMaintenance()
      await commitVersions(opened.provider, 1)
      await (await opened.provider.getStore()).abort()
      const other = await StateStores.open(files, QUIET)
      seen.length = 0
      await (await other.provider(ID).getStore()).abort()
      const recovering = seen.map(([step]) => step).filter((step) => step !== 'list')
      expect(recovering).toEqual(['claim', 'choose', 'replay', 'recovered', 'open', 'abort'])
      await failure('TIDEMARK_FENCED', () => commitRows(opened.provider, {}))
      expect(seen.map(([step]) => step)).toContain('fenced')
      expect(seen.map(([step]) => step)).toContain('commitFailed')
      for (const [, message] of seen) expect(message.storeId).toBe('0/0/default')
      await other.close()
    } finally {
      for (const stop of listeners) stop()
    }
  })
})
