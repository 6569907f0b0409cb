// Every delta and snapshot of a checkpoint is written anew by the engine; Spark must not see a difference: not its state source, not its
// change feed, and not the query itself when it is restarted on it.

import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { verifyCheckpoint } from '../../src/checkpoint/verify.ts'
import type { CompressionName } from '../../src/codec/compression.ts'
import { lastBatch, Query, type Reading } from '../support/spark/query.ts'
import { countFiles, rewriteCheckpoint } from '../support/spark/rewrite.ts'
import { describeWithSpark, type Output, type Shape } from '../support/spark/spark.ts'

const SHAPES: readonly Shape[] = [
  'agg',
  'window',
  'dedup',
  'dedupWithinWatermark',
  'join',
  'session',
  'flatMapGroups',
  'limit',
]
const CODECS: readonly CompressionName[] = ['lz4', 'snappy', 'zstd', 'lzf', 'none']

for (const [shapeIndex, shape] of SHAPES.entries()) {
  describeWithSpark('4.1.4', shape, (spark) => {
    let query: Query & { lastBatch: number }
    let before: { readings: Reading[]; feeds: string[][] }
    let after: { output: Output; readings: Reading[] }

    const look = async (checkpoint: string) => ({
      readings: await query.read(checkpoint, [2, query.lastBatch]),
      feeds: await query.changes(checkpoint, 0, query.lastBatch),
    })

    const goOn = async (checkpoint: string) => {
      const output = await query.continue(checkpoint)
      return { output, readings: await query.read(checkpoint, [lastBatch(output)]) }
    }

    beforeAll(async () => {
      query = await Query.run(spark(), shape, CODECS[shapeIndex % CODECS.length])
      before = await look(query.checkpoint)
      after = await goOn(await query.copy('untouched'))
    })

    afterAll(() => query?.[Symbol.asyncDispose]())

    test('there is something to compare', () => {
      for (const { rows } of [...before.readings, ...after.readings])
        expect(rows.length).toBeGreaterThan(0)
      for (const feed of before.feeds) expect(feed.length).toBeGreaterThan(0)
      expect(Object.keys(after.output).length).toBeGreaterThanOrEqual(3)
    })

    // Over the shapes, each codec meets each combination of sidecars and trailers.
    test.each(
      CODECS.map((codec, i) => ({
        codec,
        checksumFiles: (shapeIndex + i) % 2 === 0,
        trailer: ((shapeIndex + i) & 2) === 0,
      })),
    )('$codec, sidecars $checksumFiles, trailers $trailer', async (options) => {
      const ours = query.beside(`${options.codec}-ours`)
      const written = await rewriteCheckpoint(query.checkpoint, ours, options)
      expect(written.deltas).toBe(countFiles(query.checkpoint, '.delta'))
      expect(written.snapshots).toBeGreaterThan(0)
      expect(countFiles(ours, '.crc')).toBe(
        options.checksumFiles ? written.deltas + written.snapshots : 0,
      )
      expect(await verifyCheckpoint(ours)).toEqual([])
      expect(await look(ours)).toEqual(before)
      expect(await goOn(ours)).toEqual(after)
      expect(await verifyCheckpoint(ours)).toEqual([])
      await rm(ours, { recursive: true })
    })
  })
}
