// The key of a map as text: JSON has no other keys, so Spark takes what Java's toString makes of its internal value.
//
// SPARK: for a struct that is UnsafeRow.toString, its words in hex, and for an array the name of a class and the hash of its bytes: nothing to read,
// but the same each time. The one exception is ours: for binary Spark prints an address in memory, which nobody can compare; here it is base64.

import { javaDecimalOf } from './decimal.ts'
import { encodeAgain } from './encode-row.ts'
import { printCalendarInterval } from './interval-text.ts'
import { printJavaDouble, printJavaFloat } from './java-number.ts'
import { base64Of } from './json-text.ts'
import { hashBytes, PARTITION_SEED } from './murmur3.ts'
import { nullBitsBytes, WORD_BYTES } from './row-layout.ts'
import type { SparkStruct, SparkType } from './spark-type.ts'
import type { CalendarInterval, SparkRow, SparkValue } from './spark-value.ts'

export function mapKeyText(type: SparkType, key: SparkValue): string {
  if (type.kind === 'float') return printJavaFloat(key as number)
  if (type.kind === 'double') return printJavaDouble(key as number)
  if (type.kind === 'decimal') return javaDecimalOf(key as string, type.scale)
  if (type.kind === 'binary') return base64Of(key as Uint8Array)
  if (type.kind === 'interval') return printCalendarInterval(key as CalendarInterval)
  if (type.kind === 'struct') return rowText(encodeAgain(type, key as SparkRow))
  if (type.kind === 'array') return arrayText(encodeAlone(type, key))
  return (key as boolean | number | bigint | string).toString()
}

function rowText(row: Uint8Array): string {
  const view = new DataView(row.buffer, row.byteOffset, row.length)
  const words: string[] = []
  for (let at = 0; at < row.length; at += WORD_BYTES)
    words.push(view.getBigUint64(at, true).toString(16))
  return `[${words.join(',')}]`
}

function arrayText(array: Uint8Array): string {
  const hash = hashBytes(array, PARTITION_SEED) >>> 0
  return `org.apache.spark.sql.catalyst.expressions.UnsafeArrayData@${hash.toString(16)}`
}

/** The bytes of a value of variable length: what follows the fixed part of a row of nothing else. */
function encodeAlone(type: SparkType, value: SparkValue): Uint8Array {
  const schema: SparkStruct = {
    kind: 'struct',
    fields: [{ name: 'key', type, nullable: false, metadata: {} }],
  }
  return encodeAgain(schema, [value]).subarray(nullBitsBytes(1) + WORD_BYTES)
}
