// The S3 file manager on a service in memory: both contracts, all faults, and what a service must not do. test/servers has the same on real ones.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { S3FileManager } from '../../../../src/files/s3/s3.ts'
import {
  conditionalWritesContract,
  uploadOf,
} from '../../../../src/testing/conditional-writes-contract.ts'
import {
  bytesOf,
  fileManagerContract,
  namesIn,
} from '../../../../src/testing/file-manager-contract.ts'
import { FakeS3, type FakeS3Options } from '../../../support/s3/fake-s3.ts'
import { s3Faults } from '../../../support/s3/s3-faults.ts'

const PART_SIZE_BYTES = 5 * 1024 * 1024
const credentials = { accessKeyId: 'test', secretAccessKey: 'testsecret' }
let count = 0

describe('S3 in memory', () => {
  let service: FakeS3
  beforeAll(async () => {
    service = await FakeS3.start()
  })
  afterAll(() => service[Symbol.asyncDispose]())

  const create = async () => {
    const { endpoint, bucket } = service
    const location = `s3://${bucket}/files-${++count}/check point`
    const options = { endpoint, credentials, partSizeBytes: PART_SIZE_BYTES }
    const open = () => S3FileManager.open(location, options)
    return {
      files: await open(),
      another: open,
      dispose: async () => (await open()).deleteTree(''),
    }
  }

  fileManagerContract('s3', { create, onlyObjects: true })
  conditionalWritesContract('s3', { create, partSizeBytes: PART_SIZE_BYTES })
  describe('behind a network that fails', () => {
    s3Faults(() => ({ ...endpointOf(service), credentials }))
  })

  test('names that XML cannot hold are listed and deleted like any other', async () => {
    const { files } = await create()
    const odd = ['\x01', 'a\rb', '\uFFFF', 'plain']
    for (const name of odd) await files.createExclusive(`dir/${name}`, bytesOf('x'), 'os')
    expect(await namesIn(files, 'dir')).toEqual(odd.toSorted())
    await files.deleteTree('dir')
    expect(await files.list('dir')).toBeUndefined()
  })

  test('the location may be the whole bucket, and a folder made by another tool is one', async () => {
    const { endpoint, bucket } = service
    const files = await S3FileManager.open(`s3://${bucket}`, { endpoint, credentials })
    await files.createExclusive('root file', bytesOf('x'), 'os')
    expect(await namesIn(files, '')).toEqual(['root file'])
    service.objects.set('made/', { ...service.objects.get('root file')! })
    expect(await files.list('made')).toEqual([])
    expect(await files.stat('made')).toMatchObject({ name: 'made', type: 'directory' })
    await files.deleteTree('')
    expect(service.objects.size).toBe(0)
  })

  test('a key of more than 1024 bytes is the fault of the options', async () => {
    const { files } = await create()
    const path = Array.from({ length: 5 }, () => 'x'.repeat(250)).join('/')
    await expect(files.stat(path)).rejects.toMatchObject({ code: 'TIDEMARK_INVALID_OPTIONS', path })
  })
})

describe('a service that does not honour conditions', () => {
  const refusedWith = async (options: FakeS3Options, what: RegExp) => {
    await using service = await FakeS3.start(options)
    const { endpoint, bucket } = service
    const files = await S3FileManager.open(`s3://${bucket}/x`, { endpoint, credentials })
    for (let time = 0; time < 2; time++)
      await expect(files.conditional.probe()).rejects.toMatchObject({
        code: 'TIDEMARK_UNSUPPORTED',
        message: expect.stringMatching(what),
      })
    expect(service.objects.size + service.uploads.size).toBe(0)
  }

  test('is refused, and nothing is left there', async () => {
    await refusedWith({ conditions: 'ignored' }, /127\.0\.0\.1.*PUT with If-None-Match/)
  })

  test('of uploads in parts alone is refused, too', async () => {
    await refusedWith({ conditions: 'ignored by Complete' }, /CompleteMultipartUpload with/)
  })

  test('in a race passes the probe: only racing for an object shows it', async () => {
    await using service = await FakeS3.start({ conditions: 'looked at' })
    const { endpoint, bucket } = service
    const files = await S3FileManager.open(`s3://${bucket}/x`, { endpoint, credentials })
    await files.conditional.probe()
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, async (_, index) =>
        (await uploadOf(files, 'raced', bytesOf(`by ${index}`))).complete('absent'),
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 'written').length).toBeGreaterThan(1)
  })
})

function endpointOf({ host, port, bucket }: FakeS3) {
  return { host, port, bucket }
}
