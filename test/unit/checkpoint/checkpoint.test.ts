import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { toHex } from '../../../src/base/bytes.ts'
import { type Checkpoint, openCheckpoint } from '../../../src/checkpoint/checkpoint.ts'
import { verifyCheckpoint } from '../../../src/checkpoint/verify.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import { StateStores } from '../../../src/index.ts'
import { storeIdText } from '../../../src/store/store-id.ts'
import { commitVersions, ID, openProvider } from '../../../src/testing/stores.ts'
import {
  bytes,
  digestFolder,
  temporaryFolder,
  writeCheckpoint,
  writeVersions,
} from '../../support/checkpoint-folder.ts'
import {
  GOLDEN_NAMES,
  goldenRows,
  goldenStores,
  readGolden,
  unpackGolden,
} from '../../support/goldens.ts'
import { MemoryObjects } from '../../support/memory-objects.ts'

async function collectRows(checkpoint: Checkpoint, version?: number) {
  const rows = new Map<string, string[]>()
  for await (const { store, key, value } of checkpoint.rawRows({ version, order: 'key' })) {
    const id = storeIdText(store)
    rows.set(id, [...(rows.get(id) ?? []), `${toHex(key)}=${toHex(value)}`])
  }
  return rows
}

describe.each(GOLDEN_NAMES)('Spark: %s', (name) => {
  test('its stores are found, its rows are those that Spark reads, nothing is wrong with it, and nothing is written', async () => {
    await using golden = await unpackGolden(name)
    const before = digestFolder(golden.path)
    await using checkpoint = await openCheckpoint(golden.path)
    expect(checkpoint.settings).toEqual({ rowChecksums: false, floorValues: true })
    const stores = goldenStores(readGolden(name))
    expect((await checkpoint.stores()).map(storeIdText).sort()).toEqual(
      stores.map((s) => `${s.operatorId}/${s.partitionId}/${s.storeName}`).sort(),
    )
    const expected = goldenRows(name)
    const rows = await collectRows(checkpoint, expected?.version)
    expect(rows.size).toBeGreaterThan(0)
    if (expected !== undefined) expect(rows).toEqual(expected.rows)
    for (const id of await checkpoint.stores()) {
      const info = await checkpoint.describe(id)
      expect(info).toMatchObject({ foreign: true, oldestVersion: 1, problem: undefined })
      expect(info.files.foreign.count).toBe(0)
      expect(info.newestVersion).toBeGreaterThan(0)
    }
    expect(await verifyCheckpoint(golden.path)).toEqual([])
    expect(digestFolder(golden.path)).toBe(before)
  })
})

test('values that Spark before 2.3 wrote too long are floored without being told to', async () => {
  await using golden = await unpackGolden('checkpoint-version-2.1.0')
  const sizes = async (floorValues?: boolean) => {
    await using checkpoint = await openCheckpoint(golden.path, { floorValues })
    const found = new Set<number>()
    for await (const { value } of checkpoint.rawRows()) found.add(value.length)
    return [...found]
  }
  expect(await sizes()).toEqual([24])
  expect(await sizes(false)).toEqual([28])
})

test('values that we commit into a Spark checkpoint keep their size, whatever it is', async () => {
  await using golden = await unpackGolden('checkpoint-version-4.0.0/hdfs/agg')
  {
    await using stores = await StateStores.open(golden.path, { floorValues: true })
    const store = await stores.provider({ operatorId: 0, partitionId: 0 }).getStore()
    store.put(bytes('ours'), bytes('12345'))
    await store.commit()
  }
  await using checkpoint = await openCheckpoint(golden.path)
  const rows = []
  for await (const row of checkpoint.rawRows({ partitionId: 0 })) rows.push(row)
  expect(rows.map(({ key, value }) => [key, value])).toEqual([[bytes('ours'), bytes('12345')]])
  expect(await verifyCheckpoint(golden.path)).toEqual([])
})

