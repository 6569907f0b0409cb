// The table of framings, by name and by first bytes.
//
// Spark does not record the codec in a file. The first bytes tell it: "LZ4Block", the zstd magic, snappy-java's header, "ZV" of lzf. An
// uncompressed record stream begins with a key length below 32 MiB or the end marker, which none of the others do, so the five never tie.

import { StateStoreError } from '../errors.ts'
import { lz4Compression } from './compression-lz4.ts'
import { noCompression } from './compression-none.ts'
import { zstdCompression } from './compression-zstd.ts'
import type { Compression, CompressionName } from './compression.ts'

export const COMPRESSIONS: Readonly<Record<CompressionName, Compression>> = {
  lz4: lz4Compression,
  zstd: zstdCompression,
  none: noCompression,
}

/** Framings that Spark can write and this version cannot read, so that they get their own message. */
const UNSUPPORTED_MAGICS: ReadonlyArray<{ name: string; magic: Uint8Array }> = [
  { name: 'snappy', magic: Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00) },
  { name: 'lzf', magic: Uint8Array.of(0x5a, 0x56) },
]

export function compressionOf(name: CompressionName): Compression {
  return COMPRESSIONS[name]
}

export function isCompressionName(name: unknown): name is CompressionName {
  return typeof name === 'string' && Object.hasOwn(COMPRESSIONS, name)
}

/**
 * The framing that a stream beginning with `head` (16 bytes, or the whole stream) is written in; undefined if it looks like none. Throws
 * UNSUPPORTED naming the codec where it is one that Spark has and tidemark does not read.
 */
export function sniffCompression(head: Uint8Array, path: string): Compression | undefined {
  for (const { name, magic } of UNSUPPORTED_MAGICS) {
    if (magic.every((byte, i) => head[i] === byte))
      throw new StateStoreError(
        'TIDEMARK_UNSUPPORTED',
        `The file is compressed with ${name}, which this version of tidemark does not read (it reads ${Object.keys(COMPRESSIONS).join(', ')}): ${path}`,
        { path },
      )
  }
  return Object.values(COMPRESSIONS).find((compression) => compression.sniff(head))
}
