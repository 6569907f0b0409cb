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

/** A JSON object of members whose values are JSON already. */
export function jsonLine(members: Readonly<Record<string, string>>): string {
  return `{${Object.entries(members)
    .map(([name, json]) => `"${name}":${json}`)
    .join(',')}}`
}

/** Members of numbers and texts, for jsonLine. */
export function jsonMembers(
  members: Readonly<Record<string, string | number>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(members).map(([name, value]) => [name, JSON.stringify(value)]),
  )
}
