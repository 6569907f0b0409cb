// The checksums of the file formats. CRC32C covers what lies on disk; XXH64 names the plain record stream (SHA-256 of every byte
// would cost ten times as much); xxHash32 is what Spark's LZ4 framing asks for.

import { crc32c as nodeCrc32c } from '@node-rs/crc32'
import xxhash from 'xxhash-wasm'

// The WebAssembly module compiles asynchronously, once; awaiting it here keeps every caller synchronous.
const hashes = await xxhash()

/** CRC-32C (Castagnoli) of `bytes`, unsigned; `previous` continues an earlier one. Check value: "123456789" gives 0xe3069283. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  return nodeCrc32c(bytes, previous)
}

/** xxHash32 of `bytes`, unsigned. */
export function xxh32(bytes: Uint8Array, seed: number): number {
  return hashes.h32Raw(bytes, seed)
}

/** XXH64 of `bytes` with seed 0. */
export function xxh64(bytes: Uint8Array): bigint {
  return hashes.h64Raw(bytes)
}

/** A running XXH64 with seed 0. */
export function createXxh64(): { update(bytes: Uint8Array): unknown; digest(): bigint } {
  return hashes.create64()
}
