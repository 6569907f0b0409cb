// What stands in requests to S3 and in its answers, in terms of the engine. What its failures mean: s3-errors.ts.

import type { FileStatus, WriteCondition } from '../file-manager.ts'
import { type S3Failure, strangeAnswer } from './s3-errors.ts'

/** What makes the service write only where `condition` holds. */
export function conditionHeaders(
  condition: WriteCondition,
): { IfNoneMatch: '*' } | { IfMatch: string } {
  return condition === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: quoted(condition.revision) }
}

/** What says that the condition does not hold. Replacing what is not there is 404, on some services 412. */
export function isRefusal(failure: S3Failure, condition: WriteCondition): boolean {
  return failure.preconditionFailed || (condition !== 'absent' && failure.noSuchKey)
}

/** Of the object at `path`. A listing or a HEAD that does not tell size and ETag is not of S3: S3Failure. */
export function statusOf(
  path: string,
  sizeBytes: number | undefined,
  modified: Date | undefined,
  etag: string | undefined,
): FileStatus {
  if (sizeBytes === undefined || etag === undefined)
    throw strangeAnswer('Expected size and ETag of an object, got none')
  return {
    name: path.slice(path.lastIndexOf('/') + 1),
    type: 'file',
    sizeBytes,
    modifiedMs: modified?.getTime() ?? 0,
    revision: revisionOf(etag),
  }
}

/** An ETag without its quotes, which some services leave out of listings. */
export function revisionOf(etag: string): string {
  return etag.replaceAll('"', '')
}

/** A revision as the ETag that it was. */
export function quoted(revision: string): string {
  return `"${revision}"`
}

/** Keys may hold letters that XML cannot; a service that encodes them says so. A space is a plus then. */
export function decoderOf(encoding: string | undefined): (text: string) => string {
  if (encoding !== 'url') return (text) => text
  return (text) => decodeURIComponent(text.replaceAll('+', '%20'))
}

/** When the server sent an HTTP response, by its clock, milliseconds since the epoch; NaN where it does not tell. */
export function serverTimeMs(response: unknown): number {
  const { headers } = (response ?? {}) as { headers?: Readonly<Record<string, string>> }
  return Date.parse(headers?.date ?? '')
}
