// The engine opens a checkpoint of Spark at its newest version, changes rows and commits; Spark reads the new version, and a query that is
// restarted on it goes on from the changed rows.

import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { toHex } from '../../src/base/bytes.ts'
import { openCheckpoint } from '../../src/checkpoint/checkpoint.ts'
import { verifyCheckpoint } from '../../src/checkpoint/verify.ts'
import { StateStores } from '../../src/coordinator/state-stores.ts'
import type { StateStore } from '../../src/store/state-store.ts'
import { Query, storesOf } from '../support/spark/query.ts'
import { engineOptions, type RewriteOptions } from '../support/spark/rewrite.ts'
import { describeWithSpark, type Output, type Shape } from '../support/spark/spark.ts'

type Case = RewriteOptions & { readonly shape: Shape }

const CASES: readonly Case[] = [
  { shape: 'agg', codec: 'lz4', checksumFiles: true, trailer: true },
  { shape: 'window', codec: 'snappy', checksumFiles: false, trailer: true },
  { shape: 'dedup', codec: 'zstd', checksumFiles: true, trailer: false },
  { shape: 'dedupWithinWatermark', codec: 'lzf', checksumFiles: false, trailer: false },
  { shape: 'join', codec: 'none', checksumFiles: true, trailer: true },
  { shape: 'session', codec: 'lz4', checksumFiles: false, trailer: true },
  { shape: 'flatMapGroups', codec: 'snappy', checksumFiles: true, trailer: false },
  { shape: 'limit', codec: 'zstd', checksumFiles: false, trailer: false },
]

interface Row {
  p: number
  key: unknown
  value: unknown
}

interface Change extends Row {
  batch: number
  type: 'update' | 'delete'
}

/**
 * The first row goes, the second takes the value of the last. The four stores of a join speak of each other, so there no row goes, and only the
 * values of rows change.
 */
function change(store: StateStore, shape: Shape): void {
  const rows = [...store.entries()].sort(([a], [b]) => (toHex(a) < toHex(b) ? -1 : 1))
  const [first, second] = rows
  if (first === undefined || store.id.storeName.endsWith('keyToNumValues')) return
  if (shape !== 'join') store.remove(first[0])
  if (second !== undefined) store.put(second[0], rows.at(-1)![1])
}

/** Changes and commits every store of the checkpoint, and logs the batch that Spark would have run for it. */
async function commitBatch(
  checkpoint: string,
  batchId: number,
  { shape, ...options }: Case,
): Promise<void> {
  await using opened = await openCheckpoint(checkpoint)
  await using stores = await StateStores.open(checkpoint, engineOptions(options))
  for (const id of await opened.stores()) {
    const provider = stores.provider(id)
    const store = await provider.getStore()
    expect(store.version).toBe(batchId)
    expect(store.foreign).toBe(true)
    change(store, shape)
    expect(await store.commit()).toBe(batchId + 1)
    await provider.doMaintenance()
  }
  for (const log of ['offsets', 'commits'])
    await copyFile(join(checkpoint, log, `${batchId - 1}`), join(checkpoint, log, `${batchId}`))
}

const parse = <T>(lines: readonly string[]) => lines.map((line) => JSON.parse(line) as T)
const idOf = ({ p, key }: Row) => JSON.stringify([p, key])

for (const { shape, ...options } of CASES) {
  describeWithSpark('4.1.4', `${shape} in ${options.codec}`, (spark) => {
    let query: Query & { lastBatch: number }
    let ours: string
    let batchId: number
    const changed: Change[] = []

    beforeAll(async () => {
      query = await Query.run(spark(), shape, options.codec)
      batchId = query.lastBatch + 1
      ours = await query.copy('ours')
      await commitBatch(ours, batchId, { shape, ...options })
    })

    afterAll(() => query?.[Symbol.asyncDispose]())

    test('Spark reads the rows that were changed, and all others as they were', async () => {
      for (const store of storesOf(shape).filter(({ joinSide }) => joinSide === undefined)) {
        const before = parse<Row>(await spark().state(ours, { ...store, batchId: batchId - 1 }))
        const after = parse<Row>(await spark().state(ours, { ...store, batchId }))
        const feed = parse<Change>(await spark().changes(ours, batchId, batchId, store))
        const expected = new Map(before.map((row) => [idOf(row), row]))
        for (const row of feed) {
          expect(expected.has(idOf(row))).toBe(true)
          if (row.type === 'delete') expected.delete(idOf(row))
          else expected.set(idOf(row), { p: row.p, key: row.key, value: row.value })
        }
        expect(new Map(after.map((row) => [idOf(row), row]))).toEqual(expected)
        expect(await spark().state(ours, store)).toEqual(
          await spark().state(ours, { ...store, batchId }),
        )
        const partitions = new Set(before.map(({ p }) => p)).size
        if (shape !== 'join')
          expect(feed.filter(({ type }) => type === 'delete').length).toBe(partitions)
        changed.push(...feed)
      }
      expect(changed.length).toBeGreaterThan(0)
    })

    test('the query goes on, and only what was changed comes out differently', async () => {
      const untouched = await query.continue(await query.copy('untouched'))
      const output = await query.continue(ours)
      // Our batch is one more in front.
      expect(Object.keys(output).map((batch) => Number(batch) - 1)).toEqual(
        Object.keys(untouched).map(Number),
      )
      expect(await verifyCheckpoint(ours)).toEqual([])
      if (shape !== 'agg') return
      const changedKeys = new Set(changed.map(({ key }) => (key as { k: string }).k))
      const differing = differingKeys(untouched, output)
      expect(differing.size).toBeGreaterThan(0)
      for (const key of differing) expect(changedKeys).toContain(key)
    })
  })
}

/** The keys of rows that only one of the two put out. */
function differingKeys(a: Output, b: Output): Set<string> {
  const [rowsA, rowsB] = [a, b].map((output) => new Set(Object.values(output).flat()))
  const only = [...rowsA, ...rowsB].filter((row) => !rowsA.has(row) || !rowsB.has(row))
  return new Set(parse<{ k: string }>(only).map(({ k }) => k))
}
