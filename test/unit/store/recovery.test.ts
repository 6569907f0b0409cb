// How versions come back from files: which snapshot is chosen, what is an orphan and what a broken chain, and what is said of the rest.
// The files are changed behind the engine's back, as other engines, crashes and rotten disks do.

import { describe, expect, test } from 'vitest'
import type { CheckpointFileManager } from '../../../src/files/file-manager.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import type { StateStoreOptions } from '../../../src/store/options.ts'
import { aroundCalls } from '../../../src/testing/around-calls.ts'
import {
  commitRows,
  commitVersions,
  damage,
  DIRECTORY,
  expectClean,
  failure,
  footprint,
  names,
  openProvider,
  plant,
  readFile,
  readRows,
  rowsAfter,
  rowsOf,
  text,
} from '../../../src/testing/stores.ts'

/** A checkpoint with versions 1 to `count` and snapshots of `snapshots` (two or more apart), closed. */
async function checkpoint(
  count: number,
  snapshots: readonly number[] = [],
  options: StateStoreOptions = {},
): Promise<MemoryFileManager> {
  const files = new MemoryFileManager()
  await using opened = await openProvider({ ...options, minDeltasForSnapshot: 1 }, files)
  for (let version = 1; version <= count; version++) {
    await commitVersions(opened.provider, 1)
    if (snapshots.includes(version)) await opened.provider.doMaintenance()
  }
  return files
}

/** The newest version as a fresh process reads it, and its metrics. */
async function recover(files: CheckpointFileManager, version?: number) {
  await using opened = await openProvider({}, files)
  const rows = await readRows(opened.provider, version)
  return { rows, counts: opened.provider.metrics.customMetrics }
}

