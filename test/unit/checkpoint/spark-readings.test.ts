// Our reading of what Spark wrote, line for line against Spark's own: every golden of Spark 4.1.4 at every batch that Spark was asked for, and the
// features of its state sources. Lines come from the command line, which prints what the library reads.

import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openCheckpoint } from '../../../src/checkpoint/checkpoint.ts'
import {
  parseOperatorMetadata,
  printOperatorMetadata,
} from '../../../src/checkpoint/operator-metadata.ts'
import { parseSchemaFile, printSchemaFile } from '../../../src/checkpoint/schema-file.ts'
import { verifyCheckpoint } from '../../../src/checkpoint/verify.ts'
import { fromHex, toHex } from '../../../src/base/bytes.ts'
import { parseSchemaJson } from '../../../src/codec/unsafe-row/schema-json.ts'
import { digestFolder } from '../../support/checkpoint-folder.ts'
import { linesOf } from '../../support/command-line.ts'
import { GOLDEN_NAMES, goldenStates, sparkReading, unpackGolden } from '../../support/goldens.ts'
import { fromText, text } from '../../../src/testing/stores.ts'

const NEWEST = GOLDEN_NAMES.filter((name) => name.startsWith('spark-4.1.4/'))
const reading = (name: string) => unpackGolden(`../spark-readings/${name}`)
const golden = (name: string) => unpackGolden(`spark-4.1.4/${name}`)

describe.each(NEWEST)('%s', (name) => {
  test('rows at every batch are the lines that Spark prints, in their order, and nothing is written', async () => {
    await using folder = await unpackGolden(name)
    const before = digestFolder(folder.path)
    const states = goldenStates(name)
    expect(states.length).toBeGreaterThanOrEqual(5)
    for (const { operatorId, storeName, batchId, lines } of states) {
      const choice = ['--operator', `${operatorId}`, '--store', storeName, '--batch', `${batchId}`]
      expect(await linesOf('rows', folder.path, '--json', ...choice)).toEqual(lines)
    }
    // Without a batch it is the last committed one, which is the last that Spark was asked for.
    const { storeName, lines } = states.at(-1)!
    expect(await linesOf('rows', folder.path, '--json', '--store', storeName)).toEqual(lines)
    expect(digestFolder(folder.path)).toBe(before)
  })
})

/** By text within a partition; where Spark prints several rows of a key, their order is nobody's. */
const sorted = (lines: readonly string[]) => [...lines].sort()

test.each([
  ['left', 4],
  ['left', 32],
  ['right', 4],
  ['right', 32],
])('the %s side of a join after batch %i', async (side, batch) => {
  await using folder = await golden('join-lz4-ck1-p2-md10')
  const lines = await linesOf(
    'rows',
    folder.path,
    '--json',
    '--join-side',
    side,
    '--batch',
    `${batch}`,
  )
  expect(sorted(lines)).toEqual(sorted(sparkReading(`join-${side}-${batch}`)))
  expect(lines.length).toBeGreaterThan(100)
})

test.each([
  ['agg-lz4-ck1-p4-md10', 3, 5, 'default', 'agg-changes-3-5'],
  ['dedup-snappy-ck0-p3-md3', 31, 32, 'default', 'dedup-changes-31-32'],
  ['session-zstd-ck1-p2-md3', 9, 9, 'default', 'session-changes-9'],
  ['join-lz4-ck1-p2-md10', 31, 32, 'left-keyWithIndexToValue', 'join-changes-31-32'],
])('the changes of %s from batch %i to %i', async (name, from, to, store, expected) => {
  await using folder = await golden(name)
  const range = ['--from', `${from}`, '--to', `${to}`, '--store', store]
  const lines = await linesOf('changes', folder.path, '--json', ...range)
  expect(sorted(lines)).toEqual(sorted(sparkReading(expected)))
  const order = lines.map((line) => {
    const { batch, p, key } = JSON.parse(line) as { batch: number; p: number; key: object }
    return `${batch} ${p} ${Buffer.from(JSON.stringify(key)).toString('hex')}`
  })
  expect(order).toEqual(sorted(order))
})

test('a version rebuilt from a snapshot of our choice', async () => {
  await using folder = await golden('agg-lz4-ck1-p4-md10')
  const choice = ['--batch', '15', '--partition', '1', '--snapshot-batch', '10']
  expect(await linesOf('rows', folder.path, '--json', ...choice)).toEqual(
    sparkReading('agg-from-snapshot'),
  )
})

