// The registry of a process: locations and ids that are accepted or refused, forced snapshots, the scheduler over real stores, closing.

import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock, type Clock } from '../../../src/base/clock.ts'
import { StateStores } from '../../../src/coordinator/state-stores.ts'
import { openCheckpoint } from '../../../src/checkpoint/checkpoint.ts'
import { verifyCheckpoint } from '../../../src/checkpoint/verify.ts'
import { LocalFileManager } from '../../../src/files/local.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import type { StoreId } from '../../../src/store/store-id.ts'
import {
  commitRows,
  commitVersions,
  damage,
  expectClean,
  failure,
  ID,
  names,
  openProvider,
  plant,
  QUIET,
  readRows,
  text,
} from '../../../src/testing/stores.ts'

const INVALID = 'TIDEMARK_INVALID_OPTIONS'

describe('a location on the local disk', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-stores-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  test('need not exist, and is made by the first getStore, not by opening', async () => {
    const location = join(folder, 'not', 'there')
    await using stores = await StateStores.open(location, QUIET)
    expect(stores.location).toBe(location)
    expect(await readdir(folder)).toEqual([])
    expect(await stores.provider(ID).latestVersion()).toBe(0)
    expect(await readdir(folder)).toEqual([])
    await commitRows(stores.provider(ID), { a: '1' })
    expect(await readdir(join(location, 'state/0/0'))).toEqual(['1.delta'])
  })

  test('opened read-only must be there', async () => {
    await failure('TIDEMARK_CHECKPOINT_NOT_FOUND', () =>
      StateStores.open(join(folder, 'nothing'), { ...QUIET, readOnly: true }),
    )
    await using stores = await StateStores.open(folder, { ...QUIET, readOnly: true })
    await failure(INVALID, () => stores.provider(ID).getStore())
    expect(await readdir(folder)).toEqual([])
  })

  test('may be a file: URL, have spaces and other letters, and dots that lead elsewhere', async () => {
    const location = join(folder, 'ünï cödé', '..', 'dir 1')
    {
      await using stores = await StateStores.open(location, QUIET)
      await commitRows(stores.provider(ID), { a: '1' })
    }
    await using stores = await StateStores.open(pathToFileURL(join(folder, 'dir 1')).href, QUIET)
    expect(await readRows(stores.provider(ID))).toEqual({ a: '1' })
  })

  test('that is a file, a URL of another kind, empty or with a NUL is refused', async () => {
    await writeFile(join(folder, 'file'), '')
    await failure(INVALID, () => StateStores.open(join(folder, 'file'), QUIET))
    await failure(INVALID, () => StateStores.open(join(folder, 'file', 'below'), QUIET))
    for (const url of ['gs://bucket/x', 'hdfs://host/x', 'https://host/x'])
      await failure(INVALID, () => StateStores.open(url, QUIET))
    // What path.join makes of a URL would be a folder below the current one.
    for (const joined of [
      's3:/bucket/x',
      'S3A:/bucket/x',
      'hdfs:/host/x',
      'webhdfs:/host:9870/x',
    ]) {
      const refused = await failure(INVALID, () => StateStores.open(joined, QUIET))
      expect(refused.message).toContain('one slash')
    }
    await expect(StateStores.open('', QUIET)).rejects.toThrow(RangeError)
    await expect(StateStores.open('a\0b', QUIET)).rejects.toThrow(RangeError)
    for (const wrong of [undefined, null, 7])
      await expect(StateStores.open(wrong as unknown as string, QUIET)).rejects.toThrow(TypeError)
  })

  test('too long for the file system is an error of ours, on the first use', async () => {
    await using stores = (await StateStores.open(join(folder, 'x'.repeat(300)), QUIET).catch(
      (error: unknown) => {
        expect(error).toHaveProperty('code')
        return undefined
      },
    )) as StateStores
    if (stores === undefined) return
    await expect(stores.provider(ID).getStore()).rejects.toHaveProperty('kind', 'unavailable')
  })

  test('with a symbolic link inside that leads out of it is never followed', async () => {
    const outside = join(folder, 'outside')
    const location = join(folder, 'checkpoint')
    await mkdir(join(outside, '0'), { recursive: true })
    await mkdir(location)
    await symlink(outside, join(location, 'state'))
    await using stores = await StateStores.open(location, QUIET)
    await expect(stores.provider(ID).getStore()).rejects.toHaveProperty('name', 'StateStoreError')
    await expect(stores.provider(ID).getReadStore(1)).rejects.toHaveProperty(
      'name',
      'StateStoreError',
    )
    expect(await readdir(join(outside, '0'))).toEqual([])
  })

  test('with a link where a delta should be does not read through it', async () => {
    const location = join(folder, 'checkpoint')
    await using stores = await StateStores.open(location, QUIET)
    await commitVersions(stores.provider(ID), 1)
    await writeFile(join(folder, 'secret'), 'secret')
    await symlink(join(folder, 'secret'), join(location, 'state/0/0/2.delta'))
    await using other = await StateStores.open(location, QUIET)
    await failure('TIDEMARK_CORRUPT_FILE', () => other.provider(ID).getReadStore())
  })
})

