// Spark 4.1 checks the `.crc` sidecar of every state file it reads. It accepts those of the engine, also where a rewind replaced a file and its
// sidecar; where a sidecar contradicts a file that has no trailer to decide it, both refuse.

import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openCheckpoint } from '../../src/checkpoint/checkpoint.ts'
import { verifyCheckpoint } from '../../src/checkpoint/verify.ts'
import { StateStores } from '../../src/coordinator/state-stores.ts'
import type { ResolvedStoreId } from '../../src/store/store-id.ts'
import { Query } from '../support/spark/query.ts'
import {
  countFiles,
  engineOptions,
  rewriteCheckpoint,
  type RewriteOptions,
  storeFolder,
} from '../support/spark/rewrite.ts'
import { describeWithSpark } from '../support/spark/spark.ts'

const REFUSED = /CHECKPOINT_FILE_CHECKSUM_VERIFICATION_FAILED/

describeWithSpark('4.1.4', 'sidecars', (spark) => {
  let query: Query & { lastBatch: number }
  /** The version that the last batch made. */
  let newest: number

  beforeAll(async () => {
    query = await Query.run(spark(), 'agg', 'lz4')
    newest = query.lastBatch + 1
  })

  afterAll(() => query?.[Symbol.asyncDispose]())

  /** Opens `from`, removes the `nth` row of each store and commits. */
  async function commitWithout(
    checkpoint: string,
    nth: number,
    from: number,
    options: RewriteOptions,
  ): Promise<void> {
    await using opened = await openCheckpoint(checkpoint)
    await using stores = await StateStores.open(checkpoint, engineOptions(options))
    for (const id of await opened.stores()) {
      const provider = stores.provider(id)
      const store = await provider.getStore(from)
      const keys = [...store.entries()].map(([key]) => Buffer.from(key).toString('hex')).sort()
      store.remove(new Uint8Array(Buffer.from(keys[nth], 'hex')))
      await store.commit()
      await provider.doMaintenance()
    }
  }

  test.each([true, false])(
    'a rewind replaces a file of ours and its sidecar, and Spark takes the pair (trailers %s)',
    async (trailer) => {
      const options = { codec: 'lz4', checksumFiles: true, trailer } as const
      const ours = await query.copy(`rewound-${trailer}`)
      for (const log of ['offsets', 'commits'])
        await copyFile(join(ours, log, `${newest - 1}`), join(ours, log, `${newest}`))
      await commitWithout(ours, 0, newest, options)
      const first = await spark().state(ours, { batchId: newest })
      await commitWithout(ours, 1, newest, options)
      const second = await spark().state(ours, { batchId: newest })
      const before = await spark().state(ours, { batchId: newest - 1 })
      // One row fewer in each partition, and not the same one.
      expect([first.length, second.length]).toEqual([before.length - 2, before.length - 2])
      expect(first.filter((row) => second.includes(row)).length).toBe(before.length - 4)
      expect(Object.keys(await query.continue(ours)).length).toBe(3)
      expect(await verifyCheckpoint(ours)).toEqual([])
    },
  )

  test('a rewind replaces a file of Spark and its sidecar, and Spark takes the pair', async () => {
    const options = { codec: 'lz4', checksumFiles: true, trailer: true } as const
    const ours = await query.copy('rewound-spark')
    const before = await spark().state(ours)
    await commitWithout(ours, 0, newest - 1, options)
    const after = await spark().state(ours)
    expect(after).not.toEqual(before)
    expect(Object.keys(await query.continue(ours)).length).toBe(3)
    expect(await verifyCheckpoint(ours)).toEqual([])
  })

  /** A delta of the first partition that reading its version comes by: no snapshot of it hides it. */
  async function deltaInUse(checkpoint: string): Promise<{ id: ResolvedStoreId; version: number }> {
    await using opened = await openCheckpoint(checkpoint)
    const [id] = await opened.stores()
    for (let version = newest; version > 0; version--) {
      const folder = join(checkpoint, storeFolder(id))
      const hidden = await readFile(join(folder, `${version}.snapshot`)).catch(() => undefined)
      if (hidden === undefined) return { id, version }
    }
    throw new Error('Every version has a snapshot')
  }

  async function forgeSidecar(checkpoint: string) {
    const { id, version } = await deltaInUse(checkpoint)
    const path = join(checkpoint, storeFolder(id), `${version}.delta.crc`)
    const sidecar = JSON.parse(await readFile(path, 'utf8')) as { value: number }
    sidecar.value ^= 1
    await writeFile(path, JSON.stringify(sidecar))
    return { id, version }
  }

  async function readOurs(checkpoint: string, id: ResolvedStoreId, version: number) {
    await using opened = await openCheckpoint(checkpoint)
    let rows = 0
    for await (const _ of opened.rows({ ...id, version })) rows++
    return rows
  }

  test.each(['Spark', 'tidemark'])(
    'a stale sidecar beside a file without trailer, written by %s, is refused by both',
    async (writer) => {
      const checkpoint = query.beside(`stale-${writer}`)
      if (writer === 'Spark') await query.copy(`stale-${writer}`)
      else
        await rewriteCheckpoint(query.checkpoint, checkpoint, {
          codec: 'lz4',
          checksumFiles: true,
          trailer: false,
        })
      expect(countFiles(checkpoint, '.delta.crc')).toBe(countFiles(checkpoint, '.delta'))
      const { id, version } = await forgeSidecar(checkpoint)
      await expect(spark().state(checkpoint, { batchId: version - 1 })).rejects.toThrow(REFUSED)
      await expect(readOurs(checkpoint, id, version)).rejects.toMatchObject({
        code: 'TIDEMARK_CORRUPT_FILE',
      })
      expect(await verifyCheckpoint(checkpoint)).toMatchObject([{ severity: 'error', version }])
    },
  )

  test('a stale sidecar beside a file with trailer is refused by Spark alone, until the engine repairs it', async () => {
    const checkpoint = query.beside('stale-with-trailer')
    const options = { codec: 'lz4', checksumFiles: true, trailer: true } as const
    await rewriteCheckpoint(query.checkpoint, checkpoint, options)
    const { id, version } = await forgeSidecar(checkpoint)
    await expect(spark().state(checkpoint, { batchId: version - 1 })).rejects.toThrow(REFUSED)
    expect(await readOurs(checkpoint, id, version)).toBeGreaterThan(0)
    await using stores = await StateStores.open(checkpoint, engineOptions(options))
    const store = await stores.provider(id).getStore(version)
    await store.abort()
    await stores.close()
    expect(await spark().state(checkpoint, { batchId: version - 1 })).toEqual(
      await spark().state(query.checkpoint, { batchId: version - 1 }),
    )
  })
})
