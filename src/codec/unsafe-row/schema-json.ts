// Spark's JSON of a type: what schema files hold, read into a SparkType and printed back.
//
// Every name that Spark 2.1 to 4.1 writes is known, and its older spellings (`null` for `void`, `timestamp_ltz`, bare `decimal`).
// What is not known is refused by its name, never guessed at: a wrong type would read wrong values out of right bytes. User-defined types are
// refused too, because what their values mean is code that is not here.

import { StateStoreError } from '../../errors.ts'
import {
  DAY_TIME_UNITS,
  PLAIN_KINDS,
  type SparkField,
  type SparkStruct,
  type SparkType,
  YEAR_MONTH_UNITS,
} from './spark-type.ts'

/** How deep types may nest. Spark names no limit; deeper schemas are made by nobody but someone who wants the stack to overflow. */
const TYPE_DEPTH_MAX = 200
const DECIMAL_DIGITS_MAX = 38
const TIME_DIGITS_MAX = 6
const PLAIN_NAMES = new Set<string>(PLAIN_KINDS)

/**
 * Reads the JSON of a struct type, such as a key or value schema of a schema file. Throws CORRUPT_FILE if it is no such JSON and UNSUPPORTED,
 * naming the type and the field, for a type that is not known; the caller adds the file.
 */
export function parseSchemaJson(json: string): SparkStruct {
  const type = parseTypeJson(json)
  if (type.kind !== 'struct')
    throw corruptSchema(`Expected the schema to be a struct, found ${printTypeJson(type)}`)
  return type
}

/** Reads the JSON of any type; see parseSchemaJson. */
export function parseTypeJson(json: string): SparkType {
  return typeOf(parseJson(json), [])
}

/** `type` in the JSON that Spark writes: compact, members in Spark's order. */
export function printTypeJson(type: SparkType): string {
  return JSON.stringify(jsonOf(type))
}

type Path = readonly string[]

function typeOf(json: unknown, path: Path): SparkType {
  if (path.length > TYPE_DEPTH_MAX)
    throw new StateStoreError(
      'TIDEMARK_UNSUPPORTED',
      `The schema nests more than ${TYPE_DEPTH_MAX} types deep`,
    )
  if (typeof json === 'string') return typeOfName(json, path)
  if (!isRecord(json)) throw malformed(json, path)
  switch (json.type) {
    case 'struct':
      if (!Array.isArray(json.fields)) throw malformed(json, path)
      return { kind: 'struct', fields: json.fields.map((field) => fieldOf(field, path)) }
    case 'array':
      if (typeof json.containsNull !== 'boolean') throw malformed(json, path)
      return {
        kind: 'array',
        element: typeOf(json.elementType, [...path, 'element']),
        containsNull: json.containsNull,
      }
    case 'map':
      if (typeof json.valueContainsNull !== 'boolean') throw malformed(json, path)
      return {
        kind: 'map',
        key: typeOf(json.keyType, [...path, 'key']),
        value: typeOf(json.valueType, [...path, 'value']),
        valueContainsNull: json.valueContainsNull,
      }
    case 'udt':
      throw unsupported(`user-defined type ${shownText(json.class ?? json.pyClass)}`, path)
    default:
      throw malformed(json, path)
  }
}

function fieldOf(json: unknown, path: Path): SparkField {
  if (!isRecord(json) || typeof json.name !== 'string') throw malformed(json, path)
  // Both may be missing in what old versions wrote.
  const { name, nullable = true, metadata = {} } = json
  if (typeof nullable !== 'boolean' || !isRecord(metadata)) throw malformed(json, [...path, name])
  return { name, type: typeOf(json.type, [...path, name]), nullable, metadata }
}

function typeOfName(name: string, path: Path): SparkType {
  // SPARK: NullType was written `null` before 3.0, and `void` since.
  if (name === 'void') return { kind: 'null' }
  if (name === 'timestamp_ltz') return { kind: 'timestamp' }
  if (name === 'decimal') return { kind: 'decimal', precision: 10, scale: 0 }
  if (PLAIN_NAMES.has(name)) return { kind: name as (typeof PLAIN_KINDS)[number] }
  const type = intervalOf(name) ?? parameterizedOf(name)
  if (type === undefined) throw unsupported(`type ${JSON.stringify(name)}`, path)
  return type
}

