// encodeRow — the bytes that Spark's UnsafeRowWriter makes of the same values, to the byte: keys are compared and hashed as bytes, so
// anything else would be another key.
//
// Values of variable length follow the fixed part in the order of the fields, each padded with zeros. SPARK: a row reserves 16 bytes for a
// wide decimal and for an interval even where they are null, and keeps their place in the word; an array does neither.
//
// Wrong values are the caller's bug: TypeError or RangeError naming the field. Nothing is cut, rounded or replaced, but for floats (a number
// becomes the nearest one) and NaN (all become the one that Java writes).

import { fitsPrecision, minimalBytes, parseDecimal } from './decimal.ts'
import { setJavaDouble, setJavaFloat } from './java-number.ts'
import {
  INTERVAL_BYTES,
  nullBitsBytes,
  paddedBytes,
  VARIANT_PREFIX_BYTES,
  WIDE_DECIMAL_BYTES,
  WORD_BYTES,
} from './row-layout.ts'
import {
  elementWidthBytes,
  isWideDecimal,
  type SparkArray,
  type SparkDecimal,
  type SparkMap,
  type SparkStruct,
  type SparkType,
  type SparkVariableKind,
} from './spark-type.ts'
import type { CalendarInterval, SparkRow, SparkValue, VariantValue } from './spark-value.ts'

/** The largest row: sizes and offsets are signed 32-bit numbers, and records of the state files are smaller still. */
const ROW_BYTES_MAX = 0x7fff_fff8
const FIRST_BUFFER_BYTES = 256

/**
 * The UnsafeRow of `values`, one a field of `schema`; spark-value.ts tells what each type takes. A string field also takes the bytes of its
 * text as a Uint8Array. The bytes returned are the caller's.
 *
 * Throws TypeError for a value of the wrong JavaScript type, a null where the schema allows none, or a wrong number of fields, and
 * RangeError for one that the type cannot hold.
 */
export function encodeRow(schema: SparkStruct, values: SparkRow): Uint8Array {
  return new RowEncoder(true).row(schema, values)
}

/** As encodeRow, of values that were read: nulls, and digits of narrow decimals, are written as they stood there, though the schema denies them. */
export function encodeAgain(schema: SparkStruct, values: SparkRow): Uint8Array {
  return new RowEncoder(false).row(schema, values)
}

/** The types whose values lie in their word; narrow decimals do too. */
type FixedKind = Exclude<SparkType['kind'], SparkVariableKind | 'decimal'>

class RowEncoder {
  // Fresh memory is zero: padding and unused bits need no writing.
  #bytes = new Uint8Array(FIRST_BUFFER_BYTES)
  #view = new DataView(this.#bytes.buffer)
  /** Where the next item of variable length goes. */
  #end = 0
  readonly #path: (string | number)[] = []
  readonly #isStrict: boolean

  constructor(isStrict: boolean) {
    this.#isStrict = isStrict
  }

  row(schema: SparkStruct, values: SparkRow): Uint8Array {
    this.#struct(schema, values)
    return this.#bytes.slice(0, this.#end)
  }

  #struct({ fields }: SparkStruct, value: SparkValue): void {
    const values = this.#list(value, 'an array of values, one a field')
    if (values.length !== fields.length)
      throw new TypeError(this.#message(`an array of ${fields.length} values, one a field`, values))
    const start = this.#end
    const nullBits = nullBitsBytes(fields.length)
    this.#reserve(nullBits + fields.length * WORD_BYTES)
    for (const [index, { name, type, nullable }] of fields.entries()) {
      const at = start + nullBits + index * WORD_BYTES
      const value = values[index]
      this.#path.push(name)
      if (value === null) {
        if (!nullable && type.kind !== 'null') this.#refuseNull()
        this.#setNull(start, index)
        this.#nullInRow(type, at, start)
      } else {
        this.#item(type, value, at, start, isWideDecimal(type) ? WIDE_DECIMAL_BYTES : 0)
      }
      this.#path.pop()
    }
  }

  #refuseNull(): void {
    if (this.#isStrict) throw this.#wrong('other than null', null)
  }

