// Text as Java's strings have it.

/** A surrogate half encoded as if it were a character, whole or cut. */
const ENCODED_SURROGATE = /\xed[\xa0-\xbf][\x80-\xbf]?/g

/** The text of `size` bytes at `start`, with U+FFFD for what is not UTF-8, just as Java's `new String(bytes, UTF_8)` places them. */
export function decodeUtf8(bytes: Uint8Array, start: number, size: number): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset + start, size)
  const text = buffer.toString('utf8')
  if (!text.includes('\ufffd')) return text
  // SPARK: Java takes an encoded surrogate for one mistake, the rest of the world (and Node) for one a byte. 0xff is one mistake to both.
  const marked = buffer.toString('latin1').replace(ENCODED_SURROGATE, '\xff')
  return Buffer.from(marked, 'latin1').toString('utf8')
}
