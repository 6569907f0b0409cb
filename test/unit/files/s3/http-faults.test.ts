// What faults of HTTP, of the service and of the caller's own functions come to: a code, an honest answer, and no wait without a bound.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../../../src/base/clock.ts'
import { ConditionalDirectory } from '../../../../src/files/conditional-directory.ts'
import { failureOf } from '../../../../src/files/s3/s3-errors.ts'
import { type S3Options, S3FileManager } from '../../../../src/files/s3/s3.ts'
import { StateStores } from '../../../../src/index.ts'
import { bytesOf } from '../../../../src/testing/file-manager-contract.ts'
import { commitVersions, ID, readRows, rowsAfter, text } from '../../../../src/testing/stores.ts'
import { codeOf } from '../../../support/code-of.ts'
import { revisionOf } from '../../../../src/testing/conditional-writes-contract.ts'
import {
  type Fault,
  FaultProxy,
  type FaultRule,
  type ProxiedRequest,
} from '../../../support/fault-proxy.ts'
import { FakeS3 } from '../../../support/s3/fake-s3.ts'

const credentials = { accessKeyId: 'test', secretAccessKey: 'testsecret' }
const PART_SIZE_BYTES = 5 * 1024 * 1024
const HTML: Fault = {
  do: 'answer',
  status: 200,
  headers: { 'content-type': 'text/html', 'content-length': '25' },
  body: '<html><p>Hi</p></html>   ',
}
let service: FakeS3
let proxy: FaultProxy
let files: S3FileManager
let other: S3FileManager

const quick: Clock = { ...systemClock, turn: (ms = 0) => systemClock.turn(Math.min(ms, 5)) }
const open = (more: S3Options = {}): Promise<S3FileManager> => {
  const [{ host, port }] = proxy.addresses
  return S3FileManager.open(`s3://${service.bucket}/checkpoint`, {
    endpoint: `http://${host}:${port}`,
    region: 'us-east-1',
    credentials,
    retryTimeMs: 3000,
    partSizeBytes: PART_SIZE_BYTES,
    clock: quick,
    ...more,
  })
}
const inject = (when: FaultRule['when'], fault: Fault, more: Partial<FaultRule> = {}) =>
  proxy.inject({ when, fault, ...more })
const isGet = ({ method }: ProxiedRequest) => method === 'GET'
const isComplete = ({ method, query }: ProxiedRequest) => method === 'POST' && query.has('uploadId')

beforeEach(async () => {
  service = await FakeS3.start()
  proxy = await FaultProxy.start([{ host: service.host, port: service.port }])
  files = await open()
  other = await open({ endpoint: service.endpoint })
})
afterEach(async () => {
  await proxy.close()
  await service[Symbol.asyncDispose]()
})

describe('a GET under a revision, answered by somebody who is not S3', () => {
  test('is not taken for absent', async () => {
    await other.createExclusive('dir/file', bytesOf('ours'), 'os')
    const revision = await revisionOf(other, 'dir/file')
    const strange = inject(isGet, HTML)
    const found = await files.read('dir/file', {}, undefined, revision)
    expect(strange.struck).toHaveLength(1)
    expect(found).toEqual(bytesOf('ours'))
  })

  test('nor is it taken for the object, where no revision is known', async () => {
    await other.createExclusive('dir/file', bytesOf('ours'), 'os')
    inject(isGet, HTML)
    expect(await files.read('dir/file')).toEqual(bytesOf('ours'))
  })

  test('does not make a store corrupt', async () => {
    const writer = await StateStores.open(other, { maintenanceIntervalMs: 0 })
    await commitVersions(writer.provider(ID), 3)
    await writer.close()
    const reader = await StateStores.open(files, { maintenanceIntervalMs: 0, readOnly: true })
    const isDelta = ({ method, path }: ProxiedRequest) =>
      method === 'GET' && path.endsWith('.delta')
    const strange = [1, 2, 3].map((nth) => inject(isDelta, HTML, { nth }))
    expect(await readRows(reader.provider(ID))).toEqual(rowsAfter(3))
    expect(strange.map(({ struck }) => struck.length)).toEqual([1, 1, 1])
    await reader.close()
  })
})

