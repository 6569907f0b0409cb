// LZ4Block — the framing of lz4-java's LZ4BlockOutputStream, which Spark uses by default. It is not the LZ4 frame format.
//
//   block   = "LZ4Block" | token u8 | compressed length u32 | plain length u32 | checksum u32 | payload      all little-endian
//   token   = method (0x10 raw, 0x20 lz4) | level,  level = max(0, ceil(log2(block size)) - 10)
//   stream  = block* end-block,  end-block = a raw block with both lengths and the checksum 0
//   file    = stream+
//
// The checksum is xxHash32 of the plain bytes with the top four bits dropped. lz4-napi speaks raw LZ4 blocks with the plain length in
// front (4 bytes, little-endian): stripped on writing, put back on reading.
//
// INVARIANT: a length is checked against what the block's level, LZ4 itself and the caller's limit allow before the codec is called.
// lz4-napi believes any length: a forged one blocks for seconds and comes back short without an error.
// Not tolerated, though lz4-java does: a stream that ends without its end block. It is cut, and nobody else would notice.

import { compress, compressSync, uncompressSync } from 'lz4-napi'
import { release } from '../base/bytes.ts'
import { xxh32 } from '../base/checksum.ts'
import { StateStoreError } from '../errors.ts'
import { ByteSource } from './byte-source.ts'
import type { Compression, DecompressOptions } from './compression.ts'
import { corruptFile } from './corrupt-file.ts'

const MAGIC = Uint8Array.from(Buffer.from('LZ4Block', 'latin1'))
const HEADER_BYTES = 21
const METHOD_RAW = 0x10
const METHOD_LZ4 = 0x20
const LEVEL_BASE = 10

// SPARK: 32 KiB blocks (level 5) and this seed.
const BLOCK_BYTES = 32 * 1024
const BLOCK_LEVEL = 5
/**
 * A block that goes to the thread pool costs the program's thread some 40 microseconds, to send and to take back, whether it has 32 or 128 KiB; with twice that a
 * commit waits longer for the last of them. LZ4 looks back 64 KiB; lz4-java reads blocks of any size that their level allows.
 */
const APART_BLOCK_BYTES = 128 * 1024
const CHECKSUM_SEED = 0x9747b28c
const CHECKSUM_MASK = 0x0fffffff

/** One byte of an LZ4 block stands for at most 255 plain ones; the slack covers the token and the last literals. */
const EXPANSION_MAX = 255
const EXPANSION_SLACK_BYTES = 64

/** The raw block of lz4-napi has its plain length in front. */
const NAPI_PREFIX_BYTES = 4

export const lz4Compression: Compression = {
  name: 'lz4',
  blockBytes: BLOCK_BYTES,
  apartBlockBytes: APART_BLOCK_BYTES,
  sniff: startsWithMagic,
  begin: () => undefined,
  encodeBlock,
  encodeBlockApart,
  end: () => frame(METHOD_RAW, new Uint8Array(0), 0, 0),
  frameForeign,
  decode,
}

function startsWithMagic(head: Uint8Array): boolean {
  for (let i = 0; i < MAGIC.length; i++) if (head[i] !== MAGIC[i]) return false
  return true
}

function encodeBlock(plain: Uint8Array): Uint8Array {
  try {
    return frameBlock(
      plain,
      compressSync(Buffer.from(plain.buffer, plain.byteOffset, plain.length)),
    )
  } catch (cause) {
    throw compressFailed(plain, cause)
  }
}

async function encodeBlockApart(plain: Uint8Array): Promise<Uint8Array> {
  try {
    return frameBlock(plain, await compress(plain))
  } catch (cause) {
    throw compressFailed(plain, cause)
  }
}

/** `packed` as lz4-napi makes it; it is used up. */
function frameBlock(plain: Uint8Array, packed: Uint8Array): Uint8Array {
  const checksum = xxh32(plain, CHECKSUM_SEED) & CHECKSUM_MASK
  const payload = packed.subarray(NAPI_PREFIX_BYTES)
  // SPARK: lz4-java keeps a block raw unless it became smaller.
  const framed =
    payload.length < plain.length
      ? frame(METHOD_LZ4, payload, plain.length, checksum)
      : frame(METHOD_RAW, plain, plain.length, checksum)
  release(packed)
  return framed
}

function compressFailed(plain: Uint8Array, cause: unknown): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_CODEC_FAILED',
    `lz4 could not compress a block of ${plain.length} bytes`,
    { cause },
  )
}

/** The header of a raw block, of the least level that allows its size. */
function frameForeign(foreign: Uint8Array): Uint8Array {
  const checksum = xxh32(foreign, CHECKSUM_SEED) & CHECKSUM_MASK
  const header = frame(METHOD_RAW, new Uint8Array(0), foreign.length, checksum)
  new DataView(header.buffer).setUint32(9, foreign.length, true)
  return header
}

/** The least level that allows a block of so many bytes, and that of Spark's blocks for smaller ones. */
function levelOf(plainBytes: number): number {
  return Math.max(BLOCK_LEVEL, Math.ceil(Math.log2(plainBytes)) - LEVEL_BASE)
}

function frame(
  method: number,
  payload: Uint8Array,
  plainBytes: number,
  checksum: number,
): Uint8Array {
  const framed = new Uint8Array(HEADER_BYTES + payload.length)
  framed.set(MAGIC)
  framed[8] = method | levelOf(plainBytes)
  const view = new DataView(framed.buffer)
  view.setUint32(9, payload.length, true)
  view.setUint32(13, plainBytes, true)
  view.setUint32(17, checksum, true)
  framed.set(payload, HEADER_BYTES)
  return framed
}