describe('the chain', () => {
  test('VERSION_NOT_FOUND names what is there, also where versions were cleaned', async () => {
    const files = await checkpoint(6, [4], { minBatchesToRetain: 1 })
    await using opened = await openProvider({ minBatchesToRetain: 1 }, files)
    await commitRows(opened.provider, {})
    await opened.provider.doMaintenance()
    expect(await names(files)).not.toContain('1.delta')
    const error = await failure('TIDEMARK_VERSION_NOT_FOUND', () => readRows(opened.provider, 2))
    expect(error.message).toContain('there are versions 4 to 7')
    await expectClean(files)
  })

  test('a hole names the version that is missing', async () => {
    const files = await checkpoint(5)
    await files.deleteFile(`${DIRECTORY}/3.delta`)
    for (const open of [
      (opened: Awaited<ReturnType<typeof openProvider>>) => opened.provider.getStore(),
      (opened: Awaited<ReturnType<typeof openProvider>>) => opened.provider.getReadStore(),
      (opened: Awaited<ReturnType<typeof openProvider>>) => opened.provider.getReadStore(4),
    ]) {
      await using opened = await openProvider({}, files)
      const error = await failure('TIDEMARK_BROKEN_CHAIN', () => open(opened))
      expect(error.version).toBe(3)
      expect(error.message).toContain('state/0/0/3.delta, and it is missing')
    }
    expect(await recover(files, 2)).toMatchObject({ rows: rowsAfter(2) })
  })

  test('a hole below a snapshot harms nobody but the versions in it', async () => {
    const files = await checkpoint(6, [4])
    await files.deleteFile(`${DIRECTORY}/2.delta`)
    expect((await recover(files)).rows).toEqual(rowsAfter(6))
    await using opened = await openProvider({}, files)
    await failure('TIDEMARK_BROKEN_CHAIN', () => readRows(opened.provider, 3))
  })

  test('files above a rewound version with an older stamp are orphans: not loaded, not counted, and replaced', async () => {
    const files = await checkpoint(3)
    const old = await readFile(files, '3.delta')
    {
      await using opened = await openProvider({}, files)
      await commitRows(opened.provider, { last: 'other' }, { from: 1, rewind: 'allow' })
    }
    expect(await names(files)).toEqual(['1.delta', '2.delta'])
    // As if the rewind had died before it removed 3.delta.
    await plant(files, '3.delta', old)
    const { rows, counts } = await recover(files)
    expect(rows).toEqual({ ...rowsAfter(1), last: 'other' })
    expect(counts.orphansSkipped).toBe(1)
    await using opened = await openProvider({}, files)
    expect(await opened.provider.latestVersion()).toBe(2)
    const error = await failure('TIDEMARK_VERSION_NOT_FOUND', () => readRows(opened.provider, 3))
    expect(error.message).toContain('replaced history')
    expect(await commitRows(opened.provider, { k3: 'new' })).toBe(3)
    expect(await recover(files)).toMatchObject({
      rows: { ...rowsAfter(1), last: 'other', k3: 'new' },
      counts: { orphansSkipped: 0 },
    })
    await expectClean(files)
  })

  test('an orphan is one also if it has a snapshot of its own', async () => {
    const files = await checkpoint(3, [3])
    const left = await Promise.all(
      ['3.delta', '3.snapshot'].map(async (name) => [name, await readFile(files, name)] as const),
    )
    {
      await using opened = await openProvider({}, files)
      await commitRows(opened.provider, { last: 'other' }, { from: 1, rewind: 'allow' })
    }
    for (const [name, bytes] of left) await plant(files, name, bytes)
    const { rows, counts } = await recover(files)
    expect(rows).toEqual({ ...rowsAfter(1), last: 'other' })
    expect(counts.orphansSkipped).toBe(1)
    await using opened = await openProvider({}, files)
    expect(await opened.provider.latestVersion()).toBe(2)
    await failure('TIDEMARK_VERSION_NOT_FOUND', () => readRows(opened.provider, 3))
  })

  test('a parent mismatch with a higher stamp is BROKEN_CHAIN', async () => {
    const files = await checkpoint(2)
    const old = await readFile(files, '2.delta')
    {
      await using opened = await openProvider({}, files)
      await commitRows(opened.provider, { last: 'other' }, { from: 1 })
      await commitRows(opened.provider, { k3: '3' })
    }
    await plant(files, '2.delta', old)
    await using opened = await openProvider({}, files)
    const error = await failure('TIDEMARK_BROKEN_CHAIN', () => opened.provider.getStore())
    expect(error.message).toMatch(/3\.delta, and its parent is [0-9a-f]{32}, but version 2 here is/)
  })
})

