// Every way of reading a checkpoint, on a storage on which nothing can be changed: any call that would is refused, at once and for good.

import { expect, test } from 'vitest'
import { openCheckpoint } from '../../../src/checkpoint/checkpoint.ts'
import { verifyCheckpoint } from '../../../src/checkpoint/verify.ts'
import { StateStoreError } from '../../../src/errors.ts'
import type { CheckpointFileManager } from '../../../src/files/file-manager.ts'
import { LocalFileManager } from '../../../src/files/local.ts'
import { aroundCalls } from '../../../src/testing/around-calls.ts'
import { temporaryFolder, writeCheckpoint } from '../../support/checkpoint-folder.ts'
import { unpackGolden } from '../../support/goldens.ts'
import { failure } from '../../../src/testing/stores.ts'

/** What may be called; all else is refused, so that a method that is new is refused too. */
const READING: readonly string[] = ['stat', 'list', 'read']

function unwritable(files: CheckpointFileManager, refused: string[]): CheckpointFileManager {
  return aroundCalls(files, async ({ method, args }, proceed) => {
    if (READING.includes(method)) return await proceed()
    refused.push(`${method} ${String(args[0])}`)
    throw new StateStoreError('TIDEMARK_STORAGE_UNAVAILABLE', `Nothing is written here: ${method}`)
  })
}

async function countOf(rows: AsyncIterable<unknown>): Promise<number> {
  let count = 0
  for await (const _ of rows) count++
  return count
}

async function openUnwritable(path: string) {
  const refused: string[] = []
  const files = unwritable(await LocalFileManager.open(path), refused)
  return { files, refused }
}

test('the storage of these tests does refuse to be written to', async () => {
  await using folder = await temporaryFolder()
  const { files, refused } = await openUnwritable(folder.path)
  await failure('TIDEMARK_STORAGE_UNAVAILABLE', () => files.makeDirectory('state', 'os'))
  expect(refused).toEqual(['makeDirectory state'])
})

test.each([
  ['spark-4.1.4/session-zstd-ck1-p2-md3', 30],
  ['spark-4.1.4/join-lz4-ck1-p2-md10', 10],
])('of Spark: %s', async (name, batchId) => {
  await using golden = await unpackGolden(name)
  const { files, refused } = await openUnwritable(golden.path)
  await using checkpoint = await openCheckpoint(files)
  const stores = await checkpoint.stores()
  const [{ storeName }] = stores
  const [from, to] = [{ batchId }, { batchId: batchId + 2 }]
  expect(await countOf(checkpoint.rows())).toBeGreaterThan(0)
  expect(await countOf(checkpoint.rows({ batchId }))).toBeGreaterThan(0)
  expect(await countOf(checkpoint.rawRows({ order: 'key' }))).toBeGreaterThan(0)
  expect(await countOf(checkpoint.changes({ from: batchId }))).toBeGreaterThan(0)
  expect(await countOf(checkpoint.rawChanges({ from: batchId }))).toBeGreaterThan(0)
  expect(await countOf(checkpoint.differences({ from, to }))).toBeGreaterThan(0)
  expect(await countOf(checkpoint.rawDifferences({ from, to }))).toBeGreaterThan(0)
  for (const id of stores)
    expect(await checkpoint.describe(id)).toMatchObject({ problem: undefined })
  await using other = await openCheckpoint(files)
  const [snapshot] = await snapshotBatches(files, `state/0/0`, storeName)
  const one = { operatorId: 0, partitionId: 0, storeName, snapshotBatchId: snapshot }
  expect(await countOf(other.rows({ ...one, batchId: snapshot + 1 }))).toBeGreaterThan(0)
  expect((await checkpoint.operators()).length).toBe(1)
  expect((await checkpoint.batches()).length).toBeGreaterThan(30)
  expect(await checkpoint.schema(stores[0])).toMatchObject({ key: { kind: 'struct' } })
  expect(await verifyCheckpoint(files)).toEqual([])
  expect(refused).toEqual([])
})

test('of our own', async () => {
  await using folder = await temporaryFolder()
  await writeCheckpoint(folder.path)
  const { files, refused } = await openUnwritable(folder.path)
  await using checkpoint = await openCheckpoint(files)
  expect(await countOf(checkpoint.rawRows())).toBeGreaterThan(0)
  expect(await countOf(checkpoint.rawChanges({ from: 0 }))).toBeGreaterThan(0)
  const [from, to] = [{ version: 2 }, { version: 5 }]
  expect(await countOf(checkpoint.rawDifferences({ from, to }))).toBeGreaterThan(0)
  for (const id of await checkpoint.stores())
    expect(await checkpoint.describe(id)).toMatchObject({ newestVersion: 6 })
  const one = { operatorId: 0, partitionId: 0, snapshotBatchId: 2 }
  expect(await countOf(checkpoint.rawRows({ ...one, version: 5 }))).toBeGreaterThan(0)
  expect(await verifyCheckpoint(files)).toEqual([])
  expect(refused).toEqual([])
})

async function snapshotBatches(
  files: CheckpointFileManager,
  partition: string,
  storeName: string,
): Promise<number[]> {
  const folder = storeName === 'default' ? partition : `${partition}/${storeName}`
  const names = ((await files.list(folder)) ?? []).map(({ name }) => name)
  return names
    .filter((name) => name.endsWith('.snapshot'))
    .map((name) => Number.parseInt(name, 10) - 1)
    .sort((a, b) => a - b)
}
