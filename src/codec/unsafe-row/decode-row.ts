// decodeRow — the values of an UnsafeRow, whose types come from the schema alone.
//
// Every row is checked before its values are believed, top level and nested ones alike, by the rules of Spark's own structural validation
// (UnsafeRowUtils): every value of variable length lies behind the fixed part and inside its row, the sizes add up to no more than there is, a
// narrow value leaves the rest of its word 0, the word of a null is 0. Two rules are ours. A null interval may keep its place, because Spark's
// writer leaves it there (its validation then refuses the row). And the sizes inside an array must add up too, so that a forged row cannot
// make many elements of the same bytes: what is allocated is bounded by the row's size.
//
// A row that breaks a rule is CORRUPT_FILE naming the field and the byte in the row, one with a text that no string can hold UNSUPPORTED; the caller adds file
// and record.

import { constants } from 'node:buffer'
import { StateStoreError } from '../../errors.ts'
import { fitsPrecision, printDecimal } from './decimal.ts'
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
  isFixedWidth,
  isWideDecimal,
  type SparkArray,
  type SparkMap,
  type SparkStruct,
  type SparkType,
} from './spark-type.ts'
import type { SparkValue } from './spark-value.ts'
import { decodeUtf8 } from './utf8.ts'

/**
 * The values of `row`, one a field of `schema`; spark-value.ts tells what they are. Nothing returned shares memory with `row`.
 *
 * Throws CORRUPT_FILE where the bytes cannot be a row of this schema.
 */
export function decodeRow(schema: SparkStruct, row: Uint8Array): SparkValue[] {
  return new RowDecoder(row).row(schema)
}

/** A row, array or map: where it lies, and where its variable part begins. Offsets inside are relative to `start`. */
interface Region {
  readonly start: number
  readonly size: number
  /** Bytes of what comes before the variable part. */
  readonly fixed: number
  /** Bytes not yet spoken for by the fixed part and the values seen so far. */
  left: number
}

/**
 * The most that the low half of the word of a narrow value may hold; the high half is 0. SPARK: these types, and no others, are checked for what
 * lies beside the value.
 */
const LOW_WORD_MAX: Readonly<Partial<Record<SparkType['kind'], number>>> = {
  boolean: 1,
  byte: 0xff,
  short: 0xffff,
  integer: 0xffff_ffff,
  float: 0xffff_ffff,
}

