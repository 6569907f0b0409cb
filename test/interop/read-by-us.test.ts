// We read what Spark wrote: every operator at every batch, in every codec, with its change feed, line for line against Spark's own sources. Spark
// starts from scratch for each, so there is nothing here that was made for the test.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { verifyCheckpoint } from '../../src/checkpoint/verify.ts'
import type { CompressionName } from '../../src/codec/compression.ts'
import type { SparkVersion } from '../support/spark/installed-spark.ts'
import { ourChanges, ourReadings } from '../support/spark/our-reading.ts'
import { Query } from '../support/spark/query.ts'
import { describeWithSpark, type Shape } from '../support/spark/spark.ts'

interface Case {
  readonly version: SparkVersion
  readonly shape: Shape
  readonly codec: CompressionName
  readonly fileChecksums: boolean
  readonly rowChecksums?: boolean
}

const CASES: readonly Case[] = [
  { version: '4.1.4', shape: 'agg', codec: 'snappy', fileChecksums: true },
  { version: '4.1.4', shape: 'window', codec: 'lzf', fileChecksums: false },
  { version: '4.1.4', shape: 'dedup', codec: 'lz4', fileChecksums: true },
  { version: '4.1.4', shape: 'dedupWithinWatermark', codec: 'zstd', fileChecksums: false },
  { version: '4.1.4', shape: 'join', codec: 'snappy', fileChecksums: true },
  { version: '4.1.4', shape: 'session', codec: 'none', fileChecksums: false },
  { version: '4.1.4', shape: 'flatMapGroups', codec: 'lz4', fileChecksums: true },
  { version: '4.1.4', shape: 'limit', codec: 'lzf', fileChecksums: false },
  { version: '4.3.0', shape: 'agg', codec: 'zstd', fileChecksums: true, rowChecksums: true },
  { version: '4.3.0', shape: 'window', codec: 'lz4', fileChecksums: false },
  { version: '4.3.0', shape: 'join', codec: 'lzf', fileChecksums: false, rowChecksums: true },
  { version: '4.3.0', shape: 'session', codec: 'snappy', fileChecksums: true, rowChecksums: true },
]

for (const { version, shape, codec, fileChecksums, rowChecksums = false } of CASES) {
  const settings = `${codec}, file checksums ${fileChecksums}, row checksums ${rowChecksums}`
  describeWithSpark(version, `${shape} read by us: ${settings}`, (spark) => {
    let query: Query & { lastBatch: number }

    beforeAll(async () => {
      query = await Query.run(spark(), shape, codec, {
        'spark.sql.streaming.checkpoint.fileChecksum.enabled': `${fileChecksums}`,
        ...(rowChecksums && { 'spark.sql.streaming.stateStore.rowChecksum.enabled': 'true' }),
      })
    })

    afterAll(() => query?.[Symbol.asyncDispose]())

    test('the rows of every batch are those that Spark reads', async () => {
      const batches = Array.from({ length: query.lastBatch + 1 }, (_, batch) => batch)
      const readings = await query.read(query.checkpoint, batches)
      expect(await ourReadings(query.checkpoint, shape, batches)).toEqual(readings)
      expect(readings.some(({ rows }) => rows.length > 0)).toBe(true)
    })

    test('the changes are those of its change feed', async () => {
      const feeds = await query.changes(query.checkpoint, 0, query.lastBatch)
      expect(await ourChanges(query.checkpoint, shape, 0, query.lastBatch)).toEqual(feeds)
      expect(feeds.every((feed) => feed.length > 0)).toBe(true)
    })

    test('nothing is wrong with the checkpoint', async () => {
      expect(await verifyCheckpoint(query.checkpoint)).toEqual([])
    })
  })
}
