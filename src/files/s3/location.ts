// What an s3:// location means: which bucket, and the first letters of all keys of the checkpoint.
//
// The path is taken as it stands: there is no percent-decoding, so `?` and `#` are letters like any other. Region, endpoint and credentials
// are options, never part of the location.

import { StateStoreError } from '../../errors.ts'
import { segmentsOf } from '../file-manager.ts'

/** What a key may have at most, in bytes of UTF-8. */
export const KEY_BYTES_MAX = 1024

export interface S3Location {
  readonly bucket: string
  /** The segments of the prefix; none for the whole bucket. */
  readonly segments: readonly string[]
}

/** The parts of `location`. INVALID_OPTIONS where it is not an S3 location. */
export function parseS3Location(location: string): S3Location {
  if (typeof location !== 'string')
    throw new TypeError(`Expected \`location\` to be a string, got ${typeof location}`)
  const [, scheme, bucket, path] = /^([a-z][a-z0-9+.-]*):\/\/([^/]*)([^]*)$/i.exec(location) ?? []
  if (scheme?.toLowerCase() === 's3a' || scheme?.toLowerCase() === 's3n')
    throw invalid(
      `one that begins with s3://, as in s3://${bucket}${path}`,
      `${scheme}://, which is Hadoop's name for it`,
    )
  if (scheme?.toLowerCase() !== 's3')
    throw invalid('one that begins with s3://', 'another scheme, or none')
  // Also keeps out what people put before a host, which may be a secret, so it is not repeated.
  if (!/^[a-z0-9][a-z0-9._-]{1,254}$/i.test(bucket))
    throw invalid('a bucket name after s3://', 'something that cannot be one')
  return { bucket, segments: prefixSegments(path) }
}

function prefixSegments(path: string): string[] {
  try {
    return segmentsOf(path)
  } catch (error) {
    throw invalid('a path of plain segments', 'one that is not', error)
  }
}

function invalid(expected: string, found: string, cause?: unknown): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_INVALID_OPTIONS',
    `Expected the S3 location to be ${expected}; found ${found}${cause instanceof Error ? ` (${cause.message})` : ''}.`,
    { cause },
  )
}