  /** These two keep room for a value that may be set in place later. */
  #nullInRow(type: SparkType, at: number, start: number): void {
    if (isWideDecimal(type)) this.#setPlace(at, this.#reserve(WIDE_DECIMAL_BYTES) - start, 0)
    else if (type.kind === 'interval')
      this.#setPlace(at, this.#reserve(INTERVAL_BYTES) - start, INTERVAL_BYTES)
  }

  #array({ element, containsNull }: SparkArray, values: readonly SparkValue[]): void {
    const start = this.#end
    const width = elementWidthBytes(element)
    const header = WORD_BYTES + nullBitsBytes(values.length)
    this.#reserve(header + paddedBytes(values.length * width))
    this.#view.setBigUint64(start, BigInt(values.length), true)
    for (let index = 0; index < values.length; index++) {
      const value = values[index]
      this.#path.push(index)
      if (value === null) {
        if (!containsNull && element.kind !== 'null') this.#refuseNull()
        this.#setNull(start + WORD_BYTES, index)
      } else {
        this.#item(element, value, start + header + index * width, start, 0)
      }
      this.#path.pop()
    }
  }

  #map(type: SparkMap, value: SparkValue): void {
    const pairs = this.#list(value, 'an array of [key, value] pairs').map((pair) => {
      if (!isList(pair) || pair.length !== 2)
        throw this.#wrong('an array of [key, value] pairs', pair)
      return pair
    })
    const start = this.#reserve(WORD_BYTES)
    this.#path.push('key')
    this.#array(
      { kind: 'array', element: type.key, containsNull: false },
      pairs.map((pair) => pair[0]),
    )
    this.#view.setBigUint64(start, BigInt(this.#end - start - WORD_BYTES), true)
    this.#path[this.#path.length - 1] = 'value'
    this.#array(
      { kind: 'array', element: type.value, containsNull: type.valueContainsNull },
      pairs.map((pair) => pair[1]),
    )
    this.#path.pop()
  }

  /**
   * One value that is not null: itself at `at`, or its place there and itself at the end. Places count from `start`; a wide decimal takes at
   * least `decimalBytes`.
   */
  #item(type: SparkType, value: SparkValue, at: number, start: number, decimalBytes: number): void {
    switch (type.kind) {
      case 'string':
      case 'char':
      case 'varchar':
        return this.#appendBytes(this.#text(value), at, start)
      case 'binary':
        if (!(value instanceof Uint8Array)) throw this.#wrong('a Uint8Array', value)
        return this.#appendBytes(value, at, start)
      case 'variant':
        return this.#appendVariant(value, at, start)
      case 'interval':
        return this.#appendInterval(value, at, start)
      case 'struct':
        return this.#appendNested(at, start, () => this.#struct(type, value))
      case 'array':
        return this.#appendNested(at, start, () =>
          this.#array(type, this.#list(value, 'an array of elements')),
        )
      case 'map':
        return this.#appendNested(at, start, () => this.#map(type, value))
      case 'decimal':
        return this.#decimal(type, value, at, start, decimalBytes)
      case 'null':
      case 'boolean':
      case 'byte':
      case 'short':
      case 'integer':
      case 'float':
      case 'double':
      case 'date':
      case 'year-month-interval':
      case 'long':
      case 'timestamp':
      case 'timestamp_ntz':
      case 'time':
      case 'day-time-interval':
        return this.#fixed(type.kind, value, at)
    }
  }

  #fixed(kind: FixedKind, value: SparkValue, at: number): void {
    const view = this.#view
    switch (kind) {
      case 'boolean':
        if (typeof value !== 'boolean') throw this.#wrong('a boolean', value)
        return view.setUint8(at, value ? 1 : 0)
      case 'byte':
        return view.setInt8(at, this.#integer(value, 8))
      case 'short':
        return view.setInt16(at, this.#integer(value, 16), true)
      case 'integer':
      case 'date':
      case 'year-month-interval':
        return view.setInt32(at, this.#integer(value, 32), true)
      case 'float':
        return setJavaFloat(view, at, this.#number(value), true)
      case 'double':
        return setJavaDouble(view, at, this.#number(value), true)
      case 'null':
        throw this.#wrong('null', value)
      case 'long':
      case 'timestamp':
      case 'timestamp_ntz':
      case 'time':
      case 'day-time-interval':
        return view.setBigInt64(at, this.#long(value), true)
    }
  }

  #decimal(
    { precision, scale }: SparkDecimal,
    value: SparkValue,
    at: number,
    start: number,
    bytesMin: number,
  ): void {
    const wanted = `a string holding a decimal of at most ${precision} digits, ${scale} of them behind the point`
    if (typeof value !== 'string') throw this.#wrong(wanted, value)
    const unscaled = parseDecimal(value, scale)
    if (unscaled === undefined || (this.#isStrict && !fitsPrecision(unscaled, precision)))
      throw this.#outOfRange(wanted, value)
    if (!isWideDecimal({ kind: 'decimal', precision, scale }))
      return this.#view.setBigInt64(at, unscaled, true)
    const bytes = minimalBytes(unscaled)
    const place = this.#reserve(Math.max(bytesMin, paddedBytes(bytes.length)))
    this.#bytes.set(bytes, place)
    this.#setPlace(at, place - start, bytes.length)
  }

  #appendBytes(value: Uint8Array, at: number, start: number): void {
    const place = this.#reserve(paddedBytes(value.length))
    this.#bytes.set(value, place)
    this.#setPlace(at, place - start, value.length)
  }

  #appendNested(at: number, start: number, write: () => void): void {
    const place = this.#end
    write()
    this.#setPlace(at, place - start, this.#end - place)
  }

  #appendInterval(value: SparkValue, at: number, start: number): void {
    if (!isInterval(value)) throw this.#wrong('{ months, days, microseconds }', value)
    const months = this.#integer(value.months, 32)
    const days = this.#integer(value.days, 32)
    const microseconds = this.#long(value.microseconds)
    const place = this.#reserve(INTERVAL_BYTES)
    this.#view.setInt32(place, months, true)
    this.#view.setInt32(place + 4, days, true)
    this.#view.setBigInt64(place + 8, microseconds, true)
    this.#setPlace(at, place - start, INTERVAL_BYTES)
  }

  #appendVariant(variant: SparkValue, at: number, start: number): void {
    if (!isVariant(variant)) throw this.#wrong('{ value, metadata } of two Uint8Arrays', variant)
    const { value, metadata } = variant
    const size = VARIANT_PREFIX_BYTES + value.length + metadata.length
    const place = this.#reserve(paddedBytes(size))
    this.#view.setInt32(place, value.length, true)
    this.#bytes.set(value, place + VARIANT_PREFIX_BYTES)
    this.#bytes.set(metadata, place + VARIANT_PREFIX_BYTES + value.length)
    this.#setPlace(at, place - start, size)
  }

  /** Makes room for `size` bytes of zeros at the end; returns where they begin. */
  #reserve(size: number): number {
    const place = this.#end
    const needed = place + size
    if (needed > ROW_BYTES_MAX)
      throw new RangeError(`Expected a row of at most ${ROW_BYTES_MAX} bytes, got more`)
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(
        Math.min(ROW_BYTES_MAX, Math.max(needed, 2 * this.#bytes.length)),
      )
      grown.set(this.#bytes.subarray(0, place))
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    this.#end = needed
    return place
  }

  #setPlace(at: number, offset: number, size: number): void {
    this.#view.setInt32(at, size, true)
    this.#view.setInt32(at + 4, offset, true)
  }

  #setNull(bitsAt: number, index: number): void {
    this.#bytes[bitsAt + (index >> 3)] |= 1 << (index & 7)
  }

  #list(value: SparkValue, wanted: string): readonly SparkValue[] {
    if (!isList(value)) throw this.#wrong(wanted, value)
    return value
  }

  #text(value: SparkValue): Uint8Array {
    if (value instanceof Uint8Array) return value
    if (typeof value !== 'string') throw this.#wrong('a string', value)
    // Half a surrogate pair has no UTF-8; Node would silently write U+FFFD.
    if (!value.isWellFormed()) throw this.#outOfRange('well-formed text', value)
    return Buffer.from(value)
  }

  #number(value: SparkValue): number {
    if (typeof value !== 'number') throw this.#wrong('a number', value)
    return value
  }

  #integer(value: SparkValue, bits: number): number {
    const bound = 2 ** (bits - 1)
    if (typeof value !== 'number') throw this.#wrong('a number', value)
    if (!Number.isInteger(value) || value < -bound || value >= bound)
      throw this.#outOfRange(`an integer of ${bits} bits`, value)
    return value
  }

  #long(value: SparkValue): bigint {
    if (typeof value !== 'bigint') throw this.#wrong('a bigint', value)
    if (BigInt.asIntN(64, value) !== value) throw this.#outOfRange('an integer of 64 bits', value)
    return value
  }

  #wrong(wanted: string, got: unknown): TypeError {
    return new TypeError(this.#message(wanted, got))
  }

  #outOfRange(wanted: string, got: unknown): RangeError {
    return new RangeError(this.#message(wanted, got))
  }

  // Values stay out of messages: a row may hold what no log should.
  #message(wanted: string, got: unknown): string {
    const what =
      this.#path.length === 0 ? 'the row' : `field ${JSON.stringify(this.#path.join('.'))}`
    return `Expected ${what} to be ${wanted}, got ${describe(got)}`
  }
}

function isList(value: SparkValue | undefined): value is readonly SparkValue[] {
  return Array.isArray(value)
}

function isInterval(value: SparkValue): value is CalendarInterval {
  return typeof value === 'object' && value !== null && 'microseconds' in value
}

function isVariant(value: SparkValue): value is VariantValue {
  if (typeof value !== 'object' || value === null || !('metadata' in value)) return false
  return value.value instanceof Uint8Array && value.metadata instanceof Uint8Array
}

/** What kind of thing `value` is, for a message; never the thing itself. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return `an array of ${value.length}`
  return value instanceof Uint8Array ? 'a Uint8Array' : `another ${typeof value}`
}
