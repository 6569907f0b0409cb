import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import {
  parseSchemaJson,
  parseTypeJson,
  printTypeJson,
} from '../../../../src/codec/unsafe-row/schema-json.ts'
import { isStateStoreError } from '../../../../src/errors.ts'
import { anySchema, recordedRows } from '../../../support/unsafe-rows.ts'

test('what Spark printed is printed back, letter by letter: every type of the recorded rows', () => {
  const rows = recordedRows()
  expect(rows.length).toBeGreaterThan(400)
  for (const { schema, schemaJson } of rows) expect(printTypeJson(schema)).toBe(schemaJson)
})

test('any schema is read as what it was printed from', () => {
  fc.assert(
    fc.property(anySchema, (schema) => {
      expect(parseSchemaJson(printTypeJson(schema))).toEqual(schema)
    }),
  )
})

test.each([
  ['null', { kind: 'null' }, 'void'],
  ['timestamp_ltz', { kind: 'timestamp' }, 'timestamp'],
  ['decimal', { kind: 'decimal', precision: 10, scale: 0 }, 'decimal(10,0)'],
  ['decimal( 38 , 5 )', { kind: 'decimal', precision: 38, scale: 5 }, 'decimal(38,5)'],
  ['decimal(5,-2)', { kind: 'decimal', precision: 5, scale: -2 }, 'decimal(5,-2)'],
  // The literal 1E5BD.
  ['decimal(1,-5)', { kind: 'decimal', precision: 1, scale: -5 }, 'decimal(1,-5)'],
  ['char(3)', { kind: 'char', length: 3 }, 'char(3)'],
  ['varchar(3)', { kind: 'varchar', length: 3 }, 'varchar(3)'],
  ['time(6)', { kind: 'time', precision: 6 }, 'time(6)'],
  ['interval', { kind: 'interval' }, 'interval'],
  [
    'interval day to second',
    { kind: 'day-time-interval', from: 'day', to: 'second' },
    'interval day to second',
  ],
  ['interval hour', { kind: 'day-time-interval', from: 'hour', to: 'hour' }, 'interval hour'],
  [
    'interval year to month',
    { kind: 'year-month-interval', from: 'year', to: 'month' },
    'interval year to month',
  ],
])('the name %s', (name, type, printed) => {
  expect(parseTypeJson(JSON.stringify(name))).toEqual(type)
  expect(printTypeJson(parseTypeJson(JSON.stringify(name)))).toBe(JSON.stringify(printed))
})

test('nullable and metadata may be missing, as in old files', () => {
  const schema = parseSchemaJson('{"type":"struct","fields":[{"name":"a","type":"long"}]}')
  expect(schema.fields).toEqual([
    { name: 'a', type: { kind: 'long' }, nullable: true, metadata: {} },
  ])
})

test('metadata is printed back with all digits of its numbers', () => {
  const json =
    '{"type":"struct","fields":[{"name":"a","type":"long","nullable":true,"metadata":{"spark.watermarkDelayMs":9223372036854775807,"x":[1.0,{"y":"z"}]}}]}'
  expect(printTypeJson(parseSchemaJson(json))).toBe(json)
})

const structOf = (type: unknown) =>
  JSON.stringify({ type: 'struct', fields: [{ name: 'outer', type }] })

describe('what is not known is refused by its name and field', () => {
  test.each([
    ['geometry(4326)', /type "geometry\(4326\)" at field "outer"/],
    ['decimal(39,0)', /decimal\(39,0\)/],
    ['decimal(5,6)', /decimal\(5,6\)/],
    ['decimal(0,0)', /decimal\(0,0\)/],
    ['time(7)', /time\(7\)/],
    ['interval second to day', /interval second to day/],
    ['interval day to month', /interval day to month/],
    ['char(1,2)', /char\(1,2\)/],
    [{ type: 'udt', class: 'org.example.PointUDT', pyClass: null, sqlType: 'long' }, /PointUDT/],
    [{ type: 'udt', class: { toString: 1 } }, /toString/],
    [
      { type: 'array', elementType: 'nope', containsNull: true },
      /"nope" at field "outer\.element"/,
    ],
    [
      { type: 'map', keyType: 'string', valueType: 'nope', valueContainsNull: true },
      /at field "outer\.value"/,
    ],
  ])('%j', (type, message) => {
    expect(() => parseSchemaJson(structOf(type))).toThrow(
      expect.objectContaining({
        code: 'TIDEMARK_UNSUPPORTED',
        message: expect.stringMatching(message),
      }),
    )
  })
})

describe('what is no schema is CORRUPT_FILE', () => {
  test.each([
    '',
    '{',
    'null',
    '3',
    '"long"',
    '[]',
    '{"type":"struct"}',
    '{"type":"struct","fields":{}}',
    '{"type":"struct","fields":[{"type":"long"}]}',
    '{"type":"struct","fields":[{"name":"a"}]}',
    '{"type":"struct","fields":[{"name":"a","type":"long","nullable":"yes"}]}',
    '{"type":"struct","fields":[{"name":"a","type":{"type":"array","elementType":"long"}}]}',
    '{"type":"struct","fields":[{"name":"a","type":{"type":"tree"}}]}',
  ])('%s', (json) => {
    expect(() => parseSchemaJson(json)).toThrow(
      expect.objectContaining({ code: 'TIDEMARK_CORRUPT_FILE' }),
    )
  })
})

test('types nested deeper than anybody needs are refused, not overflowing the stack', () => {
  for (const depth of [1000, 200_000]) {
    const json = `{"type":"array","containsNull":true,"elementType":`.repeat(depth)
    const outcome = () => parseTypeJson(`${json}"long"${'}'.repeat(depth)}`)
    expect(outcome).toThrow(expect.toSatisfy((error) => isStateStoreError(error)))
  }
})
