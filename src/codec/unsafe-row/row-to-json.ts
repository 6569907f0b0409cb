// rowToJson — a row as Spark's to_json prints it, with the session's time zone UTC and ignoreNullFields false, character by character.
//
// Longs and decimals are JSON numbers with all their digits (read them with a parser that keeps them), floating-point numbers as Java prints
// them, NaN and the infinities as strings, timestamps ISO 8601 with milliseconds (what is finer is cut off), dates yyyy-MM-dd, binary as base64,
// intervals as text, a variant as its own JSON, nulls as null. A name that the schema repeats is printed each time.
//
// The key of a map is what Java's toString makes of Spark's internal value: a date's days, a timestamp's microseconds, a struct's words in hex.
// Two places are not Spark 4.1's, which prints nothing there that could be compared: binary keys, for which it prints an address in memory (here
// base64), and values of type time, which it refuses (here HH:mm:ss and the digits of the fraction, as later versions have it).

import { printDate, printFraction, printTimeOfDay, splitTimestamp } from './calendar.ts'
import { javaDecimalOf } from './decimal.ts'
import {
  printCalendarInterval,
  printDayTimeInterval,
  printYearMonthInterval,
} from './interval-text.ts'
import { printJavaDouble, printJavaFloat } from './java-number.ts'
import { base64Of, jsonOfFloat, quoteJson } from './json-text.ts'
import { mapKeyText } from './map-key-text.ts'
import type { SparkField, SparkMap, SparkStruct, SparkType } from './spark-type.ts'
import type { CalendarInterval, SparkRow, SparkValue, VariantValue } from './spark-value.ts'
import { variantToJson } from './variant-json.ts'

/**
 * The JSON object of `row`, whose values are those that decodeRow makes for `schema`. Throws CORRUPT_FILE or UNSUPPORTED where a variant in it
 * cannot be read. Other values are not checked (encodeRow does that): what is not of the schema's types prints as no JSON, or is a TypeError.
 */
export function rowToJson(schema: SparkStruct, row: SparkRow): string {
  return objectJson(schema.fields, row)
}

function objectJson(fields: readonly SparkField[], values: SparkRow): string {
  let text = '{'
  for (let index = 0; index < fields.length; index++) {
    if (index > 0) text += ','
    text += `${quoteJson(fields[index].name)}:${valueJson(fields[index].type, values[index])}`
  }
  return `${text}}`
}

function valueJson(type: SparkType, value: SparkValue): string {
  if (value === null) return 'null'
  switch (type.kind) {
    case 'null':
      break
    case 'boolean':
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return (value as boolean | number | bigint).toString()
    case 'float':
      return jsonOfFloat(printJavaFloat(value as number))
    case 'double':
      return jsonOfFloat(printJavaDouble(value as number))
    case 'decimal':
      return javaDecimalOf(value as string, type.scale)
    case 'string':
    case 'char':
    case 'varchar':
      return quoteJson(value as string)
    case 'binary':
      return `"${base64Of(value as Uint8Array)}"`
    case 'date':
      return `"${printDate(value as number)}"`
    case 'timestamp':
      return `"${printTimestamp(value as bigint)}Z"`
    case 'timestamp_ntz':
      return `"${printTimestamp(value as bigint)}"`
    case 'time':
      return `"${printTime(value as bigint)}"`
    case 'interval':
      return `"${printCalendarInterval(value as CalendarInterval)}"`
    case 'day-time-interval':
      return `"${printDayTimeInterval(value as bigint, type)}"`
    case 'year-month-interval':
      return `"${printYearMonthInterval(value as number, type)}"`
    case 'variant':
      return variantToJson(value as VariantValue)
    case 'struct':
      return objectJson(type.fields, value as SparkRow)
    case 'array':
      return `[${(value as SparkRow).map((element) => valueJson(type.element, element)).join(',')}]`
    case 'map':
      return mapJson(type, value as readonly (readonly [SparkValue, SparkValue])[])
  }
  return 'null'
}

function mapJson(type: SparkMap, pairs: readonly (readonly [SparkValue, SparkValue])[]): string {
  const members = pairs.map(
    ([key, value]) => `${quoteJson(mapKeyText(type.key, key))}:${valueJson(type.value, value)}`,
  )
  return `{${members.join(',')}}`
}

function printTimestamp(microseconds: bigint): string {
  const { date, microsecondOfDay } = splitTimestamp(microseconds)
  const milliseconds = Math.floor(microsecondOfDay / 1000) % 1000
  return `${date}T${printTimeOfDay(microsecondOfDay)}.${milliseconds.toString().padStart(3, '0')}`
}

function printTime(nanoseconds: bigint): string {
  return (
    printTimeOfDay(Number(nanoseconds / 1000n)) + printFraction(nanoseconds % 1_000_000_000n, 9)
  )
}
