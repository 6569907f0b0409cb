import { expect, test } from 'vitest'
import { openLocation } from '../../../../src/files/open-location.ts'
import { parseS3Location } from '../../../../src/files/s3/location.ts'
import { resolveS3Options } from '../../../../src/files/s3/options.ts'
import { S3FileManager } from '../../../../src/files/s3/s3.ts'

const invalid = { code: 'TIDEMARK_INVALID_OPTIONS' }

test('a location is a bucket and a prefix, taken as they stand', () => {
  expect(parseS3Location('s3://bucket')).toEqual({ bucket: 'bucket', segments: [] })
  expect(parseS3Location('s3://bucket/')).toEqual({ bucket: 'bucket', segments: [] })
  expect(parseS3Location('S3://my.bucket-1/a b/%2e?c#d/')).toEqual({
    bucket: 'my.bucket-1',
    segments: ['a b', '%2e?c#d'],
  })
})

test.each([
  ['s3:///prefix', /bucket name/],
  ['s3://b', /bucket name/],
  ['s3://key:secret@bucket/x', /bucket name/],
  ['s3://bucket//x', /plain segments/],
  ['s3://bucket/../x', /plain segments/],
  ['s3a://bucket/x', /s3:\/\/bucket\/x/],
  ['gs://bucket/x', /s3:\/\//],
  ['bucket/x', /s3:\/\//],
])('%s is refused', (location, message) => {
  let error: unknown
  try {
    parseS3Location(location)
  } catch (thrown) {
    error = thrown
  }
  expect(error).toMatchObject({ ...invalid, message: expect.stringMatching(message) })
  expect(String(error)).not.toContain('secret@')
})

test('what is no option, or no value of one, is refused by name and without showing secrets', () => {
  const wrong: Record<string, unknown>[] = [
    { bucket: 'x' },
    { region: '' },
    { region: 7 },
    { endpoint: 'localhost:9000' },
    { endpoint: 'ftp://host' },
    { endpoint: 'http://user:hidden@host' },
    { endpoint: 'http://host?token=hidden' },
    { forcePathStyle: 'yes' },
    { credentials: 'hidden' },
    { credentials: { accessKeyId: 'hidden' } },
    { connectTimeoutMs: 0 },
    { requestTimeoutMs: 1.5 },
    { retryTimeMs: -1 },
    { socketsMax: 0 },
    { partSizeBytes: 1024 },
    { partSizeBytes: 'hidden' },
    { socketsMax: null },
    { endpoint: null },
    { clock: 3 },
    { clock: null },
    { clock: { nowMs: () => 0 } },
    { toString: 1 },
  ]
  for (const options of wrong) {
    let error: unknown
    try {
      resolveS3Options(options)
    } catch (thrown) {
      error = thrown
    }
    expect(error, JSON.stringify(options)).toMatchObject({
      ...invalid,
      message: expect.stringContaining(Object.keys(options)[0]),
    })
    expect(String(error)).not.toContain('hidden')
  }
})

test.each([null, 'x', 3])('options that are %j are no object', (options) => {
  expect(() => resolveS3Options(options as never)).toThrow(expect.objectContaining(invalid))
})

test('a mistake is a rejection, not thrown at who did not await yet', async () => {
  await expect(S3FileManager.open('s3a://bucket/x')).rejects.toMatchObject(invalid)
  await expect(S3FileManager.open('s3://bucket/x', { retryTimeMs: -1 })).rejects.toMatchObject(
    invalid,
  )
})

test('a location string is enough where the rest stands in the environment', async () => {
  const files = await openLocation('s3://bucket/x')
  expect(files).toBeInstanceOf(S3FileManager)
  expect(files.capabilities).toEqual({ name: 's3', atomicMove: false, losesAnswers: true })
  await expect(openLocation('s3a://bucket/x')).rejects.toMatchObject(invalid)
})
