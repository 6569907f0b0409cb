/** Where bytes lie, without a view of them: `length` bytes from `bytes[offset]` on. Reused from call to call. */
export interface ByteSlice {
  bytes: Uint8Array
  offset: number
  length: number
}
