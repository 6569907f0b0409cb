// Spark's SQL types as a small tree: what a schema file says and what the row codec is driven by.
//
// A type says only how a value is laid out and printed. Nullability and metadata are kept (they are printed back), but decoding does
// not rest on `nullable`: Spark's own reader asks the null bit alone. Collations live in a field's metadata, as in Spark's JSON.

/** The units of a day-time interval, widest first. */
export const DAY_TIME_UNITS = ['day', 'hour', 'minute', 'second'] as const
export type DayTimeUnit = (typeof DAY_TIME_UNITS)[number]

/** The units of a year-month interval, widest first. */
export const YEAR_MONTH_UNITS = ['year', 'month'] as const
export type YearMonthUnit = (typeof YEAR_MONTH_UNITS)[number]

/** Types that are a name and nothing more. `null` is Spark's NullType (`void` in JSON), `interval` its CalendarIntervalType. */
export const PLAIN_KINDS = [
  'null',
  'boolean',
  'byte',
  'short',
  'integer',
  'long',
  'float',
  'double',
  'string',
  'binary',
  'date',
  'timestamp',
  'timestamp_ntz',
  'interval',
  'variant',
] as const
export type PlainKind = (typeof PLAIN_KINDS)[number]

export interface SparkPlain {
  readonly kind: PlainKind
}

/** `precision` digits, `scale` of them behind the point. */
export interface SparkDecimal {
  readonly kind: 'decimal'
  readonly precision: number
  readonly scale: number
}

/** A string of a declared length; laid out as a string. */
export interface SparkBoundedString {
  readonly kind: 'char' | 'varchar'
  readonly length: number
}

/** A time of day; `precision` digits of a second's fraction. */
export interface SparkTime {
  readonly kind: 'time'
  readonly precision: number
}

export interface SparkDayTimeInterval {
  readonly kind: 'day-time-interval'
  readonly from: DayTimeUnit
  readonly to: DayTimeUnit
}

export interface SparkYearMonthInterval {
  readonly kind: 'year-month-interval'
  readonly from: YearMonthUnit
  readonly to: YearMonthUnit
}

export interface SparkArray {
  readonly kind: 'array'
  readonly element: SparkType
  readonly containsNull: boolean
}

export interface SparkMap {
  readonly kind: 'map'
  readonly key: SparkType
  readonly value: SparkType
  readonly valueContainsNull: boolean
}

/** The schema of a row, or of a struct within one. Names may repeat. */
export interface SparkStruct {
  readonly kind: 'struct'
  readonly fields: readonly SparkField[]
}

export interface SparkField {
  readonly name: string
  readonly type: SparkType
  readonly nullable: boolean
  /** What Spark attaches to a column, as parsed JSON: watermark delay, collations. Not interpreted. */
  readonly metadata: Readonly<Record<string, unknown>>
}

export type SparkType =
  | SparkPlain
  | SparkDecimal
  | SparkBoundedString
  | SparkTime
  | SparkDayTimeInterval
  | SparkYearMonthInterval
  | SparkArray
  | SparkMap
  | SparkStruct

/** The most digits of a decimal that Spark keeps in one 8-byte word; wider ones are bytes of variable length. */
export const NARROW_DECIMAL_DIGITS_MAX = 18

export function isWideDecimal(type: SparkType): type is SparkDecimal {
  return type.kind === 'decimal' && type.precision > NARROW_DECIMAL_DIGITS_MAX
}

/** Types whose values lie in the variable part, always; so do wide decimals. */
const VARIABLE_KINDS = [
  'string',
  'char',
  'varchar',
  'binary',
  'interval',
  'variant',
  'array',
  'map',
  'struct',
] as const
export type SparkVariableKind = (typeof VARIABLE_KINDS)[number]

const variableKinds = new Set<SparkType['kind']>(VARIABLE_KINDS)

/** Whether a value of `type` lies in its 8-byte word, rather than in the variable part with its place and size in the word. */
export function isFixedWidth(type: SparkType): boolean {
  return !variableKinds.has(type.kind) && !isWideDecimal(type)
}

const NARROW_ELEMENT_BYTES: Readonly<Partial<Record<SparkType['kind'], number>>> = {
  boolean: 1,
  byte: 1,
  short: 2,
  integer: 4,
  float: 4,
  date: 4,
  'year-month-interval': 4,
}

/** Bytes of one element in an array: the width of a primitive, or 8 for all else. */
export function elementWidthBytes(type: SparkType): number {
  return NARROW_ELEMENT_BYTES[type.kind] ?? 8
}
