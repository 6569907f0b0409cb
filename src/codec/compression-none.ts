// No compression: the record stream as it is. Spark has no name for it, but reads it through a codec class that is an identity stream.

import type { Compression } from './compression.ts'

// PERF: the size only decides how often the file is written to; it matches the lz4 blocks so that hashing sees equal pieces.
const BLOCK_BYTES = 32 * 1024

export const noCompression: Compression = {
  name: 'none',
  blockBytes: BLOCK_BYTES,
  // A record stream begins with a key length or the end marker, as int32 big-endian. The format's keys stay below 32 MiB, so the first
  // byte is 00 or 01, which is the first byte of no framing.
  sniff: (head) =>
    head.length >= 4 &&
    (head[0] <= 1 || (head[0] === 255 && head[1] === 255 && head[2] === 255 && head[3] === 255)),
  begin: () => undefined,
  encodeBlock: (plain) => plain.slice(),
  end: () => undefined,
  frameForeign: () => undefined,
  async *decode(source) {
    yield* source
  },
}