describe('which snapshot', () => {
  test('the newest at or below the version asked for, and only the deltas above it', async () => {
    const files = await checkpoint(7, [2, 5])
    for (let version = 1; version <= 4; version++) await damage(files, `${version}.delta`)
    expect(await recover(files)).toMatchObject({
      rows: rowsAfter(7),
      counts: { numSnapshotsAutoRepaired: 0 },
    })
    expect((await recover(files, 2)).rows).toEqual(rowsAfter(2))
  })

  test('a damaged one is passed over for an older one, counted, and written anew by maintenance', async () => {
    const files = await checkpoint(7, [2, 5])
    await damage(files, '5.snapshot')
    expect(await recover(files)).toMatchObject({
      rows: rowsAfter(7),
      counts: { numSnapshotsAutoRepaired: 1 },
    })
    await using opened = await openProvider({}, files)
    await (await opened.provider.getStore()).abort()
    await opened.provider.doMaintenance()
    expect(await names(files)).toContain('7.snapshot')
    expect(await recover(files)).toMatchObject({
      rows: rowsAfter(7),
      counts: { numSnapshotsAutoRepaired: 0 },
    })
  })

  test('with all of them damaged it starts from nothing', async () => {
    const files = await checkpoint(6, [2, 4, 6])
    for (const version of [2, 4, 6]) await damage(files, `${version}.snapshot`)
    expect(await recover(files)).toMatchObject({
      rows: rowsAfter(6),
      counts: { numSnapshotsAutoRepaired: 1 },
    })
  })

  test('a damaged one that nothing can replace is CORRUPT_FILE, naming file and offset', async () => {
    const files = await checkpoint(4, [2, 4])
    await files.deleteFile(`${DIRECTORY}/1.delta`)
    await damage(files, '2.snapshot')
    await damage(files, '4.snapshot')
    await using opened = await openProvider({}, files)
    const error = await failure('TIDEMARK_CORRUPT_FILE', () => readRows(opened.provider))
    expect(error.path).toBe('state/0/0/4.snapshot')
  })

  test('one of another history than its delta is passed over', async () => {
    const files = await checkpoint(4, [4])
    const stale = await readFile(files, '4.snapshot')
    {
      await using opened = await openProvider({}, files)
      await commitRows(opened.provider, { last: 'other' }, { from: 3 })
    }
    expect(await names(files)).not.toContain('4.snapshot')
    await plant(files, '4.snapshot', stale)
    expect(await recover(files)).toMatchObject({
      rows: { ...rowsAfter(3), last: 'other' },
      counts: { numSnapshotsAutoRepaired: 1 },
    })
  })

  test('one whose delta is gone stands for itself', async () => {
    const files = await checkpoint(4, [4])
    for (const version of [1, 2, 3, 4]) await files.deleteFile(`${DIRECTORY}/${version}.delta`)
    expect((await recover(files)).rows).toEqual(rowsAfter(4))
    await using opened = await openProvider({}, files)
    await commitVersions(opened.provider, 1)
    expect((await recover(files)).rows).toEqual(rowsAfter(5))
  })

  test('without trailers on both sides is used', async () => {
    const files = await checkpoint(5, [3], { trailer: false })
    await damage(files, '1.delta')
    expect((await recover(files)).rows).toEqual(rowsAfter(5))
  })

  test('without a trailer beside a delta of ours is passed over', async () => {
    const files = await checkpoint(4, [4])
    const foreign = await checkpoint(4, [4], { trailer: false })
    await plant(files, '4.snapshot', await readFile(foreign, '4.snapshot'))
    expect(await recover(files)).toMatchObject({
      rows: rowsAfter(4),
      counts: { numSnapshotsAutoRepaired: 1 },
    })
  })
})