describe('an error whose message has markup in it', () => {
  const xml = (code: string) =>
    `<Error><Code>${code}</Code><Message><p>Please wait</p></Message></Error>`
  test('SlowDown: is tried again', async () => {
    inject(() => true, { do: 'answer', status: 503, body: xml('SlowDown') })
    expect(await codeOf(files.list('dir'))).toBe('ok')
  })
  test('AccessDenied: is a StateStoreError', async () => {
    inject(() => true, { do: 'answer', status: 403, body: xml('AccessDenied') })
    expect(await codeOf(files.list('dir'))).toBe('TIDEMARK_STORAGE_UNAVAILABLE')
  })
  test('two messages', async () => {
    const body = `<Error><Code>SlowDown</Code><Message>a</Message><Message>b</Message></Error>`
    inject(() => true, { do: 'answer', status: 503, body })
    expect(await codeOf(files.list('dir'))).toBe('ok')
  })
  test('a commit whose PUT meets it is no bug of the engine', async () => {
    const stores = await StateStores.open(files, { maintenanceIntervalMs: 0 })
    const provider = stores.provider(ID)
    await commitVersions(provider, 1)
    const store = await provider.getStore()
    store.put(text('b'), text('2'))
    inject(({ path, method }) => method === 'PUT' && path.endsWith('/2.delta'), {
      do: 'answer',
      status: 403,
      body: xml('AccessDenied'),
    })
    expect(await codeOf(store.commit())).toBe('TIDEMARK_STORAGE_UNAVAILABLE')
    await stores.close()
  })
})

describe('a credentials function', () => {
  test('whose fetch fails: StateStoreError', async () => {
    const broken = await open({ credentials: () => Promise.reject(new TypeError('fetch failed')) })
    expect(await codeOf(broken.list('dir'))).toMatch(/^TIDEMARK_STORAGE/)
  })
  test('that rejects with no Error: StateStoreError', async () => {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    const broken = await open({ credentials: () => Promise.reject('no token') })
    expect(await codeOf(broken.list('dir'))).toMatch(/^TIDEMARK_STORAGE/)
  })
  test('that gives nothing: StateStoreError', async () => {
    const broken = await open({ credentials: () => Promise.resolve(undefined as never) })
    expect(await codeOf(broken.list('dir'))).toBe('TIDEMARK_STORAGE_UNAVAILABLE')
  })
  test.each([
    [
      'throttled',
      Object.assign(new Error('Rate exceeded'), {
        name: 'ThrottlingException',
        $metadata: { httpStatusCode: 400 },
      }),
    ],
    ['without a connection', Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })],
    ['whose fetch fails', new TypeError('fetch failed')],
  ])('that is %s once: it is asked again', async (_name, error) => {
    let calls = 0
    const again = await open({
      credentials: () => (++calls === 1 ? Promise.reject(error) : Promise.resolve(credentials)),
    })
    expect(await codeOf(again.list('dir'))).toBe('ok')
    expect(calls).toBe(2)
  })
  test('keeps what the SDK reads off it', async () => {
    let calls = 0
    const give = () => Promise.resolve({ ...credentials, sessionToken: `t${++calls}` })
    const rotating = await open({ credentials: Object.assign(give, { memoized: true }) })
    for (let call = 0; call < 3; call++) await rotating.list('dir').catch(() => undefined)
    expect(calls).toBeGreaterThanOrEqual(3)
  })
  test('that never answers: the call ends', async () => {
    const broken = await open({
      credentials: () => new Promise(() => undefined),
      requestTimeoutMs: 300,
      retryTimeMs: 300,
    })
    expect(await codeOf(broken.list('dir'))).toMatch(/^TIDEMARK_STORAGE/)
  })
  test('whose fetch fails in a commit: the commit is not said to be a bug of the engine', async () => {
    let fails = false
    const expiring = await open({
      credentials: () =>
        fails
          ? Promise.reject(new TypeError('fetch failed'))
          : Promise.resolve({ ...credentials, expiration: new Date(Date.now() + 1000) }),
    })
    const stores = await StateStores.open(expiring, { maintenanceIntervalMs: 0 })
    const provider = stores.provider(ID)
    await commitVersions(provider, 1)
    const store = await provider.getStore()
    store.put(text('b'), text('2'))
    fails = true
    expect(await codeOf(store.commit())).toMatch(/^TIDEMARK_STORAGE/)
    fails = false
    await stores.close()
  })
})

