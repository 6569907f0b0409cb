// A variant as JSON: the binary encoding that Spark and Parquet share, read value by value.
//
// Everything inside is bounds-checked, and what is read may not add up to more than there is: offsets in a forged variant may point many elements
// at the same bytes, so that the text would outgrow any memory. What does not add up is CORRUPT_FILE; the caller adds file and record.

import { StateStoreError } from '../../errors.ts'
import { printDate, printFraction, printTimeOfDay, splitTimestamp } from './calendar.ts'
import { fitsPrecision, printDecimal } from './decimal.ts'
import { printJavaDouble, printJavaFloat } from './java-number.ts'
import { base64Of, jsonOfFloat, quoteJson } from './json-text.ts'
import type { VariantValue } from './spark-value.ts'
import { decodeUtf8 } from './utf8.ts'

const VERSION = 1
/** How deep arrays and objects may nest; Spark's own parser stops there. */
const DEPTH_MAX = 1000
/** The most text that one variant may make: field names are stored once and printed often. */
const TEXT_CHARS_MAX = 64 * 1024 * 1024

/** Numbers of primitive types. On-disk values, never renumber. */
const PRIMITIVE = {
  null: 0,
  true: 1,
  false: 2,
  int8: 3,
  int16: 4,
  int32: 5,
  int64: 6,
  double: 7,
  decimal32: 8,
  decimal64: 9,
  decimal128: 10,
  date: 11,
  timestamp: 12,
  timestampNtz: 13,
  float: 14,
  binary: 15,
  string: 16,
  uuid: 20,
} as const

/**
 * The JSON of `variant` as Spark's to_json prints it in UTC. Throws CORRUPT_FILE where the bytes are no variant, and UNSUPPORTED for a type in it
 * that is not known or text of more than 64 Mi characters.
 */
export function variantToJson(variant: VariantValue): string {
  return new VariantPrinter(variant).print()
}

class VariantPrinter {
  readonly #value: Uint8Array
  readonly #view: DataView
  readonly #keys: KeyDictionary
  /** Bytes of the value not read yet; see the header. */
  #left: number
  #chars = 0

  constructor({ value, metadata }: VariantValue) {
    this.#value = value
    this.#view = new DataView(value.buffer, value.byteOffset, value.length)
    this.#left = value.length
    this.#keys = new KeyDictionary(metadata)
  }

  print(): string {
    return this.#any(0, 0)
  }

