/** Where bytes lie, without a view of them: `length` bytes from `bytes[offset]` on. Reused from call to call. */
export interface ByteSlice {
  bytes: Uint8Array
  offset: number
  length: number
}

const NO_BYTES = new Uint8Array(0)

export function noBytes(): ByteSlice {
  return { bytes: NO_BYTES, offset: 0, length: 0 }
}

export function copyOfSlice({ bytes, offset, length }: ByteSlice): Uint8Array {
  return bytes.slice(offset, offset + length)
}
