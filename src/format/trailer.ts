// The trailer — what every file of ours says about itself, behind the end of Spark's stream.
//
//   body      JSON, UTF-8, at most 1 MiB
//   u32 BE    length of body
//   u32 BE    CRC32C of the compressed part: everything before body, or before the frame around the trailer
//   u32 BE    CRC32C of body and the two words above
//   8 bytes   "TIDEMRK1"
//
// A tail read finds it without decompressing anything.
//
// SPARK: Spark stops at the end marker and never looks at these bytes, with one exception. Its change feed first asks each file for a version, as
// Java's readUTF does, by two bytes of length and that many bytes of text. The end marker of a stream without records is a length of
// 65,535, so there it reads on to the end of the stream and beyond, and takes an EOFException for "no version", but fails on anything its
// codec cannot read. So in a file without records the trailer stands in a frame of the codec (Compression.frameForeign).
// A file that ends in anything but the magic has no trailer: then it is Spark's, or its bytes behind the stream's end give it away.

import { assert } from '../base/assert.ts'
import { concatBytes } from '../base/bytes.ts'
import { crc32c } from '../base/checksum.ts'
import type { CompressionName } from '../codec/compression.ts'
import { COMPRESSIONS, isCompressionName } from '../codec/compressions.ts'
import { corruptFile } from '../codec/corrupt-file.ts'
import { StateStoreError } from '../errors.ts'
import { isCommitId, type StoreIdTuple } from './commit-id.ts'
import type { StateFileKind } from './file-names.ts'
import { canonicalProgress } from './progress.ts'

export interface Trailer {
  /** [operatorId, partitionId, storeName] */
  readonly store: StoreIdTuple
  readonly kind: StateFileKind
  readonly version: number
  /** The commit id of the version, 32 hex digits. */
  readonly id: string
  /** The commit id of the version below. */
  readonly parent: string
  /** [generation, sequence]: grows strictly with every publish of a lease. */
  readonly stamp: readonly [number, number]
  readonly codec: CompressionName
  /** How many records of each kind the file holds. */
  readonly rows: { readonly put: number; readonly remove: number }
  /** How many keys the store holds at this version. */
  readonly keys: number
  /** Length of the plain record stream, end marker included. */
  readonly plainBytes: number
  /** SPARK: true if each row carries a checksum, which nothing else in the file tells; absent if none does. */
  readonly rowChecksums?: boolean
  /** No version up to this one may be undone. */
  readonly committedThrough?: number
  /** The caller's own JSON, in the sense of progress.ts; null is a value, undefined or absent is none. */
  readonly progress?: unknown
}

const MAGIC_PREFIX = 'TIDEMRK'
const FORMAT_VERSION = '1'
const MAGIC_BYTES = 8
/** Everything behind the body. */
export const TRAILER_FOOTER_BYTES = 12 + MAGIC_BYTES
export const TRAILER_BODY_BYTES_MAX = 1024 * 1024

/** The bytes of `trailer`, framed where they must be, to be appended to a compressed part whose CRC32C is `compressedCrc`. Throws RangeError where the body is above 1 MiB. */
export function encodeTrailer(trailer: Trailer, compressedCrc: number): Uint8Array {
  const problem = trailerProblem(trailer)
  assert(problem === undefined, `a trailer is valid before it is written: ${problem}`)
  const body = Buffer.from(JSON.stringify(trailerBody(trailer)))
  if (body.length > TRAILER_BODY_BYTES_MAX)
    throw new RangeError(
      `Expected the trailer to be at most ${TRAILER_BODY_BYTES_MAX} bytes of JSON, got ${body.length}; make \`progress\` smaller`,
    )
  const footer = Buffer.alloc(TRAILER_FOOTER_BYTES)
  footer.writeUInt32BE(body.length, 0)
  footer.writeUInt32BE(compressedCrc, 4)
  footer.writeUInt32BE(crc32c(footer.subarray(0, 8), crc32c(body)), 8)
  footer.write(MAGIC_PREFIX + FORMAT_VERSION, 12, 'latin1')
  const bytes = concatBytes([body, footer])
  return concatBytes([frameOf(trailer, bytes), bytes])
}

