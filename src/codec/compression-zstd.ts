// zstd (RFC 8878), as Spark frames it: level 1, no dictionary, no content size, no checksum.
//
// Writing: one frame per block, flushed and then ended by an empty last block, so that an empty delta is byte for byte Spark's
// `28b52ffd 0048 200000 ffffffff 010000`. Spark's reader takes frames in a row.
//
// Reading walks the frames itself: Node's zstd decoders, one-shot and streaming, stop at the end of the first frame and silently ignore
// whatever follows. Each walk reads the frame header and the 3-byte block headers, and hands libzstd exactly one frame: at one go if it is
// short (ours are), as a stream if Spark wrote the whole snapshot as one frame.
//
//   frame = magic u32 | descriptor u8 | window? | dictionary id? | content size? | block+ | checksum u32?
//   block = u24 little-endian: last (bit 0), type (bits 1-2: raw, RLE, compressed), size (bits 3-23) | content (1 byte for RLE)
//
// INVARIANT: a frame that asks for a larger window or content than the caller's limit is refused; nothing is allocated by a claimed size.

import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import {
  constants,
  createZstdDecompress,
  zstdCompress,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib'
import { concatBytes, joinBytes, release } from '../base/bytes.ts'
import { StateStoreError } from '../errors.ts'
import { ByteSource } from './byte-source.ts'
import type { Compression, DecompressOptions } from './compression.ts'
import { corruptFile } from './corrupt-file.ts'

const MAGIC_BYTES = 4
const BLOCK_HEADER_BYTES = 3
const CHECKSUM_BYTES = 4
const SKIPPABLE_MAGIC = 0x184d2a50
const SKIPPABLE_HEADER_BYTES = 8

/** No zstd block is larger than this, packed or plain (RFC 8878, 3.1.1.2.4). */
const ZSTD_BLOCK_BYTES_MAX = 128 * 1024

/** That of level 22, the highest of spark.io.compression.zstd.level, and the most that decoders take unasked. */
const WINDOW_BYTES_MAX = 128 * 1024 * 1024

// PERF: a frame costs some 40 µs to set up, whatever its size (bench/micro/state-file.ts); 128 KiB is also the most that one zstd block holds.
const BLOCK_BYTES = ZSTD_BLOCK_BYTES_MAX

/** Frames of up to this many blocks are decoded at one go: at most 4 MiB of plain bytes at hand. Longer ones are streamed. */
const WHOLE_FRAME_BLOCKS_MAX = 32

const compressApart = promisify(zstdCompress)

/** A last block of 0 raw bytes. */
const EMPTY_LAST_BLOCK = Uint8Array.of(0x01, 0x00, 0x00)

const COMPRESS_OPTIONS = {
  // Flushed, not ended: libzstd then writes no content size, as in Spark's streams; the empty last block ends the frame.
  finishFlush: constants.ZSTD_e_flush,
  // Room for a whole block: one output buffer instead of several 16 KiB ones that have to be joined.
  chunkSize: BLOCK_BYTES + 1024,
  params: { [constants.ZSTD_c_compressionLevel]: 1 },
}

export const zstdCompression: Compression = {
  name: 'zstd',
  blockBytes: BLOCK_BYTES,
  sniff: (head) => head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd,
  begin: () => undefined,
  encodeBlock,
  encodeBlockApart,
  end: () => undefined,
  frameForeign,
  decode,
}

function encodeBlock(plain: Uint8Array): Uint8Array {
  try {
    return frameBlock(zstdCompressSync(plain, COMPRESS_OPTIONS))
  } catch (cause) {
    throw compressFailed(plain, cause)
  }
}

async function encodeBlockApart(plain: Uint8Array): Promise<Uint8Array> {
  try {
    return frameBlock(await compressApart(plain, COMPRESS_OPTIONS))
  } catch (cause) {
    throw compressFailed(plain, cause)
  }
}

/** `packed` as libzstd makes it; it is used up. */
function frameBlock(packed: Uint8Array): Uint8Array {
  const framed = concatBytes([packed, EMPTY_LAST_BLOCK])
  release(packed)
  return framed
}

function compressFailed(plain: Uint8Array, cause: unknown): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_CODEC_FAILED',
    `zstd could not compress a block of ${plain.length} bytes`,
    { cause },
  )
}

