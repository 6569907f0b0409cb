// LZF — the chunks of Ning's compress-lzf, as Spark's LZFOutputStream and PLZFOutputStream write them.
//
//   raw chunk         = "ZV" | 00 | plain length u16 | plain bytes                                   big-endian
//   compressed chunk  = "ZV" | 01 | packed length u16 | plain length u16 | packed bytes
//   packed bytes      = (literal run | reference)*
//   literal run       = L (0 to 31) | L + 1 bytes
//   reference         = N << 5 | high bits of D | low byte of D            N (1 to 6): N + 2 bytes from D + 1 bytes back
//                     = 7 << 5 | high bits of D | M | low byte of D        M + 9 bytes from D + 1 bytes back
//   stream            = chunk*                                             references never leave their chunk
//
// The format knows no end and no checksum: a stream that is cut between two chunks is noticed by the records in it, and damage within a
// chunk often by nobody but the trailer or the sidecar of the file.
//
// Both directions are written here: no maintained package does either (docs/decisions/0009-snappy-is-a-package-lzf-is-ours.md).
//
// INVARIANT: a chunk is decoded into a buffer of the 64 KiB that its lengths can claim at most; every read and every copy is checked
// against the chunk's own bytes before it is made.

import { ByteSource } from './byte-source.ts'
import type { Compression, DecompressOptions } from './compression.ts'
import { corruptFile } from './corrupt-file.ts'

const BYTE_Z = 0x5a
const BYTE_V = 0x56
const TYPE_RAW = 0
const TYPE_COMPRESSED = 1
const RAW_HEADER_BYTES = 5
const COMPRESSED_HEADER_BYTES = 7

/** The most that a chunk's length says. SPARK: it fills its chunks. */
const CHUNK_BYTES_MAX = 0xffff

/** SPARK: shorter chunks are not worth trying, says compress-lzf. */
const COMPRESSED_PLAIN_BYTES_MIN = 16

const LITERAL_RUN_MAX = 32
const DISTANCE_MAX = 1 << 13
const REFERENCE_BYTES_MIN = 3
const REFERENCE_BYTES_MAX = 264
/** Longer references have a second length byte. */
const SHORT_REFERENCE_BYTES_MAX = 8

/** Three bytes of a chunk (a long reference) stand for at most 264 plain ones. */
const EXPANSION_MAX = 88

const HASH_BITS = 13

export const lzfCompression: Compression = {
  name: 'lzf',
  blockBytes: CHUNK_BYTES_MAX,
  sniff: (head) => head[0] === BYTE_Z && head[1] === BYTE_V && head[2] <= TYPE_COMPRESSED,
  begin: () => undefined,
  encodeBlock,
  end: () => undefined,
  frameForeign,
  decode,
}

function encodeBlock(plain: Uint8Array): Uint8Array {
  const framed = new Uint8Array(COMPRESSED_HEADER_BYTES + plain.length)
  framed[0] = BYTE_Z
  framed[1] = BYTE_V
  const view = new DataView(framed.buffer)
  // A raw chunk's header is two bytes shorter: a chunk that saves less is kept raw.
  const packedBytesMax = plain.length - (COMPRESSED_HEADER_BYTES - RAW_HEADER_BYTES)
  const packedBytes =
    plain.length < COMPRESSED_PLAIN_BYTES_MIN
      ? undefined
      : pack(plain, framed.subarray(COMPRESSED_HEADER_BYTES), packedBytesMax)
  if (packedBytes === undefined) {
    view.setUint16(3, plain.length)
    framed.set(plain, RAW_HEADER_BYTES)
    return framed.subarray(0, RAW_HEADER_BYTES + plain.length)
  }
  framed[2] = TYPE_COMPRESSED
  view.setUint16(3, packedBytes)
  view.setUint16(5, plain.length)
  return framed.slice(0, COMPRESSED_HEADER_BYTES + packedBytes)
}

