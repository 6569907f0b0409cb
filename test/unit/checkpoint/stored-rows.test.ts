// What only the schema knows of a row's bytes is looked at when the row is read, while file and record are still known.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { type Checkpoint, openCheckpoint } from '../../../src/checkpoint/checkpoint.ts'
import { printSchemaFile } from '../../../src/checkpoint/schema-file.ts'
import { verifyCheckpoint } from '../../../src/checkpoint/verify.ts'
import { encodeRow } from '../../../src/codec/unsafe-row/encode-row.ts'
import { printTypeJson } from '../../../src/codec/unsafe-row/schema-json.ts'
import type { SparkValue, VariantValue } from '../../../src/codec/unsafe-row/spark-value.ts'
import { StateStores } from '../../../src/index.ts'
import { temporaryFolder } from '../../support/checkpoint-folder.ts'
import { tidemarkHere } from '../../support/command-line.ts'
import { failure } from '../../../src/testing/stores.ts'
import { schemaOf } from '../../support/unsafe-rows.ts'

const KEY = schemaOf('long')
const VARIANTS = { type: 'array', elementType: 'variant', containsNull: true }
const MAP = { type: 'map', keyType: 'string', valueType: 'variant', valueContainsNull: true }
const VALUE = schemaOf('long', 'variant', VARIANTS, MAP, nested('variant'))

const METADATA = Uint8Array.of(1, 0, 0)
/** An integer of one byte. */
const GOOD: VariantValue = { value: Uint8Array.of(0x0c, 7), metadata: METADATA }
/** An integer of two bytes, of which one is there. */
const CUT: VariantValue = { value: Uint8Array.of(0x10, 7), metadata: METADATA }
/** A value of type 63. */
const LATER: VariantValue = { value: Uint8Array.of(0xfc), metadata: METADATA }

let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeEach(async () => {
  folder = await temporaryFolder()
  return () => folder[Symbol.asyncDispose]()
})

function nested(type: string): object {
  const field = (name: string, of: string | object) => ({
    name,
    type: of,
    nullable: true,
    metadata: {},
  })
  return { type: 'struct', fields: [field('x', 'long'), field('y', type)] }
}

/** Version 1 has a row that is right, version 2 one more, as given. */
async function write(row: readonly SparkValue[]): Promise<void> {
  await using stores = await StateStores.open(folder.path, { durability: 'os' })
  const provider = stores.provider({ operatorId: 0, partitionId: 0 })
  const put = async (key: bigint, value: readonly SparkValue[]) => {
    const store = await provider.getStore()
    store.put(encodeRow(KEY, [key]), encodeRow(VALUE, value))
    await store.commit()
  }
  await put(1n, [1n, GOOD, [GOOD, null], [['k', GOOD]], [1n, GOOD]])
  await put(2n, row)
  await mkdir(join(folder.path, 'state/0/0/_metadata'))
  const [keySchemaJson, valueSchemaJson] = [printTypeJson(KEY), printTypeJson(VALUE)]
  const family = { name: 'default', keySchemaId: 0, valueSchemaId: 0 }
  await writeFile(
    join(folder.path, 'state/0/0/_metadata/schema'),
    printSchemaFile({
      formatVersion: 2,
      families: [{ ...family, keySchemaJson, valueSchemaJson }],
    }),
  )
}

async function count(read: (checkpoint: Checkpoint) => AsyncIterable<unknown>): Promise<number> {
  await using checkpoint = await openCheckpoint(folder.path)
  let rows = 0
  for await (const _ of read(checkpoint)) rows++
  return rows
}

describe('a variant whose bytes are none is told with its file, record and field', () => {
  test.each<[string, readonly SparkValue[]]>([
    ['b', [2n, CUT, null, null, null]],
    ['c.1', [2n, GOOD, [null, CUT], null, null]],
    ['d.value.0', [2n, GOOD, [], [['k', CUT]], null]],
    ['e.y', [2n, null, null, null, [1n, CUT]]],
  ])('field %s', async (field, row) => {
    await write(row)
    const sides = { from: { version: 1 }, to: { version: 2 } }
    for (const read of [
      (checkpoint: Checkpoint) => checkpoint.rows(),
      (checkpoint: Checkpoint) => checkpoint.changes({ from: 0 }),
      (checkpoint: Checkpoint) => checkpoint.differences(sides),
    ]) {
      const error = await failure('TIDEMARK_CORRUPT_FILE', () => count(read))
      expect(error.message).toContain(`field "${field}" to be a variant. The variant reaches past`)
      expect(error.message).toContain('(record 0 of state/0/0/2.delta')
      expect(error).toMatchObject({ path: 'state/0/0/2.delta', storeId: '0/0/default' })
    }
    expect(await count((checkpoint) => checkpoint.rawRows())).toBe(2)
    expect(await count((checkpoint) => checkpoint.rows({ version: 1 }))).toBe(1)
    const cli = await tidemarkHere('rows', folder.path, '--json')
    expect(cli).toMatchObject({ code: 1, stdout: '' })
    expect(cli.stderr).toContain('record 0 of state/0/0/2.delta')
    const findings = await verifyCheckpoint(folder.path)
    expect(findings.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      'wrong-row state/0/0/2.delta',
    ])
  })
})

test('a variant of a type that is not known is handed out as it is', async () => {
  await write([2n, LATER, [LATER], null, null])
  expect(await count((checkpoint) => checkpoint.rows())).toBe(2)
})
