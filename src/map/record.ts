// Records: what they are made of is read and written by these functions; where it lies is told in record-layout.ts.
//
// PERF: these functions are on the path of every operation (docs/decisions/0026-hot-functions-are-written-for-few-instructions.md).

import type { ByteSlice } from '../base/byte-slice.ts'
import type { RowWords } from '../base/row-words.ts'
import { wordsForKey } from './key-words.ts'
import * as layout from './record-layout.ts'

// PERF: an imported constant is looked up at each use, one of the module itself is not.
const { DEAD, HEAD, HEADER_BYTES, KEY_SHIFT, LENGTHS, LONG, LONG_HEADER_BYTES, PREVIOUS } = layout
const { REMOVED, SEQUENCE, SHORT_KEY_BYTES_MAX, SHORT_VALUE_BYTES_MAX, SUPERSEDED_BY } = layout
const { UNIT_BYTES, VALUE_MASK } = layout

/** Copying by hand beats `set()` up to about this many bytes (PERF: measured on Node 24, 32 bytes: 22 against 11 ns). */
const HAND_COPY_BYTES_MAX = 16

function isShort(keyLength: number, valueLength: number): boolean {
  return keyLength <= SHORT_KEY_BYTES_MAX && valueLength <= SHORT_VALUE_BYTES_MAX
}

/** Units a record with these lengths takes; `valueLength` may be REMOVED. */
export function unitsFor(keyLength: number, valueLength: number): number {
  const dataBytes = ((keyLength + 3) & ~3) + (valueLength === REMOVED ? 0 : valueLength)
  return isShort(keyLength, valueLength)
    ? (dataBytes + HEADER_BYTES + 7) >>> 3
    : Math.ceil((dataBytes + LONG_HEADER_BYTES) / UNIT_BYTES)
}

/** Units of the record or free span at word `w`. */
export function recordUnits(words: Int32Array, w: number): number {
  if (words[(w + SUPERSEDED_BY) | 0] === DEAD) return words[(w + SEQUENCE) | 0]
  const lengths = words[(w + LENGTHS) | 0]
  if (lengths === LONG) return unitsFor(words[w + 4], words[w + 5])
  const value = lengths & VALUE_MASK
  const keyBytes = ((lengths >>> KEY_SHIFT) + 3) & ~3
  return (keyBytes + (value === 0 ? 0 : value - 1) + HEADER_BYTES + 7) >>> 3
}

export function keyLengthAt(words: Int32Array, w: number): number {
  const lengths = words[(w + LENGTHS) | 0]
  return lengths === LONG ? words[w + 4] : lengths >>> KEY_SHIFT
}

/** Whether the record at word `w` has the key of `length` bytes that lies in `key` from word `at` on. */
export function hasKey(
  words: Int32Array,
  w: number,
  key: Int32Array,
  at: number,
  length: number,
): boolean {
  const lengths = words[(w + LENGTHS) | 0]
  let from = (w + (HEADER_BYTES >>> 2)) | 0
  if (lengths === LONG) {
    if (words[from] !== length) return false
    from = (w + (LONG_HEADER_BYTES >>> 2)) | 0
  } else if (lengths >>> KEY_SHIFT !== length) {
    return false
  }
  const count = (length + 3) >>> 2
  for (let i = 0; i < count; i = (i + 1) | 0) {
    if (words[(from + i) | 0] !== key[(at + i) | 0]) return false
  }
  return true
}

/** REMOVED for a removal. */
export function valueLengthAt(words: Int32Array, w: number): number {
  const lengths = words[(w + LENGTHS) | 0]
  return lengths === LONG ? words[w + 5] : ((lengths & VALUE_MASK) - 1) | 0
}

/** The word at which the key of the record at word `w` begins. */
export function keyWordAt(words: Int32Array, w: number): number {
  return (
    (w + (words[(w + LENGTHS) | 0] === LONG ? LONG_HEADER_BYTES >>> 2 : HEADER_BYTES >>> 2)) | 0
  )
}

/** Offset of the key, in bytes from the start of the segment. */
export function keyOffsetAt(words: Int32Array, w: number): number {
  return keyWordAt(words, w) * 4
}

