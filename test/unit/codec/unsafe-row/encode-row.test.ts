import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../../../src/base/bytes.ts'
import { decodeRow } from '../../../../src/codec/unsafe-row/decode-row.ts'
import { encodeRow } from '../../../../src/codec/unsafe-row/encode-row.ts'
import type { SparkValue } from '../../../../src/codec/unsafe-row/spark-value.ts'
import { goldenRows } from '../../../support/golden-rows.ts'
import { recordedRows, schemaOf, strangeNaNs } from '../../../support/unsafe-rows.ts'

const MAP = { type: 'map', keyType: 'string', valueType: 'long', valueContainsNull: false }
const ARRAY = { type: 'array', elementType: 'long', containsNull: false }

test("what Spark's writer made is made again, byte by byte: every type, alone and beside others", () => {
  // Text that is no UTF-8 cannot be written as text; the next test writes it as bytes.
  const rows = recordedRows().filter(({ json }) => json?.includes('\ufffd') !== true)
  expect(rows.length).toBeGreaterThan(400)
  for (const { name, schema, bytes } of rows)
    expect([name, toHex(encodeRow(schema, decodeRow(schema, bytes)))]).toEqual([name, toHex(bytes)])
})

test('a string may be given as bytes, whatever they are', () => {
  const bytes = fromHex('61ff62eda08063f09f98')
  const recorded = recordedRows().find(({ json }) => json?.includes('\ufffd') === true)!
  expect(toHex(encodeRow(recorded.schema, [bytes]))).toBe(toHex(recorded.bytes))
})

test('rows of real state stores are made again, byte by byte', () => {
  let count = 0
  for (const { schema, bytes } of goldenRows()) {
    expect(toHex(encodeRow(schema, decodeRow(schema, bytes)))).toBe(toHex(bytes))
    count++
  }
  expect(count).toBeGreaterThan(10_000)
})

describe('decimals are taken in any writing that loses nothing', () => {
  test.each([
    ['1', '1.00'],
    ['-0', '0.00'],
    ['0.5000', '0.50'],
    ['-00012.3', '-12.30'],
  ])('%s is %s', (given, kept) => {
    for (const type of ['decimal(10,2)', 'decimal(30,2)'])
      expect(decodeRow(schemaOf(type), encodeRow(schemaOf(type), [given]))).toEqual([kept])
  })
})

test('NaN is written as Java writes it, and -0 stays', () => {
  const schema = schemaOf('double', 'float')
  expect(toHex(encodeRow(schema, [NaN, NaN]))).toBe(
    '0000000000000000000000000000f87f0000c07f00000000',
  )
  expect(decodeRow(schema, encodeRow(schema, [-0, -0]))).toEqual([-0, -0])
})

test('a NaN is written as Java writes it, whatever its sign and payload are', () => {
  const schema = schemaOf('double', 'float', { ...ARRAY, elementType: 'double' })
  const wanted = toHex(encodeRow(schema, [NaN, NaN, [NaN]]))
  expect(wanted).toContain('000000000000f87f0000c07f00000000')
  for (const nan of strangeNaNs()) expect(toHex(encodeRow(schema, [nan, nan, [nan]]))).toBe(wanted)
  // A row that somebody else wrote, decoded and written again.
  const strange = fromHex('0000000000000000010000000000f8ff0100c0ff00000000')
  const columns = schemaOf('double', 'float')
  expect(toHex(encodeRow(columns, decodeRow(columns, strange)))).toBe(
    toHex(encodeRow(columns, [NaN, NaN])),
  )
})

test('a float is the one nearest to the number', () => {
  expect(decodeRow(schemaOf('float'), encodeRow(schemaOf('float'), [0.1]))).toEqual([
    Math.fround(0.1),
  ])
})

describe('wrong values are refused, naming the field and not the value', () => {
  test.each<[string | object, unknown, typeof TypeError | typeof RangeError, RegExp]>([
    ['boolean', 1, TypeError, /field "a" to be a boolean, got another number/],
    ['byte', 128, RangeError, /integer of 8 bits/],
    ['short', -32769, RangeError, /integer of 16 bits/],
    ['integer', 1.5, RangeError, /integer of 32 bits/],
    ['integer', 1n, TypeError, /to be a number, got another bigint/],
    ['date', NaN, RangeError, /integer of 32 bits/],
    ['long', 1, TypeError, /to be a bigint, got another number/],
    ['long', 2n ** 63n, RangeError, /integer of 64 bits/],
    ['timestamp', '2024-01-01', TypeError, /to be a bigint, got another string/],
    ['double', '1', TypeError, /to be a number/],
    ['decimal(5,2)', 1, TypeError, /string holding a decimal of at most 5 digits, 2 of them/],
    ['decimal(5,2)', '1.234', RangeError, /decimal/],
    ['decimal(5,2)', '1000.00', RangeError, /decimal/],
    ['decimal(38,2)', '1e5', RangeError, /decimal/],
    ['decimal(38,2)', '9'.repeat(500), RangeError, /decimal/],
    ['decimal(5,-2)', '150', RangeError, /decimal/],
    ['string', 5, TypeError, /to be a string/],
    ['string', '\ud83d', RangeError, /well-formed text/],
    ['binary', 'abc', TypeError, /to be a Uint8Array/],
    ['interval', 5n, TypeError, /months, days, microseconds/],
    ['interval', { months: 1, days: 2, microseconds: 3 }, TypeError, /bigint/],
    ['variant', { value: 1, metadata: 2 }, TypeError, /value, metadata/],
    ['void', 1, TypeError, /to be null/],
    [ARRAY, 5, TypeError, /an array of elements/],
    [ARRAY, [1n, 2], TypeError, /"a\.1" to be a bigint/],
    [ARRAY, [null], TypeError, /"a\.0" to be other than null/],
    [MAP, { k: 1n }, TypeError, /\[key, value\] pairs/],
    [MAP, [['k']], TypeError, /\[key, value\] pairs/],
    [MAP, [[null, 1n]], TypeError, /"a\.key\.0" to be other than null/],
    [MAP, [['k', null]], TypeError, /"a\.value\.0" to be other than null/],
    ['long', undefined, TypeError, /bigint, got undefined/],
  ])('%j: %s', (type, value, kind, message) => {
    const encode = () => encodeRow(schemaOf(type), [value as SparkValue])
    expect(encode).toThrow(kind)
    expect(encode).toThrow(message)
  })

  test('a wrong number of values', () => {
    expect(() => encodeRow(schemaOf('long'), [])).toThrow(
      /1 values, one a field, got an array of 0/,
    )
  })

  test('a null that the schema does not allow', () => {
    const [field] = schemaOf('long').fields
    const schema = { kind: 'struct', fields: [{ ...field, nullable: false }] } as const
    expect(() => encodeRow(schema, [null])).toThrow(/"a" to be other than null/)
  })
})
