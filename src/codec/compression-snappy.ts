// Snappy — the framing of snappy-java's SnappyOutputStream. It is neither the Snappy frame format nor Hadoop's.
//
//   stream  = header block+
//   header  = 82 "SNAPPY" 00 | version u32 | lowest version that can read it u32             both 1, big-endian
//   block   = packed length u32, big-endian | raw snappy block, which begins with its plain length (varint)
//   file    = stream+
//
// The format knows no end and no checksum: a stream that is cut between two blocks is noticed by the records in it, and damage within a
// block often by nobody but the trailer or the sidecar of the file.
//
// INVARIANT: both lengths of a block are checked against each other, what Snappy allows and the caller's limit before the codec is called.
// Not tolerated, though snappy-java does: a header with no block behind it. A state file has at least an end marker, so such a file is cut.

import { compressSync, uncompressSync } from 'snappy'
import { concatBytes, release } from '../base/bytes.ts'
import { StateStoreError } from '../errors.ts'
import { ByteSource } from './byte-source.ts'
import type { Compression, DecompressOptions } from './compression.ts'
import { corruptFile } from './corrupt-file.ts'

const MAGIC = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00)
const HEADER = Uint8Array.of(...MAGIC, 0, 0, 0, 1, 0, 0, 0, 1)
const READER_VERSION = 1

/** The first word of a header. No block can claim to be as long, so it tells a header from a block. */
const MAGIC_WORD = 0x82534e41

// SPARK: spark.io.compression.snappy.blockSize.
const BLOCK_BYTES = 32 * 1024

const LENGTH_BYTES = 4

/** A plain length takes at most this many bytes as a varint. */
const VARINT_BYTES_MAX = 5

/** The tag of a literal whose length, less one, follows in three bytes. */
const LITERAL_OF_24_BITS = 62 << 2

/** Three bytes of a Snappy block (a copy) stand for at most 64 plain ones; the slack covers a length that is not a multiple of that. */
const EXPANSION_MAX = 64 / 3
const EXPANSION_SLACK_BYTES = 64

export const snappyCompression: Compression = {
  name: 'snappy',
  blockBytes: BLOCK_BYTES,
  sniff: startsWithMagic,
  begin: () => HEADER.slice(),
  encodeBlock,
  end: () => undefined,
  frameForeign,
  decode,
}

function startsWithMagic(head: Uint8Array): boolean {
  for (let i = 0; i < MAGIC.length; i++) if (head[i] !== MAGIC[i]) return false
  return true
}

function encodeBlock(plain: Uint8Array): Uint8Array {
  const packed = compress(plain)
  const framed = new Uint8Array(LENGTH_BYTES + packed.length)
  new DataView(framed.buffer).setUint32(0, packed.length)
  framed.set(packed, LENGTH_BYTES)
  release(packed)
  return framed
}

/** All of a block but the bytes of its one literal. */
function frameForeign(foreign: Uint8Array): Uint8Array {
  const size = foreign.length
  const plainLength = Uint8Array.of((size & 0x7f) | 0x80, ((size >> 7) & 0x7f) | 0x80, size >> 14)
  const last = size - 1
  const literal = Uint8Array.of(LITERAL_OF_24_BITS, last & 0xff, (last >> 8) & 0xff, last >> 16)
  const packedLength = new Uint8Array(LENGTH_BYTES)
  new DataView(packedLength.buffer).setUint32(0, plainLength.length + literal.length + size)
  return concatBytes([packedLength, plainLength, literal])
}

function compress(plain: Uint8Array): Uint8Array {
  try {
    return compressSync(plain)
  } catch (cause) {
    throw new StateStoreError(
      'TIDEMARK_CODEC_FAILED',
      `snappy could not compress a block of ${plain.length} bytes`,
      { cause },
    )
  }
}

