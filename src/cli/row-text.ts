import { toHex } from '../base/bytes.ts'
import { rowToJson } from '../codec/unsafe-row/row-to-json.ts'
import type { SparkStruct } from '../codec/unsafe-row/spark-type.ts'
import type { SparkRow } from '../codec/unsafe-row/spark-value.ts'

/** A row as the JSON of its columns; null where there is none. */
export function jsonOf(schema: SparkStruct, row: SparkRow | null): string {
  return row === null ? 'null' : rowToJson(schema, row)
}

/** Bytes as a JSON string of hex digits; null where there are none. */
export function hexJson(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'null' : `"${toHex(bytes)}"`
}

/** The beginning of a JSON object, to which more members are added as text: `{"p":0`. */
export function jsonHead(members: Readonly<Record<string, string | number>>): string {
  return JSON.stringify(members).slice(0, -1)
}
