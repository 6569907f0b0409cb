// What a commit finds in its place, and what it does about it.

import { describe, expect, test } from 'vitest'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import {
  commitRows,
  commitVersions,
  expectClean,
  failure,
  footprint,
  names,
  openProvider,
  plant,
  readFile,
  readRows,
  rowsAfter,
  text,
} from '../../../src/testing/stores.ts'

describe('the same batch again', () => {
  test('is recognised by its id, and nothing is written', async () => {
    await using opened = await openProvider()
    await commitRows(opened.provider, { a: '1' }, { progress: { offset: 1 } })
    await commitRows(opened.provider, { a: '2' }, { progress: { offset: 2, topic: 't' } })
    const before = await footprint(opened.files)
    // The keys of the progress in another order are the same progress.
    const again = { from: 1, progress: { topic: 't', offset: 2 } }
    expect(await commitRows(opened.provider, { a: '2' }, again)).toBe(2)
    expect(await footprint(opened.files)).toEqual(before)
    await opened.stores.close()
    await using other = await openProvider({}, opened.files)
    expect(await commitRows(other.provider, { a: '2' }, again)).toBe(2)
    expect(await footprint(opened.files)).toEqual(before)
    expect(await readRows(other.provider)).toEqual({ a: '2' })
    await expectClean(opened.files)
  })

  test('already in place above the newest known version makes it the newest', async () => {
    await using twin = await openProvider()
    await commitRows(twin.provider, { a: '1' })
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    store.put(text('a'), text('1'))
    // As a move whose answer was lost leaves it.
    await plant(opened.files, '1.delta', await readFile(twin.files, '1.delta'))
    expect(await store.commit()).toBe(1)
    expect(await opened.provider.latestVersion()).toBe(1)
    expect(await commitRows(opened.provider, { a: '2' })).toBe(2)
    await expectClean(opened.files)
  })

  test('is another version if an operation, its order or the progress differs', async () => {
    await using opened = await openProvider()
    await commitRows(opened.provider, { z: '0' })
    await commitRows(opened.provider, { a: '1', b: '2' }, { progress: 1 })
    for (const [changes, progress] of [
      [{ a: '1', b: '3' }, 1],
      [{ b: '2', a: '1' }, 1],
      [{ a: '1', b: '2' }, 2],
    ] as const) {
      const before = await readFile(opened.files, '2.delta')
      await commitRows(opened.provider, changes, { from: 1, progress })
      expect(await readFile(opened.files, '2.delta')).not.toEqual(before)
    }
    await expectClean(opened.files)
  })

  // What goes below the newest version must not vanish for a batch that turns out to be what is there already.
  test('two versions back, with leave, keeps what follows it', async () => {
    await using opened = await openProvider()
    await commitVersions(opened.provider, 3)
    const before = await footprint(opened.files)
    await commitRows(opened.provider, { k2: '2', last: '2' }, { from: 1, rewind: 'allow' })
    expect(await footprint(opened.files)).toEqual(before)
    expect(await readRows(opened.provider, 3)).toEqual(rowsAfter(3))
    expect(await readRows(opened.provider, 2)).toEqual(rowsAfter(2))
    const next = await opened.provider.getStore()
    expect(next.version).toBe(3)
    await next.abort()
    await expectClean(opened.files)
  })
})

describe('a file where the commit belongs', () => {
  test('of an older attempt of ours is replaced', async () => {
    const files = new MemoryFileManager()
    {
      await using opened = await openProvider({}, files)
      await commitVersions(opened.provider, 2)
    }
    const leftover = await readFile(files, '2.delta')
    {
      await using opened = await openProvider({}, files)
      await commitRows(opened.provider, { other: '1' }, { from: 0, rewind: 'allow' })
      await plant(files, '2.delta', leftover)
      expect(await commitRows(opened.provider, { other: '2' })).toBe(2)
      expect(await readRows(opened.provider)).toEqual({ other: '2' })
    }
    await using again = await openProvider({}, files)
    expect(await readRows(again.provider)).toEqual({ other: '2' })
    await expectClean(files)
  })

  test('of a newer generation means FENCED', async () => {
    const files = new MemoryFileManager()
    const newer = new MemoryFileManager()
    for (let generation = 1; generation <= 3; generation++) {
      await using opened = await openProvider({}, newer)
      await commitRows(opened.provider, { a: String(generation) }, { from: 0 })
    }
    await using opened = await openProvider({}, files)
    const store = await opened.provider.getStore()
    await plant(files, '1.delta', await readFile(newer, '1.delta'))
    const error = await failure('TIDEMARK_FENCED', () => store.commit())
    expect(error.published).toBe('no')
    await store.abort()
  })
})

