// How a record lies in an arena segment. This is the only place that knows; everything else asks the functions below or uses the word
// offsets by name.
//
//   word 0   supersededBy  HEAD: newest of its key · DEAD: free space · else the sequence of the record that replaced it
//   word 1   sequence      when it was written (free space: how many units it spans)
//   word 2   previous      reference of the record it replaced, 0 = none
//   word 3   lengths       key length << 20 | value length + 1 (0: a removal), or LONG: the next two words hold them (value −1: a removal)
//   [word 4, 5             key length, value length, only if LONG]
//   key, zeros to a whole word, value, padding to a whole unit
//
// Words are int32, native byte order (the arena never leaves the process). A unit is 8 bytes. A reader at sequence q sees a record if
// sequence <= q < supersededBy and it is no removal. A record replaced at or below the arena's floor is free space as well. INVARIANT: a segment is always fully covered by records and free spans, so whoever
// walks it from unit 0 in steps of recordUnits() meets every record. A free span may be a single unit: only words 0 and 1 are its own.
//
// Why supersededBy lies in the record: the writer has just compared the old record's key, so its cache line is warm; a bitmap and lists
// per segment beside it would cost another cache miss for each update, and iteration would have to sort what this order gives for free.

import { type KeyWords, wordsForKey } from './key-words.ts'

export const SUPERSEDED_BY = 0
export const SEQUENCE = 1
export const PREVIOUS = 2
export const LENGTHS = 3

/** In SUPERSEDED_BY: the newest record of its key. Larger than every sequence. */
export const HEAD = 0x7fffffff
/** In SUPERSEDED_BY: free space. Smaller than every sequence. */
export const DEAD = 0

export const UNIT_BYTES = 8
const HEADER_BYTES = 16
const LONG_HEADER_BYTES = 24

/** In LENGTHS: the lengths follow in two words of their own. */
const LONG = -1
const KEY_SHIFT = 20
const VALUE_MASK = 0xfffff
const SHORT_KEY_BYTES_MAX = 0xffe
const SHORT_VALUE_BYTES_MAX = VALUE_MASK - 2

/** Copying by hand beats `set()` up to about this many bytes (PERF: measured on Node 24, 32 bytes: 22 against 11 ns). */
export const HAND_COPY_BYTES_MAX = 16

/** The value length that stands for a removal. */
export const REMOVED = -1

function isShort(keyLength: number, valueLength: number): boolean {
  return keyLength <= SHORT_KEY_BYTES_MAX && valueLength <= SHORT_VALUE_BYTES_MAX
}

/** Units a record with these lengths takes; `valueLength` may be REMOVED. */
export function unitsFor(keyLength: number, valueLength: number): number {
  const dataBytes = wordsForKey(keyLength) * 4 + (valueLength < 0 ? 0 : valueLength)
  return isShort(keyLength, valueLength)
    ? (dataBytes + HEADER_BYTES + 7) >>> 3
    : Math.ceil((dataBytes + LONG_HEADER_BYTES) / UNIT_BYTES)
}

/** Units of the record or free span at word `w`. */
export function recordUnits(words: Int32Array, w: number): number {
  if (words[w + SUPERSEDED_BY] === DEAD) return words[w + SEQUENCE]
  const lengths = words[w + LENGTHS]
  if (lengths === LONG) return unitsFor(words[w + 4], words[w + 5])
  const value = lengths & VALUE_MASK
  const keyBytes = wordsForKey(lengths >>> KEY_SHIFT) * 4
  return (keyBytes + (value === 0 ? 0 : value - 1) + HEADER_BYTES + 7) >>> 3
}

export function keyLengthAt(words: Int32Array, w: number): number {
  const lengths = words[w + LENGTHS]
  return lengths === LONG ? words[w + 4] : lengths >>> KEY_SHIFT
}

/** REMOVED for a removal. */
export function valueLengthAt(words: Int32Array, w: number): number {
  const lengths = words[w + LENGTHS]
  return lengths === LONG ? words[w + 5] : (lengths & VALUE_MASK) - 1
}

/** The word at which the key of the record at word `w` begins. */
export function keyWordAt(words: Int32Array, w: number): number {
  return w + (words[w + LENGTHS] === LONG ? LONG_HEADER_BYTES : HEADER_BYTES) / 4
}

/** Offset of the key, in bytes from the start of the segment. */
export function keyOffsetAt(words: Int32Array, w: number): number {
  return keyWordAt(words, w) * 4
}

/** Offset of the value, in bytes from the start of the segment. */
export function valueOffsetAt(words: Int32Array, w: number): number {
  return (keyWordAt(words, w) + wordsForKey(keyLengthAt(words, w))) * 4
}

function writeLengths(words: Int32Array, w: number, keyLength: number, valueLength: number): void {
  if (isShort(keyLength, valueLength)) {
    words[w + LENGTHS] = (keyLength << KEY_SHIFT) | (valueLength + 1)
  } else {
    words[w + LENGTHS] = LONG
    words[w + 4] = keyLength
    words[w + 5] = valueLength
  }
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

/** Fills in the header of a record that is the newest of its key. */
export function writeHeader(
  words: Int32Array,
  w: number,
  sequence: number,
  previous: number,
  keyLength: number,
  valueLength: number,
): void {
  words[w + SUPERSEDED_BY] = HEAD
  words[w + SEQUENCE] = sequence
  words[w + PREVIOUS] = previous
  writeLengths(words, w, keyLength, valueLength)
}

/**
 * Fills a record in, but for the bytes of its value: newest of its key, with `valueLength` REMOVED a removal. The caller has allocated unitsFor() its
 * lengths at `w`.
 */
export function writeRecord(
  words: Int32Array,
  w: number,
  sequence: number,
  previous: number,
  key: KeyWords,
  valueLength: number,
): void {
  writeHeader(words, w, sequence, previous, key.length, valueLength)
  const at = keyWordAt(words, w)
  const count = wordsForKey(key.length)
  for (let i = 0; i < count; i++) words[at + i] = key.words[i]
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
