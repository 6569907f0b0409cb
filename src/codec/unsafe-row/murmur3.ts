// Spark's Murmur3 — the hash that tells which partition a key belongs to. It must never change: a key looked for in another partition than
// the one it was written to is not found.
//
// It is MurmurHash3_x86_32 with two peculiarities. SPARK: bytes after the last whole word are mixed one by one, each as a word of its own and
// sign-extended; and several columns are one hash, each column's seed being the hash so far, so a null changes nothing.

import { StateStoreError } from '../../errors.ts'
import { minimalBytes, parseDecimal } from './decimal.ts'
import { encodeRow } from './encode-row.ts'
import { setJavaDouble, setJavaFloat } from './java-number.ts'
import { isWideDecimal, type SparkField, type SparkStruct, type SparkType } from './spark-type.ts'
import type { CalendarInterval, SparkRow, SparkValue } from './spark-value.ts'

/** The seed that Spark partitions with. */
export const PARTITION_SEED = 42

/**
 * Spark's Murmur3Hash of the values of `row`, as a signed 32-bit number: what SQL's `hash(…)` returns.
 *
 * Throws TypeError or RangeError for values that do not fit `schema`, and UNSUPPORTED for types that Spark does not hash (map, variant) or
 * hashes by a collation.
 */
export function hashRow(schema: SparkStruct, row: SparkRow, seed = PARTITION_SEED): number {
  for (const field of schema.fields) checkHashable(field)
  // Encoding is the check of the values; the hash is made of them as they are.
  encodeRow(schema, row)
  return hashFields(schema.fields, row, seed)
}

/**
 * The partition of `key` among `partitions`: where Spark's exchange sends it, if `schema` holds just the columns that the operator groups by.
 * The key of a session window has its start, and that of a join an index, which are not part of it: leave them out.
 */
export function partitionOf(schema: SparkStruct, key: SparkRow, partitions: number): number {
  if (!Number.isInteger(partitions) || partitions < 1)
    throw new RangeError(`Expected \`partitions\` to be 1 or more, got ${partitions}`)
  return ((hashRow(schema, key) % partitions) + partitions) % partitions
}

/** The hash of the bytes themselves; Spark's hashCode of a row or an array is this with the seed 42. */
export function hashBytes(bytes: Uint8Array, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const words = bytes.length - (bytes.length % 4)
  let hash = seed
  for (let at = 0; at < words; at += 4) hash = mixHash(hash, mixWord(view.getInt32(at, true)))
  for (let at = words; at < bytes.length; at++) hash = mixHash(hash, mixWord(view.getInt8(at)))
  return finish(hash, bytes.length)
}

function hashInt(value: number, seed: number): number {
  return finish(mixHash(seed, mixWord(value)), 4)
}

function hashLong(value: bigint, seed: number): number {
  const low = Number(BigInt.asIntN(32, value))
  const high = Number(BigInt.asIntN(32, value >> 32n))
  return finish(mixHash(mixHash(seed, mixWord(low)), mixWord(high)), 8)
}

function mixWord(word: number): number {
  const product = Math.imul(word, 0xcc9e2d51)
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593)
}

function mixHash(hash: number, word: number): number {
  const mixed = hash ^ word
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}

function finish(hash: number, sizeBytes: number): number {
  let final = hash ^ sizeBytes
  final = Math.imul(final ^ (final >>> 16), 0x85ebca6b)
  final = Math.imul(final ^ (final >>> 13), 0xc2b2ae35)
  return final ^ (final >>> 16)
}

function hashFields(fields: readonly SparkField[], values: SparkRow, seed: number): number {
  return fields.reduce((hash, { type }, index) => hashValue(type, values[index], hash), seed)
}

const scratch = new DataView(new ArrayBuffer(8))

function hashValue(type: SparkType, value: SparkValue, seed: number): number {
  if (value === null) return seed
  switch (type.kind) {
    case 'null':
    case 'map':
    case 'variant':
      return seed
    case 'boolean':
      return hashInt(value === true ? 1 : 0, seed)
    case 'byte':
    case 'short':
    case 'integer':
    case 'date':
    case 'year-month-interval':
      return hashInt(value as number, seed)
    case 'long':
    case 'timestamp':
    case 'timestamp_ntz':
    case 'time':
    case 'day-time-interval':
      return hashLong(value as bigint, seed)
    // SPARK: the two zeros are one key, and so are all NaNs.
    case 'float':
      setJavaFloat(scratch, 0, (value as number) + 0, false)
      return hashInt(scratch.getInt32(0), seed)
    case 'double':
      setJavaDouble(scratch, 0, (value as number) + 0, false)
      return hashLong(scratch.getBigInt64(0), seed)
    case 'string':
    case 'char':
    case 'varchar':
      return hashBytes(typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array), seed)
    case 'binary':
      return hashBytes(value as Uint8Array, seed)
    case 'decimal':
      return hashDecimal(parseDecimal(value as string, type.scale)!, isWideDecimal(type), seed)
    case 'interval':
      return hashInterval(value as CalendarInterval, seed)
    case 'array':
      return (value as SparkRow).reduce<number>(
        (hash, element) => hashValue(type.element, element, hash),
        seed,
      )
    case 'struct':
      return hashFields(type.fields, value as SparkRow, seed)
  }
  return seed
}

function hashDecimal(unscaled: bigint, wide: boolean, seed: number): number {
  return wide ? hashBytes(minimalBytes(unscaled), seed) : hashLong(unscaled, seed)
}

/** SPARK: the code it generates leaves the days out, and that is what exchanges run; the interpreted variant has them. */
function hashInterval({ months, microseconds }: CalendarInterval, seed: number): number {
  return hashInt(months, hashLong(microseconds, seed))
}

function checkHashable({ name, type, metadata }: SparkField): void {
  if ('__COLLATIONS' in metadata)
    throw unsupported(name, 'has a collation; tidemark hashes text by its bytes only')
  checkHashableType(name, type)
}

function checkHashableType(name: string, type: SparkType): void {
  if (type.kind === 'map' || type.kind === 'variant')
    throw unsupported(
      name,
      `holds a ${type.kind}, which Spark does not hash: it cannot be part of a key`,
    )
  if (type.kind === 'array') checkHashableType(name, type.element)
  if (type.kind === 'struct') for (const field of type.fields) checkHashable(field)
}

function unsupported(name: string, problem: string): StateStoreError {
  return new StateStoreError('TIDEMARK_UNSUPPORTED', `Field ${JSON.stringify(name)} ${problem}`)
}