describe('rewinding', () => {
  test('the newest version needs no leave, and takes its snapshot and sidecars along', async () => {
    await using opened = await openProvider({ minDeltasForSnapshot: 1, checksumFiles: true })
    await commitVersions(opened.provider, 3)
    await opened.provider.doMaintenance()
    expect(await names(opened.files)).toContain('3.snapshot')
    await commitRows(opened.provider, { x: '1' }, { from: 2 })
    expect(await names(opened.files)).toEqual([
      '1.delta',
      '1.delta.crc',
      '2.delta',
      '2.delta.crc',
      '3.delta',
      '3.delta.crc',
    ])
    expect(await readRows(opened.provider)).toEqual({ ...rowsAfter(2), x: '1' })
    await expectClean(opened.files)
  })

  test('more than the newest is REWIND_REFUSED without leave, and says how many it would undo', async () => {
    await using opened = await openProvider()
    await commitVersions(opened.provider, 4)
    const before = await footprint(opened.files)
    const error = await failure('TIDEMARK_REWIND_REFUSED', () => opened.provider.getStore(1))
    expect(error.message).toContain('would undo 3 versions (the newest is 4)')
    expect(await footprint(opened.files)).toEqual(before)
    expect(await commitRows(opened.provider, { x: '1' }, { from: 1, rewind: 'allow' })).toBe(2)
    expect(await names(opened.files)).toEqual(['1.delta', '2.delta'])
    expect(await opened.provider.latestVersion()).toBe(2)
    await failure('TIDEMARK_VERSION_NOT_FOUND', () => readRows(opened.provider, 3))
    await expectClean(opened.files)
  })

  test('opened and aborted, changes nothing', async () => {
    await using opened = await openProvider()
    await commitVersions(opened.provider, 4)
    const before = await footprint(opened.files)
    const store = await opened.provider.getStore(1, { rewind: 'allow' })
    store.put(text('x'), text('1'))
    await store.abort()
    expect(await footprint(opened.files)).toEqual(before)
    expect(await readRows(opened.provider)).toEqual(rowsAfter(4))
    expect((await opened.provider.getStore()).version).toBe(4)
  })

  test('below committedThrough is refused, with leave or without, also by the next holder', async () => {
    const files = new MemoryFileManager()
    {
      await using opened = await openProvider({}, files)
      await commitVersions(opened.provider, 2)
      await commitRows(opened.provider, {}, { committedThrough: 2 })
      await commitVersions(opened.provider, 1)
      await failure('TIDEMARK_REWIND_REFUSED', () =>
        opened.provider.getStore(1, { rewind: 'allow' }),
      )
      // It never goes down again.
      await (await opened.provider.getStore(undefined, { committedThrough: 1 })).abort()
    }
    await using next = await openProvider({}, files)
    const error = await failure('TIDEMARK_REWIND_REFUSED', () =>
      next.provider.getStore(1, { rewind: 'allow' }),
    )
    expect(error.message).toContain('committedThrough')
    const store = await next.provider.getStore(2, { rewind: 'allow' })
    await store.abort()
    await failure('TIDEMARK_REWIND_REFUSED', () =>
      next.provider.getStore(2, { rewind: 'allow', committedThrough: 3 }),
    )
    await expectClean(files)
  })
})

describe('sidecars', () => {
  test('are written after their file and removed before it', async () => {
    await using opened = await openProvider({
      checksumFiles: true,
      minDeltasForSnapshot: 1,
      minBatchesToRetain: 1,
    })
    await commitVersions(opened.provider, 2)
    await opened.provider.doMaintenance()
    await commitVersions(opened.provider, 1)
    await opened.provider.doMaintenance()
    expect(await names(opened.files)).toEqual([
      '2.delta',
      '2.delta.crc',
      '2.snapshot',
      '2.snapshot.crc',
      '3.delta',
      '3.delta.crc',
    ])
    await expectClean(opened.files)
  })

  test('may be turned on and off over the life of a checkpoint', async () => {
    const files = new MemoryFileManager()
    for (const checksumFiles of [true, false, true]) {
      await using opened = await openProvider({ checksumFiles }, files)
      await commitVersions(opened.provider, 1)
    }
    expect((await names(files)).filter((name) => name.endsWith('.crc'))).toEqual([
      '1.delta.crc',
      '3.delta.crc',
    ])
    await using opened = await openProvider({}, files)
    expect(await readRows(opened.provider)).toEqual(rowsAfter(3))
    // A version written over without sidecars must not keep the old one.
    await commitRows(opened.provider, { x: '1' }, { from: 2 })
    expect(await names(files)).not.toContain('3.delta.crc')
    await expectClean(files)
  })

  test('that contradict a file with a trailer are wrong: the file is read, the sidecar repaired', async () => {
    const files = new MemoryFileManager()
    {
      await using opened = await openProvider({ checksumFiles: true }, files)
      await commitVersions(opened.provider, 2)
    }
    await plant(files, '1.delta.crc', await readFile(files, '2.delta.crc'))
    await plant(files, '2.delta.crc', text('{'))
    {
      await using reader = await openProvider({ readOnly: true }, files)
      expect(await readRows(reader.provider)).toEqual(rowsAfter(2))
    }
    {
      await using opened = await openProvider({ checksumFiles: true }, files)
      await (await opened.provider.getStore()).abort()
      expect(opened.provider.metrics.customMetrics.sidecarsRepaired).toBe(2)
    }
    await expectClean(files)
    await using after = await openProvider({ checksumFiles: true }, files)
    await (await after.provider.getStore()).abort()
    expect(after.provider.metrics.customMetrics.sidecarsRepaired).toBe(0)
  })

  test('that contradict a file without a trailer make it CORRUPT_FILE', async () => {
    const files = new MemoryFileManager()
    {
      await using opened = await openProvider({ checksumFiles: true, trailer: false }, files)
      await commitVersions(opened.provider, 2)
    }
    await plant(files, '2.delta.crc', await readFile(files, '1.delta.crc'))
    await using opened = await openProvider({}, files)
    const error = await failure('TIDEMARK_CORRUPT_FILE', () => opened.provider.getStore())
    expect(error.message).toContain('sidecar')
    expect(await readRows(opened.provider, 1)).toEqual(rowsAfter(1))
  })
})