describe('what is neither text nor file manager', () => {
  const mistakes: [what: string, location: () => unknown, message: string][] = [
    [
      'a URL',
      () => new URL('file:///x/y'),
      'Expected `location` to be a string or a file manager, got a URL; pass its `href`, file:///x/y',
    ],
    ['a manager that was not awaited', () => LocalFileManager.open(tmpdir()), 'await it'],
    ['an empty object', () => ({}), 'got an object without `stat`, `list`, `read`'],
    [
      'a manager that lacks a call',
      () => Object.assign(new MemoryFileManager(), { makeDirectories: undefined }),
      'got an object without `makeDirectories`',
    ],
    ['null', () => null, 'got null'],
    ['a number', () => 7, 'got number'],
  ]
  test.each(mistakes)(
    '%s is refused at once, by whatever opens it',
    async (_, location, message) => {
      for (const open of [
        (wrong: string) => StateStores.open(wrong, QUIET),
        (wrong: string) => openCheckpoint(wrong),
        (wrong: string) => verifyCheckpoint(wrong),
      ]) {
        const opening = open(location() as string)
        await expect(opening).rejects.toBeInstanceOf(TypeError)
        await expect(opening).rejects.toThrow(message)
      }
    },
  )
})

describe('a store id', () => {
  const wrong: [string, unknown][] = [
    ['a negative operator', { operatorId: -1, partitionId: 0 }],
    ['a fraction', { operatorId: 0, partitionId: 0.5 }],
    ['a text for a number', { operatorId: '0', partitionId: 0 }],
    ['a number beyond 2^53', { operatorId: 2 ** 53, partitionId: 0 }],
    ['no partition', { operatorId: 0 }],
    ...['', '.', '..', 'a/b', 'a\\b', 'a\0b', '../../etc', '_metadata', '.hidden', 'ü', 'a b'].map(
      (storeName) => [`the name ${JSON.stringify(storeName)}`, storeName] as [string, unknown],
    ),
    ...['1.delta', '1.snapshot', '1.delta.crc', '7.DELTA', 'a.', 'x'.repeat(129)].map(
      (storeName) => [`the name ${storeName.slice(0, 20)}`, storeName] as [string, unknown],
    ),
    ['a name that is no text', 7],
    ['a name that is null', null],
  ]
  for (const [what, id] of wrong) {
    test(`with ${what} is INVALID_OPTIONS`, async () => {
      const stores = await StateStores.open(new MemoryFileManager(), QUIET)
      const whole =
        typeof id === 'object' && id !== null
          ? id
          : { operatorId: 0, partitionId: 0, storeName: id }
      await failure(INVALID, () => stores.provider(whole as StoreId))
      await stores.close()
    })
  }

  test('with a member that is none of an id, and no name, is refused: a `name` would else be the default store', async () => {
    await using opened = await openProvider()
    const refused = await failure(INVALID, () =>
      opened.stores.provider({ ...ID, name: 'left' } as StoreId),
    )
    expect(refused.message).toBe(
      'Unknown member `name` of the store id; its members are operatorId, partitionId, storeName',
    )
    expect(opened.stores.provider({ ...ID, name: undefined } as StoreId)).toBe(opened.provider)
    const described = { ...ID, storeName: 'default', newestVersion: 3 }
    expect(opened.stores.provider(described)).toBe(opened.provider)
  })

  test.each([undefined, null, 7, 'left'])('that is %j is INVALID_OPTIONS', async (id) => {
    await using opened = await openProvider()
    const refused = await failure(INVALID, () => opened.stores.provider(id as unknown as StoreId))
    expect(refused.message).toContain('Expected the store id to be an object')
  })

  test('names its folder as Spark does: the default store in the partition itself, others beside', async () => {
    const files = new MemoryFileManager()
    await using stores = await StateStores.open(files, QUIET)
    for (const storeName of ['default', 'left-keyToNumValues', '$procTimers', 'x'.repeat(128)]) {
      const provider = stores.provider({ operatorId: 3, partitionId: 7, storeName })
      await commitRows(provider, { name: storeName })
    }
    expect(await names(files, 'state/3/7')).toEqual(
      ['1.delta', '$procTimers', 'left-keyToNumValues', 'x'.repeat(128)].sort(),
    )
    expect(await names(files, 'state/3/7/left-keyToNumValues')).toEqual(['1.delta'])
    expect(stores.provider({ operatorId: 3, partitionId: 7 })).toBe(
      stores.provider({ operatorId: 3, partitionId: 7, storeName: 'default' }),
    )
    expect(await readRows(stores.provider({ operatorId: 3, partitionId: 7 }))).toEqual({
      name: 'default',
    })
    await expectClean(files)
  })
})

