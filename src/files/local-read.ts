// Reading a file, or a range of it, from an open descriptor.

import { StateStoreError } from '../errors.ts'
import type { ByteRange } from './file-manager.ts'
import { describePath, notPlainError } from './local-errors.ts'
import type { NativeFiles } from './local-native.ts'

/** Read in one system call; between two an AbortSignal is honoured. */
const READ_SLICE_BYTES = 16 * 1024 * 1024
/** Read into one array. Above it the caller must ask for ranges: a sparse file of a terabyte must not take the process down. */
const READ_BYTES_MAX = 2 * 1024 * 1024 * 1024

/** Throws RangeError unless offset and length are whole numbers from 0, where given. */
export function checkRange({ offset, length }: ByteRange): void {
  for (const [name, number] of [
    ['offset', offset],
    ['length', length],
  ] as const) {
    if (number !== undefined && !(Number.isSafeInteger(number) && number >= 0))
      throw new RangeError(`Expected \`range.${name}\` to be a whole number from 0, got ${number}`)
  }
}

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
  if (length > READ_BYTES_MAX) {
    throw new StateStoreError(
      'TIDEMARK_UNSUPPORTED',
      `${describePath(location, path)}: ${length} bytes were to be read in one piece; expected at most ${READ_BYTES_MAX}. Read it in ranges.`,
      { path, offset },
    )
  }
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