/** The header of a skippable frame. */
function frameForeign(foreign: Uint8Array): Uint8Array {
  const header = new Uint8Array(SKIPPABLE_HEADER_BYTES)
  const view = new DataView(header.buffer)
  view.setUint32(0, SKIPPABLE_MAGIC, true)
  view.setUint32(4, foreign.length, true)
  return header
}

async function* decode(
  source: AsyncIterable<Uint8Array>,
  options: DecompressOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const bytes = new ByteSource(source)
  try {
    do {
      const walk = new FrameWalk(bytes, options)
      await walk.header()
      const collected: Uint8Array[] = [walk.headerBytes]
      while (!walk.ended && walk.blocks < WHOLE_FRAME_BLOCKS_MAX) collected.push(await walk.block())
      const frame = joinBytes(collected)
      if (walk.ended) {
        const plain = decodeWhole(frame, walk, options.path)
        release(frame)
        yield plain
        release(plain)
      } else {
        yield* decodeStreaming(frame, walk, options.path)
      }
    } while (bytes.has(1) || (await bytes.fill(1)))
  } finally {
    await bytes.close()
  }
}

function decodeWhole(frame: Uint8Array, walk: FrameWalk, path: string): Uint8Array {
  // No block holds more than this, so neither does the frame, whatever it claims.
  const plainBytesMax = walk.blocks * ZSTD_BLOCK_BYTES_MAX
  try {
    const plain = zstdDecompressSync(frame, {
      maxOutputLength: plainBytesMax,
      chunkSize: ZSTD_BLOCK_BYTES_MAX,
      params: walk.decoderParams,
    })
    return new Uint8Array(plain.buffer, plain.byteOffset, plain.length)
  } catch (cause) {
    throw undecodable(walk, path, cause)
  }
}

async function* decodeStreaming(
  start: Uint8Array,
  walk: FrameWalk,
  path: string,
): AsyncGenerator<Uint8Array, void, void> {
  let walkFailure: unknown
  async function* frame() {
    try {
      yield start
      while (!walk.ended) yield await walk.block()
    } catch (error) {
      walkFailure = error
      throw error
    }
  }
  const decoder = createZstdDecompress({
    chunkSize: ZSTD_BLOCK_BYTES_MAX,
    params: walk.decoderParams,
  })
  const input = Readable.from(frame(), { objectMode: false })
  const pumping = pipeline(input, decoder).catch((error: unknown) => {
    walkFailure ??= undecodable(walk, path, error)
  })
  try {
    for await (const plain of decoder as AsyncIterable<Buffer>)
      yield new Uint8Array(plain.buffer, plain.byteOffset, plain.length)
  } catch (error) {
    await pumping
    throw walkFailure ?? undecodable(walk, path, error)
  }
  await pumping
  if (walkFailure !== undefined) throw walkFailure
}

function undecodable(walk: FrameWalk, path: string, cause: unknown): StateStoreError {
  return corruptFile(path, 'The zstd frame cannot be decompressed', { offset: walk.offset, cause })
}

/** Walks one frame: finds where its blocks and the frame itself end, without decompressing anything. */
class FrameWalk {
  /** Where the frame begins in the stream. */
  readonly offset: number
  headerBytes = new Uint8Array(0)
  blocks = 0
  ended = false
  decoderParams: Record<number, number> = {}
  readonly #bytes: ByteSource
  readonly #options: DecompressOptions
  #checksum = false

  constructor(bytes: ByteSource, options: DecompressOptions) {
    this.#bytes = bytes
    this.#options = options
    this.offset = bytes.offset
  }