describe('a provider', () => {
  test('is the same object until it is closed, then a new one that goes on', async () => {
    await using opened = await openProvider()
    const first = opened.stores.provider(ID)
    expect(opened.stores.provider({ ...ID, storeName: 'default' })).toBe(first)
    await commitVersions(first, 1)
    await first.close()
    const second = opened.stores.provider(ID)
    expect(second).not.toBe(first)
    await commitVersions(second, 1)
    expect(await second.latestVersion()).toBe(2)
    await expectClean(opened.files)
  })

  test('of closed StateStores is refused; closing twice is nothing; open stores are aborted', async () => {
    const opened = await openProvider()
    const store = await opened.provider.getStore()
    store.put(text('a'), text('1'))
    await Promise.all([opened.stores.close(), opened.stores.close()])
    expect(store.state).toBe('aborted')
    await failure('TIDEMARK_PROVIDER_CLOSED', () => opened.stores.provider(ID))
    await failure('TIDEMARK_PROVIDER_CLOSED', () => opened.provider.getStore())
    await failure('TIDEMARK_PROVIDER_CLOSED', () => opened.stores.doMaintenance())
    expect(await names(opened.files)).toEqual([])
    expect(await names(opened.files, '_tidemark/staging/0/0/default')).toEqual([])
  })
})

