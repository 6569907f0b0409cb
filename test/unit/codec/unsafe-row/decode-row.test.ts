import { constants } from 'node:buffer'
import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { concatBytes, fromHex, toHex } from '../../../../src/base/bytes.ts'
import { decodeRow } from '../../../../src/codec/unsafe-row/decode-row.ts'
import { encodeRow } from '../../../../src/codec/unsafe-row/encode-row.ts'
import { rowToJson } from '../../../../src/codec/unsafe-row/row-to-json.ts'
import { isStateStoreError } from '../../../../src/errors.ts'
import { anyRow, recordedRows, schemaOf } from '../../../support/unsafe-rows.ts'

/** Spaces and bars are for the reader. */
const bytesOf = (hex: string) => fromHex(hex.replaceAll(/[ |]/g, ''))

const NOTHING_NULL = '0000000000000000'
const FIRST_NULL = '0100000000000000'
const ARRAY_OF_LONG = { type: 'array', elementType: 'long', containsNull: true }
const ARRAY_OF_STRING = { type: 'array', elementType: 'string', containsNull: true }
const MAP_OF_LONG = { type: 'map', keyType: 'long', valueType: 'long', valueContainsNull: true }
const STRUCT_OF_INT = { type: 'struct', fields: [{ name: 'x', type: 'integer' }] }

describe('each type has its one JavaScript type', () => {
  test.each<[string | object, string, unknown]>([
    ['boolean', '0100000000000000', true],
    ['byte', 'ff00000000000000', -1],
    ['short', '0080000000000000', -32768],
    ['integer', 'ffffffff00000000', -1],
    ['long', '0100000000000000', 1n],
    ['long', 'ffffffffffffff7f', 9223372036854775807n],
    ['float', '0000c03f00000000', 1.5],
    ['double', '000000000000f83f', 1.5],
    ['decimal(10,2)', '9600000000000000', '1.50'],
    ['date', 'ffffffff00000000', -1],
    ['timestamp', '0100000000000000', 1n],
    ['timestamp_ntz', '0100000000000000', 1n],
    ['time(6)', '0100000000000000', 1n],
    ['interval day to second', 'ffffffffffffffff', -1n],
    ['interval month', '0e00000000000000', 14],
    ['void', '0000000000000000', null],
    ['string', '0200000010000000 | c3a9000000000000', 'é'],
    ['binary', '0200000010000000 | 00ff000000000000', Uint8Array.of(0, 0xff)],
    ['decimal(38,2)', '0200000010000000 | ff6a000000000000 0000000000000000', '-1.50'],
    [
      'interval',
      '1000000010000000 | 0e000000fdffffff 0500000000000000',
      { months: 14, days: -3, microseconds: 5n },
    ],
    [STRUCT_OF_INT, '1000000010000000 | 0000000000000000 0700000000000000', [7]],
    [
      ARRAY_OF_LONG,
      '2000000010000000 | 0200000000000000 0200000000000000 0700000000000000 0000000000000000',
      [7n, null],
    ],
    [
      'variant',
      '0800000010000000 | 0100000000010000',
      { value: Uint8Array.of(0), metadata: Uint8Array.of(1, 0, 0) },
    ],
  ])('%j', (type, words, value) => {
    const row = bytesOf(NOTHING_NULL + words)
    expect(decodeRow(schemaOf(type), row)).toEqual([value])
    expect(decodeRow(schemaOf(type), bytesOf(`${FIRST_NULL} 0000000000000000`))).toEqual([null])
  })
})

test('repeated names lose nothing, and maps keep their order', () => {
  const schema = schemaOf('long', MAP_OF_LONG)
  const named = { ...schema, fields: schema.fields.map((field) => ({ ...field, name: 'same' })) }
  const row = encodeRow(named, [1n, [[2n, 3n], [1n, null]]]) // prettier-ignore
  expect(decodeRow(named, row)).toEqual([1n, [[2n, 3n], [1n, null]]]) // prettier-ignore
})

