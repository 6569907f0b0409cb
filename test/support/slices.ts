import type { ByteSlice } from '../../src/base/byte-slice.ts'

export function noBytes(): ByteSlice {
  return { bytes: new Uint8Array(0), offset: 0, length: 0 }
}

export function bytesAt({ bytes, offset, length }: ByteSlice): Uint8Array {
  return bytes.subarray(offset, offset + length)
}

/** What getSlice finds, as a copy. */
export function sliceOf(
  reader: { getSlice(key: Uint8Array, into: ByteSlice): boolean },
  key: Uint8Array,
): Uint8Array | undefined {
  const slice = noBytes()
  return reader.getSlice(key, slice) ? bytesAt(slice).slice() : undefined
}
