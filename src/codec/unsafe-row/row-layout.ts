// How UnsafeRow lays out bytes: the sizes that decoder and encoder share. All numbers are little-endian.
//
//   row     = null bits, ceil(fields/64) words | one word a field | variable part, each item padded with zeros to a word
//   array   = element count u64 | null bits, ceil(n/64) words | elements at their own width, padded to a word | variable part
//   map     = bytes of the key array u64 | key array | value array
//   variant = bytes of the value u32 | value | metadata
//   word of a value of variable length = size i32 (without padding) | offset i32, from the start of its own row or array
//
// The number of fields is not stored: the schema tells it. SPARK: two encodings of one value are two keys, since Spark compares bytes.

export const WORD_BYTES = 8
/** A CalendarInterval: months i32, days i32, microseconds i64. */
export const INTERVAL_BYTES = 16
/** What a row reserves for a wide decimal, whatever its digits. */
export const WIDE_DECIMAL_BYTES = 16
/** In front of a variant's value. */
export const VARIANT_PREFIX_BYTES = 4

/** Bytes of the null bits of `count` fields or elements. */
export function nullBitsBytes(count: number): number {
  return Math.ceil(count / 64) * WORD_BYTES
}

export function paddedBytes(size: number): number {
  return Math.ceil(size / WORD_BYTES) * WORD_BYTES
}