  async header(): Promise<void> {
    await this.#need(MAGIC_BYTES + 1, 'a frame header')
    const start = this.#bytes.peek(MAGIC_BYTES + 1)
    if (!zstdCompression.sniff(start))
      throw this.#corrupt('Expected a zstd frame, found other bytes', this.offset)
    const descriptor = start[MAGIC_BYTES]
    if ((descriptor & 0x08) !== 0)
      throw this.#corrupt('The zstd frame header has its reserved bit set', this.offset)
    if ((descriptor & 0x03) !== 0)
      throw this.#corrupt('The zstd frame asks for a dictionary; Spark uses none', this.offset)
    this.#checksum = (descriptor & 0x04) !== 0
    const singleSegment = (descriptor & 0x20) !== 0
    const sizeFlag = descriptor >> 6
    const sizeBytes = sizeFlag === 0 ? (singleSegment ? 1 : 0) : 1 << sizeFlag
    const windowBytes = singleSegment ? 0 : 1
    const headerBytes = MAGIC_BYTES + 1 + windowBytes + sizeBytes
    await this.#need(headerBytes, 'a frame header')
    const header = this.#bytes.take(headerBytes)
    const window = singleSegment
      ? contentSize(header.subarray(MAGIC_BYTES + 1), sizeBytes)
      : windowSize(header[MAGIC_BYTES + 1])
    if (window > WINDOW_BYTES_MAX)
      throw this.#corrupt(
        `The zstd frame asks for a window of ${window} bytes; ${WINDOW_BYTES_MAX} are allowed`,
        this.offset,
      )
    this.decoderParams = { [constants.ZSTD_d_windowLogMax]: windowLogMax(window) }
    this.headerBytes = new Uint8Array(header)
  }

  /** The next block, in bytes of its own: the frame is put together, or streamed, when the chunks it came in are gone. */
  async block(): Promise<Uint8Array> {
    const offset = this.#bytes.offset
    await this.#need(BLOCK_HEADER_BYTES, 'a block header')
    const head = this.#bytes.peek(BLOCK_HEADER_BYTES)
    const word = head[0] | (head[1] << 8) | (head[2] << 16)
    const last = (word & 1) !== 0
    const type = (word >> 1) & 3
    const size = word >> 3
    if (type === 3) throw this.#corrupt('The zstd block has the reserved type 3', offset)
    if (size > ZSTD_BLOCK_BYTES_MAX)
      throw this.#corrupt(
        `The zstd block claims ${size} bytes; ${ZSTD_BLOCK_BYTES_MAX} are allowed`,
        offset,
      )
    const contentBytes = type === 1 ? 1 : size
    const tailBytes = last && this.#checksum ? CHECKSUM_BYTES : 0
    const wholeBytes = BLOCK_HEADER_BYTES + contentBytes + tailBytes
    await this.#need(wholeBytes, 'a block')
    this.blocks++
    this.ended = last
    return new Uint8Array(this.#bytes.take(wholeBytes))
  }

  async #need(count: number, what: string): Promise<void> {
    if (this.#bytes.has(count) || (await this.#bytes.fill(count))) return
    throw this.#corrupt(
      `Expected ${what} of ${count} bytes in the zstd frame, found only ${this.#bytes.available}: the file is cut`,
      this.#bytes.offset,
    )
  }

  #corrupt(problem: string, offset: number): StateStoreError {
    return corruptFile(this.#options.path, problem, { offset })
  }
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3))
  return base + (base / 8) * (descriptor & 7)
}

function contentSize(field: Uint8Array, sizeBytes: number): number {
  let size = 0
  for (let i = sizeBytes - 1; i >= 0; i--) size = size * 256 + field[i]
  return sizeBytes === 2 ? size + 256 : size
}

/** libzstd wants the limit as a power of two, between 2^10 and 2^31. */
function windowLogMax(window: number): number {
  return Math.min(31, Math.max(10, Math.ceil(Math.log2(Math.max(window, 1)))))
}