function parameterizedOf(name: string): SparkType | undefined {
  const match = /^(decimal|char|varchar|time)\(\s*(\d{1,9})\s*(?:,\s*(-?\d{1,9})\s*)?\)$/.exec(name)
  if (match === null) return undefined
  const [, kind, first, second] = match
  const number = Number(first)
  if (kind === 'decimal') {
    const scale = Number(second)
    // A negative scale is what spark.sql.legacy.allowNegativeScaleOfDecimal makes.
    const allowed =
      number >= 1 && number <= DECIMAL_DIGITS_MAX && scale <= number && scale >= -DECIMAL_DIGITS_MAX
    return second !== undefined && allowed ? { kind, precision: number, scale } : undefined
  }
  if (second !== undefined) return undefined
  if (kind === 'time') return number <= TIME_DIGITS_MAX ? { kind, precision: number } : undefined
  return { kind: kind as 'char' | 'varchar', length: number }
}

function intervalOf(name: string): SparkType | undefined {
  const match = /^interval (\w+)(?: to (\w+))?$/.exec(name)
  if (match === null) return undefined
  const [from, to] = [match[1], match[2] ?? match[1]]
  const dayTime = unitsFrom(DAY_TIME_UNITS, from, to)
  if (dayTime !== undefined) return { kind: 'day-time-interval', ...dayTime }
  const yearMonth = unitsFrom(YEAR_MONTH_UNITS, from, to)
  return yearMonth && { kind: 'year-month-interval', ...yearMonth }
}

function unitsFrom<Unit extends string>(
  units: readonly Unit[],
  from: string | undefined,
  to: string | undefined,
): { from: Unit; to: Unit } | undefined {
  const [first, last] = [units.indexOf(from as Unit), units.indexOf(to as Unit)]
  return first >= 0 && last >= first ? { from: units[first], to: units[last] } : undefined
}

function jsonOf(type: SparkType): object | string {
  switch (type.kind) {
    case 'null':
      return 'void'
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`
    case 'char':
    case 'varchar':
      return `${type.kind}(${type.length})`
    case 'time':
      return `time(${type.precision})`
    case 'day-time-interval':
    case 'year-month-interval':
      return `interval ${type.from === type.to ? type.from : `${type.from} to ${type.to}`}`
    case 'array':
      return { type: 'array', elementType: jsonOf(type.element), containsNull: type.containsNull }
    case 'map':
      return {
        type: 'map',
        keyType: jsonOf(type.key),
        valueType: jsonOf(type.value),
        valueContainsNull: type.valueContainsNull,
      }
    case 'struct':
      return {
        type: 'struct',
        fields: type.fields.map(({ name, type, nullable, metadata }) => ({
          name,
          type: jsonOf(type),
          nullable,
          metadata,
        })),
      }
    case 'boolean':
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
    case 'float':
    case 'double':
    case 'string':
    case 'binary':
    case 'date':
    case 'timestamp':
    case 'timestamp_ntz':
    case 'interval':
    case 'variant':
      break
  }
  return type.kind
}

/** JSON.rawJSON and the reviver's third argument, which TypeScript's library does not know yet. */
const exactJson = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown
  rawJSON(text: string): unknown
}

function parseJson(json: string): unknown {
  try {
    // Numbers in metadata may be longs: those that a JavaScript number would change are kept as they stand.
    return exactJson.parse(json, (_key, value, { source }) =>
      typeof value === 'number' && source !== undefined && String(value) !== source
        ? exactJson.rawJSON(source)
        : value,
    )
  } catch (cause) {
    throw corruptSchema('Expected the schema to be JSON', cause)
  }
}

function isRecord(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

/** How much of something unexpected an error message shows. */
const SHOWN_CHARS_MAX = 120

function shownText(json: unknown): string {
  return (JSON.stringify(json) ?? 'nothing').slice(0, SHOWN_CHARS_MAX)
}

function malformed(json: unknown, path: Path): StateStoreError {
  return corruptSchema(`Expected the JSON of a Spark type${at(path)}, found ${shownText(json)}`)
}

function unsupported(what: string, path: Path): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_UNSUPPORTED',
    `The schema has the ${what}${at(path)}, which this version of tidemark does not know`,
  )
}

function corruptSchema(problem: string, cause?: unknown): StateStoreError {
  return new StateStoreError('TIDEMARK_CORRUPT_FILE', problem, { cause })
}

function at(path: Path): string {
  return path.length === 0 ? '' : ` at field ${JSON.stringify(path.join('.'))}`
}
