// Checkpoints that look odd and are sound: what cleaning, a late request, an editor or a first batch leaves.

import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openCheckpoint } from '../../../src/checkpoint/checkpoint.ts'
import { verifyCheckpoint } from '../../../src/checkpoint/verify.ts'
import { LocalFileManager } from '../../../src/files/local.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import {
  commitVersions,
  failure,
  openProvider,
  plant,
  readFile as readStateFile,
} from '../../../src/testing/stores.ts'
import { unpackGolden } from '../../support/goldens.ts'

async function errorsIn(location: string | MemoryFileManager): Promise<string[]> {
  const findings = await verifyCheckpoint(location)
  return findings
    .filter(({ severity }) => severity === 'error')
    .map(({ kind, message }) => `${kind}: ${message}`)
}

// SPARK: cleaning deletes what a listing shows, and of a version with both files that is the snapshot alone: `8.delta, 12.delta, 12.snapshot, 13.delta`.
test('a round of cleaning by Spark', async () => {
  await using folder = await unpackGolden('spark-4.1.4/session-zstd-ck1-p2-md3')
  for (const partition of ['0', '1']) {
    const directory = join(folder.path, 'state/0', partition)
    const files = (await readdir(directory)).filter((name) => /^\d+\.(delta|snapshot)/.test(name))
    const snapshots = files.filter((name) => name.endsWith('.snapshot')).map(Number.parseFloat)
    const [, gone, base] = snapshots.sort((a, b) => a - b)
    for (const name of files) {
      const isKept = Number.parseFloat(name) >= base || name.startsWith(`${gone}.delta`)
      if (!isKept) await rm(join(directory, name))
    }
  }
  expect(await errorsIn(folder.path)).toEqual([])
  // What can be read is told without it.
  await using checkpoint = await openCheckpoint(folder.path)
  const read = async () => {
    for await (const _ of checkpoint.rawRows({ version: 8, partition: 0 })) continue
  }
  expect((await failure('TIDEMARK_VERSION_NOT_FOUND', read)).message).toMatch(
    /there are versions 12 to/,
  )
})

test.each([1, 2])('a delta of version %i that came late, below what is kept', async (version) => {
  const files = new MemoryFileManager()
  await using opened = await openProvider({ minDeltasForSnapshot: 3, minBatchesToRetain: 1 }, files)
  await commitVersions(opened.provider, 4)
  const late = await readStateFile(files, `${version}.delta`)
  await opened.provider.doMaintenance()
  await commitVersions(opened.provider, 4)
  await opened.provider.doMaintenance()
  expect(await files.stat('state/0/0/3.delta')).toBeUndefined()
  await plant(files, `${version}.delta`, late)
  expect(await errorsIn(files)).toEqual([])
})

describe('a query whose first batch is running, or failed', () => {
  // SPARK: metadata of operators and schemas are written when the batch is planned; the stores are committed by its tasks.
  test('has no stores yet', async () => {
    await using folder = await unpackGolden('spark-4.1.4/join-lz4-ck1-p2-md10')
    await rm(join(folder.path, 'commits'), { recursive: true })
    for (const name of await readdir(join(folder.path, 'offsets')))
      if (name !== '0') await rm(join(folder.path, 'offsets', name))
    for (const name of await readdir(join(folder.path, 'state'), { recursive: true }))
      if (/\.(delta|snapshot)(\.crc)?$/.test(name)) await rm(join(folder.path, 'state', name))
    expect(await verifyCheckpoint(folder.path)).toEqual([])
  })
})

test('an offset log that ends in a line break, as editors leave it', async () => {
  await using folder = await unpackGolden('spark-4.1.4/agg-lz4-ck1-p4-md10')
  const path = join(folder.path, 'offsets/31')
  await writeFile(path, `${await readFile(path, 'utf8')}\n`)
  expect(await errorsIn(folder.path)).toEqual([])
})

test('a folder of very many deltas, of which one is missing', async () => {
  await using folder = await unpackGolden('spark-4.1.4/agg-lz4-ck1-p4-md10')
  const files = await LocalFileManager.open(folder.path)
  files.list = async (path) => {
    const entries = await LocalFileManager.prototype.list.call(files, path)
    if (path !== 'state/0/0' || entries === undefined) return entries
    const delta = entries.find(({ name }) => name === '2.delta')!
    const more = Array.from({ length: 200_000 }, (_, i) => ({
      ...delta,
      name: `${1000 + i}.delta`,
    }))
    return [...entries.filter(({ name }) => name !== '1.delta'), ...more]
  }
  await using checkpoint = await openCheckpoint(files)
  const read = async () => {
    for await (const _ of checkpoint.rawChanges({ from: 0, to: 3, partition: 0 })) continue
  }
  expect((await failure('TIDEMARK_VERSION_NOT_FOUND', read)).message).toMatch(/from 2 to 200999/)
})