/** What stands between the compressed part and the trailer. */
function frameOf({ codec, rows }: Trailer, bytes: Uint8Array): Uint8Array {
  const frame = rows.put + rows.remove === 0 ? COMPRESSIONS[codec].frameForeign(bytes) : undefined
  return frame ?? new Uint8Array(0)
}

/** The fields of the format, in its order, and no others that the object may carry. */
function trailerBody(trailer: Trailer): Trailer {
  const { store, kind, version, id, parent, stamp, codec, rows, keys, plainBytes } = trailer
  const { rowChecksums, committedThrough, progress } = trailer
  return {
    store,
    kind,
    version,
    id,
    parent,
    stamp,
    codec,
    rows: { put: rows.put, remove: rows.remove },
    keys,
    plainBytes,
    ...(rowChecksums === true && { rowChecksums }),
    ...(committedThrough !== undefined && { committedThrough }),
    ...(progress !== undefined && { progress }),
  }
}

export type TrailerLookup =
  | {
      readonly outcome: 'found'
      readonly trailer: Trailer
      /** How many bytes of the file come before the trailer and the frame around it. */
      readonly compressedBytes: number
      /** What their CRC32C must be. */
      readonly compressedCrc: number
    }
  | { readonly outcome: 'absent' }
  /** The last `tailBytes` bytes of the file are needed to tell. */
  | { readonly outcome: 'more'; readonly tailBytes: number }

/**
 * Looks for the trailer in `tail`, the last bytes of a file of `fileSizeBytes`. Throws CORRUPT_FILE for a damaged one,
 * UNKNOWN_FORMAT_VERSION for one of a later format, UNSUPPORTED for a codec that is not known here.
 */
export function parseTrailer(tail: Uint8Array, fileSizeBytes: number, path: string): TrailerLookup {
  if (fileSizeBytes < TRAILER_FOOTER_BYTES) return { outcome: 'absent' }
  if (tail.length < TRAILER_FOOTER_BYTES)
    return { outcome: 'more', tailBytes: TRAILER_FOOTER_BYTES }
  const footer = Buffer.from(
    tail.buffer,
    tail.byteOffset + tail.length - TRAILER_FOOTER_BYTES,
    TRAILER_FOOTER_BYTES,
  )
  const formatVersion = magicVersion(footer)
  if (formatVersion === undefined) return { outcome: 'absent' }
  if (formatVersion !== FORMAT_VERSION) throw unknownFormat(formatVersion, path)
  const bodyBytes = footer.readUInt32BE(0)
  const footerOffset = fileSizeBytes - TRAILER_FOOTER_BYTES
  if (bodyBytes > TRAILER_BODY_BYTES_MAX || bodyBytes > footerOffset)
    throw corruptFile(
      path,
      `The trailer claims a body of ${bodyBytes} bytes; ${Math.min(TRAILER_BODY_BYTES_MAX, footerOffset)} are possible`,
      { offset: footerOffset },
    )
  const tailBytes = bodyBytes + TRAILER_FOOTER_BYTES
  if (tail.length < tailBytes) return { outcome: 'more', tailBytes }
  const body = tail.subarray(tail.length - tailBytes, tail.length - TRAILER_FOOTER_BYTES)
  const offset = fileSizeBytes - tailBytes
  if (crc32c(footer.subarray(0, 8), crc32c(body)) !== footer.readUInt32BE(8))
    throw corruptFile(path, 'The trailer does not match its checksum: the file was damaged', {
      offset,
    })
  const trailer = decodeBody(body, offset, path)
  const frame = frameOf(trailer, tail.subarray(tail.length - tailBytes))
  if (tail.length < tailBytes + frame.length && offset >= frame.length)
    return { outcome: 'more', tailBytes: tailBytes + frame.length }
  const framed = tail.subarray(-tailBytes - frame.length, tail.length - tailBytes)
  if (Buffer.compare(framed, frame) !== 0)
    throw corruptFile(
      path,
      `Expected a ${trailer.codec} frame around the trailer of a file without records, found other bytes`,
      { offset: Math.max(offset - frame.length, 0) },
    )
  return {
    outcome: 'found',
    trailer,
    compressedBytes: offset - frame.length,
    compressedCrc: footer.readUInt32BE(4),
  }
}