async function* decode(
  source: AsyncIterable<Uint8Array>,
  options: DecompressOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const bytes = new ByteSource(source)
  try {
    await need(bytes, HEADER.length, 'a snappy header', options.path)
    readHeader(bytes, options.path)
    do {
      await need(bytes, LENGTH_BYTES, 'the length of a snappy block', options.path)
      if (wordAt(bytes.peek(LENGTH_BYTES), 0) === MAGIC_WORD) {
        await need(bytes, HEADER.length, 'a snappy header', options.path)
        readHeader(bytes, options.path)
        await need(bytes, LENGTH_BYTES, 'the length of a snappy block', options.path)
      }
      const plain = await readBlock(bytes, options)
      yield plain
      release(plain)
    } while (bytes.has(1) || (await bytes.fill(1)))
  } finally {
    await bytes.close()
  }
}

async function need(
  bytes: ByteSource,
  count: number,
  expected: string,
  path: string,
): Promise<void> {
  if (bytes.has(count) || (await bytes.fill(count))) return
  throw corruptFile(
    path,
    `Expected ${expected} of ${count} bytes, found only ${bytes.available}: the file is cut, or bytes follow its end`,
    { offset: bytes.offset },
  )
}

function readHeader(bytes: ByteSource, path: string): void {
  const { offset } = bytes
  const header = bytes.take(HEADER.length)
  if (!startsWithMagic(header))
    throw corruptFile(path, 'Expected the header of a snappy stream, found other bytes', { offset })
  const lowestReader = wordAt(header, 12)
  if (lowestReader !== READER_VERSION)
    throw corruptFile(
      path,
      `Expected a snappy stream for readers of version ${READER_VERSION}, found one for readers of version ${lowestReader} and above`,
      { offset },
    )
}

async function readBlock(bytes: ByteSource, options: DecompressOptions): Promise<Uint8Array> {
  const { path } = options
  const { offset } = bytes
  const packedBytes = wordAt(bytes.take(LENGTH_BYTES), 0)
  const fail = (problem: string, cause?: unknown) => corruptFile(path, problem, { offset, cause })
  const packedBytesMax = compressBound(options.blockBytesMax)
  if (packedBytes === 0 || packedBytes > packedBytesMax)
    throw fail(`The snappy block claims ${packedBytes} bytes; 1 to ${packedBytesMax} are allowed`)
  if (!bytes.has(packedBytes) && !(await bytes.fill(packedBytes)))
    throw fail(
      `The snappy block claims ${packedBytes} bytes, but only ${bytes.available} are left: the file is cut, or the length is wrong`,
    )
  const packed = bytes.take(packedBytes)
  const plainBytes = readPlainLength(packed)
  if (plainBytes === undefined) throw fail('The snappy block begins with no plain length')
  if (plainBytes === 0 || plainBytes > options.blockBytesMax)
    throw fail(
      `The snappy block claims ${plainBytes} plain bytes; 1 to ${options.blockBytesMax} are allowed`,
    )
  const consistent =
    packedBytes <= compressBound(plainBytes) &&
    plainBytes <= packedBytes * EXPANSION_MAX + EXPANSION_SLACK_BYTES
  if (!consistent)
    throw fail(
      `The snappy block's lengths contradict each other: ${packedBytes} bytes for ${plainBytes} plain ones`,
    )
  try {
    const plain = uncompressSync(packed) as Uint8Array
    return new Uint8Array(plain.buffer, plain.byteOffset, plain.length)
  } catch (cause) {
    throw fail('The snappy block cannot be decompressed: the file was damaged', cause)
  }
}

/** The varint that a raw block begins with; undefined if it does not end in time. */
function readPlainLength(packed: Uint8Array): number | undefined {
  let length = 0
  for (let i = 0; i < Math.min(packed.length, VARINT_BYTES_MAX); i++) {
    length += (packed[i] & 0x7f) * 2 ** (7 * i)
    if (packed[i] < 0x80) return length
  }
  return undefined
}

/** The most that Snappy makes of `plainBytes` bytes that do not compress. */
function compressBound(plainBytes: number): number {
  return 32 + plainBytes + Math.ceil(plainBytes / 6)
}

function wordAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(at)
}
