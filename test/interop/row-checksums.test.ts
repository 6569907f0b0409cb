// Row checksums, which Spark knows since 4.2: it verifies every row of ours, and refuses rows that have none or the wrong one.

import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { verifyCheckpoint } from '../../src/checkpoint/verify.ts'
import { lastBatch, Query } from '../support/spark/query.ts'
import { rewriteCheckpoint, type RewriteOptions } from '../support/spark/rewrite.ts'
import { describeWithSpark, type Shape } from '../support/spark/spark.ts'

const ROW_CHECKSUMS = { 'spark.sql.streaming.stateStore.rowChecksum.enabled': 'true' }
const REFUSED = /STATE_STORE_ROW_CHECKSUM_VERIFICATION_FAILED/

const CASES: readonly (RewriteOptions & { shape: Shape })[] = [
  { shape: 'agg', codec: 'lz4', checksumFiles: true, trailer: true },
  { shape: 'window', codec: 'snappy', checksumFiles: false, trailer: false },
  { shape: 'join', codec: 'zstd', checksumFiles: false, trailer: true },
  { shape: 'session', codec: 'lzf', checksumFiles: true, trailer: false },
  { shape: 'flatMapGroups', codec: 'none', checksumFiles: false, trailer: true },
  { shape: 'dedup', codec: 'zstd', checksumFiles: true, trailer: true },
  { shape: 'dedupWithinWatermark', codec: 'lz4', checksumFiles: false, trailer: false },
  { shape: 'limit', codec: 'snappy', checksumFiles: true, trailer: false },
]

for (const { shape, ...options } of CASES) {
  describeWithSpark('4.3.0', `${shape} in ${options.codec} with row checksums`, (spark) => {
    let query: Query & { lastBatch: number }

    beforeAll(async () => {
      query = await Query.run(spark(), shape, options.codec, ROW_CHECKSUMS)
    })

    afterAll(() => query?.[Symbol.asyncDispose]())

    const goOn = async (checkpoint: string) => {
      const output = await query.continue(checkpoint)
      return { output, readings: await query.read(checkpoint, [lastBatch(output)]) }
    }

    test('Spark sees no difference in what the engine wrote anew', async () => {
      const ours = query.beside('ours')
      await rewriteCheckpoint(query.checkpoint, ours, { ...options, rowChecksums: true })
      expect(await verifyCheckpoint(ours, { rowChecksums: true })).toEqual([])
      const batches = [2, query.lastBatch]
      expect(await query.read(ours, batches)).toEqual(await query.read(query.checkpoint, batches))
      expect(await query.changes(ours, 0, query.lastBatch)).toEqual(
        await query.changes(query.checkpoint, 0, query.lastBatch),
      )
      expect(await goOn(ours)).toEqual(await goOn(await query.copy('untouched')))
      expect(await verifyCheckpoint(ours, { rowChecksums: true })).toEqual([])
    })
  })
}

describeWithSpark('4.3.0', 'rows with a wrong checksum', (spark) => {
  let query: Query & { lastBatch: number }
  const options = { codec: 'none', checksumFiles: false, trailer: false } as const

  beforeAll(async () => {
    query = await Query.run(spark(), 'agg', 'none', ROW_CHECKSUMS)
  })

  afterAll(() => query?.[Symbol.asyncDispose]())

  test('are refused by both', async () => {
    const ours = query.beside('damaged')
    await rewriteCheckpoint(query.checkpoint, ours, { ...options, rowChecksums: true })
    const folder = join(ours, 'state/0/0')
    for (const name of await readdir(folder)) {
      if (name.endsWith('.snapshot')) await rm(join(folder, name))
      if (name !== '1.delta') continue
      const bytes = await readFile(join(folder, name))
      // Some byte of a value: the file ends in one, before the end marker of four bytes.
      bytes[bytes.length - 5 - 16] ^= 1
      await writeFile(join(folder, name), bytes)
    }
    await expect(spark().state(ours)).rejects.toThrow(REFUSED)
    expect(await verifyCheckpoint(ours, { rowChecksums: true })).toMatchObject([
      { severity: 'error', code: 'TIDEMARK_CORRUPT_FILE', path: 'state/0/0/1.delta' },
    ])
  })

  test('and rows without one, by Spark', async () => {
    const ours = query.beside('without')
    await rewriteCheckpoint(query.checkpoint, ours, {
      ...options,
      rowChecksums: true,
      dropRowChecksums: true,
    })
    await expect(spark().state(ours)).rejects.toThrow(REFUSED)
  })
})
