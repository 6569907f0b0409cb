// What faults of HTTP, of the service and of the caller's own functions come to: a code, an honest answer, and no wait without a bound.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../../../src/base/clock.ts'
import { StateStoreError } from '../../../../src/errors.ts'
import { ConditionalDirectory } from '../../../../src/files/conditional-directory.ts'
import { failureOf } from '../../../../src/files/s3/s3-errors.ts'
import { type S3Options, S3FileManager } from '../../../../src/files/s3/s3.ts'
import { StateStores } from '../../../../src/index.ts'
import { bytesOf } from '../../../../src/testing/file-manager-contract.ts'
import { commitVersions, ID, readRows, rowsAfter, text } from '../../../../src/testing/stores.ts'
import { revisionOf, uploadOf } from '../../../support/contracts/conditional-writes.ts'
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

/** The code of what a call rejects with; else what came instead. */
async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'ok'
  } catch (error) {
    return error instanceof StateStoreError ? error.code : `plain ${String(error)}`
  }
}

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

/** A server of its own. */
async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
): Promise<{ server: Server; endpoint: string; [Symbol.asyncDispose](): Promise<void> }> {
  let count = 0
  const server = createServer((request, response) => {
    request.resume().on('end', () => answer(request, response, ++count))
    request.on('error', () => undefined)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    server,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

describe('listings', () => {
  test('tokens that go in circles end', async () => {
    await using strange = await serve((_request, response, count) => {
      response.end(
        `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t${count % 2}</NextContinuationToken></ListBucketResult>`,
      )
    })
    const lost = await open({ endpoint: strange.endpoint, retryTimeMs: 200 })
    expect(await codeOf(lost.list('dir'))).toBe('TIDEMARK_STORAGE_UNAVAILABLE')
  })
  test('more, and no token', async () => {
    await using strange = await serve((_request, response) => {
      response.end(`<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>`)
    })
    const lost = await open({ endpoint: strange.endpoint, retryTimeMs: 200 })
    expect(await codeOf(lost.list('dir'))).toBe('TIDEMARK_STORAGE_UNAVAILABLE')
  })
  test('cut, of no known length: not taken for whole', async () => {
    for (const name of ['a', 'b', 'c'])
      await other.createExclusive(`dir/${name}`, bytesOf('x'), 'os')
    const whole = await (
      await fetch(`${service.endpoint}/${service.bucket}?list-type=2&prefix=checkpoint/dir/`)
    ).text()
    await using strange = await serve((request, response) => {
      const at = whole.indexOf('</Contents>') + '</Contents>'.length
      request.socket.end(
        `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/xml\r\n\r\n${whole.slice(0, at)}`,
      )
      void response
    })
    const lost = await open({ endpoint: strange.endpoint, retryTimeMs: 200 })
    expect(await codeOf(lost.list('dir'))).toBe('TIDEMARK_STORAGE_UNAVAILABLE')
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

describe('a balancer whose clock is wrong', () => {
  test('its 502 sets the clock of the SDK, the refusal that follows sets it right: the call is made again', async () => {
    await using strange = await serve((request, response, count) => {
      if (count === 1) {
        response.writeHead(502, { date: new Date(0).toUTCString() }).end('<html>Bad gateway</html>')
        return
      }
      const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(
        String(request.headers['x-amz-date']),
      )!
      const signedMs = Date.UTC(+y, +mo - 1, +d, +h, +mi, +s)
      if (Math.abs(signedMs - Date.now()) > 900_000)
        response
          .writeHead(403)
          .end('<Error><Code>RequestTimeTooSkewed</Code><Message>m</Message></Error>')
      else response.writeHead(200, { etag: '"e"', 'content-length': 1 }).end('x')
    })
    const lost = await open({ endpoint: strange.endpoint })
    expect(await codeOf(lost.read('file'))).toBe('ok')
  })
})

describe('ranges', () => {
  test('206 without Content-Range is not taken for the whole', async () => {
    await using strange = await serve((_request, response) => {
      response.writeHead(206, { etag: '"e"', 'content-length': 4 }).end('cdef')
    })
    const lost = await open({ endpoint: strange.endpoint, retryTimeMs: 100 })
    const found = await lost.read('file', { offset: 2, length: 4 }).catch(() => 'an error')
    expect(found === 'an error' ? found : new TextDecoder().decode(found as Uint8Array)).toBe(
      'an error',
    )
  })
  test('200 with the whole is cut to the range', async () => {
    await using strange = await serve((_request, response) => {
      response.writeHead(200, { etag: '"e"', 'content-length': 6 }).end('abcdef')
    })
    const lost = await open({ endpoint: strange.endpoint, retryTimeMs: 100 })
    expect(await lost.read('file', { offset: 2, length: 2 })).toEqual(bytesOf('cd'))
    expect(await lost.read('file', { offset: 9, length: 2 })).toEqual(bytesOf(''))
  })
  test('more bytes than announced', async () => {
    await using strange = await serve((request) => {
      request.socket.write('HTTP/1.1 200 OK\r\netag: "e"\r\ncontent-length: 6\r\n\r\nabcdefXXXXXX')
    })
    const lost = await open({ endpoint: strange.endpoint, retryTimeMs: 100 })
    for (let time = 0; time < 5; time++) expect(await lost.read('file')).toEqual(bytesOf('abcdef'))
  })
  test('a wrong checksum', async () => {
    await using strange = await serve((_request, response) => {
      response
        .writeHead(200, { etag: '"e"', 'content-length': 6, 'x-amz-checksum-crc32': 'AAAAAA==' })
        .end('abcdef')
    })
    const lost = await open({ endpoint: strange.endpoint, retryTimeMs: 100 })
    expect(await codeOf(lost.read('file'))).toBe('TIDEMARK_CORRUPT_FILE')
  })
  test('a body with a checksum that is not wanted lets its connection go', async () => {
    let connections = 0
    const big = Buffer.alloc(4_000_000, 7)
    await using strange = await serve((request, response) => {
      if (request.url?.includes('small')) {
        response.writeHead(200, { etag: '"e"', 'content-length': 1 }).end('x')
        return
      }
      response
        .writeHead(200, {
          etag: '"e"',
          'content-length': big.length,
          'x-amz-checksum-crc32': 'AAAAAA==',
        })
        .end(big)
    })
    strange.server.on('connection', () => connections++)
    const lost = await open({
      endpoint: strange.endpoint,
      retryTimeMs: 0,
      socketsMax: 2,
      connectTimeoutMs: 500,
    })
    for (let time = 0; time < 6; time++)
      expect(await lost.read('big', {}, undefined, 'another')).toBeUndefined()
    expect(await lost.read('small')).toEqual(bytesOf('x'))
  })
})

describe('any answer to any call is data or a StateStoreError', () => {
  const error = (code: string, inner = '') =>
    `<Error><Code>${code}</Code><Message>m</Message>${inner}</Error>`
  const BODIES: readonly string[] = [
    '',
    'plain text',
    '{"json": true}',
    '<html><body><hr></body></html>',
    '<html><p>x</p></html>',
    '<a>text</a>',
    '<Error/>',
    '<Error><Code/></Error>',
    '<Error><Code><b>x</b></Code></Error>',
    '<Error><Code>a#b</Code></Error>',
    '<Error><Code>toString</Code><Message>x</Message></Error>',
    '<Error><Message><b>1</b></Message></Error>',
    '<Message><b>1</b></Message>',
    '<r><message><b>1</b></message></r>',
    '<Error><Code>AccessDenied</Code><Message><toString>x</toString></Message></Error>',
    '<r><name><b>1</b></name><code>1</code></r>',
    '<r><Contents><Key>k</Key></Contents><IsTruncated>x</IsTruncated></r>',
    '<r><IsTruncated>false</IsTruncated><Contents><Key>%zz</Key><Size>x</Size><ETag>e</ETag><LastModified>never</LastModified></Contents><EncodingType>url</EncodingType></r>',
    '<r><IsTruncated>false</IsTruncated><Contents><Key><b>k</b></Key><Size>1</Size><ETag><i>e</i></ETag></Contents></r>',
    '<r><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType><CommonPrefixes><Prefix>%ff</Prefix></CommonPrefixes></r>',
    '<r><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType><CommonPrefixes/><Contents/></r>',
    '<r><IsTruncated>false</IsTruncated><EncodingType><b>url</b></EncodingType><Upload><Key>k</Key></Upload></r>',
    '<r><IsTruncated>true</IsTruncated><NextContinuationToken><b>1</b></NextContinuationToken></r>',
    '<r><UploadId><b>1</b></UploadId><ETag><b>1</b></ETag></r>',
    '<DeleteResult><Error><Key>k</Key><Code><b>x</b></Code></Error></DeleteResult>',
    '<DeleteResult><Error/></DeleteResult>',
    error('NoSuchKey'),
    error('NoSuchUpload'),
    error('NoSuchBucket'),
    error('InternalError'),
    error('RequestTimeTooSkewed', '<ServerTime><b>x</b></ServerTime>'),
    error('ExpiredToken'),
    '<'.repeat(50_000),
    '<a>'.repeat(20_000),
    '\u0000\u0001\u0002',
  ]
  const HEADERS: readonly Record<string, string>[] = [
    {},
    {
      etag: '""',
      'last-modified': 'never',
      expires: 'x',
      'x-amz-missing-meta': 'x',
      'x-amz-mp-parts-count': 'x',
      'x-amz-object-lock-retain-until-date': 'x',
      'x-amz-server-side-encryption-bucket-key-enabled': 'x',
      'x-amz-delete-marker': 'x',
      'content-range': 'x',
      'accept-ranges': 'x',
      date: 'x',
      age: 'x',
      'retry-after': '-5',
    },
    {
      etag: 'W/"e"',
      'x-amz-checksum-crc32': 'x',
      'x-amz-checksum-crc64nvme': 'y',
      'x-amz-checksum-type': 'z',
      'content-range': 'bytes 0-5/6',
      'x-amz-abort-date': 'x',
      'x-amz-object-size': 'x',
    },
  ]
  const STATUSES = [
    200, 204, 206, 301, 304, 307, 308, 400, 401, 403, 404, 405, 409, 412, 416, 429, 499, 500, 501,
    503, 599,
  ]
  const CALLS: Record<string, (files: S3FileManager) => Promise<unknown>> = {
    list: (files) => files.list('dir'),
    stat: (files) => files.stat('dir'),
    read: (files) => files.read('file'),
    readRange: (files) => files.read('file', { offset: 1, length: 5 }, undefined, 'e'),
    readNothing: (files) => files.read('file', { length: 0 }),
    create: (files) => files.createExclusive('a', bytesOf('x'), 'os'),
    uploadOver: async (files) =>
      (await uploadOf(files, 'a', bytesOf('x'))).complete({ revision: 'r' }),
    parts: async (files) => {
      const upload = await uploadOf(files, 'a', new Uint8Array(PART_SIZE_BYTES + 1))
      try {
        return await upload.complete('absent')
      } finally {
        await upload.abort()
      }
    },
    delete: (files) => files.deleteFile('a'),
    deleteTree: (files) => files.deleteTree('dir'),
    clean: (files) => files.conditional.cleanUploads('dir', 0),
    probe: (files) => files.conditional.probe(),
  }
  test.each(Object.keys(CALLS))('%s', { timeout: 60_000 }, async (name) => {
    let now: { status: number; headers: Record<string, string>; body: string }
    await using strange = await serve((request, response) => {
      const bodyless = request.method === 'HEAD' || now.status === 204 || now.status === 304
      response.writeHead(now.status, {
        ...now.headers,
        ...(!bodyless && { 'content-length': Buffer.byteLength(now.body) }),
      })
      response.end(bodyless ? undefined : now.body)
    })
    const lost = await open({ endpoint: strange.endpoint, retryTimeMs: 0, requestTimeoutMs: 5000 })
    const answers = fc.record({
      status: fc.constantFrom(...STATUSES),
      headers: fc.constantFrom(...HEADERS),
      body: fc.constantFrom(...BODIES),
    })
    await fc.assert(
      fc.asyncProperty(answers, async (answer) => {
        now = answer
        expect(await codeOf(CALLS[name](lost))).toMatch(/^ok$|^TIDEMARK_(?!INVARIANT)/)
      }),
      { numRuns: name === 'parts' ? 30 : 150 },
    )
  })
})
