// What a store directory without moves leaves behind when a write fails. Who may write there is for test/unit/store/object-storage.test.ts.

import { afterEach, beforeEach, expect, test } from 'vitest'
import { ConditionalDirectory } from '../../../src/files/conditional-directory.ts'
import { type S3Options, S3FileManager } from '../../../src/files/s3/s3.ts'
import type { StagedFile } from '../../../src/files/writable-directory.ts'
import { bytesOf } from '../../../src/testing/file-manager-contract.ts'
import { type Fault, FaultProxy, type ProxiedRequest } from '../../support/fault-proxy.ts'
import { FakeS3 } from '../../support/s3/fake-s3.ts'

const PART_SIZE_BYTES = 5 * 1024 * 1024

let service: FakeS3
let proxy: FaultProxy
let files: S3FileManager
let directory: ConditionalDirectory
beforeEach(async () => {
  service = await FakeS3.start()
  proxy = await FaultProxy.start([{ host: service.host, port: service.port }])
  files = await open()
  directory = directoryOf(files)
  return async () => {
    await proxy.close()
    await service[Symbol.asyncDispose]()
  }
})

function open(options: S3Options = {}): Promise<S3FileManager> {
  const [{ host, port }] = proxy.addresses
  return S3FileManager.open(`s3://${service.bucket}/checkpoint`, {
    endpoint: `http://${host}:${port}`,
    credentials: { accessKeyId: 'test', secretAccessKey: 'testsecret' },
    partSizeBytes: PART_SIZE_BYTES,
    retryTimeMs: 0,
    ...options,
  })
}

function directoryOf(manager: S3FileManager): ConditionalDirectory {
  return new ConditionalDirectory({
    files: manager,
    writes: manager.conditional,
    directory: 'state/0/0',
    isNewest: () => Promise.resolve(true),
  })
}

afterEach(() => expect(service.uploads.size, 'uploads that nobody ended').toBe(0))

const DENIED: Fault = {
  do: 'answer',
  status: 403,
  body: '<Error><Code>AccessDenied</Code><Message>No</Message></Error>',
}

/** A file of two parts, that is to become `1.delta`. */
async function stagedFile(): Promise<StagedFile> {
  const staged = await directory.create('1.delta')
  await staged.write(new Uint8Array(PART_SIZE_BYTES + 1))
  await staged.close()
  return staged
}

/** The same, after its publication met `fault`. */
async function failing(fault: Fault, code: string): Promise<StagedFile> {
  const staged = await stagedFile()
  proxy.inject({ when: isComplete, fault })
  await expect(directory.publish(staged, '1.delta', 'if-absent')).rejects.toMatchObject({ code })
  return staged
}

function isComplete({ method, query }: ProxiedRequest): boolean {
  return method === 'POST' && query.has('uploadId')
}

test('a file that certainly was not written leaves nothing when it is discarded', async () => {
  const staged = await failing(DENIED, 'TIDEMARK_STORAGE_UNAVAILABLE')
  await staged.discard()
  expect(service.objects.size).toBe(0)
})

test('a file whose answer was lost is kept until it is settled, and can be asked about again and again', async () => {
  const staged = await failing({ do: 'resetBefore' }, 'TIDEMARK_STORAGE_TIMEOUT')
  await staged.discard()
  expect(service.uploads.size).toBe(1)
  expect(await directory.settle(staged, '1.delta')).toBe('gone')
  expect(await directory.settle(staged, '1.delta')).toBe('gone')
  expect((await directory.list()).map(({ name }) => name)).toEqual(['1.delta'])
})

test('a file that was written, but whose answer was lost, is not said to be absent because nobody may look at it', async () => {
  files = await open({ retryTimeMs: 5000 })
  directory = directoryOf(files)
  const staged = await stagedFile()
  const lost = proxy.inject({ when: isComplete, fault: { do: 'loseAnswer' } })
  proxy.inject({ when: ({ method }) => method === 'HEAD', fault: DENIED, lasts: true })
  await expect(directory.publish(staged, '1.delta', 'if-absent')).rejects.toMatchObject({
    code: 'TIDEMARK_STORAGE_TIMEOUT',
  })
  expect(lost.struck).toHaveLength(1)
  proxy.heal()
  expect(await directory.settle(staged, '1.delta')).toBe('gone')
  expect((await directory.list()).map(({ name }) => name)).toEqual(['1.delta'])
})

test('a file whose place was taken before it was settled leaves nothing', async () => {
  const staged = await failing({ do: 'resetBefore' }, 'TIDEMARK_STORAGE_TIMEOUT')
  await files.createExclusive('state/0/0/1.delta', bytesOf('theirs'), 'os')
  expect(await directory.settle(staged, '1.delta')).toBe('gone')
  await staged.discard()
  expect(await directory.settle(staged, '1.delta')).toBe('gone')
  expect(await directory.read('1.delta')).toEqual(bytesOf('theirs'))
})
