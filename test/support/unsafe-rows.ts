// Rows for tests: those that real Spark made (test/fixtures/unsafe-rows), and random schemas with values that fit them.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { fromHex } from '../../src/base/bytes.ts'
import { printDecimal } from '../../src/codec/unsafe-row/decimal.ts'
import { parseSchemaJson } from '../../src/codec/unsafe-row/schema-json.ts'
import {
  DAY_TIME_UNITS,
  PLAIN_KINDS,
  type SparkField,
  type SparkStruct,
  type SparkType,
  YEAR_MONTH_UNITS,
} from '../../src/codec/unsafe-row/spark-type.ts'
import type { SparkRow, SparkValue } from '../../src/codec/unsafe-row/spark-value.ts'

const ROOT = join(import.meta.dirname, '../fixtures/unsafe-rows')

export interface RecordedRow {
  readonly name: string
  readonly schemaJson: string
  readonly schema: SparkStruct
  readonly bytes: Uint8Array
  readonly json: string | null
  readonly hash: number | null
  readonly partitionOf7: number | null
}

interface RecordedCase extends Pick<RecordedRow, 'json' | 'hash' | 'partitionOf7'> {
  readonly expressions: readonly string[]
  readonly schema: object
  readonly hex: string
}

export function recordedRows(): RecordedRow[] {
  return (readFixture('rows.json') as RecordedCase[]).map(
    ({ expressions, schema, hex, json, hash, partitionOf7 }) => ({
      name: expressions.slice(0, 4).join(', '),
      schemaJson: JSON.stringify(schema),
      schema: parseSchemaJson(JSON.stringify(schema)),
      bytes: fromHex(hex),
      json,
      hash,
      partitionOf7,
    }),
  )
}

export type Recorded = readonly (readonly [hex: string, text: string])[]

export function recordedNumbers(): { doubles: Recorded; floats: Recorded } {
  return readFixture('numbers.json') as { doubles: Recorded; floats: Recorded }
}

export function recordedTexts(): Recorded {
  return readFixture('texts.json') as Recorded
}

function readFixture(name: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, name), 'utf8'))
}

/** A schema of columns `a`, `b` … of these types, all of which may be null. */
export function schemaOf(...types: (string | object)[]): SparkStruct {
  const fields = types.map((type, index) => ({
    name: String.fromCharCode(97 + index),
    type,
    nullable: true,
    metadata: {},
  }))
  return parseSchemaJson(JSON.stringify({ type: 'struct', fields }))
}

/** NaNs that are not the literal one: made when the test runs, or with bits of their own; V8 keeps sign and payload of most. */
export function strangeNaNs(): number[] {
  const view = new DataView(new ArrayBuffer(8))
  const ofBits = (bits: bigint): number => {
    view.setBigUint64(0, bits)
    return view.getFloat64(0)
  }
  const zero = Number(process.argv.length > 1_000_000)
  const made = [zero / zero, Infinity - 1 / zero, Math.sqrt(zero - 1), -NaN, Number('x')]
  const bits = [0xfff8_0000_0000_0000n, 0x7ff8_0000_0000_0001n, 0xffff_ffff_ffff_ffffn]
  view.setUint32(0, 0xffc0_0001)
  return [...made, ...bits.map(ofBits), view.getFloat32(0)]
}

const plainTypes = fc.constantFrom(...PLAIN_KINDS).map((kind): SparkType => ({ kind }))

const decimalTypes = fc
  .integer({ min: 1, max: 38 })
  .chain((precision) => fc.tuple(fc.constant(precision), fc.integer({ min: 0, max: precision })))
  .map(([precision, scale]): SparkType => ({ kind: 'decimal', precision, scale }))

const parameterizedTypes = fc.constantFrom<SparkType>(
  { kind: 'char', length: 5 },
  { kind: 'varchar', length: 9 },
  { kind: 'time', precision: 6 },
  { kind: 'day-time-interval', from: DAY_TIME_UNITS[0], to: DAY_TIME_UNITS[3] },
  { kind: 'day-time-interval', from: DAY_TIME_UNITS[1], to: DAY_TIME_UNITS[1] },
  { kind: 'year-month-interval', from: YEAR_MONTH_UNITS[0], to: YEAR_MONTH_UNITS[1] },
)

