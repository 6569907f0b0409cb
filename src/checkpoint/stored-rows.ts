// Rows and changes as they are read: the keys and values of a store as bytes, and in types once its schema is known.
//
// Sides of a stream-stream join. SPARK: a side's rows are in its store `<side>-keyWithIndexToValue`, whose keys end in an index, and
// whose values end in whether they were matched (format 2 of the join's state). Both are the operator's own and left out.

import { decodeRow } from '../codec/unsafe-row/decode-row.ts'
import { nullBitsBytes, WORD_BYTES } from '../codec/unsafe-row/row-layout.ts'
import { isFixedWidth, type SparkStruct, type SparkType } from '../codec/unsafe-row/spark-type.ts'
import type { SparkRow, SparkValue, VariantValue } from '../codec/unsafe-row/spark-value.ts'
import { variantToJson } from '../codec/unsafe-row/variant-json.ts'
import { isStateStoreError, StateStoreError } from '../errors.ts'
import { type ResolvedStoreId, storeIdText } from '../store/store-id.ts'
import type { RecordPlace } from './locate-record.ts'
import type { StoreSchema } from './store-schema.ts'

export type JoinSide = 'left' | 'right'

/** What the keys and values of a row are. */
export interface RowSchema {
  readonly key: SparkStruct
  readonly value: SparkStruct
}

/** The store that holds the rows of a side. */
export function joinSideStore(side: JoinSide): string {
  return `${side}-keyWithIndexToValue`
}

/** Takes the rows of one store apart. */
export class StoredRows {
  readonly #stored: StoreSchema
  readonly #hasVariants: Readonly<Record<'key' | 'value', boolean>>
  /** What the values that come out are. */
  readonly schema: RowSchema

  constructor(stored: StoreSchema, joinSide: JoinSide | undefined) {
    this.#stored = stored
    this.#hasVariants = { key: hasVariants(stored.key), value: hasVariants(stored.value) }
    this.schema = joinSide === undefined ? stored : withoutOwnColumns(stored)
  }

  /** CORRUPT_FILE naming the schema file and the field where the bytes cannot be such a key. */
  key(bytes: Uint8Array): SparkRow {
    return this.#decode('key', bytes)
  }

  value(bytes: Uint8Array): SparkRow {
    return this.#decode('value', bytes)
  }

  #decode(what: 'key' | 'value', bytes: Uint8Array): SparkRow {
    let row: SparkRow
    try {
      row = decodeRow(this.#stored[what], bytes)
      checkFieldCount(this.#stored[what], bytes)
      if (this.#hasVariants[what]) checkVariants(this.#stored[what], row, [])
    } catch (error) {
      if (!isStateStoreError(error)) throw error
      throw new StateStoreError(
        error.code,
        `Expected a ${what} of the schema in ${this.#stored.path}. ${error.message}`,
        { cause: error },
      )
    }
    const { length } = this.schema[what].fields
    return row.length === length ? row : row.slice(0, length)
  }
}

/**
 * CORRUPT_FILE where a row has more fields than its schema, of which Spark's own validation says nothing. SPARK: its writers put the first value of
 * variable length right behind the words of the fields, and nothing at all behind them where there is none; so a gap there is a field
 * that the schema does not know.
 */
function checkFieldCount({ fields }: SparkStruct, row: Uint8Array): void {
  const view = new DataView(row.buffer, row.byteOffset, row.length)
  const words = nullBitsBytes(fields.length)
  const fixedBytes = words + fields.length * WORD_BYTES
  let first = row.length
  for (const [index, { type }] of fields.entries()) {
    if (isFixedWidth(type)) continue
    const offset = view.getUint32(words + index * WORD_BYTES + WORD_BYTES / 2, true)
    // The word of most nulls is 0; a wide decimal keeps its place.
    if (offset > 0 && offset < first) first = offset
  }
  if (first === fixedBytes) return
  throw new StateStoreError(
    'TIDEMARK_CORRUPT_FILE',
    `Expected ${fields.length} fields, which take ${fixedBytes} bytes, found ${first} bytes in front of the first value of variable length, or of the end: more fields than the schema has`,
  )
}

/** Whether values of this type hold variants, at any depth. */
function hasVariants(type: SparkType): boolean {
  if (type.kind === 'struct') return type.fields.some((field) => hasVariants(field.type))
  if (type.kind === 'array') return hasVariants(type.element)
  if (type.kind === 'map') return hasVariants(type.key) || hasVariants(type.value)
  return type.kind === 'variant'
}

/**
 * CORRUPT_FILE where the bytes of a variant are none: to the row it is just bytes, so nobody else looks before it is printed, when its place is no
 * longer known. A variant of a type that is not known here is the caller's to keep.
 */
function checkVariants(type: SparkType, value: SparkValue, path: readonly string[]): void {
  if (value === null || !hasVariants(type)) return
  if (type.kind === 'variant') checkVariant(value as VariantValue, path)
  else if (type.kind === 'struct')
    for (const [index, field] of type.fields.entries())
      checkVariants(field.type, (value as SparkRow)[index], [...path, field.name])
  else if (type.kind === 'array')
    for (const [index, element] of (value as SparkRow).entries())
      checkVariants(type.element, element, [...path, String(index)])
  else if (type.kind === 'map')
    for (const [index, pair] of (value as readonly SparkRow[]).entries()) {
      checkVariants(type.key, pair[0], [...path, 'key', String(index)])
      checkVariants(type.value, pair[1], [...path, 'value', String(index)])
    }
}

function checkVariant(variant: VariantValue, path: readonly string[]): void {
  try {
    variantToJson(variant)
  } catch (error) {
    if (isStateStoreError(error, 'TIDEMARK_UNSUPPORTED')) return
    if (!isStateStoreError(error)) throw error
    throw new StateStoreError(
      error.code,
      `Expected field ${JSON.stringify(path.join('.'))} to be a variant. ${error.message}`,
      { cause: error },
    )
  }
}

/** The same error, with the place where the row was read, as far as it is known. */
export function atRecord(
  error: StateStoreError,
  id: ResolvedStoreId,
  version: number | undefined,
  place: RecordPlace | undefined,
): StateStoreError {
  const name = storeIdText(id)
  const where =
    place !== undefined
      ? `record ${place.record} of ${place.path}, counted from 0`
      : version === undefined
        ? name
        : `version ${version} of ${name}`
  return new StateStoreError(error.code, `${error.message} (${where})`, {
    storeId: name,
    version,
    path: place?.path,
    cause: error,
  })
}

function withoutOwnColumns({ key, value }: StoreSchema): RowSchema {
  const last = value.fields.at(-1)
  const isMatched = last?.name === 'matched' && last.type.kind === 'boolean'
  return {
    key: { kind: 'struct', fields: key.fields.slice(0, -1) },
    value: isMatched ? { kind: 'struct', fields: value.fields.slice(0, -1) } : value,
  }
}