async function* decode(
  source: AsyncIterable<Uint8Array>,
  options: DecompressOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const bytes = new ByteSource(source)
  const unpacker = new Unpacker()
  let ended = false
  try {
    for (;;) {
      if (!bytes.has(HEADER_BYTES) && !(await bytes.fill(HEADER_BYTES))) {
        if (ended && bytes.available === 0) return
        throw unfinished(bytes, ended, options.path)
      }
      const block = readHeader(bytes, ended, options)
      ended = block.plainBytes === 0
      if (ended) continue
      if (!bytes.has(block.packedBytes) && !(await bytes.fill(block.packedBytes)))
        throw corruptFile(
          options.path,
          `The lz4 block claims ${block.packedBytes} bytes, but only ${bytes.available} are left: the file is cut, or the length is wrong`,
          { offset: block.offset },
        )
      const payload = bytes.take(block.packedBytes)
      const plain = block.raw ? payload : unpacker.unpack(payload, block, options.path)
      if ((xxh32(plain, CHECKSUM_SEED) & CHECKSUM_MASK) !== block.checksum)
        throw corruptFile(
          options.path,
          'The lz4 block does not match its checksum: the file was damaged',
          { offset: block.offset },
        )
      yield plain
      if (!block.raw) release(plain)
    }
  } finally {
    await bytes.close()
  }
}

function unfinished(bytes: ByteSource, ended: boolean, path: string): StateStoreError {
  return corruptFile(
    path,
    ended
      ? `Expected nothing after the end of the lz4 stream, found ${bytes.available} bytes`
      : `Expected an lz4 block or the end block, found only ${bytes.available} bytes: the file is cut`,
    { offset: bytes.offset },
  )
}

interface BlockHeader {
  /** Where the block begins in the stream. */
  readonly offset: number
  readonly raw: boolean
  readonly packedBytes: number
  /** 0 for the end block only. */
  readonly plainBytes: number
  readonly checksum: number
}

function readHeader(bytes: ByteSource, ended: boolean, options: DecompressOptions): BlockHeader {
  const offset = bytes.offset
  const header = bytes.take(HEADER_BYTES)
  const fail = (problem: string) => corruptFile(options.path, problem, { offset })
  if (!startsWithMagic(header))
    throw fail(
      ended
        ? 'Expected nothing after the end of the lz4 stream, found bytes that begin no other one'
        : 'Expected "LZ4Block" at the start of a block, found other bytes',
    )
  const view = new DataView(header.buffer, header.byteOffset, HEADER_BYTES)
  const token = view.getUint8(8)
  const method = token & 0xf0
  if (method !== METHOD_RAW && method !== METHOD_LZ4)
    throw fail(`Expected an lz4 block of method 1 or 2, found ${method >> 4}`)
  const raw = method === METHOD_RAW
  const packedBytes = view.getUint32(9, true)
  const plainBytes = view.getUint32(13, true)
  const checksum = view.getUint32(17, true)
  const plainBytesMax = Math.min(1 << (LEVEL_BASE + (token & 0x0f)), options.blockBytesMax)
  if (plainBytes > plainBytesMax)
    throw fail(`The lz4 block claims ${plainBytes} plain bytes; ${plainBytesMax} are allowed`)
  const consistent =
    plainBytes === 0
      ? raw && packedBytes === 0 && checksum === 0
      : raw
        ? packedBytes === plainBytes
        : packedBytes > 0 &&
          packedBytes <= compressBound(plainBytes) &&
          plainBytes <= packedBytes * EXPANSION_MAX + EXPANSION_SLACK_BYTES
  if (!consistent)
    throw fail(
      `The lz4 block's lengths contradict each other: ${packedBytes} ${raw ? 'raw' : 'compressed'} bytes for ${plainBytes} plain ones`,
    )
  return { offset, raw, packedBytes, plainBytes, checksum }
}

/** The most that LZ4 makes of `plainBytes` bytes that do not compress. */
function compressBound(plainBytes: number): number {
  return plainBytes + Math.floor(plainBytes / 255) + 16
}

/** Calls lz4-napi with the plain length it wants in front, by way of one scratch buffer. */
class Unpacker {
  #scratch = new Uint8Array(0)

  unpack(payload: Uint8Array, block: BlockHeader, path: string): Uint8Array {
    const size = NAPI_PREFIX_BYTES + payload.length
    // Grows only to what was actually read, so a forged length cannot make it large.
    if (this.#scratch.length < size) this.#scratch = new Uint8Array(Math.max(size, BLOCK_BYTES))
    new DataView(this.#scratch.buffer).setUint32(0, block.plainBytes, true)
    this.#scratch.set(payload, NAPI_PREFIX_BYTES)
    const plain = uncompress(this.#scratch.subarray(0, size), block, path)
    if (plain.length !== block.plainBytes)
      throw corruptFile(
        path,
        `The lz4 block claims ${block.plainBytes} plain bytes, but holds ${plain.length}`,
        { offset: block.offset },
      )
    return new Uint8Array(plain.buffer, plain.byteOffset, plain.length)
  }
}

function uncompress(packed: Uint8Array, block: BlockHeader, path: string): Uint8Array {
  try {
    return uncompressSync(packed)
  } catch (cause) {
    throw corruptFile(path, 'The payload of the lz4 block cannot be decompressed', {
      offset: block.offset,
      cause,
    })
  }
}
