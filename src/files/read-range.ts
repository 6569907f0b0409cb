// What may be asked of `read` at once, alike on every storage.

import { StateStoreError } from '../errors.ts'
import type { ByteRange } from './file-manager.ts'

/** Read into one array. Above it the caller must ask for ranges: a sparse file of a terabyte must not take the process down. */
export const READ_BYTES_MAX = 2 * 1024 * 1024 * 1024

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

/** The error for more than READ_BYTES_MAX. `what` was to be read, for people; `path` is relative to the location. */
export function tooLongError(
  what: string,
  path: string,
  lengthBytes: number,
  { offset = 0 }: ByteRange,
): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_UNSUPPORTED',
    `${what}: ${lengthBytes} bytes were to be read in one piece; expected at most ${READ_BYTES_MAX}. Read it in ranges.`,
    { path, offset },
  )
}