/** The digit behind the magic; undefined if there is no magic. */
function magicVersion(footer: Buffer): string | undefined {
  const magic = footer.toString('latin1', TRAILER_FOOTER_BYTES - MAGIC_BYTES)
  if (!magic.startsWith(MAGIC_PREFIX)) return undefined
  const version = magic.slice(MAGIC_PREFIX.length)
  return /^[0-9]$/.test(version) ? version : undefined
}

function unknownFormat(formatVersion: string, path: string): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_UNKNOWN_FORMAT_VERSION',
    `Expected a trailer of format ${FORMAT_VERSION}, found format ${formatVersion}: read the file with a newer tidemark (${path})`,
    { path },
  )
}

function decodeBody(body: Uint8Array, offset: number, path: string): Trailer {
  const value = parseJson(body, offset, path)
  const codec = isRecord(value) ? value['codec'] : undefined
  if (typeof codec === 'string' && !isCompressionName(codec))
    throw new StateStoreError(
      'TIDEMARK_UNSUPPORTED',
      `Expected a codec that this version of tidemark reads (${Object.keys(COMPRESSIONS).join(', ')}), found ${JSON.stringify(codec)} in the trailer of ${path}`,
      { path, offset },
    )
  const problem = trailerProblem(value)
  if (problem !== undefined)
    throw corruptFile(path, `The trailer is not valid: ${problem}`, { offset })
  // Unknown fields are dropped here, quietly: a later minor version may add some.
  return trailerBody(value as Trailer)
}

function parseJson(body: Uint8Array, offset: number, path: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body))
  } catch (cause) {
    throw corruptFile(path, 'The trailer is not JSON', { offset, cause })
  }
}

/** What is wrong with `value` as a trailer, in words; undefined if nothing is. Asked before encoding and after decoding. */
function trailerProblem(value: unknown): string | undefined {
  if (!isRecord(value)) return 'it is no object'
  const { store, kind, version, id, parent, stamp, rows, rowChecksums, committedThrough } = value
  if (!Array.isArray(store) || store.length !== 3 || !isCount(store[0]) || !isCount(store[1]))
    return '`store` is not [operatorId, partitionId, storeName]'
  if (typeof store[2] !== 'string' || store[2] === '') return 'the store name is no text'
  if (kind !== 'delta' && kind !== 'snapshot') return '`kind` is neither "delta" nor "snapshot"'
  if (!isCount(version) || version < 1) return '`version` is no whole number from 1'
  if (!isCommitId(id)) return '`id` is not 32 hex digits'
  if (!isCommitId(parent)) return '`parent` is not 32 hex digits'
  if (!Array.isArray(stamp) || stamp.length !== 2 || !stamp.every(isCount))
    return '`stamp` is not [generation, sequence]'
  if (!isCompressionName(value['codec'])) return '`codec` is not the name of one'
  if (!isRecord(rows) || !isCount(rows['put']) || !isCount(rows['remove']))
    return '`rows` is not { put, remove }'
  if (kind === 'snapshot' && rows['remove'] !== 0) return 'a snapshot counts removals'
  if (!isCount(value['keys'])) return '`keys` is no whole number'
  if (!isCount(value['plainBytes']) || value['plainBytes'] < 4)
    return '`plainBytes` is no length of a record stream'
  if (rowChecksums !== undefined && typeof rowChecksums !== 'boolean')
    return '`rowChecksums` is neither true nor false'
  if (committedThrough !== undefined && !isCount(committedThrough))
    return '`committedThrough` is no version'
  return progressProblem(value['progress'])
}

function progressProblem(progress: unknown): string | undefined {
  if (progress === undefined) return undefined
  try {
    canonicalProgress(progress)
    return undefined
  } catch (error) {
    if (!(error instanceof TypeError) && !(error instanceof RangeError)) throw error
    return error.message
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