describe('a checkpoint of our own', () => {
  test('tells versions, files, lag, progress and who wrote it', async () => {
    await using folder = await temporaryFolder()
    await writeCheckpoint(folder.path)
    await using checkpoint = await openCheckpoint(folder.path)
    expect(checkpoint.settings).toEqual({ rowChecksums: false, floorValues: false })
    expect((await checkpoint.stores()).map(storeIdText)).toEqual([
      '0/0/default',
      '0/1/default',
      '1/0/left',
    ])
    const [first] = await checkpoint.stores({ partitionId: 1 })
    expect(await checkpoint.describe(first)).toMatchObject({
      partitionId: 1,
      oldestVersion: 1,
      newestVersion: 6,
      snapshotVersion: 6,
      snapshotLag: 0,
      codec: 'lz4',
      foreign: false,
      keys: 4,
      progress: { offset: 60 },
      files: { deltas: { count: 6 }, snapshots: { count: 2 }, foreign: { count: 0 } },
      lease: { generation: 1, owner: 'the test', pid: process.pid, state: 'released' },
      problem: undefined,
    })
  })

  test('where nothing tells whether the writer has closed, nothing is said of it', async () => {
    const files = new MemoryObjects()
    await using opened = await openProvider({ owner: 'the test' }, files)
    await commitVersions(opened.provider, 1)
    await using checkpoint = await openCheckpoint(files)
    const info = await checkpoint.describe({ ...ID, storeName: 'default' })
    expect(info.lease).toMatchObject({ generation: 1, owner: 'the test', state: undefined })
  })

  test('an open writer shows as open, and readers beside it see what is committed', async () => {
    const files = new MemoryFileManager()
    await using stores = await StateStores.open(files, { maintenanceIntervalMs: 0 })
    const store = await stores.provider({ operatorId: 0, partitionId: 0 }).getStore()
    store.put(bytes('a'), bytes('1'))
    await using checkpoint = await openCheckpoint(files)
    const [id] = await checkpoint.stores()
    const info = await checkpoint.describe(id)
    expect(info).toMatchObject({ newestVersion: 0, oldestVersion: 0, lease: { state: 'open' } })
    await store.commit()
    expect((await collectRows(checkpoint)).get('0/0/default')).toEqual(['61=31'])
  })

  test('rows come at any version, sorted by operator, name, partition and key', async () => {
    await using folder = await temporaryFolder()
    await writeCheckpoint(folder.path)
    await using checkpoint = await openCheckpoint(folder.path)
    const seen = []
    for await (const { store, version, key } of checkpoint.rawRows({ version: 2, order: 'key' }))
      seen.push(`${storeIdText(store)}@${version} ${new TextDecoder().decode(key)}`)
    expect(seen).toEqual(
      ['0/0/default', '0/1/default', '1/0/left'].flatMap((id) =>
        ['count', 'key-1', 'key-2'].map((key) => `${id}@2 ${key}`),
      ),
    )
    await expect(collectRows(checkpoint, 99)).rejects.toMatchObject({
      code: 'TIDEMARK_VERSION_NOT_FOUND',
    })
    await expect(checkpoint.stores({ operatorId: 7 })).rejects.toMatchObject({
      code: 'TIDEMARK_CHECKPOINT_NOT_FOUND',
    })
  })
})

test('without a last batch, changes go to the newest of each store', async () => {
  await using folder = await temporaryFolder()
  await using stores = await StateStores.open(folder.path, { durability: 'os' })
  const newest = [5, 3]
  for (const [partitionId, version] of newest.entries())
    await writeVersions(stores, { operatorId: 0, partitionId }, 1, version)
  // Claimed, and never committed.
  await (await stores.provider({ operatorId: 0, partitionId: 2 }).getStore()).abort()
  await using checkpoint = await openCheckpoint(folder.path)
  const last = [-1, -1, -1]
  for await (const { store, batchId } of checkpoint.rawChanges({ from: 0 }))
    last[store.partitionId] = batchId
  expect(last).toEqual([4, 2, -1])
})

describe('what is no checkpoint', () => {
  const refused = async (path: string) => {
    const error: unknown = await openCheckpoint(path).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    return error as { code: string; message: string }
  }

  test('is refused with a hint at what it looks like', async () => {
    await using folder = await temporaryFolder()
    const inside = (...parts: string[]) => join(folder.path, ...parts)
    expect(await refused(inside('no such'))).toMatchObject({
      code: 'TIDEMARK_CHECKPOINT_NOT_FOUND',
      message: expect.stringContaining('nothing there') as string,
    })
    expect((await refused(folder.path)).message).toContain('an empty folder')
    await writeFile(inside('file'), 'x')
    expect((await refused(folder.path)).message).toContain('a folder without `state`')
    for (const path of ['file', 'file/below'])
      expect(await refused(inside(path))).toMatchObject({
        code: 'TIDEMARK_CHECKPOINT_NOT_FOUND',
        message: expect.stringContaining('a file in its place') as string,
      })
    await writeCheckpoint(inside('c'))
    expect((await refused(inside('c', 'state'))).message).toContain('the folder that holds `state`')
    expect((await refused(inside('c', 'state', '0', '1'))).message).toContain('of one store')
    expect((await refused('gs://bucket/x')).code).toBe('TIDEMARK_INVALID_OPTIONS')
  })

  test.each(['3.zip', '3_0b9d2a3c-1111-4222-8333-444455556666.zip', '4.changelog'])(
    'a RocksDB checkpoint is named as such: %s',
    async (name) => {
      await using folder = await temporaryFolder()
      await mkdir(join(folder.path, 'state/0/0'), { recursive: true })
      await writeFile(join(folder.path, 'state/0/0', name), 'x')
      expect(await refused(folder.path)).toMatchObject({
        code: 'TIDEMARK_UNSUPPORTED',
        message: expect.stringContaining('RocksDB') as string,
      })
    },
  )
})