describe('a damaged delta', () => {
  test('is CORRUPT_FILE with its name, and never an older version in disguise', async () => {
    const files = await checkpoint(3)
    await damage(files, '3.delta')
    for (const write of [true, false]) {
      await using opened = await openProvider({}, files)
      const error = await failure('TIDEMARK_CORRUPT_FILE', () =>
        write ? opened.provider.getStore() : opened.provider.getReadStore(),
      )
      expect(error.path).toBe('state/0/0/3.delta')
    }
    expect((await recover(files, 2)).rows).toEqual(rowsAfter(2))
  })

  for (const [what, make] of [
    ['an empty file', () => new Uint8Array(0)],
    ['a single byte', () => new Uint8Array(1)],
    ['zeros', () => new Uint8Array(4096)],
    ['text', () => text('hello, world, this is no delta at all')],
  ] as const) {
    test(`that is ${what} is CORRUPT_FILE, for a delta and for a snapshot without its deltas`, async () => {
      const files = await checkpoint(2)
      await plant(files, '2.delta', make())
      await using opened = await openProvider({}, files)
      await failure('TIDEMARK_CORRUPT_FILE', () => opened.provider.getStore())
      const other = new MemoryFileManager()
      await plant(other, '5.snapshot', make())
      await using second = await openProvider({}, other)
      await failure('TIDEMARK_CORRUPT_FILE', () => second.provider.getStore())
    })
  }

  // An older stamp would make it an orphan, were it of this store: then an acknowledged version would be gone without a word.
  test('that belongs to another partition is refused, and no orphan', async () => {
    const files = await checkpoint(2)
    const stores = await openProvider({}, files)
    const other = stores.stores.provider({ operatorId: 0, partitionId: 1 })
    await commitRows(stores.provider, { x: '1' }, { from: 0, rewind: 'allow' })
    await commitRows(stores.provider, { x: '1' })
    await commitRows(other, { x: '1' })
    await commitRows(other, { x: '2' })
    const bytes = (await files.read('state/0/1/2.delta'))!
    await stores.stores.close()
    await plant(files, '2.delta', bytes)
    await using opened = await openProvider({}, files)
    await failure('TIDEMARK_CORRUPT_FILE', () => opened.provider.getStore())
    await failure('TIDEMARK_CORRUPT_FILE', () => opened.provider.latestVersion())
  })

  test('that belongs to another partition is named, where a version above it is read', async () => {
    const files = await checkpoint(1)
    {
      await using opened = await openProvider({}, files)
      await commitVersions(opened.provider, 2)
      const other = opened.stores.provider({ operatorId: 0, partitionId: 1 })
      await commitVersions(other, 2)
    }
    await plant(files, '2.delta', (await files.read('state/0/1/2.delta'))!)
    await using opened = await openProvider({}, files)
    const error = await failure('TIDEMARK_CORRUPT_FILE', () => opened.provider.getReadStore(3))
    expect(error.path).toBe('state/0/0/2.delta')
  })

  test('of version 2 named 3 is refused', async () => {
    const files = await checkpoint(2)
    await plant(files, '3.delta', await readFile(files, '2.delta'))
    await using opened = await openProvider({}, files)
    await failure('TIDEMARK_CORRUPT_FILE', () => opened.provider.getReadStore(3))
  })

  test('that is a directory is CORRUPT_FILE, and is not deleted', async () => {
    const files = await checkpoint(2)
    await files.makeDirectories(`${DIRECTORY}/3.delta`, 'os')
    await using opened = await openProvider({}, files)
    const error = await failure('TIDEMARK_CORRUPT_FILE', () => opened.provider.getStore())
    expect(error.message).toContain('found a directory')
    expect((await files.stat(`${DIRECTORY}/3.delta`))?.type).toBe('directory')
    expect(await readRows(opened.provider, 2)).toEqual(rowsAfter(2))
  })
})

describe('versions without trailer', () => {
  test('under ours: the chain begins anew on them, and goes on', async () => {
    const files = await checkpoint(3, [], { trailer: false })
    {
      await using opened = await openProvider({}, files)
      await commitVersions(opened.provider, 2)
      await using read = await opened.provider.getReadStore()
      expect(read.foreign).toBe(false)
    }
    expect((await recover(files)).rows).toEqual(rowsAfter(5))
    await expectClean(files)
    // Another foreign version in their place breaks the chain.
    const foreign = await checkpoint(2, [], { trailer: false })
    {
      await using other = await openProvider({ trailer: false }, foreign)
      await commitRows(other.provider, { k3: 'forged' })
    }
    await plant(files, '3.delta', await readFile(foreign, '3.delta'))
    await using opened = await openProvider({}, files)
    await failure('TIDEMARK_BROKEN_CHAIN', () => opened.provider.getStore())
  })

  test('above ours are loaded as foreign', async () => {
    const files = await checkpoint(2)
    const foreign = await checkpoint(3, [], { trailer: false })
    await plant(files, '3.delta', await readFile(foreign, '3.delta'))
    await using opened = await openProvider({}, files)
    await using read = await opened.provider.getReadStore()
    expect([read.version, read.foreign, rowsOf(read)]).toEqual([3, true, rowsAfter(3)])
  })

  test('appearing where a commit belongs are VERSION_EXISTS, and are not touched', async () => {
    const files = await checkpoint(2)
    await using opened = await openProvider({}, files)
    const store = await opened.provider.getStore()
    store.put(text('k3'), text('mine'))
    const foreign = await checkpoint(3, [], { trailer: false })
    await plant(files, '3.delta', await readFile(foreign, '3.delta'))
    const before = await footprint(files)
    const error = await failure('TIDEMARK_VERSION_EXISTS', () => store.commit())
    expect((error.cause as Error).message).toContain('another engine is writing here')
    await store.abort()
    expect(await footprint(files)).toEqual(before)
    expect(await readRows(opened.provider, 3)).toEqual(rowsAfter(3))
  })

  test('are the same version again when the same batch is run again', async () => {
    const files = await checkpoint(2, [], { trailer: false })
    await using opened = await openProvider({ trailer: false }, files)
    expect(await commitRows(opened.provider, { k2: '2', last: '2' }, { from: 1 })).toBe(2)
    expect(await readRows(opened.provider)).toEqual(rowsAfter(2))
  })
})

