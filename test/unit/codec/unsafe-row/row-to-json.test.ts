import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { decodeRow } from '../../../../src/codec/unsafe-row/decode-row.ts'
import { encodeRow } from '../../../../src/codec/unsafe-row/encode-row.ts'
import { rowToJson } from '../../../../src/codec/unsafe-row/row-to-json.ts'
import type { SparkValue } from '../../../../src/codec/unsafe-row/spark-value.ts'
import { recordedRows, schemaOf } from '../../../support/unsafe-rows.ts'

/** An address in the memory of the JVM that ran once; tidemark prints base64. */
const ADDRESS = '[B@'

test('rows print as to_json printed them, character by character', () => {
  const rows = recordedRows().filter(({ json }) => json !== null && !json.includes(ADDRESS))
  expect(rows.length).toBeGreaterThan(400)
  for (const { name, schema, bytes, json } of rows)
    expect([name, rowToJson(schema, decodeRow(schema, bytes))]).toEqual([name, json])
})

describe('where Spark prints nothing to compare with', () => {
  test('a time of day is text', () => {
    const print = (value: bigint) => rowToJson(schemaOf('time(6)'), [value])
    expect(print(0n)).toBe('{"a":"00:00:00"}')
    expect(print(45_296_789_000_000n)).toBe('{"a":"12:34:56.789"}')
    expect(print(86_399_999_999_000n)).toBe('{"a":"23:59:59.999999"}')
  })

  test('a binary key of a map is base64', () => {
    const schema = schemaOf({
      type: 'map',
      keyType: 'binary',
      valueType: 'long',
      valueContainsNull: true,
    })
    expect(rowToJson(schema, [[[Uint8Array.of(0, 0x11), 1n]]])).toBe('{"a":{"ABE=":1}}')
  })

  test('a decimal of negative scale has an exponent', () => {
    expect(rowToJson(schemaOf('decimal(5,-2)'), ['1500'])).toBe('{"a":1.5E+3}')
  })
})

test('a row without fields is an empty object, and repeated names are printed each time', () => {
  expect(rowToJson(schemaOf(), [])).toBe('{}')
  const [field] = schemaOf('long').fields
  expect(rowToJson({ kind: 'struct', fields: [field, field] }, [1n, null])).toBe('{"a":1,"a":null}')
})

test('text is JSON whatever it holds', () => {
  const schema = schemaOf('string')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(JSON.parse(rowToJson(schema, [text]))).toEqual({ a: text })
    }),
  )
})

test('dates agree with the calendar of JavaScript, where it has one', () => {
  const schema = schemaOf('date')
  fc.assert(
    fc.property(fc.integer({ min: -719_528, max: 2_932_896 }), (day) => {
      const expected = new Date(day * 86_400_000).toISOString().slice(0, 10)
      expect(rowToJson(schema, [day])).toBe(`{"a":"${expected}"}`)
    }),
  )
})

test('timestamps agree with the calendar of JavaScript, cut to milliseconds', () => {
  const schema = schemaOf('timestamp')
  fc.assert(
    fc.property(
      fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }),
      fc.integer({ min: 0, max: 999 }),
      (milliseconds, micros) => {
        const value = BigInt(milliseconds) * 1000n + BigInt(micros)
        expect(rowToJson(schema, [value])).toBe(`{"a":"${new Date(milliseconds).toISOString()}"}`)
      },
    ),
  )
})

test('a value that is no decimal is refused, not printed', () => {
  expect(() => rowToJson(schemaOf('decimal(5,2)'), ['1.234'])).toThrow(TypeError)
})

test('printing reads what encoding wrote: nested values in one row', () => {
  const inner = { type: 'struct', fields: [{ name: 'x', type: 'decimal(38,2)' }, { name: 'x', type: 'interval' }] } // prettier-ignore
  const schema = schemaOf(inner, { type: 'array', elementType: inner, containsNull: true })
  const struct: SparkValue = ['1.50', { months: -14, days: 0, microseconds: 1n }]
  const row = decodeRow(schema, encodeRow(schema, [struct, [null, struct]]))
  const text = '{"x":1.50,"x":"-1 years -2 months 0.000001 seconds"}'
  expect(rowToJson(schema, row)).toBe(`{"a":${text},"b":[null,${text}]}`)
})

test('the key of a map is printed as it was stored, also where its schema denies it', () => {
  const struct = (nullable: boolean, decimal: string) => ({
    type: 'struct',
    fields: [
      { name: 'x', type: 'long', nullable },
      { name: 'y', type: decimal, nullable: true },
    ],
  })
  const map = (key: unknown) =>
    schemaOf({ type: 'map', keyType: key, valueType: 'long', valueContainsNull: false })
  const stored = encodeRow(map(struct(true, 'decimal(9,2)')), [[[[null, '1234567.89'], 1n]]])

  const denied = map(struct(false, 'decimal(4,2)'))
  expect(rowToJson(denied, decodeRow(denied, stored))).toBe('{"a":{"[1,0,75bcd15]":1}}')
})
