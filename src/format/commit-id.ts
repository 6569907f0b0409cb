// The commit id — names a version's content and its whole past.
//
//   id = first 16 bytes of SHA-256( field(parent id, 16 bytes) field(store id) field(version, u64) field(XXH64 of the plain stream, u64)
//                                   field(its length, u64) field(puts, u64) field(removes, u64) field(progress) )       in hex
//   field(bytes) = length u32 | bytes                                                                                   all big-endian
//
// The store id is the JSON array [operatorId,partitionId,"storeName"], progress is RFC 8785 JSON (no bytes where there is none), the plain
// stream is the record stream with its end marker. The parent of version 1 is 16 zero bytes. On-disk values, never to be changed: test
// vectors stand in docs/format.md.
//
// It tells histories apart and catches accidents. It is no defence against someone who can rewrite the files: XXH64 can be forged.
//
// A version without a trailer has no parent to be known by: its id is that of its bytes alone, and the chain starts anew at it.

import { hash } from 'node:crypto'
import { concatBytes, fromHex } from '../base/bytes.ts'
import { canonicalProgress } from './progress.ts'

/** [operatorId, partitionId, storeName] */
export type StoreIdTuple = readonly [number, number, string]

const ID_BYTES = 16

/** The parent of version 1. */
export const GENESIS_ID = '0'.repeat(2 * ID_BYTES)

export interface CommitIdInput {
  /** The id of the version below, 32 hex digits. */
  readonly parent: string
  readonly storeId: StoreIdTuple
  readonly version: number
  /** XXH64 of the delta's plain record stream, end marker included. */
  readonly streamHash: bigint
  readonly streamBytes: number
  readonly puts: number
  readonly removes: number
  /** The caller's JSON; undefined if none is committed. */
  readonly progress?: unknown
}

export function isCommitId(id: unknown): id is string {
  return typeof id === 'string' && /^[0-9a-f]{32}$/.test(id)
}

/** The id of the version that a delta makes, 32 hex digits. Throws as `canonicalProgress` where progress is not JSON. */
export function commitId(input: CommitIdInput): string {
  if (!isCommitId(input.parent))
    throw new RangeError(
      `Expected \`parent\` to be 32 hex digits, got ${JSON.stringify(input.parent)}`,
    )
  return hashFields([
    fromHex(input.parent),
    storeIdBytes(input.storeId),
    u64(BigInt(input.version)),
    u64(input.streamHash),
    u64(BigInt(input.streamBytes)),
    u64(BigInt(input.puts)),
    u64(BigInt(input.removes)),
    Buffer.from(input.progress === undefined ? '' : canonicalProgress(input.progress)),
  ])
}

/** The id of a version whose file has no trailer: of V.delta, or of V.snapshot where no delta is left. */
export function foreignId(
  input: Pick<CommitIdInput, 'storeId' | 'version' | 'streamHash' | 'streamBytes'>,
): string {
  return hashFields([
    Buffer.from('foreign'),
    storeIdBytes(input.storeId),
    u64(BigInt(input.version)),
    u64(input.streamHash),
    u64(BigInt(input.streamBytes)),
  ])
}

function storeIdBytes(storeId: StoreIdTuple): Uint8Array {
  return Buffer.from(JSON.stringify(storeId))
}

function u64(value: bigint): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}

function hashFields(fields: readonly Uint8Array[]): string {
  const framed = fields.flatMap((field) => [u32(field.length), field])
  return hash('sha256', concatBytes(framed)).slice(0, 2 * ID_BYTES)
}

function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
