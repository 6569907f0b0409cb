// Readers of one checkpoint do not know of each other: any number may read at once, and one that ends ends nobody else.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Checkpoint, openCheckpoint } from '../../../src/checkpoint/checkpoint.ts'
import { unpackGolden } from '../../support/goldens.ts'
import { failure } from '../../../src/testing/stores.ts'

let golden: Awaited<ReturnType<typeof unpackGolden>>
beforeAll(async () => {
  golden = await unpackGolden('../spark-readings/two-operators')
})
afterAll(() => golden[Symbol.asyncDispose]())

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

/** Ten kinds of reading, the same stores at several versions among them. */
function readings(checkpoint: Checkpoint): (() => Promise<unknown>)[] {
  const stores = async () => {
    const ids = await checkpoint.stores()
    return await Promise.all(ids.map((id) => checkpoint.describe(id)))
  }
  return [
    ...[0, 1, 2, 2, 1, 0, 2].map((batchId) => () => all(checkpoint.rows({ batchId }))),
    () => all(checkpoint.rawRows({ order: 'key' })),
    () => all(checkpoint.changes({ from: 0 })),
    () => all(checkpoint.rawChanges({ from: 0, to: 2 })),
    () => all(checkpoint.differences({ from: { batchId: 0 }, to: { batchId: 2 } })),
    () => all(checkpoint.rawDifferences({ from: { batchId: 0 }, to: { batchId: 1 } })),
    stores,
  ]
}

test('readings at once give what they give one after the other', async () => {
  await using checkpoint = await openCheckpoint(golden.path)
  const alone: unknown[] = []
  for (const read of readings(checkpoint)) alone.push(await read())
  expect(alone.every((found) => (found as unknown[]).length > 0)).toBe(true)
  expect(await Promise.all(readings(checkpoint).map((read) => read()))).toEqual(alone)
})

test('what reads ends with the checkpoint, and nothing reads after it', async () => {
  const checkpoint = await openCheckpoint(golden.path)
  const [id] = await checkpoint.stores()
  const rows = checkpoint.rows()
  await rows.next()
  await checkpoint.close()
  await checkpoint.close()
  for (const read of [
    () => all(checkpoint.rows()),
    () => all(checkpoint.differences({ from: { batchId: 0 }, to: { batchId: 1 } })),
    () => checkpoint.describe(id),
    () => all(rows),
  ])
    await failure('TIDEMARK_PROVIDER_CLOSED', read)
})