  #any(at: number, depth: number): string {
    if (depth > DEPTH_MAX) throw unsupported(`The variant nests more than ${DEPTH_MAX} values deep`)
    this.#take(at, 1)
    const header = this.#value[at]
    const info = header >> 2
    switch (header & 3) {
      case 0:
        return this.#count(this.#primitive(info, at + 1))
      case 1:
        return this.#count(this.#string(at + 1, info))
      case 2:
        return this.#object(info, at + 1, depth)
      default:
        return this.#array(info, at + 1, depth)
    }
  }

  #object(info: number, at: number, depth: number): string {
    const idBytes = ((info >> 2) & 3) + 1
    const offsetBytes = (info & 3) + 1
    const countBytes = (info >> 4) & 1 ? 4 : 1
    const count = this.#unsigned(this.#take(at, countBytes), countBytes)
    const idsAt = this.#take(at + countBytes, count * idBytes)
    const offsetsAt = this.#take(idsAt + count * idBytes, (count + 1) * offsetBytes)
    const dataAt = offsetsAt + (count + 1) * offsetBytes
    const members: string[] = []
    for (let index = 0; index < count; index++) {
      const key = this.#keys.key(this.#unsigned(idsAt + index * idBytes, idBytes))
      const offset = this.#unsigned(offsetsAt + index * offsetBytes, offsetBytes)
      members.push(`${this.#count(quoteJson(key))}:${this.#any(dataAt + offset, depth + 1)}`)
    }
    return `{${members.join(',')}}`
  }

  #array(info: number, at: number, depth: number): string {
    const offsetBytes = (info & 3) + 1
    const countBytes = (info >> 2) & 1 ? 4 : 1
    const count = this.#unsigned(this.#take(at, countBytes), countBytes)
    const offsetsAt = this.#take(at + countBytes, (count + 1) * offsetBytes)
    const dataAt = offsetsAt + (count + 1) * offsetBytes
    const elements: string[] = []
    for (let index = 0; index < count; index++) {
      const offset = this.#unsigned(offsetsAt + index * offsetBytes, offsetBytes)
      elements.push(this.#any(dataAt + offset, depth + 1))
    }
    return `[${elements.join(',')}]`
  }

  #primitive(type: number, at: number): string {
    const view = this.#view
    switch (type) {
      case PRIMITIVE.null:
        return 'null'
      case PRIMITIVE.true:
        return 'true'
      case PRIMITIVE.false:
        return 'false'
      case PRIMITIVE.int8:
        return String(view.getInt8(this.#take(at, 1)))
      case PRIMITIVE.int16:
        return String(view.getInt16(this.#take(at, 2), true))
      case PRIMITIVE.int32:
        return String(view.getInt32(this.#take(at, 4), true))
      case PRIMITIVE.int64:
        return String(view.getBigInt64(this.#take(at, 8), true))
      case PRIMITIVE.double:
        return jsonOfFloat(printJavaDouble(view.getFloat64(this.#take(at, 8), true)))
      case PRIMITIVE.float:
        return jsonOfFloat(printJavaFloat(view.getFloat32(this.#take(at, 4), true)))
      case PRIMITIVE.decimal32:
        return this.#decimal(at, 4, 9)
      case PRIMITIVE.decimal64:
        return this.#decimal(at, 8, 18)
      case PRIMITIVE.decimal128:
        return this.#decimal(at, 16, 38)
      case PRIMITIVE.date:
        return `"${printDate(view.getInt32(this.#take(at, 4), true))}"`
      case PRIMITIVE.timestamp:
        return `"${printTimestamp(view.getBigInt64(this.#take(at, 8), true))}+00:00"`
      case PRIMITIVE.timestampNtz:
        return `"${printTimestamp(view.getBigInt64(this.#take(at, 8), true))}"`
      case PRIMITIVE.binary:
        return `"${base64Of(this.#bytes(at + 4, this.#length(at)))}"`
      case PRIMITIVE.string:
        return this.#string(at + 4, this.#length(at))
      case PRIMITIVE.uuid:
        return `"${printUuid(this.#bytes(at, 16))}"`
      default:
        throw unsupported(`The variant holds a value of type ${type}`)
    }
  }

  #string(at: number, size: number): string {
    return quoteJson(decodeUtf8(this.#value, this.#take(at, size), size))
  }

  #length(at: number): number {
    return this.#unsigned(this.#take(at, 4), 4)
  }

  #bytes(at: number, size: number): Uint8Array {
    return this.#value.subarray(this.#take(at, size), at + size)
  }

  /** `size` bytes, little-endian, behind one for the scale. */
  #decimal(at: number, size: number, digitsMax: number): string {
    const scale = this.#value[this.#take(at, 1 + size)]
    let bits = 0n
    for (let index = size; index >= 1; index--)
      bits = (bits << 8n) | BigInt(this.#value[at + index])
    const unscaled = BigInt.asIntN(8 * size, bits)
    if (scale > digitsMax || !fitsPrecision(unscaled, digitsMax))
      throw corrupt(`The variant holds a decimal of more than ${digitsMax} digits`)
    const text = printDecimal(unscaled, scale)
    return scale === 0 ? text : text.replace(/\.?0+$/, '')
  }

  #unsigned(at: number, size: number): number {
    return unsignedAt(this.#value, at, size)
  }

  /** Counts `size` bytes at `at` as read; returns `at`. */
  #take(at: number, size: number): number {
    this.#left -= size
    if (at + size > this.#value.length || this.#left < 0)
      throw corrupt(`The variant reaches past its ${this.#value.length} bytes, or over itself`)
    return at
  }

  #count(text: string): string {
    this.#chars += text.length
    if (this.#chars > TEXT_CHARS_MAX)
      throw unsupported(`The variant makes more than ${TEXT_CHARS_MAX} characters of text`)
    return text
  }
}

/** The field names of a variant, stored once in its metadata. */
class KeyDictionary {
  readonly #bytes: Uint8Array
  readonly #offsetBytes: number
  readonly #count: number

  constructor(metadata: Uint8Array) {
    if (metadata.length < 1 || (metadata[0] & 0x0f) !== VERSION)
      throw corrupt(`Expected variant metadata of version ${VERSION}`)
    this.#bytes = metadata
    this.#offsetBytes = (metadata[0] >> 6) + 1
    this.#count =
      metadata.length < 1 + this.#offsetBytes ? 0 : unsignedAt(metadata, 1, this.#offsetBytes)
  }

  key(id: number): string {
    const offsetsAt = 1 + this.#offsetBytes
    const textAt = offsetsAt + (this.#count + 1) * this.#offsetBytes
    if (id >= this.#count || textAt > this.#bytes.length)
      throw corrupt(`The variant names key ${id} of ${this.#count}`)
    const start =
      textAt + unsignedAt(this.#bytes, offsetsAt + id * this.#offsetBytes, this.#offsetBytes)
    const end =
      textAt + unsignedAt(this.#bytes, offsetsAt + (id + 1) * this.#offsetBytes, this.#offsetBytes)
    if (end < start || end > this.#bytes.length)
      throw corrupt(`Key ${id} of the variant reaches past its metadata`)
    return decodeUtf8(this.#bytes, start, end - start)
  }
}

/** A little-endian number of 1 to 4 bytes; the caller has checked that they are there. */
function unsignedAt(bytes: Uint8Array, at: number, size: number): number {
  let value = 0
  for (let index = size - 1; index >= 0; index--) value = value * 256 + bytes[at + index]
  return value
}

function printTimestamp(microseconds: bigint): string {
  const { date, microsecondOfDay } = splitTimestamp(microseconds)
  return `${date} ${printTimeOfDay(microsecondOfDay)}${printFraction(microsecondOfDay % 1_000_000, 6)}`
}

function printUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function corrupt(problem: string): StateStoreError {
  return new StateStoreError('TIDEMARK_CORRUPT_FILE', problem)
}

function unsupported(problem: string): StateStoreError {
  return new StateStoreError('TIDEMARK_UNSUPPORTED', problem)
}
