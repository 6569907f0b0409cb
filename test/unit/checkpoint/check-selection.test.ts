// A name that is misspelt, or a number given as text, must not select everything.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkpoint, openCheckpoint } from '../../../src/checkpoint/checkpoint.ts'
import { verifyCheckpoint } from '../../../src/checkpoint/verify.ts'
import { unpackGolden } from '../../support/goldens.ts'
import { failure } from '../../../src/testing/stores.ts'

let golden: Awaited<ReturnType<typeof unpackGolden>>
let checkpoint: Checkpoint
beforeAll(async () => {
  golden = await unpackGolden('../spark-readings/two-operators')
  checkpoint = await openCheckpoint(golden.path)
  return () => checkpoint.close()
})
afterAll(() => golden[Symbol.asyncDispose]())

const AT = { from: { batchId: 0 }, to: { batchId: 2 } }
const whole = { partition: 0, from: 0, to: 1 }

/** Every way of reading, with what it needs; the selection is whatever JavaScript lets through. */
const READINGS: Readonly<Record<string, (selection: object) => Promise<unknown[]>>> = {
  stores: async (selection) => [...(await checkpoint.stores(selection))],
  rows: (selection) => all(checkpoint.rows(selection)),
  rawRows: (selection) => all(checkpoint.rawRows(selection)),
  changes: (selection) => all(checkpoint.changes({ from: 0, ...selection })),
  rawChanges: (selection) => all(checkpoint.rawChanges({ from: 0, ...selection })),
  differences: (selection) => all(checkpoint.differences({ ...AT, ...selection })),
  rawDifferences: (selection) => all(checkpoint.rawDifferences({ ...AT, ...selection })),
  verify: (selection) => verifyCheckpoint(golden.path, selection),
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

describe.each(Object.entries(READINGS))('%s', (_, read) => {
  test.each<[string, object, typeof TypeError | typeof RangeError, RegExp]>([
    ['an unknown name', { operator: 0 }, TypeError, /`operatorId`, `partition`.*got `operator`/],
    [
      'the name of the prototype',
      JSON.parse('{"__proto__":1}') as object,
      TypeError,
      /got `__proto__`/,
    ],
    ['a name of Object', { toString: 1 }, TypeError, /got `toString`/],
    ['a number as text', { operatorId: '0' }, TypeError, /`operatorId`.*whole number.*got "0"/],
    ['null', { partition: null }, TypeError, /`partition`.*got null/],
    ['a negative number', { partition: -1 }, RangeError, /`partition`.*got -1/],
    ['a fraction', { partitionId: 0.5 }, RangeError, /`partitionId`.*got 0.5/],
    ['no number at all', { operatorId: NaN }, RangeError, /`operatorId`.*got NaN/],
    ['a store name that is none', { storeName: 5 }, TypeError, /`storeName` to be a string, got 5/],
  ])('%s', async (__, selection, Wrong, words) => {
    const error: unknown = await read(selection).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(Wrong)
    expect(String(error)).toMatch(words)
  })

  test('a partition by either name, and what is undefined is left out', async () => {
    const one = await read({ operatorId: 1, partition: 0 })
    expect(await read({ operatorId: 1, partitionId: 0, storeName: undefined })).toEqual(one)
    expect(await read({ operatorId: 1, partitionId: 0, partition: 0, other: undefined })).toEqual(
      one,
    )
    await failure('TIDEMARK_INVALID_OPTIONS', () => read({ partition: 0, partitionId: 1 }))
  })
})

test('a partition selects', async () => {
  const stores = await checkpoint.stores({ operatorId: 0, partition: 1 })
  expect(stores).toEqual([{ operatorId: 0, partitionId: 1, storeName: 'default' }])
  expect(await checkpoint.stores(stores[0])).toEqual(stores)
  const rows = await all(checkpoint.rows({ operatorId: 1, partition: 1 }))
  expect(rows.length).toBeGreaterThan(0)
  expect(rows.length).toBeLessThan((await all(checkpoint.rows({ operatorId: 1 }))).length)
  expect(rows.every(({ store }) => store.partitionId === 1)).toBe(true)
})

describe('what cannot be left out', () => {
  const changes = (selection: unknown) => all(checkpoint.changes(selection as { from: number }))
  const differences = (selection: unknown) => all(checkpoint.differences(selection as typeof AT))

  test.each([
    ['changes without anything', () => changes(undefined), /object of .*`from`.*got undefined/],
    ['changes of null', () => changes(null), /got null/],
    ['changes without a first batch', () => changes({ to: 1 }), /`from`, the first batch.*undef/],
    ['differences without anything', () => differences(undefined), /object of .*got undefined/],
    [
      'differences of {}',
      () => differences({}),
      /`from`, \{ batchId \} or \{ version \}.*undefined/,
    ],
    ['differences to nothing', () => differences({ from: {} }), /`to`, \{ batchId \}/],
    ['a batch by itself', () => differences({ from: 1, to: 2 }), /`from` to be an object.*got 1/],
    ['a list of sides', () => differences({ ...AT, to: [2] }), /`to` to be an object.*an array/],
    [
      'a side with a wrong name',
      () => differences({ ...AT, to: { batch: 2 } }),
      /`batchId`.*`batch`/,
    ],
    ['a side with a text', () => differences({ ...AT, to: { batchId: '2' } }), /`batchId`.*"2"/],
  ])('%s', async (_, read, words) => {
    await expect(read()).rejects.toThrow(TypeError)
    await expect(read()).rejects.toThrow(words)
  })
})

test('what only some readings take', async () => {
  const rows = (selection: object) => all(checkpoint.rows(selection))
  await expect(rows({ order: 'key' })).rejects.toThrow(/got `order`/)
  await expect(all(checkpoint.changes({ ...whole, batchId: 1 } as never))).rejects.toThrow(
    /got `batchId`/,
  )
  await expect(rows({ joinSide: 'middle' })).rejects.toThrow(/'left' or 'right', got "middle"/)
  await expect(rows({ signal: 'now' })).rejects.toThrow(/`signal` to be an AbortSignal, got "now"/)
  await expect(rows({ snapshotBatchId: '1' })).rejects.toThrow(TypeError)
  await expect(rows({ batchId: 1.5 })).rejects.toThrow(RangeError)
  await expect(all(checkpoint.rawRows({ order: 'value' } as never))).rejects.toThrow(/'key'/)
  await expect(verifyCheckpoint(golden.path, { rowChecksums: 'no' } as never)).rejects.toThrow(
    /`rowChecksums` to be a boolean, got "no"/,
  )
})

test('a store id that is none', async () => {
  const id = { operatorId: 0, partitionId: -1, storeName: 'default' }
  await failure('TIDEMARK_INVALID_OPTIONS', () => checkpoint.describe(id))
  const outside = { operatorId: 0, storeName: '../..' }
  await failure('TIDEMARK_INVALID_OPTIONS', () => checkpoint.schema(outside))
  await failure('TIDEMARK_INVALID_OPTIONS', () => checkpoint.hasSchema(outside))
  await expect(checkpoint.operators('1' as never)).rejects.toThrow(TypeError)
})

test.each<[string, object, RegExp]>([
  ['a misspelt name', { rowChecksum: true }, /`rowChecksums`, `floorValues`.*got `rowChecksum`/],
  ['a text', { floorValues: 'false' }, /`floorValues` to be a boolean, got/],
])('%s among the overrides of a checkpoint is refused', async (_, overrides, message) => {
  const opening = openCheckpoint(golden.path, overrides)
  opening.then((opened) => opened.close()).catch(() => undefined)
  await expect(opening).rejects.toThrow(message)
  await expect(opening).rejects.toThrow(TypeError)
})
