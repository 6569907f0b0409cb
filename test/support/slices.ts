import { type ByteSlice, copyOfSlice, noBytes } from '../../src/base/byte-slice.ts'

/** What getSlice finds, as a copy. */
export function sliceOf(
  reader: { getSlice(key: Uint8Array, into: ByteSlice): boolean },
  key: Uint8Array,
): Uint8Array | undefined {
  const slice = noBytes()
  return reader.getSlice(key, slice) ? copyOfSlice(slice) : undefined
}