test('a snapshot of our choice is the only one that is looked at', async () => {
  await using folder = await golden('agg-lz4-ck1-p4-md10')
  const partition = join(folder.path, 'state/0/1')
  const choice = ['--batch', '25', '--partition', '1']
  const right = await linesOf('rows', folder.path, '--json', ...choice)
  // Whole, but of another version: what a wrong snapshot looks like.
  await copyFile(join(partition, '11.snapshot'), join(partition, '22.snapshot'))
  await rm(join(partition, '22.snapshot.crc'))
  expect(await linesOf('rows', folder.path, '--json', ...choice)).not.toEqual(right)
  const chosen = [...choice, '--snapshot-batch', '10']
  expect(await linesOf('rows', folder.path, '--json', ...chosen)).toEqual(right)
})

test('a checkpoint that Spark has cleaned is read, and sound', async () => {
  await using folder = await reading('cleaned')
  expect(await linesOf('rows', folder.path, '--json')).toEqual(sparkReading('cleaned'))
  const findings = await verifyCheckpoint(folder.path)
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([])
})

test('an operator without keys has one partition, whatever its metadata says', async () => {
  await using folder = await reading('global-agg')
  expect(await linesOf('rows', folder.path, '--json')).toEqual(sparkReading('global-agg'))
})

test('two operators, each by itself and together', async () => {
  await using folder = await reading('two-operators')
  const together: string[] = []
  for (const operator of ['0', '1']) {
    const lines = sparkReading(`two-operators-${operator}`)
    expect(await linesOf('rows', folder.path, '--json', '--operator', operator)).toEqual(lines)
    together.push(...lines.map((line) => line.replace('{', `{"o":${operator},"s":"default",`)))
  }
  expect(await linesOf('rows', folder.path, '--json')).toEqual(together)
})

describe('operators are those of the source state-metadata', () => {
  test.each([
    ['spark-4.1.4/join-lz4-ck1-p2-md10', 'join-lz4-ck1-p2-md10'],
    ['spark-4.1.4/limit-lz4-ck1-p2-md10', 'limit-lz4-ck1-p2-md10'],
    ['spark-4.1.4/session-zstd-ck1-p2-md3', 'session-zstd-ck1-p2-md3'],
    ['../spark-readings/cleaned', 'cleaned'],
    ['../spark-readings/global-agg', 'global-agg'],
    ['../spark-readings/two-operators', 'two-operators'],
  ])('%s', async (name, expected) => {
    await using folder = await unpackGolden(name)
    await using checkpoint = await openCheckpoint(folder.path)
    const batches = await checkpoint.batches()
    const committed = batches.filter((batch) => batch.committed).map(({ batchId }) => batchId)
    const found = (await checkpoint.operators()).flatMap(({ stores, ...operator }) =>
      stores.map((store) => ({
        operatorId: operator.operatorId,
        operatorName: operator.operatorName,
        stateStoreName: store.storeName,
        numPartitions: store.partitions,
        minBatchId: committed[0],
        maxBatchId: committed.at(-1),
        operatorProperties: operator.propertiesJson ?? null,
        _numColsPrefixKey: store.prefixColumns,
      })),
    )
    const lines = sparkReading(`metadata-${expected}`)
    expect(found).toEqual(lines.map((line) => JSON.parse(line) as unknown))
  })
})

describe("files of operators with column families, by Spark's own writers", () => {
  const files = new Map(
    sparkReading('files').map((line) => {
      const { name, hex } = JSON.parse(line) as { name: string; hex: string }
      return [name, fromHex(hex)]
    }),
  )

  test('a schema file of format 3', () => {
    const bytes = files.get('schema-v3')!
    const schema = parseSchemaFile(bytes, 'schema')
    expect(schema.families).toMatchObject([
      { name: 'timer', keyEncoderJson: '{"keyStateEncoderType":"NoPrefixKeyStateEncoderSpec"}' },
      { name: 'map', keySchemaId: 1, valueSchemaId: 2 },
    ])
    const [timer, map] = schema.families
    expect(parseSchemaJson(map.userKeySchemaJson!).fields[0].name).toBe('kü')
    expect(timer.userKeySchemaJson).toBeUndefined()
    expect(toHex(printSchemaFile(schema))).toBe(toHex(bytes))
  })

  test('operator metadata of format 2', () => {
    const content = `v2\n${fromText(files.get('operator-metadata-v2'))}`
    const metadata = parseOperatorMetadata(text(content), 'v2/0')
    expect(metadata).toMatchObject({ operatorId: 3, stores: [{ numPartitions: 5 }] })
    expect(fromText(printOperatorMetadata(metadata))).toBe(content)
  })
})
