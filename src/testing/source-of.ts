import type { StateFileSource } from '../format/state-file-reader.ts'

export function sourceOf(bytes: Uint8Array, path = 'state/0/3/7.delta'): StateFileSource {
  return {
    path,
    sizeBytes: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  }
}