class RowDecoder {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  /** Where the decoder stands, for messages: field names and element numbers. */
  readonly #path: (string | number)[] = []

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  row(schema: SparkStruct): SparkValue[] {
    if (this.#bytes.length % WORD_BYTES !== 0)
      throw this.#fault(`Expected a row of whole ${WORD_BYTES}-byte words`, 0, this.#bytes.length)
    return this.#struct(schema, 0, this.#bytes.length)
  }

  #struct({ fields }: SparkStruct, start: number, size: number): SparkValue[] {
    const nullBits = nullBitsBytes(fields.length)
    const fixed = nullBits + fields.length * WORD_BYTES
    if (fixed > size)
      throw this.#fault(
        `Expected at least ${fixed} bytes for ${fields.length} fields, found ${size}`,
        start,
      )
    const region: Region = { start, size, fixed, left: size - fixed }
    const values: SparkValue[] = []
    for (let index = 0; index < fields.length; index++) {
      const field = fields[index]
      const at = start + nullBits + index * WORD_BYTES
      this.#path.push(field.name)
      if (this.#isNull(start, index)) {
        this.#checkNullWord(field.type, at, region)
        values.push(null)
      } else if (isFixedWidth(field.type)) {
        this.#checkNarrow(field.type, at)
        values.push(this.#fixed(field.type, at))
      } else {
        values.push(this.#variable(field.type, at, region))
      }
      this.#path.pop()
    }
    return values
  }

  #array({ element }: SparkArray, start: number, size: number): SparkValue[] {
    const width = elementWidthBytes(element)
    const count = this.#arrayCount(start, size, width)
    const header = WORD_BYTES + nullBitsBytes(count)
    const fixed = header + paddedBytes(count * width)
    const region: Region = { start, size, fixed, left: size - fixed }
    const isFixed = isFixedWidth(element)
    const values: SparkValue[] = []
    for (let index = 0; index < count; index++) {
      const at = start + header + index * width
      if (this.#isNull(start + WORD_BYTES, index)) values.push(null)
      else if (isFixed) values.push(this.#fixed(element, at))
      else {
        this.#path.push(index)
        values.push(this.#variable(element, at, region))
        this.#path.pop()
      }
    }
    return values
  }

  /** The number of elements of the array at `start`, known to fit in its `size`. */
  #arrayCount(start: number, size: number, width: number): number {
    if (size < WORD_BYTES) throw this.#fault('Expected an array of at least 8 bytes', start, size)
    const claimed = this.#view.getBigUint64(start, true)
    const count = Number(claimed)
    // Exact or far too large: above 2^53 the claim is refused whatever its last bits.
    const fits = WORD_BYTES + nullBitsBytes(count) + paddedBytes(count * width) <= size
    if (!fits)
      throw this.#fault(
        `The array claims ${claimed} elements of ${width} bytes; it has ${size} bytes`,
        start,
      )
    return count
  }

  #map({ key, value }: SparkMap, start: number, size: number): SparkValue[] {
    if (size < WORD_BYTES) throw this.#fault('Expected a map of at least 8 bytes', start, size)
    const keyBytes = this.#view.getBigUint64(start, true)
    if (keyBytes > BigInt(size - WORD_BYTES))
      throw this.#fault(`The map claims ${keyBytes} bytes of keys; it has ${size} bytes`, start)
    const keysAt = start + WORD_BYTES
    const valuesAt = keysAt + Number(keyBytes)
    const keys = this.#array(
      { kind: 'array', element: key, containsNull: false },
      keysAt,
      valuesAt - keysAt,
    )
    const values = this.#array(
      { kind: 'array', element: value, containsNull: true },
      valuesAt,
      start + size - valuesAt,
    )
    if (keys.length !== values.length)
      throw this.#fault(`The map has ${keys.length} keys and ${values.length} values`, start)
    if (keys.includes(null)) throw this.#fault('The map has a null key', start)
    return keys.map((key, index) => [key, values[index]])
  }

  /** A value whose size and place are told by the word at `at`. */
  #variable(type: SparkType, at: number, region: Region): SparkValue {
    const size = this.#view.getInt32(at, true)
    const offset = this.#view.getInt32(at + 4, true)
    if (size < 0 || offset < region.fixed || offset + size > region.size)
      throw this.#fault(
        `Expected a value between bytes ${region.fixed} and ${region.size}, found one of ${size} bytes at ${offset}`,
        at,
      )
    region.left -= size
    if (region.left < 0)
      throw this.#fault(`The values claim more bytes than the ${region.size} there are`, at)
    const start = region.start + offset
    switch (type.kind) {
      case 'string':
      case 'char':
      case 'varchar':
        return this.#text(at, start, size)
      case 'binary':
        return this.#copy(start, start + size)
      case 'decimal':
        return this.#wideDecimal(type.precision, type.scale, start, size)
      case 'interval':
        if (size !== INTERVAL_BYTES) throw this.#fault('Expected an interval of 16 bytes', at, size)
        return {
          months: this.#view.getInt32(start, true),
          days: this.#view.getInt32(start + 4, true),
          microseconds: this.#view.getBigInt64(start + 8, true),
        }
      case 'struct':
        return this.#struct(type, start, size)
      case 'array':
        return this.#array(type, start, size)
      case 'map':
        return this.#map(type, start, size)
      case 'variant':
        return this.#variant(start, size)
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
        break
    }
    throw this.#misplaced(type, at)
  }

  #text(at: number, start: number, size: number): string {
    if (size <= constants.MAX_STRING_LENGTH) return decodeUtf8(this.#bytes, start, size)
    const problem = `Expected a text of at most ${constants.MAX_STRING_LENGTH} bytes, more than which JavaScript cannot hold`
    throw this.#fault(problem, at, size, 'TIDEMARK_UNSUPPORTED')
  }

  #variant(start: number, size: number): SparkValue {
    const valueBytes = size < VARIANT_PREFIX_BYTES ? -1 : this.#view.getInt32(start, true)
    if (valueBytes < 0 || valueBytes > size - VARIANT_PREFIX_BYTES)
      throw this.#fault(`The variant claims a value of ${valueBytes} bytes; it has ${size}`, start)
    const valueAt = start + VARIANT_PREFIX_BYTES
    return {
      value: this.#copy(valueAt, valueAt + valueBytes),
      metadata: this.#copy(valueAt + valueBytes, start + size),
    }
  }

  /** Two's complement, big-endian, of minimal length. */
  #wideDecimal(precision: number, scale: number, start: number, size: number): string {
    if (size === 0 || size > WIDE_DECIMAL_BYTES)
      throw this.#fault('Expected a decimal of 1 to 16 bytes', start, size)
    let unscaled = BigInt(this.#view.getInt8(start))
    for (let at = start + 1; at < start + size; at++)
      unscaled = (unscaled << 8n) | BigInt(this.#bytes[at])
    if (!fitsPrecision(unscaled, precision))
      throw this.#fault(`Expected a decimal of at most ${precision} digits, found more`, start)
    return printDecimal(unscaled, scale)
  }

  #fixed(type: SparkType, at: number): SparkValue {
    const view = this.#view
    switch (type.kind) {
      case 'boolean':
        return view.getUint8(at) !== 0
      case 'byte':
        return view.getInt8(at)
      case 'short':
        return view.getInt16(at, true)
      case 'integer':
      case 'date':
      case 'year-month-interval':
        return view.getInt32(at, true)
      case 'float':
        return view.getFloat32(at, true)
      case 'double':
        return view.getFloat64(at, true)
      case 'decimal':
        return printDecimal(view.getBigInt64(at, true), type.scale)
      case 'null':
        return null
      case 'long':
      case 'timestamp':
      case 'timestamp_ntz':
      case 'time':
      case 'day-time-interval':
        return view.getBigInt64(at, true)
      case 'string':
      case 'char':
      case 'varchar':
      case 'binary':
      case 'interval':
      case 'variant':
      case 'array':
      case 'map':
      case 'struct':
        break
    }
    throw this.#misplaced(type, at)
  }

  /** Not reached: whoever calls asked isFixedWidth. */
  #misplaced(type: SparkType, at: number): StateStoreError {
    return this.#fault(`A ${type.kind} is laid out otherwise`, at)
  }

  // Not slice(): a Buffer's shares memory.
  #copy(start: number, end: number): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(start, end))
  }

  #isNull(bitsAt: number, index: number): boolean {
    return ((this.#bytes[bitsAt + (index >> 3)] >> (index & 7)) & 1) === 1
  }

  #checkNarrow(type: SparkType, at: number): void {
    const lowMax = LOW_WORD_MAX[type.kind]
    if (lowMax === undefined) return
    if (this.#view.getUint32(at + 4, true) === 0 && this.#view.getUint32(at, true) <= lowMax) return
    throw this.#fault(`Expected zeros beside a value of type ${type.kind}`, at)
  }

  #checkNullWord(type: SparkType, at: number, region: Region): void {
    const size = this.#view.getInt32(at, true)
    const offset = this.#view.getInt32(at + 4, true)
    if (size === 0 && offset === 0) return
    const keepsPlace = isWideDecimal(type)
      ? size === 0
      : type.kind === 'interval' && size === INTERVAL_BYTES
    if (keepsPlace && offset >= region.fixed && offset + size <= region.size) return
    throw this.#fault('Expected zeros where a value is null', at)
  }

  #fault(
    problem: string,
    offset: number,
    found?: number | bigint,
    code: 'TIDEMARK_CORRUPT_FILE' | 'TIDEMARK_UNSUPPORTED' = 'TIDEMARK_CORRUPT_FILE',
  ): StateStoreError {
    const field = this.#path.length === 0 ? '' : ` in field ${JSON.stringify(this.#path.join('.'))}`
    const shown = found === undefined ? '' : `, found ${found}`
    return new StateStoreError(code, `${problem}${shown}${field}, at byte ${offset} of the row`)
  }
}
