// Versions without changes: deltas that hold nothing but the end marker, which Spark's change feed takes for the length of a text and reads
// beyond. What the engine puts behind it must not trip it, whatever the codec and however large the trailer.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openCheckpoint } from '../../src/checkpoint/checkpoint.ts'
import type { CompressionName } from '../../src/codec/compression.ts'
import { Query } from '../support/spark/query.ts'
import { rewriteCheckpoint, storeFolder } from '../support/spark/rewrite.ts'
import type { SparkVersion } from '../support/spark/installed-spark.ts'
import { describeWithSpark } from '../support/spark/spark.ts'
import { readRows } from '../support/state-files.ts'

/** Sizes of progress: around the 65,535 bytes that the feed asks for, and far above. */
const SIZES: readonly (readonly [SparkVersion, readonly number[]])[] = [
  ['4.1.4', [0, 65_000, 65_535, 200_000]],
  ['4.3.0', [0, 200_000]],
]
const CODECS: readonly CompressionName[] = ['lz4', 'snappy', 'zstd', 'lzf', 'none']

for (const [version, sizes] of SIZES) {
  describeWithSpark(version, 'versions without changes', (spark) => {
    let query: Query & { lastBatch: number }
    let feed: string[]
    let rows: string[]

    beforeAll(async () => {
      query = await Query.run(spark(), 'limit', 'lz4')
      feed = await spark().changes(query.checkpoint, 0, query.lastBatch)
      rows = await spark().state(query.checkpoint)
    })

    afterAll(() => query?.[Symbol.asyncDispose]())

    test('the last deltas hold no record', async () => {
      await using checkpoint = await openCheckpoint(query.checkpoint)
      for (const id of await checkpoint.stores()) {
        const path = join(query.checkpoint, storeFolder(id), `${query.lastBatch + 1}.delta`)
        const read = await readRows(new Uint8Array(await readFile(path)), {
          store: [id.operatorId, id.partitionId, id.storeName],
          version: query.lastBatch + 1,
        })
        expect(read.rows).toEqual([])
      }
      expect(feed.length).toBeGreaterThan(0)
    })

    test.each(CODECS.flatMap((codec) => sizes.map((progressBytes) => ({ codec, progressBytes }))))(
      '$codec, progress of $progressBytes bytes',
      async ({ codec, progressBytes }) => {
        const ours = query.beside(`${codec}-${progressBytes}`)
        await rewriteCheckpoint(query.checkpoint, ours, {
          codec,
          checksumFiles: true,
          trailer: true,
          progress: 'é'.repeat(progressBytes / 2),
        })
        expect(await spark().changes(ours, 0, query.lastBatch)).toEqual(feed)
        expect(await spark().state(ours)).toEqual(rows)
      },
    )
  })
}
