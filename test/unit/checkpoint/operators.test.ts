// Operators as they are told by their metadata, or where there is none by the folders and the settings of the query.

import { cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openCheckpoint } from '../../../src/checkpoint/checkpoint.ts'
import type { RowsSelection } from '../../../src/checkpoint/read-rows.ts'
import { verifyCheckpoint } from '../../../src/checkpoint/verify.ts'
import { StateStores } from '../../../src/index.ts'
import { temporaryFolder, writeCheckpoint } from '../../support/checkpoint-folder.ts'
import { linesOf, tidemarkHere } from '../../support/command-line.ts'
import { unpackGolden } from '../../support/goldens.ts'
import { failure } from '../../../src/testing/stores.ts'

async function read(path: string, selection: RowsSelection = {}): Promise<number> {
  await using checkpoint = await openCheckpoint(path)
  let count = 0
  for await (const _ of checkpoint.rows(selection)) count++
  return count
}

async function found(path: string): Promise<string[]> {
  const findings = await verifyCheckpoint(path)
  return findings.map(({ kind, path }) => `${kind} ${path}`)
}

describe('without metadata, a query has the partitions that its settings say', () => {
  test.each([
    ['one between is missing', 2],
    ['the last one is missing', 4],
  ])('%s', async (_, partition) => {
    await using golden = await unpackGolden('checkpoint-version-3.5.1-streaming-deduplication')
    await rm(join(golden.path, `state/0/${partition}`), { recursive: true })
    const error = await failure('TIDEMARK_CORRUPT_FILE', () => read(golden.path))
    expect(error).toMatchObject({ path: `state/0/${partition}` })
    const who = partition === 4 ? /shuffle\.partitions in offsets\/1 says/ : /highest that is there/
    expect(error.message).toMatch(/store default of operator 0 to have the partitions 0 to 4/)
    expect(error.message).toMatch(who)
    expect(await found(golden.path)).toEqual([`wrong-folders state/0/${partition}`])
    expect(await read(golden.path, { partitionId: 0 })).toBeGreaterThanOrEqual(0)
  })

  test('the first one is missing, and with it the schema', async () => {
    await using golden = await unpackGolden(
      'checkpoint-version-2.4.5-for-compatibility-test-sum-decimal',
    )
    await rm(join(golden.path, 'state/0/0'), { recursive: true })
    expect(await found(golden.path)).toContain('wrong-folders state/0/0')
    await failure('TIDEMARK_CORRUPT_FILE', () => read(golden.path))
  })

  test('of each store of a join', async () => {
    await using golden = await unpackGolden('checkpoint-version-2.4.0-streaming-join')
    await rm(join(golden.path, 'state/0/3/left-keyToNumValues'), { recursive: true })
    expect(await found(golden.path)).toEqual(['wrong-folders state/0/3/left-keyToNumValues'])
  })

  test('all but the first are missing, though its keys have columns', async () => {
    await using golden = await unpackGolden('checkpoint-version-3.5.1-streaming-deduplication')
    for (const partition of [1, 2, 3, 4])
      await rm(join(golden.path, `state/0/${partition}`), { recursive: true })
    await failure('TIDEMARK_CORRUPT_FILE', () => read(golden.path))
    expect(await found(golden.path)).toEqual(
      [1, 2, 3, 4].map((partition) => `wrong-folders state/0/${partition}`),
    )
  })

  test.each(['../spark-readings/global-agg', 'spark-4.1.4/limit-lz4-ck1-p2-md10'])(
    'an operator without keys has one: %s',
    async (name) => {
      await using golden = await unpackGolden(name)
      const before = await read(golden.path)
      await rm(join(golden.path, 'state/0/_metadata'), { recursive: true })
      expect(await read(golden.path)).toBe(before)
      expect(await found(golden.path)).toEqual([])
      await using checkpoint = await openCheckpoint(golden.path)
      expect(await checkpoint.operators()).toMatchObject([
        { operatorName: undefined, stores: [{ partitions: 1, isSingle: true }] },
      ])
    },
  )

  test('none is expected of our own', async () => {
    await using folder = await temporaryFolder()
    await writeCheckpoint(folder.path)
    await rm(join(folder.path, 'state/0/0'), { recursive: true })
    expect(await found(folder.path)).toEqual([])
  })
})

describe('damaged metadata of one operator', () => {
  const METADATA = 'state/0/_metadata/metadata'

  async function damaged() {
    const golden = await unpackGolden('../spark-readings/two-operators')
    await writeFile(join(golden.path, METADATA), 'v1\n{"operatorInfo"')
    return golden
  }

  test('keeps verify from nothing: each is told, of both operators', async () => {
    await using golden = await damaged()
    await writeFile(join(golden.path, 'state/1/_metadata/metadata'), 'v9')
    await rm(join(golden.path, 'state/0/1'), { recursive: true })
    await cp(join(golden.path, 'state/1/0/1.delta'), join(golden.path, 'state/1/0/2.delta'))
    const kinds = await found(golden.path)
    expect(kinds).toContain(`damaged-metadata ${METADATA}`)
    expect(kinds).toContain('damaged-metadata state/1/_metadata/metadata')
    // By the settings of the query, for want of metadata.
    expect(kinds).toContain('wrong-folders state/0/1')
  })

  test('and the other one is still checked by its own', async () => {
    await using golden = await damaged()
    await rm(join(golden.path, 'state/1/1'), { recursive: true })
    expect(await found(golden.path)).toEqual([
      `damaged-metadata ${METADATA}`,
      'wrong-folders state/1/1',
    ])
  })

  test('info tells it, and the other operators', async () => {
    await using golden = await damaged()
    const { code, stdout } = await tidemarkHere('info', golden.path)
    expect(code).toBe(1)
    expect(stdout).toMatch(/problem: TIDEMARK_CORRUPT_FILE .*state\/0\/_metadata\/metadata/)
    expect(stdout).toMatch(/^operator 0: default \(2 partitions\)$/m)
    expect(stdout).toMatch(/^operator 1 \w+: default \(2 partitions\)$/m)
  })

  test('does not keep the other operator from being read', async () => {
    await using golden = await damaged()
    await failure('TIDEMARK_CORRUPT_FILE', () => read(golden.path))
    await failure('TIDEMARK_CORRUPT_FILE', () => read(golden.path, { operatorId: 0 }))
    const lines = await linesOf('rows', golden.path, '--json', '--operator', '1')
    expect(lines.length).toBeGreaterThan(0)
    expect(await read(golden.path, { operatorId: 1 })).toBe(lines.length)
  })
})

test('the largest number that an operator can have is one of those', async () => {
  await using folder = await temporaryFolder()
  const operatorId = Number.MAX_SAFE_INTEGER
  {
    await using stores = await StateStores.open(folder.path, { durability: 'os' })
    await (await stores.provider({ operatorId, partitionId: 0 }).getStore()).commit()
  }
  await using checkpoint = await openCheckpoint(folder.path)
  expect(await checkpoint.operators()).toMatchObject([{ operatorId }])
  // It has no schema.
  await failure('TIDEMARK_CHECKPOINT_NOT_FOUND', () => read(folder.path))
})
