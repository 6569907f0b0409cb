import { StateStoreError } from '../errors.ts'

/** A CORRUPT_FILE about `path`; the message ends in the file and, where one is known, the offset in it. */
export function corruptFile(
  path: string,
  problem: string,
  details: { offset?: number | undefined; cause?: unknown } = {},
): StateStoreError {
  const where = details.offset === undefined ? path : `${path} at offset ${details.offset}`
  return new StateStoreError('TIDEMARK_CORRUPT_FILE', `${problem} (${where})`, {
    path,
    offset: details.offset,
    cause: details.cause,
  })
}