const { type: anyType } = fc.letrec<{ type: SparkType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    plainTypes,
    decimalTypes,
    parameterizedTypes,
    fc.record({
      kind: fc.constant('array' as const),
      element: tie('type'),
      containsNull: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('map' as const),
      key: tie('type'),
      value: tie('type'),
      valueContainsNull: fc.boolean(),
    }),
    structsOf(tie('type'), 4),
  ),
}))

function structsOf(types: fc.Arbitrary<SparkType>, fieldsMax: number): fc.Arbitrary<SparkStruct> {
  const field: fc.Arbitrary<SparkField> = fc.record({
    // Names repeat on purpose.
    name: fc.constantFrom('a', 'b', 'é "', ''),
    type: types,
    nullable: fc.boolean(),
    metadata: fc.constant({}),
  })
  return fc.record({
    kind: fc.constant('struct' as const),
    fields: fc.array(field, { maxLength: fieldsMax }),
  })
}

export const anySchema: fc.Arbitrary<SparkStruct> = structsOf(anyType, 70)

/** A schema and a row that fits it. */
export const anyRow: fc.Arbitrary<{ schema: SparkStruct; row: SparkRow }> = anySchema.chain(
  (schema) => fc.record({ schema: fc.constant(schema), row: rowsOf(schema) }),
)

function rowsOf({ fields }: SparkStruct): fc.Arbitrary<SparkRow> {
  return fc.tuple(...fields.map(({ type, nullable }) => valuesOf(type, nullable)))
}

/** Nothing but null fits where a type has no other value, whatever the schema says. */
function valuesOf(type: SparkType, nullable: boolean): fc.Arbitrary<SparkValue> {
  const values = nonNullValuesOf(type)
  return nullable
    ? fc.oneof({ weight: 1, arbitrary: fc.constant(null) }, { weight: 4, arbitrary: values })
    : values
}

const longs = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const byteArrays = fc.uint8Array({ maxLength: 40 })

function integersOf(bits: number): fc.Arbitrary<number> {
  return fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })
}

function nonNullValuesOf(type: SparkType): fc.Arbitrary<SparkValue> {
  switch (type.kind) {
    case 'null':
      break
    case 'boolean':
      return fc.boolean()
    case 'byte':
      return integersOf(8)
    case 'short':
      return integersOf(16)
    case 'integer':
    case 'date':
    case 'year-month-interval':
      return integersOf(32)
    case 'long':
    case 'timestamp':
    case 'timestamp_ntz':
    case 'time':
    case 'day-time-interval':
      return longs
    case 'float':
      return fc.float()
    case 'double':
      return fc.double()
    case 'decimal': {
      const bound = 10n ** BigInt(type.precision) - 1n
      return fc
        .bigInt({ min: -bound, max: bound })
        .map((unscaled) => printDecimal(unscaled, type.scale))
    }
    case 'string':
    case 'char':
    case 'varchar':
      return fc.string({ unit: 'binary', maxLength: 40 })
    case 'binary':
      return byteArrays
    case 'interval':
      return fc.record({ months: integersOf(32), days: integersOf(32), microseconds: longs })
    case 'variant':
      return fc.record({ value: byteArrays, metadata: byteArrays })
    case 'struct':
      return rowsOf(type)
    case 'array':
      return fc.array(valuesOf(type.element, type.containsNull), { maxLength: 5 })
    case 'map':
      // Keys are not null, and this type has no other value.
      if (type.key.kind === 'null') return fc.constant([])
      return fc.array(
        fc.tuple(nonNullValuesOf(type.key), valuesOf(type.value, type.valueContainsNull)),
        { maxLength: 4 },
      )
  }
  return fc.constant(null)
}