describe('an aborted signal', () => {
  test('ends a read that waits for its next attempt', async () => {
    await other.createExclusive('file', bytesOf('x'), 'os')
    // Nobody is to wait for the next attempt.
    const clock: Clock = { ...quick, turn: () => new Promise(() => undefined) }
    const slow = await open({ clock, retryTimeMs: 40_000 })
    inject(isGet, {
      do: 'answer',
      status: 503,
      headers: { 'retry-after': '6' },
      body: '<Error><Code>SlowDown</Code><Message>x</Message></Error>',
    })
    const controller = new AbortController()
    const reading = slow.read('file', {}, controller.signal)
    await expect.poll(() => proxy.requests.filter(isGet).length).toBeGreaterThan(0)
    controller.abort(new Error('enough'))
    expect(await codeOf(reading)).toBe('plain Error: enough')
  })
  test('ends a read that waits for a free socket', async () => {
    await other.createExclusive('file', bytesOf('x'), 'os')
    const one = await open({ socketsMax: 1, requestTimeoutMs: 8000, retryTimeMs: 0 })
    const hang = inject(isGet, { do: 'hang' })
    const first = codeOf(one.read('file'))
    await expect.poll(() => hang.struck.length).toBe(1)
    const controller = new AbortController()
    const second = codeOf(one.read('file', {}, controller.signal))
    controller.abort(new Error('enough'))
    expect(await Promise.race([first, second])).toBe('plain Error: enough')
    await first
  })
})

describe('an upload in parts that is gone', () => {
  test('its lost Complete can be settled: it can never happen any more', async () => {
    const hasty = await open({ retryTimeMs: 0 })
    const directory = new ConditionalDirectory({
      files: hasty,
      writes: hasty.conditional,
      directory: 'state/0/0',
      isNewest: () => Promise.resolve(true),
    })
    const staged = await directory.create('1.delta')
    await staged.write(new Uint8Array(PART_SIZE_BYTES + 1))
    await staged.close()
    inject(isComplete, { do: 'resetBefore' })
    expect(await codeOf(directory.publish(staged, '1.delta', 'if-absent'))).toBe(
      'TIDEMARK_STORAGE_TIMEOUT',
    )
    service.uploads.clear() // A lifecycle rule of the bucket, or MinIO after a day.
    expect(await codeOf(directory.settle(staged, '1.delta'))).toBe('ok')
  })
})

describe('the probe', () => {
  test('a HEAD that a balancer answers with 404 does not make the service unsupported for good', async () => {
    const isHead = ({ method }: ProxiedRequest) => method === 'HEAD'
    const strange = inject(isHead, { do: 'answer', status: 404, body: '' }, { nth: 3 })
    expect(await codeOf(files.conditional.probe())).toBe('TIDEMARK_STORAGE_UNAVAILABLE')
    expect(strange.struck).toHaveLength(1)
    proxy.heal()
    expect(await codeOf(files.conditional.probe())).toBe('ok')
  })
})

describe('what is certain', () => {
  test.each(['EHOSTUNREACH', 'ENETUNREACH'])(
    '%s on a connection that stood is a lost answer',
    (code) => {
      expect(
        failureOf(Object.assign(new Error(`connect ${code}`), { code, syscall: 'connect' })),
      ).toMatchObject({ verdict: 'again' })
      const error = Object.assign(new Error(`read ${code}`), { code, syscall: 'read', errno: -113 })
      expect(failureOf(error)).toMatchObject({ verdict: 'lost' })
    },
  )
})

describe('SlowDownWrite of MinIO', () => {
  test('may have happened: MinIO says it where fewer drives than the quorum have answered', () => {
    const error = Object.assign(new Error('Resource requested is unwritable'), {
      name: 'SlowDownWrite',
      $metadata: { httpStatusCode: 503 },
    })
    expect(failureOf(error)).toMatchObject({ verdict: 'lost' })
  })
})

describe('a clock that differs', () => {
  test('the SDK learns it from the refusal, so the call is made again', async () => {
    await other.createExclusive('file', bytesOf('x'), 'os')
    inject(isGet, {
      do: 'answer',
      status: 403,
      headers: { date: new Date(Date.now() + 3_600_000).toUTCString() },
      body: '<Error><Code>RequestTimeTooSkewed</Code><Message>m</Message></Error>',
    })
    expect(await codeOf(files.read('file'))).toBe('ok')
  })
})