describe('files that change while they are read', () => {
  /** Calls `act` once, before the first read of `name`. */
  function meanwhile(files: MemoryFileManager, name: string, act: () => Promise<void>) {
    let done = false
    return aroundCalls<CheckpointFileManager>(files, async (call, proceed) => {
      if (!done && call.method === 'read' && call.args[0] === `${DIRECTORY}/${name}`) {
        done = true
        await act()
      }
      return proceed()
    })
  }

  test('a delta cleaned between listing and reading: the load starts over from the snapshot', async () => {
    const files = await checkpoint(6, [4])
    const snapshot = await readFile(files, '4.snapshot')
    await files.deleteFile(`${DIRECTORY}/4.snapshot`)
    const changing = meanwhile(files, '2.delta', async () => {
      await plant(files, '4.snapshot', snapshot)
      for (const version of [1, 2, 3]) await files.deleteFile(`${DIRECTORY}/${version}.delta`)
    })
    expect((await recover(changing)).rows).toEqual(rowsAfter(6))
  })

  test('one that stays away is concluded after three attempts', async () => {
    const files = await checkpoint(3)
    let lists = 0
    const liar = aroundCalls<CheckpointFileManager>(files, async (call, proceed) => {
      if (call.method === 'list') lists++
      return call.method === 'read' && call.args[0] === `${DIRECTORY}/3.delta`
        ? undefined
        : proceed()
    })
    await using opened = await openProvider({}, liar)
    await expect(opened.provider.getReadStore(3)).rejects.toThrow('3.delta')
    expect(lists).toBeGreaterThanOrEqual(3)
    expect(lists).toBeLessThanOrEqual(4 * 3)
  })
})

describe('other files in a store folder', () => {
  const FOREIGN = ['.DS_Store', 'foo.delta', 'x.tmp', '007.delta', '0.delta', '1.DELTA', '9.crc']

  test('are ignored, and never deleted', async () => {
    const files = await checkpoint(3)
    for (const name of FOREIGN) await plant(files, name, text(name))
    await files.makeDirectories(`${DIRECTORY}/_metadata`, 'os')
    await using opened = await openProvider(
      { minDeltasForSnapshot: 1, minBatchesToRetain: 1 },
      files,
    )
    for (let round = 0; round < 3; round++) {
      await commitVersions(opened.provider, 2)
      await opened.provider.doMaintenance()
    }
    await commitRows(opened.provider, { last: 'x' }, { from: 7, rewind: 'allow' })
    const there = await names(files)
    for (const name of [...FOREIGN, '_metadata']) expect(there).toContain(name)
    expect(there).not.toContain('1.delta')
    for (const name of FOREIGN) expect(await readFile(files, name)).toEqual(text(name))
  })
})

describe('limits of memory', () => {
  test('a state above memoryBytesMax is MEMORY_LIMIT when it is loaded, not a crash', async () => {
    const files = new MemoryFileManager()
    {
      await using opened = await openProvider({}, files)
      const store = await opened.provider.getStore()
      for (let i = 0; i < 40; i++) store.put(text(`k${i}`), new Uint8Array(100_000))
      await store.commit()
    }
    await using small = await openProvider({ memoryBytesMax: 2 ** 20 }, files)
    await failure('TIDEMARK_MEMORY_LIMIT', () => small.provider.getStore())
  })
})