test('a row without fields is no bytes, or any', () => {
  expect(decodeRow(schemaOf(), new Uint8Array(0))).toEqual([])
  expect(decodeRow(schemaOf(), new Uint8Array(8))).toEqual([])
})

test('values share no memory with the row, even if it is a Buffer', () => {
  const row = Buffer.from(encodeRow(schemaOf('binary', 'variant'), [Uint8Array.of(1), { value: Uint8Array.of(2), metadata: Uint8Array.of(3) }])) // prettier-ignore
  const values = decodeRow(schemaOf('binary', 'variant'), row)
  row.fill(0xee)
  expect(values).toEqual([
    Uint8Array.of(1),
    { value: Uint8Array.of(2), metadata: Uint8Array.of(3) },
  ])
  expect(Buffer.isBuffer(values[0])).toBe(false)
})

describe('a null may keep its place where Spark leaves it', () => {
  test.each([
    ['decimal(38,2)', '0000000010000000'],
    ['interval', '1000000010000000'],
  ])('%s', (type, word) => {
    const row = bytesOf(`${FIRST_NULL} ${word} | 0000000000000000 0000000000000000`)
    expect(decodeRow(schemaOf(type), row)).toEqual([null])
  })
})

describe('a row that cannot be is refused, naming field and byte', () => {
  test.each<[string, (string | object)[], string, RegExp]>([
    ['no whole words', ['long'], `${NOTHING_NULL} 07000000`, /whole 8-byte words, found 12/],
    ['no fields', ['long'], '', /at least 16 bytes for 1 fields, found 0/],
    ['null bits only', ['long'], NOTHING_NULL, /at least 16 bytes/],
    [
      'a field short',
      ['long', 'long'],
      `${NOTHING_NULL} 0000000000000000`,
      /24 bytes for 2 fields/,
    ],
    ['a boolean of 2', ['boolean'], `${NOTHING_NULL} 0200000000000000`, /zeros.*"a".*byte 8/],
    ['a byte and more', ['byte'], `${NOTHING_NULL} 0001000000000000`, /zeros beside.*byte/],
    ['a short and more', ['short'], `${NOTHING_NULL} 0000010000000000`, /zeros beside.*short/],
    ['an int and more', ['integer'], `${NOTHING_NULL} 0000000001000000`, /zeros beside.*integer/],
    ['a float and more', ['float'], `${NOTHING_NULL} 0000000000000080`, /zeros beside.*float/],
    ['a null with a value', ['long'], `${FIRST_NULL} 0100000000000000`, /where a value is null/],
    ['a null string with a size', ['string'], `${FIRST_NULL} 0100000010000000`, /value is null/],
    [
      'a null decimal with a size',
      ['decimal(38,2)'],
      `${FIRST_NULL} 0100000010000000 | ${'00'.repeat(16)}`,
      /value is null/,
    ],
    [
      'a null decimal outside',
      ['decimal(38,2)'],
      `${FIRST_NULL} 0000000019000000 | 0000000000000000`,
      /value is null/,
    ],
    [
      'a null interval of another size',
      ['interval'],
      `${FIRST_NULL} 0800000010000000 | ${'00'.repeat(16)}`,
      /value is null/,
    ],
    [
      'a string in the fixed part',
      ['string'],
      `${NOTHING_NULL} 0100000008000000 | 6100000000000000`,
      /between bytes 16 and 24.*1 bytes at 8/,
    ],
    [
      'a string beyond the end',
      ['string'],
      `${NOTHING_NULL} 0900000010000000 | 6100000000000000`,
      /9 bytes at 16/,
    ],
    [
      'a negative size',
      ['string'],
      `${NOTHING_NULL} ffffffff10000000 | 6100000000000000`,
      /-1 bytes at 16/,
    ],
    [
      'a negative offset',
      ['string'],
      `${NOTHING_NULL} 01000000f0ffffff | 6100000000000000`,
      /at -16/,
    ],
    [
      'a sum past 2^31',
      ['string'],
      `${NOTHING_NULL} ffffff7fffffff7f | 6100000000000000`,
      /2147483647 bytes at 2147483647/,
    ],
    [
      'two strings of the same bytes',
      ['string', 'string'],
      `${NOTHING_NULL} 0800000018000000 0800000018000000 | 6161616161616161`,
      /more bytes than the 32.*"b"/,
    ],
    [
      'a decimal of no bytes',
      ['decimal(38,2)'],
      `${NOTHING_NULL} 0000000010000000 | 0000000000000000`,
      /1 to 16 bytes, found 0/,
    ],
    [
      'a decimal of 17 bytes',
      ['decimal(38,2)'],
      `${NOTHING_NULL} 1100000010000000 | ${'01'.repeat(24)}`,
      /1 to 16 bytes, found 17/,
    ],
    [
      'a decimal of too many digits',
      ['decimal(19,2)'],
      `${NOTHING_NULL} 1000000010000000 | ${'7f'.repeat(16)}`,
      /at most 19 digits/,
    ],
    [
      'an interval of 8 bytes',
      ['interval'],
      `${NOTHING_NULL} 0800000010000000 | 0000000000000000`,
      /interval of 16 bytes, found 8/,
    ],
    [
      'a struct that is too short',
      [STRUCT_OF_INT],
      `${NOTHING_NULL} 0800000010000000 | 0000000000000000`,
      /at least 16 bytes for 1 fields, found 8 in field "a"/,
    ],
    [
      'a struct with a broken field',
      [STRUCT_OF_INT],
      `${NOTHING_NULL} 1000000010000000 | 0000000000000000 0000000001000000`,
      /"a\.x", at byte 24/,
    ],
    [
      'an array of less than a word',
      [ARRAY_OF_LONG],
      `${NOTHING_NULL} 0400000010000000 | 0000000000000000`,
      /at least 8 bytes, found 4/,
    ],
    [
      'an array of 2^40 elements',
      [ARRAY_OF_LONG],
      `${NOTHING_NULL} 0800000010000000 | 0000000000010000`,
      /claims 1099511627776 elements/,
    ],
    [
      'an array of -1 elements',
      [ARRAY_OF_LONG],
      `${NOTHING_NULL} 0800000010000000 | ffffffffffffffff`,
      /claims 18446744073709551615 elements/,
    ],
    [
      'an array of one element too many',
      [ARRAY_OF_LONG],
      `${NOTHING_NULL} 1000000010000000 | 0100000000000000 0000000000000000`,
      /claims 1 elements of 8 bytes; it has 16/,
    ],
    [
      'an element beyond its array',
      [ARRAY_OF_STRING],
      `${NOTHING_NULL} 1800000010000000 | 0100000000000000 0000000000000000 0100000018000000 | 6100000000000000`,
      /"a\.0"/,
    ],
    [
      'a map of less than a word',
      [MAP_OF_LONG],
      `${NOTHING_NULL} 0400000010000000 | 0000000000000000`,
      /map of at least 8 bytes/,
    ],
    [
      'a map with too many keys',
      [MAP_OF_LONG],
      `${NOTHING_NULL} 1000000010000000 | 0900000000000000 0000000000000000`,
      /claims 9 bytes of keys/,
    ],
    [
      'a map of more values than keys',
      [MAP_OF_LONG],
      `${NOTHING_NULL} 2800000010000000 | 0800000000000000 0000000000000000 | 0100000000000000 0000000000000000 0100000000000000`,
      /0 keys and 1 values/,
    ],
    [
      'a map with a null key',
      [MAP_OF_LONG],
      `${NOTHING_NULL} 3800000010000000 | 1800000000000000 | 0100000000000000 0100000000000000 0000000000000000 | 0100000000000000 0000000000000000 0100000000000000`,
      /null key/,
    ],
    [
      'a variant of less than its length',
      ['variant'],
      `${NOTHING_NULL} 0200000010000000 | 0000000000000000`,
      /variant claims/,
    ],
    [
      'a variant with too long a value',
      ['variant'],
      `${NOTHING_NULL} 0800000010000000 | 0500000000000000`,
      /value of 5 bytes; it has 8/,
    ],
  ])('%s', (_name, types, hex, message) => {
    // prettier-ignore
    expect(() => decodeRow(schemaOf(...types), bytesOf(hex))).toThrow(
      expect.objectContaining({
        code: 'TIDEMARK_CORRUPT_FILE',
        message: expect.stringMatching(message),
      }),
    )
  })
})

