// The file that says what keys and values of a store are: uncompressed, in Java's data format.
//
//   v1   text "v1", key schema, value schema                                               each one text
//   v2   text "v2", key schema, value schema                                               each a number of texts, to be joined
//   v3   text "v3", i32 families, then by family: text name, i16 id, key schema, i16 id, value schema, key encoder, user key schema
//
// SPARK: schemas are the JSON of its types. v2 came when a schema grew past the 65535 bytes of a text. v3 is what operators with column
// families write, sorted by name, which only its RocksDB provider has; where a family has no user key schema, `{    }` stands in its place.

import { corruptFile } from '../codec/corrupt-file.ts'
import { StateStoreError } from '../errors.ts'
import { notBytes } from '../store/store-reader.ts'
import { JavaDataReader, JavaDataWriter, modifiedUtf8Bytes } from './java-data.ts'
import { checkPrinted, unknownHeader } from './versioned-text.ts'

const WHAT = 'a schema file'
const TEXT_BYTES_MAX = 65_535
const NO_USER_KEY = '{    }'

/** The name of the one family of stores without families. */
export const DEFAULT_FAMILY = 'default'

/** One column family; schemas as the JSON texts that stand in the file. */
export interface SchemaFamily {
  readonly name: string
  readonly keySchemaJson: string
  readonly valueSchemaJson: string
  /** Format 3 only, and 0 elsewhere: grow as schemas evolve. */
  readonly keySchemaId: number
  readonly valueSchemaId: number
  /** Format 3 only. */
  readonly keyEncoderJson?: string
  readonly userKeySchemaJson?: string
}

/** A file state/<operator>/0/_metadata/schema, or below state/<operator>/_stateSchema. */
export interface SchemaFile {
  readonly formatVersion: 1 | 2 | 3
  /** One, named `default`, below format 3. */
  readonly families: readonly SchemaFamily[]
}

/**
 * Spark's schema file of a store; `path` is for messages. The JSON in it is not looked at: parseSchemaJson reads it. CORRUPT_FILE or
 * UNKNOWN_FORMAT_VERSION, naming `path`, unless `bytes` are one from end to end.
 */
export function parseSchemaFile(bytes: Uint8Array, path: string): SchemaFile {
  if (!(bytes instanceof Uint8Array)) throw notBytes('bytes', bytes)
  const reader = new JavaDataReader(bytes, path)
  const header = reader.text('the format version of a schema file')
  const formatVersion = ([1, 2, 3] as const).find((version) => header === `v${version}`)
  if (formatVersion === undefined) throw unknownHeader(header, path, WHAT, [1, 2, 3])
  const families =
    formatVersion === 3 ? readFamilies(reader) : [readPair(reader, formatVersion, path)]
  if (reader.remainingBytes > 0)
    throw corruptFile(
      path,
      `Expected the end of a schema file, found ${reader.remainingBytes} more bytes`,
      { offset: reader.offset },
    )
  return { formatVersion, families }
}

/** The bytes of the file, as Spark writes them. RangeError for what the format cannot hold: a schema above 65535 bytes in format 1, not exactly one family below format 3. */
export function printSchemaFile({ formatVersion, families }: SchemaFile): Uint8Array {
  const writer = new JavaDataWriter()
  writer.text(`v${formatVersion}`)
  if (formatVersion === 3) {
    writer.int32(families.length)
    for (const family of families) writeFamily(writer, family)
    return checkPrinted(writer.bytes(), parseSchemaFile)
  }
  const [family] = families
  if (families.length !== 1)
    throw new RangeError(`Expected one family in format ${formatVersion}, got ${families.length}`)
  for (const json of [family.keySchemaJson, family.valueSchemaJson]) {
    if (formatVersion === 1) writer.text(json)
    else writeChunked(writer, json)
  }
  return checkPrinted(writer.bytes(), parseSchemaFile)
}

function readPair(reader: JavaDataReader, formatVersion: 1 | 2, path: string): SchemaFamily {
  const read = (what: string): string =>
    formatVersion === 1 ? reader.text(what) : readChunked(reader, what)
  const keySchemaJson = read('the key schema')
  const valueSchemaJson = read('the value schema')
  if (keySchemaJson === '' || valueSchemaJson === '')
    throw corruptFile(path, 'Expected the schemas of key and value, found an empty one')
  return { name: DEFAULT_FAMILY, keySchemaJson, valueSchemaJson, keySchemaId: 0, valueSchemaId: 0 }
}

function readFamilies(reader: JavaDataReader): SchemaFamily[] {
  const count = reader.int32('the number of column families')
  const families: SchemaFamily[] = []
  // Each takes bytes, so a forged count ends with the file.
  for (let i = 0; i < count; i++) {
    const name = reader.text('the name of a column family')
    const keySchemaId = reader.int16('the id of a key schema')
    const keySchemaJson = readChunked(reader, 'the key schema')
    const valueSchemaId = reader.int16('the id of a value schema')
    const valueSchemaJson = readChunked(reader, 'the value schema')
    const keyEncoderJson = readChunked(reader, 'the encoder of keys')
    const userKey = readChunked(reader, 'the schema of user keys')
    families.push({
      name,
      keySchemaJson,
      valueSchemaJson,
      keySchemaId,
      valueSchemaId,
      keyEncoderJson,
      ...(userKey !== NO_USER_KEY && { userKeySchemaJson: userKey }),
    })
  }
  if (count >= 0) return families
  throw corruptFile(reader.path, `Expected the number of column families, found ${count}`)
}

function writeFamily(writer: JavaDataWriter, family: SchemaFamily): void {
  writer.text(family.name)
  writer.int16(family.keySchemaId)
  writeChunked(writer, family.keySchemaJson)
  writer.int16(family.valueSchemaId)
  writeChunked(writer, family.valueSchemaJson)
  writeChunked(
    writer,
    family.keyEncoderJson ?? '{"keyStateEncoderType":"NoPrefixKeyStateEncoderSpec"}',
  )
  writeChunked(writer, family.userKeySchemaJson ?? NO_USER_KEY)
}

function readChunked(reader: JavaDataReader, what: string): string {
  const count = reader.int32(what)
  if (count < 0)
    throw corruptFile(reader.path, `Expected the number of pieces of ${what}, found ${count}`, {
      offset: reader.offset - 4,
    })
  const chunks: string[] = []
  for (let i = 0; i < count; i++) chunks.push(reader.text(what))
  return chunks.join('')
}

/** SPARK: pieces of 65535 characters; it fails where such a piece has more bytes, while ours are shorter there. */
function writeChunked(writer: JavaDataWriter, text: string): void {
  const chunks: string[] = []
  let [start, sizeBytes] = [0, 0]
  for (let i = 0; i < text.length; i++) {
    const unitBytes = modifiedUtf8Bytes(text.charCodeAt(i))
    if (sizeBytes + unitBytes > TEXT_BYTES_MAX) {
      chunks.push(text.slice(start, i))
      start = i
      sizeBytes = 0
    }
    sizeBytes += unitBytes
  }
  if (start < text.length) chunks.push(text.slice(start))
  writer.int32(chunks.length)
  for (const chunk of chunks) writer.text(chunk)
}

/** The refusal of a checkpoint whose store has no schema file; `path` is where it should be. */
export function schemaMissing(path: string): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_CHECKPOINT_NOT_FOUND',
    `Expected the schema of the rows in ${path}, found nothing there: without it keys and values are bytes only, and can be read as such (rawRows, --hex)`,
    { path },
  )
}
