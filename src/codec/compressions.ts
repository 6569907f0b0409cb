// The table of framings, by name and by first bytes.
//
// Spark does not record the codec in a file. The first bytes tell it: "LZ4Block", snappy-java's header, the zstd magic, "ZV" of lzf. An
// uncompressed record stream begins with a key length below 32 MiB or the end marker, which none of the others do, so the five never tie.

import { lz4Compression } from './compression-lz4.ts'
import { lzfCompression } from './compression-lzf.ts'
import { noCompression } from './compression-none.ts'
import { snappyCompression } from './compression-snappy.ts'
import { zstdCompression } from './compression-zstd.ts'
import type { Compression, CompressionName } from './compression.ts'

/** As many bytes as any codec needs to recognise itself. */
export const SNIFF_BYTES = 16

export const COMPRESSIONS: Readonly<Record<CompressionName, Compression>> = {
  lz4: lz4Compression,
  snappy: snappyCompression,
  zstd: zstdCompression,
  lzf: lzfCompression,
  none: noCompression,
}

export function compressionOf(name: CompressionName): Compression {
  return COMPRESSIONS[name]
}

export function isCompressionName(name: unknown): name is CompressionName {
  return typeof name === 'string' && Object.hasOwn(COMPRESSIONS, name)
}

/** The framing that a stream beginning with `head` (16 bytes, or the whole stream) is written in; undefined if it looks like none. */
export function sniffCompression(head: Uint8Array): Compression | undefined {
  return Object.values(COMPRESSIONS).find((compression) => compression.sniff(head))
}