test('a forged array cannot make many large elements of the same bytes', () => {
  const nested = { type: 'array', elementType: ARRAY_OF_LONG, containsNull: true }
  const schema = schemaOf(nested)
  const inner = Array.from({ length: 1000 }, (_, index) => BigInt(index))
  const row = encodeRow(schema, [[inner, ...Array.from({ length: 1000 }, () => [])]])
  const view = new DataView(row.buffer)
  const words = 16 + 8 + 128
  for (let index = 1; index <= 1000; index++)
    view.setBigUint64(words + 8 * index, view.getBigUint64(words, true), true)
  expect(() => decodeRow(schema, row)).toThrow(/claim more bytes than the \d+ there are/)
})

test('any row that fits its schema comes back as it was, and its bytes are made again', () => {
  fc.assert(
    fc.property(anyRow, ({ schema, row }) => {
      const bytes = encodeRow(schema, row)
      const values = decodeRow(schema, bytes)
      expect(values).toEqual(row)
      expect(toHex(encodeRow(schema, values))).toBe(toHex(bytes))
    }),
    { numRuns: 400 },
  )
})

/** What decoding and printing come to: text, or the code of the error that refused the row. Anything else is thrown on. */
function outcome(...[schema, bytes]: Parameters<typeof decodeRow>): string {
  try {
    return rowToJson(schema, decodeRow(schema, bytes))
  } catch (error) {
    if (isStateStoreError(error, 'TIDEMARK_CORRUPT_FILE', 'TIDEMARK_UNSUPPORTED'))
      return `${error.code} ${error.message}`
    throw error
  }
}

