import { describe, expect, test } from 'vitest'
import { decodeRow } from '../../../../src/codec/unsafe-row/decode-row.ts'
import { hashRow, partitionOf } from '../../../../src/codec/unsafe-row/murmur3.ts'
import { goldenRows } from '../../../support/golden-rows.ts'
import { recordedRows, schemaOf, strangeNaNs } from '../../../support/unsafe-rows.ts'

test("keys hash as Spark's hash() does: every type that can be grouped by", () => {
  const rows = recordedRows().filter(({ hash, json }) => hash !== null && !json?.includes('\ufffd'))
  expect(rows.length).toBeGreaterThan(350)
  for (const { name, schema, bytes, hash, partitionOf7 } of rows) {
    const key = decodeRow(schema, bytes)
    expect([name, hashRow(schema, key), partitionOf(schema, key, 7)]).toEqual([
      name,
      hash,
      partitionOf7,
    ])
  }
})

test('text that is no UTF-8 is hashed by its bytes, where they are given', () => {
  const { schema, bytes, hash } = recordedRows().find(({ json }) => json?.includes('\ufffd'))!
  expect(hashRow(schema, [bytes.slice(16, 26)])).toBe(hash)
})

test('what Spark does not hash is refused, as Spark refuses it', () => {
  const rows = recordedRows().filter(({ hash }) => hash === null)
  expect(rows.length).toBeGreaterThan(50)
  for (const { schema, bytes } of rows)
    expect(() => hashRow(schema, decodeRow(schema, bytes))).toThrow(
      expect.objectContaining({ code: 'TIDEMARK_UNSUPPORTED' }),
    )
})

test('every key of the goldens lies in the partition it hashes to', () => {
  // These keys end in something that is not grouped by: the session's start, the index in a join.
  const grouped = (golden: string, storeName: string, fields: number) =>
    golden.startsWith('session') || storeName.endsWith('keyWithIndexToValue') ? fields - 1 : fields
  let count = 0
  for (const { golden, storeName, partition, part, schema, bytes } of goldenRows()) {
    if (part !== 'key' || golden.startsWith('limit')) continue
    const size = grouped(golden, storeName, schema.fields.length)
    const partitions = Number(/-p(\d+)-/.exec(golden)![1])
    const key = decodeRow(schema, bytes).slice(0, size)
    const columns = { ...schema, fields: schema.fields.slice(0, size) }
    expect([golden, partitionOf(columns, key, partitions)]).toEqual([golden, partition])
    count++
  }
  expect(count).toBeGreaterThan(5000)
})

describe('peculiarities', () => {
  const hash = (type: string, value: Parameters<typeof hashRow>[1][number]) =>
    hashRow(schemaOf(type), [value])

  test('the integers 1 to 5 of five partitions', () => {
    const partitions = [1, 2, 3, 4, 5].map((key) => partitionOf(schemaOf('integer'), [key], 5))
    expect(partitions).toEqual([3, 4, 1, 2, 1])
  })

  test('a null leaves the seed', () => {
    expect(hashRow(schemaOf('long', 'integer', 'string'), [null, 7, null])).toBe(hash('integer', 7))
    expect(hashRow(schemaOf('long'), [null], 5)).toBe(5)
  })

  test('the two zeros are one key, and so are all NaNs', () => {
    expect(hash('double', -0)).toBe(hash('double', 0))
    expect(hash('float', -0)).toBe(hash('float', 0))
    for (const nan of strangeNaNs()) {
      expect(hash('double', nan)).toBe(hash('double', NaN))
      expect(hash('float', nan)).toBe(hash('float', NaN))
    }
  })

  test('text with a collation is refused', () => {
    const [field] = schemaOf('string').fields
    const schema = {
      kind: 'struct',
      fields: [{ ...field, metadata: { __COLLATIONS: { a: 'icu.UNICODE_CI' } } }],
    } as const
    expect(() => hashRow(schema, ['x'])).toThrow(/"a" has a collation/)
  })

  test('values that do not fit are refused', () => {
    expect(() => hash('long', 1)).toThrow(TypeError)
    expect(() => partitionOf(schemaOf('long'), [1n], 0)).toThrow(RangeError)
  })
})
