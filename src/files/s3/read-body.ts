// The bytes of a GET, checked against what was announced and what was asked for. A cut body must never look like a whole one.

import type { GetObjectCommandOutput } from '@aws-sdk/client-s3'
import type { Readable } from 'node:stream'
import { type CallSubject, describeSubject } from '../call-subject.ts'
import type { ByteRange } from '../file-manager.ts'
import { READ_BYTES_MAX, tooLongError } from '../read-range.ts'
import { strangeAnswer } from './s3-errors.ts'

/** In an array of their own. Throws S3Failure where the answer is not what was asked for. */
export async function readBody(
  answer: GetObjectCommandOutput,
  range: ByteRange,
  subject: CallSubject,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const body = answer.Body as Readable
  const stop = (): void => void body.destroy(new Error('Aborted'))
  signal?.addEventListener('abort', stop, { once: true })
  try {
    const sizeBytes = announcedBytes(answer, range)
    if (sizeBytes > READ_BYTES_MAX)
      throw tooLongError(describeSubject(subject), subject.path, sizeBytes, range)
    const whole = await readWhole(body, sizeBytes)
    if (answer.ContentRange !== undefined) return whole
    // Not every service knows ranges: then it is all of it.
    const { offset = 0, length = whole.length } = range
    return offset === 0 && length >= whole.length ? whole : whole.slice(offset, offset + length)
  } catch (error) {
    body.on('error', () => undefined).destroy()
    throw error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

async function readWhole(body: Readable, sizeBytes: number): Promise<Uint8Array> {
  // Not zeroed first: it is refused unless every byte is overwritten.
  const whole = new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer)
  let done = 0
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    if (done + chunk.length > sizeBytes) throw cut(sizeBytes, done + chunk.length)
    whole.set(chunk, done)
    done += chunk.length
  }
  if (done !== sizeBytes) throw cut(sizeBytes, done)
  return whole
}

/** The size of the body. */
function announcedBytes(
  { ContentLength: size, ContentRange, $metadata }: GetObjectCommandOutput,
  { offset = 0, length = Infinity }: ByteRange,
): number {
  if (size === undefined) throw strangeAnswer('Expected the length of the body, got none')
  if (ContentRange === undefined && $metadata.httpStatusCode === 206)
    throw strangeAnswer('Expected to be told which part of the object this is, was told nothing')
  if (ContentRange === undefined) return size
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(ContentRange) ?? []
  const expected = Math.min(length, Number(total) - offset)
  if (Number(first) !== offset || size !== expected)
    throw strangeAnswer(`Expected ${expected} bytes from ${offset}, got ${size} (${ContentRange})`)
  return size
}

function cut(expected: number, found: number) {
  return strangeAnswer(`Expected ${expected} bytes, got ${found} or more`)
}