const damage = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    byte: fc.oneof(fc.constantFrom(0, 1, 8, 0x7f, 0x80, 0xff), fc.nat(255)),
  }),
  { minLength: 1, maxLength: 6 },
)

test('a damaged row is read or refused, and what lies around it is never read', () => {
  fc.assert(
    fc.property(anyRow, damage, fc.nat(24), ({ schema, row }, changes, cut) => {
      const bytes = encodeRow(schema, row)
      for (const { at, byte } of changes) bytes[Math.floor(at * bytes.length)] = byte
      const damaged = bytes.subarray(0, Math.max(0, bytes.length - (cut < 8 ? 8 * cut : 0)))
      const [first, second] = [0xaa, 0x55].map((around) => {
        const guard = new Uint8Array(64).fill(around)
        const surrounded = concatBytes([guard, damaged, guard])
        return outcome(schema, surrounded.subarray(64, 64 + damaged.length))
      })
      expect(second).toBe(first)
    }),
    { numRuns: 1500 },
  )
})

test('a recorded row cut anywhere is read or refused', () => {
  for (const { schema, bytes } of recordedRows())
    for (let size = 0; size < Math.min(bytes.length, 400); size += 8)
      outcome(schema, bytes.subarray(0, size))
})

test('a text longer than any string is refused with a code', () => {
  const size = constants.MAX_STRING_LENGTH + 16
  const row = new Uint8Array(16 + size)
  const view = new DataView(row.buffer)
  view.setInt32(8, size, true)
  view.setInt32(12, 16, true)
  expect(() => decodeRow(schemaOf('string'), row)).toThrow(
    expect.objectContaining({ code: 'TIDEMARK_UNSUPPORTED' }),
  )
})
