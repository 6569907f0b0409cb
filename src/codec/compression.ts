// Compression — the contract of the framings that Spark's CompressionCodec puts around a record stream.
//
// Writing is block by block: the writer fills one plain block and hands it over; what comes back can be appended to the file as it is. It
// comes back at once, or, where the codec can, from the thread pool. Reading is a stream, because Spark's writers do not stop at our block
// sizes. Nothing here knows versions or files.

export type CompressionName = 'lz4' | 'snappy' | 'zstd' | 'lzf' | 'none'

export interface DecompressOptions {
  /** No block may claim to be larger than this, compressed or plain. Checked before anything is allocated or any codec is called. */
  readonly blockBytesMax: number
  /** The file, for messages. */
  readonly path: string
}

export interface Compression {
  readonly name: CompressionName
  /** How many plain bytes a block holds at most. */
  readonly blockBytes: number
  /** The same of the blocks after the first, where those are compressed apart. Default `blockBytes`. */
  readonly apartBlockBytes?: number
  /** Whether a stream that begins with `head` (at least 16 bytes, or the whole stream) looks like this framing. */
  sniff(head: Uint8Array): boolean
  /** Bytes that begin a stream, if any. */
  begin(): Uint8Array | undefined
  /**
   * One block, framed. `plain` has 1 to `blockBytes` or `apartBlockBytes` bytes, whichever is more, and may be reused by the caller at once; the result
   * belongs to the caller.
   */
  encodeBlock(plain: Uint8Array): Uint8Array
  /** The same block, compressed in the thread pool, where the codec can. `plain` must stay as it is until then. Rejects with CODEC_FAILED. */
  encodeBlockApart?(plain: Uint8Array): Promise<Uint8Array>
  /** Bytes that end a stream, if any. */
  end(): Uint8Array | undefined
  /**
   * What must stand between the end of a stream and `foreign` bytes (1 to 2 MiB), so that a reader that does not stop at the end takes them for
   * one more piece of it, to be skipped or decoded, and not for damage. `foreign` itself stays as it is. None where any bytes will do.
   */
  frameForeign(foreign: Uint8Array): Uint8Array | undefined
  /**
   * The plain chunks of a whole compressed stream, in order. A yielded chunk is valid until the next is asked for, and so are those of `source`.
   * Throws CORRUPT_FILE with the offset (in the compressed stream) where framing, lengths or checksums are wrong, where it ends in the middle, and
   * where bytes follow its end.
   */
  decode(
    source: AsyncIterable<Uint8Array>,
    options: DecompressOptions,
  ): AsyncGenerator<Uint8Array, void, void>
}