/** Offset of the value, in bytes from the start of the segment. */
export function valueOffsetAt(words: Int32Array, w: number): number {
  return (keyWordAt(words, w) + wordsForKey(keyLengthAt(words, w))) * 4
}

/** Where the row of the record at word `w` lies, which is no removal. */
export function locateRow(words: Int32Array, w: number, row: RowWords): void {
  const lengths = words[(w + LENGTHS) | 0]
  let keyWord = (w + (HEADER_BYTES >>> 2)) | 0
  let keyLength = lengths >>> KEY_SHIFT
  let valueLength = (lengths & VALUE_MASK) - 1
  if (lengths === LONG) {
    keyLength = words[keyWord]
    valueLength = words[keyWord + 1]
    keyWord = (w + (LONG_HEADER_BYTES >>> 2)) | 0
  }
  row.words = words
  row.keyWord = keyWord
  row.keyLength = keyLength
  row.valueWord = (keyWord + ((keyLength + 3) >>> 2)) | 0
  row.valueLength = valueLength
}

/** Where the value of the record at word `w` lies, in a segment that is both `words` and `bytes`. False, and `into` as it was, for a removal. */
export function sliceOfValue(
  words: Int32Array,
  bytes: Uint8Array,
  w: number,
  into: ByteSlice,
): boolean {
  const lengths = words[(w + LENGTHS) | 0]
  let start = w * 4 + HEADER_BYTES
  let keyLength = lengths >>> KEY_SHIFT
  let valueLength = (lengths & VALUE_MASK) - 1
  if (lengths === LONG) {
    start = w * 4 + LONG_HEADER_BYTES
    keyLength = words[w + 4]
    valueLength = words[w + 5]
  }
  if (valueLength === REMOVED) return false
  into.bytes = bytes
  into.offset = start + ((keyLength + 3) & ~3)
  into.length = valueLength
  return true
}

/** Returns the word at which the key begins. */
function writeLengths(
  words: Int32Array,
  w: number,
  keyLength: number,
  valueLength: number,
): number {
  if (isShort(keyLength, valueLength)) {
    words[(w + LENGTHS) | 0] = (keyLength << KEY_SHIFT) | (valueLength + 1)
    return (w + (HEADER_BYTES >>> 2)) | 0
  }
  words[w + LENGTHS] = LONG
  words[w + 4] = keyLength
  words[w + 5] = valueLength
  return (w + (LONG_HEADER_BYTES >>> 2)) | 0
}

/** Whether a record at `w` can take a value of `valueLength` (or REMOVED) without its key moving. Says nothing about room. */
export function keepsKeyPlace(words: Int32Array, w: number, valueLength: number): boolean {
  return (words[w + LENGTHS] !== LONG) === isShort(keyLengthAt(words, w), valueLength)
}

export function copyBytes(target: Uint8Array, offset: number, source: Uint8Array): void {
  const length = source.length
  if (length > HAND_COPY_BYTES_MAX) {
    target.set(source, offset)
    return
  }
  for (let i = 0; i < length; i++) target[offset + i] = source[i]
}

/**
 * Fills in the header of a record that is the newest of its key, with `valueLength` REMOVED a removal. The caller has allocated unitsFor() its lengths at
 * `w`. Returns the word at which the key begins.
 */
export function writeHeader(
  words: Int32Array,
  w: number,
  sequence: number,
  previous: number,
  keyLength: number,
  valueLength: number,
): number {
  words[(w + SUPERSEDED_BY) | 0] = HEAD
  words[(w + SEQUENCE) | 0] = sequence
  words[(w + PREVIOUS) | 0] = previous
  return writeLengths(words, w, keyLength, valueLength)
}

/** Puts another value (undefined: a removal) into a record that keepsKeyPlace() and has room for it. */
export function rewriteValue(
  words: Int32Array,
  bytes: Uint8Array,
  w: number,
  value: Uint8Array | undefined,
): void {
  const keyLength = keyLengthAt(words, w)
  writeLengths(words, w, keyLength, value === undefined ? REMOVED : value.length)
  if (value !== undefined) copyBytes(bytes, valueOffsetAt(words, w), value)
}

/** Marks `units` units from word `w` on as free. */
export function writeFreeSpan(words: Int32Array, w: number, units: number): void {
  words[w + SUPERSEDED_BY] = DEAD
  words[w + SEQUENCE] = units
}
