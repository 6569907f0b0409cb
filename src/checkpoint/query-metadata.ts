// The file `metadata` of a checkpoint: {"id":"…"}, the id of the query that it belongs to, for good.

import { decodeUtf8, parseJsonObject, stringField } from './versioned-text.ts'

export const QUERY_METADATA_FILE = 'metadata'

export interface QueryMetadata {
  /** A UUID, as Spark writes it. */
  readonly id: string
}

/** CORRUPT_FILE, naming `path`, unless `bytes` are the metadata of a query. */
export function parseQueryMetadata(bytes: Uint8Array, path: string): QueryMetadata {
  const metadata = parseJsonObject(decodeUtf8(bytes, path), path, 'the metadata of a query')
  return { id: stringField(metadata, 'id', path) }
}

export function printQueryMetadata({ id }: QueryMetadata): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ id }))
}