describe('maintenance', () => {
  test('over all providers goes on after one has failed, and tells of all failures', async () => {
    const files = new MemoryFileManager()
    await using opened = await openProvider({ minDeltasForSnapshot: 1 }, files)
    const other = opened.stores.provider({ operatorId: 0, partitionId: 1 })
    await commitVersions(opened.provider, 2)
    await commitVersions(other, 2)
    // Another writer takes the first one.
    await using thief = await openProvider({}, files)
    await (await thief.provider.getStore()).abort()
    const error = await opened.stores.doMaintenance().then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(AggregateError)
    expect((error as AggregateError).errors).toHaveLength(1)
    expect((error as AggregateError).errors[0]).toHaveProperty('code', 'TIDEMARK_FENCED')
    expect(await names(files, 'state/0/1')).toContain('2.snapshot')
  })

  test('is asked for at once by a store whose last snapshot lies too far back, and counted', async () => {
    const files = new MemoryFileManager()
    const opened = await openProvider({ forceSnapshotAtDeltas: 3, minDeltasForSnapshot: 3 }, files)
    await commitVersions(opened.provider, 3)
    expect(opened.provider.metrics.customMetrics).toMatchObject({
      forceSnapshotCount: 0,
      snapshotLag: 3,
    })
    await commitVersions(opened.provider, 1)
    const { metrics } = opened.provider
    // The round under way is joined, and done when the call returns.
    await opened.provider.doMaintenance()
    expect(metrics.customMetrics.forceSnapshotCount).toBe(1)
    expect(await names(files)).toContain('4.snapshot')
    expect(opened.provider.metrics.customMetrics.snapshotLag).toBe(0)
    await opened.stores.close()
    await expectClean(files)
  })

  test('is not asked for where none would be written yet', async () => {
    await using opened = await openProvider({ forceSnapshotAtDeltas: 1, minDeltasForSnapshot: 5 })
    await commitVersions(opened.provider, 5)
    expect(opened.provider.metrics.customMetrics.forceSnapshotCount).toBe(0)
    await commitVersions(opened.provider, 1)
    expect(opened.provider.metrics.customMetrics.forceSnapshotCount).toBe(1)
  })

  test('runs by itself every interval, and its failures are logged, not thrown', async () => {
    const warnings: string[] = []
    let wake: () => void = () => undefined
    const clock: Clock = {
      ...systemClock,
      sleep: (_ms, signal) =>
        new Promise<void>((resolve, reject) => {
          wake = resolve
          signal?.addEventListener('abort', () => reject(signal.reason as Error))
        }),
    }
    const files = new MemoryFileManager()
    const logger = { info: () => undefined, warn: (line: string) => void warnings.push(line) }
    const stores = await StateStores.open(files, {
      clock,
      logger,
      maintenanceIntervalMs: 1_000,
      minDeltasForSnapshot: 1,
    })
    await commitVersions(stores.provider(ID), 2)
    wake()
    for (let i = 0; i < 50; i++) await systemClock.turn()
    expect(await names(files)).toContain('2.snapshot')
    await commitVersions(stores.provider(ID), 2)
    await using thief = await openProvider({}, files)
    await (await thief.provider.getStore()).abort()
    await commitVersions(stores.provider({ operatorId: 0, partitionId: 1 }), 2)
    wake()
    for (let i = 0; i < 50; i++) await systemClock.turn()
    expect(warnings.join()).toContain('Maintenance of 0/0/default failed')
    expect(await names(files, 'state/0/1')).toContain('2.snapshot')
    await stores.close()
  })

  test('that finds a directory or a stranger in its way leaves both', async () => {
    const files = new MemoryFileManager()
    await using opened = await openProvider(
      { minDeltasForSnapshot: 1, minBatchesToRetain: 1 },
      files,
    )
    await commitVersions(opened.provider, 1)
    await files.makeDirectories('state/0/0/2.snapshot', 'os')
    await plant(files, 'README', text('mine'))
    await commitVersions(opened.provider, 1)
    await opened.provider.doMaintenance().catch(() => undefined)
    await commitVersions(opened.provider, 1)
    await opened.provider.doMaintenance()
    await commitVersions(opened.provider, 1)
    await opened.provider.doMaintenance()
    const there = await names(files)
    expect(there).toContain('2.snapshot')
    expect(there).toContain('README')
    expect(there).toContain('3.snapshot')
    await damage(files, '4.delta')
  })
})