/**
 * The header of a raw chunk. What is longer than a chunk sticks out of it, which no reader has been seen to mind: the one that reads on behind
 * the end marker wants no more than a chunk holds (format/trailer.ts).
 */
function frameForeign(foreign: Uint8Array): Uint8Array {
  const size = Math.min(foreign.length, CHUNK_BYTES_MAX)
  return Uint8Array.of(BYTE_Z, BYTE_V, TYPE_RAW, size >> 8, size & 0xff)
}

/** Compresses `plain` into `packed`; returns how many bytes it took, or undefined if more than `packedBytesMax`. */
function pack(plain: Uint8Array, packed: Uint8Array, packedBytesMax: number): number | undefined {
  // By the hash of three bytes: one more than where they last stood, 0 for never.
  const lastSeen = new Uint16Array(1 << HASH_BITS)
  let [at, literalsFrom, out] = [0, 0, 0]
  while (at + REFERENCE_BYTES_MIN <= plain.length) {
    const slot = hashOf(plain, at)
    const before = lastSeen[slot] - 1
    lastSeen[slot] = at + 1
    if (before < 0 || at - before > DISTANCE_MAX || !matches(plain, before, at)) {
      at++
      continue
    }
    const length = matchLength(plain, before, at)
    if (out + packedSize(at - literalsFrom) + REFERENCE_BYTES_MIN > packedBytesMax) return undefined
    out = putLiterals(plain, literalsFrom, at, packed, out)
    out = putReference(at - before - 1, length, packed, out)
    at += length
    literalsFrom = at
  }
  if (out + packedSize(plain.length - literalsFrom) > packedBytesMax) return undefined
  return putLiterals(plain, literalsFrom, plain.length, packed, out)
}

function hashOf(plain: Uint8Array, at: number): number {
  const three = (plain[at] << 16) | (plain[at + 1] << 8) | plain[at + 2]
  return Math.imul(three, 0x9e3779b1) >>> (32 - HASH_BITS)
}

/** Whether the first three bytes are equal: the hash alone does not say so. */
function matches(plain: Uint8Array, before: number, at: number): boolean {
  return (
    plain[before] === plain[at] &&
    plain[before + 1] === plain[at + 1] &&
    plain[before + 2] === plain[at + 2]
  )
}

function matchLength(plain: Uint8Array, before: number, at: number): number {
  const lengthMax = Math.min(plain.length - at, REFERENCE_BYTES_MAX)
  let length = REFERENCE_BYTES_MIN
  while (length < lengthMax && plain[before + length] === plain[at + length]) length++
  return length
}

/** What `count` literal bytes take. */
function packedSize(count: number): number {
  return count + Math.ceil(count / LITERAL_RUN_MAX)
}

function putLiterals(
  plain: Uint8Array,
  from: number,
  to: number,
  packed: Uint8Array,
  out: number,
): number {
  for (let at = from; at < to; at += LITERAL_RUN_MAX) {
    const count = Math.min(LITERAL_RUN_MAX, to - at)
    packed[out++] = count - 1
    for (let i = 0; i < count; i++) packed[out++] = plain[at + i]
  }
  return out
}

function putReference(back: number, length: number, packed: Uint8Array, out: number): number {
  if (length <= SHORT_REFERENCE_BYTES_MAX) {
    packed[out++] = ((length - 2) << 5) | (back >> 8)
  } else {
    packed[out++] = (7 << 5) | (back >> 8)
    packed[out++] = length - SHORT_REFERENCE_BYTES_MAX - 1
  }
  packed[out++] = back & 0xff
  return out
}

