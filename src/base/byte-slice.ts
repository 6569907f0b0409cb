/** Where bytes lie, without a view of them: `length` bytes from `bytes[offset]` on. Reused from call to call. */
export interface ByteSlice {
  bytes: Uint8Array
  offset: number
  length: number
}

/** Copying by hand beats `slice()` up to about this many bytes (PERF: measured on Node 24). */
const HAND_COPY_BYTES_MAX = 16

export const NO_BYTES = new Uint8Array(0)

export function noBytes(): ByteSlice {
  return { bytes: NO_BYTES, offset: 0, length: 0 }
}

export function viewOfSlice({ bytes, offset, length }: ByteSlice): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + offset, length)
}

export function copyOfSlice({ bytes, offset, length }: ByteSlice): Uint8Array {
  if (length > HAND_COPY_BYTES_MAX) return bytes.slice(offset, offset + length)
  const copy = new Uint8Array(length)
  for (let i = 0; i < length; i++) copy[i] = bytes[offset + i]
  return copy
}
