// Checkpoints of Spark whose logs have lost whole entries, or whose newest commit cannot be understood: what is read is what a batch left, and
// nobody knows how without its offset log.

import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { lostCommits, lostOffsets } from '../../../src/checkpoint/batches.ts'
import { type Checkpoint, openCheckpoint } from '../../../src/checkpoint/checkpoint.ts'
import { verifyCheckpoint } from '../../../src/checkpoint/verify.ts'
import { tidemarkHere } from '../../support/command-line.ts'
import { goldenForEachTest } from '../../support/golden-for-each-test.ts'
import { failure } from '../../../src/testing/stores.ts'

const folder = goldenForEachTest('../spark-readings/two-operators')
const at = (path: string) => join(folder.path, path)
const lose = async (...paths: string[]) => {
  for (const path of paths) await rm(at(path), { recursive: true })
}

async function reading(read: (checkpoint: Checkpoint) => AsyncIterable<unknown>): Promise<number> {
  await using checkpoint = await openCheckpoint(folder.path)
  let count = 0
  for await (const _ of read(checkpoint)) count++
  return count
}

const rows = (selection: object = {}) => reading((checkpoint) => checkpoint.rows(selection))
const changes = (from: number, to?: number) =>
  reading((checkpoint) => checkpoint.changes({ from, to }))
const differences = (from: number, to: number) =>
  reading((checkpoint) => checkpoint.differences({ from: { batchId: from }, to: { batchId: to } }))

async function found(): Promise<string[]> {
  const findings = await verifyCheckpoint(folder.path)
  return findings.map(({ severity, kind, path }) => `${severity} ${kind} ${path}`)
}

describe('an entry of the offset log lost', () => {
  test('of the last committed batch', async () => {
    await lose('offsets/2')
    for (const read of [() => rows(), () => rows({ version: 3 }), () => changes(2)]) {
      const error = await failure('TIDEMARK_CORRUPT_FILE', read)
      expect(error).toMatchObject({ path: 'offsets/2' })
      expect(error.message).toMatch(/offset log of batch 2.*found nothing.*\(offsets\/2\)/)
    }
    await failure('TIDEMARK_CORRUPT_FILE', () => differences(0, 2))
    expect(await rows({ batchId: 1 })).toBeGreaterThan(0)
    expect(await changes(0, 1)).toBeGreaterThan(0)
    expect(await differences(0, 1)).toBeGreaterThan(0)
    expect(await found()).toEqual(['error damaged-metadata offsets/2'])
    const info = await tidemarkHere('info', folder.path)
    expect(info.code).toBe(1)
    expect(info.stdout).toMatch(/problem: TIDEMARK_CORRUPT_FILE .*offsets\/2/)
  })

  test('of a batch between', async () => {
    await lose('offsets/1')
    expect(await rows()).toBeGreaterThan(0)
    const error = await failure('TIDEMARK_CORRUPT_FILE', () => rows({ batchId: 1 }))
    expect(error).toMatchObject({ path: 'offsets/1' })
    await failure('TIDEMARK_CORRUPT_FILE', () => changes(0, 2))
    await failure('TIDEMARK_CORRUPT_FILE', () => differences(1, 2))
    expect(await found()).toEqual(['error damaged-metadata offsets/1'])
  })

  test('with its commit: still a hole between entries that are there', async () => {
    await lose('offsets/1', 'commits/1')
    await failure('TIDEMARK_CORRUPT_FILE', () => rows({ batchId: 1 }))
    expect(await found()).toEqual(['error damaged-metadata offsets/1'])
  })

  test('of the oldest batch: as a cleaning leaves it, and that batch cannot be read', async () => {
    await lose('offsets/0')
    expect(await rows()).toBeGreaterThan(0)
    const error = await failure('TIDEMARK_CORRUPT_FILE', () => rows({ batchId: 0 }))
    expect(error).toMatchObject({ path: 'offsets/0' })
    expect(await found()).toEqual(['warning leftover commits/0'])
  })

  test('and the commit, cleaned from the old end: nothing is wrong, and older states are read', async () => {
    const before = await rows({ batchId: 0 })
    await lose('offsets/0', 'commits/0')
    expect(await rows({ batchId: 0 })).toBe(before)
    expect(await found()).toEqual([])
  })
})

