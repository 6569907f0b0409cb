// Reading a file, or a range of it, from an open descriptor.

import { type ByteRange, describePath } from './file-manager.ts'
import { notPlainError } from './local-errors.ts'
import type { NativeFiles } from './local-native.ts'
import { READ_BYTES_MAX, tooLongError } from './read-range.ts'

/** Read in one system call; between two an AbortSignal is honoured. */
const READ_SLICE_BYTES = 16 * 1024 * 1024

/** The bytes of `range`, in an array of their own; fewer where the file ends, also where it was cut while being read. */
export async function readOpenFile(
  native: NativeFiles,
  descriptor: number,
  { location, path }: { readonly location: string; readonly path: string },
  range: ByteRange,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const found = await native.statOpen(descriptor)
  if (found.type !== 'file') throw notPlainError(location, path)
  const offset = range.offset ?? 0
  const length = Math.max(0, Math.min(range.length ?? Infinity, found.sizeBytes - offset))
  if (length > READ_BYTES_MAX) throw tooLongError(describePath(location, path), path, length, range)
  // Not zeroed first: every byte is overwritten, and what was not read is cut off by copying.
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
  let done = 0
  while (done < length) {
    signal?.throwIfAborted()
    const into = bytes.subarray(done, Math.min(length, done + READ_SLICE_BYTES))
    const count = await native.read(descriptor, into, offset + done)
    if (count === 0) return bytes.slice(0, done)
    done += count
  }
  return bytes
}
