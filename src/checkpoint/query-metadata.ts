// The file `metadata` of a checkpoint: {"id":"…"}, the id of the query that it belongs to, for good.

import { checkPrinted, decodeUtf8, parseJsonObject, stringField } from './versioned-text.ts'

export const QUERY_METADATA_FILE = 'metadata'

/** The file metadata. */
export interface QueryMetadata {
  /** A UUID, as Spark writes it. */
  readonly id: string
}

/** Spark's metadata of a query; `path` is for messages. CORRUPT_FILE, naming `path`, unless `bytes` are one. */
export function parseQueryMetadata(bytes: Uint8Array, path: string): QueryMetadata {
  const metadata = parseJsonObject(decodeUtf8(bytes, path), path, 'the metadata of a query')
  return { id: stringField(metadata, 'id', path) }
}

/** The bytes of the file, as Spark writes them. RangeError for what could not be read again. */
export function printQueryMetadata({ id }: QueryMetadata): Uint8Array {
  return checkPrinted(new TextEncoder().encode(JSON.stringify({ id })), parseQueryMetadata)
}