async function* decode(
  source: AsyncIterable<Uint8Array>,
  options: DecompressOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const bytes = new ByteSource(source)
  const plain = new Uint8Array(CHUNK_BYTES_MAX)
  try {
    do {
      const chunk = await readHeader(bytes, options)
      if (!bytes.has(chunk.packedBytes) && !(await bytes.fill(chunk.packedBytes)))
        throw corruptFile(
          options.path,
          `The lzf chunk claims ${chunk.packedBytes} bytes, but only ${bytes.available} are left: the file is cut, or the length is wrong`,
          { offset: chunk.offset },
        )
      const packed = bytes.take(chunk.packedBytes)
      if (chunk.raw) yield packed
      else {
        const problem = unpack(packed, plain.subarray(0, chunk.plainBytes))
        if (problem !== undefined) throw corruptFile(options.path, problem, chunk)
        yield plain.subarray(0, chunk.plainBytes)
      }
    } while (bytes.has(1) || (await bytes.fill(1)))
  } finally {
    await bytes.close()
  }
}

interface ChunkHeader {
  /** Where the chunk begins in the stream. */
  readonly offset: number
  readonly raw: boolean
  readonly packedBytes: number
  readonly plainBytes: number
}

async function readHeader(bytes: ByteSource, options: DecompressOptions): Promise<ChunkHeader> {
  const { offset } = bytes
  const fail = (problem: string) => corruptFile(options.path, problem, { offset })
  const need = async (count: number) => {
    if (!bytes.has(count) && !(await bytes.fill(count)))
      throw fail(
        `Expected the header of an lzf chunk, ${count} bytes, found only ${bytes.available}: the file is cut, or bytes follow its end`,
      )
  }
  await need(RAW_HEADER_BYTES)
  const head = bytes.peek(RAW_HEADER_BYTES)
  if (head[0] !== BYTE_Z || head[1] !== BYTE_V)
    throw fail('Expected "ZV" at the start of an lzf chunk, found other bytes')
  const type = head[2]
  if (type !== TYPE_RAW && type !== TYPE_COMPRESSED)
    throw fail(`Expected an lzf chunk of type 0 or 1, found ${type}`)
  const raw = type === TYPE_RAW
  const headerBytes = raw ? RAW_HEADER_BYTES : COMPRESSED_HEADER_BYTES
  await need(headerBytes)
  const header = bytes.take(headerBytes)
  const packedBytes = (header[3] << 8) | header[4]
  const plainBytes = raw ? packedBytes : (header[5] << 8) | header[6]
  if (plainBytes === 0 || plainBytes > options.blockBytesMax)
    throw fail(
      `The lzf chunk claims ${plainBytes} plain bytes; 1 to ${Math.min(CHUNK_BYTES_MAX, options.blockBytesMax)} are allowed`,
    )
  if (plainBytes > packedBytes * EXPANSION_MAX)
    throw fail(
      `The lzf chunk's lengths contradict each other: ${packedBytes} bytes for ${plainBytes} plain ones`,
    )
  return { offset, raw, packedBytes, plainBytes }
}

/** Fills `plain` from `packed`; returns what is wrong, if anything is. */
function unpack(packed: Uint8Array, plain: Uint8Array): string | undefined {
  let [at, out] = [0, 0]
  while (at < packed.length) {
    const control = packed[at++]
    if (control < LITERAL_RUN_MAX) {
      const count = control + 1
      if (at + count > packed.length) return 'A literal run of the lzf chunk reaches past its end'
      if (out + count > plain.length) return 'The lzf chunk holds more plain bytes than it claims'
      for (let i = 0; i < count; i++) plain[out++] = packed[at++]
      continue
    }
    const long = control >> 5 === 7
    if (at + (long ? 2 : 1) > packed.length) return 'A reference of the lzf chunk is cut'
    const length = long ? SHORT_REFERENCE_BYTES_MAX + 1 + packed[at++] : (control >> 5) + 2
    let from = out - (((control & 0x1f) << 8) | packed[at++]) - 1
    if (from < 0) return 'A reference of the lzf chunk reaches before its start'
    if (out + length > plain.length) return 'The lzf chunk holds more plain bytes than it claims'
    // Byte by byte: a reference may reach into what it is itself writing.
    for (let i = 0; i < length; i++) plain[out++] = plain[from++]
  }
  return out === plain.length
    ? undefined
    : `The lzf chunk claims ${plain.length} plain bytes, but holds ${out}`
}