describe('the whole offset log lost', () => {
  test.each([
    ['its entries', ['offsets/0', 'offsets/1', 'offsets/2']],
    ['and its folder', ['offsets']],
    ['and the id of the query', ['offsets', 'metadata']],
  ])('%s', async (_, paths) => {
    await lose(...paths)
    for (const read of [() => rows(), () => rows({ batchId: 1 }), () => changes(0)]) {
      const error = await failure('TIDEMARK_CORRUPT_FILE', read)
      expect(error.path).toMatch(/^offsets\/\d$/)
    }
    for (const batchId of [0, 1, 2])
      expect(await found()).toContain(`error damaged-metadata offsets/${batchId}`)
    for (const verb of ['info', 'verify']) {
      const { code, stdout, stderr } = await tidemarkHere(verb, folder.path)
      expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
      expect(stdout).toContain('offsets/1')
    }
  })

  test('with the commits: the id of the query tells that they were there', async () => {
    await lose('offsets', 'commits')
    const error = await failure('TIDEMARK_CORRUPT_FILE', () => rows())
    expect(error).toMatchObject({ path: 'offsets' })
    expect(await found()).toEqual(['error damaged-metadata offsets'])
  })

  test('is needless for who says how rows are to be read as bytes', async () => {
    await lose('offsets')
    await using checkpoint = await openCheckpoint(folder.path, { rowChecksums: false })
    expect(checkpoint.settings).toEqual({ rowChecksums: false, floorValues: true })
    let count = 0
    for await (const _ of checkpoint.rawRows()) count++
    expect(count).toBeGreaterThan(0)
  })
})

test('the id of the query lost beside its logs is found, and rows are read', async () => {
  await lose('metadata')
  expect(await rows()).toBeGreaterThan(0)
  expect(await found()).toEqual(['error damaged-metadata metadata'])
})

test('a newest offset log that is damaged keeps verify and info from nothing else', async () => {
  await writeFile(at('offsets/2'), 'v1\n{')
  await writeFile(at('state/1/0/_metadata/schema'), 'v2')
  expect(await found()).toEqual([
    'error damaged-metadata offsets/2',
    'error damaged-metadata state/1/0/_metadata/schema',
  ])
  const info = await tidemarkHere('info', folder.path)
  expect(info.stdout).toMatch(/problem: .*offsets\/2/)
  await failure('TIDEMARK_CORRUPT_FILE', () => rows({ operatorId: 0 }))
})

describe('the newest commit', () => {
  test.each([
    ['of a newer version', 'v9', 'TIDEMARK_UNKNOWN_FORMAT_VERSION'],
    ['cut', 'cut', 'TIDEMARK_CORRUPT_FILE'],
  ] as const)('%s: no batch is taken for the last one', async (_, damage, code) => {
    const text = await readFile(at('commits/2'), 'latin1')
    await writeFile(at('commits/2'), damage === 'cut' ? text.slice(0, 9) : text.replace('v1', 'v9'))
    for (const read of [() => rows(), () => changes(0)])
      expect(await failure(code, read)).toMatchObject({ path: 'commits/2' })
    // Who names the batch asks nobody for the last one.
    expect(await rows({ batchId: 2 })).toBeGreaterThan(0)
    expect(await changes(0, 2)).toBeGreaterThan(0)
    expect(await found()).toEqual(['error damaged-metadata commits/2'])
  })
})

test('what is lost: committed batches above the oldest entry, and of other gaps the first', () => {
  expect(lostOffsets([], [])).toEqual([])
  expect(lostOffsets([], [3, 4])).toEqual([3, 4])
  expect(lostOffsets([3, 4, 5], [1, 2, 3, 4])).toEqual([])
  expect(lostOffsets([3, 5, 9], [3, 4, 7, 10])).toEqual([4, 7, 10])
  expect(lostOffsets([3, 5, 9], [3])).toEqual([4, 6])
})

test('what is lost of the commit log: batches that a later one was planned after, above the oldest entry', () => {
  expect(lostCommits([], [])).toEqual([])
  expect(lostCommits([1, 2, 3], [])).toEqual([])
  expect(lostCommits([1, 2, 3], [1, 2])).toEqual([])
  expect(lostCommits([1, 2, 3, 4, 5], [2, 5])).toEqual([3, 4])
  expect(lostCommits([3, 4, 5, 6], [1, 2, 3, 4])).toEqual([5])
})
