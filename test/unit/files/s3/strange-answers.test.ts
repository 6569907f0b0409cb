// Answers that S3 does not give: of a proxy, a balancer, another service. They come to data that is right, or to a code.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../../../src/base/clock.ts'
import { type S3Options, S3FileManager } from '../../../../src/files/s3/s3.ts'
import { bytesOf } from '../../../../src/testing/file-manager-contract.ts'
import { codeOf } from '../../../support/code-of.ts'
import { uploadOf } from '../../../../src/testing/conditional-writes-contract.ts'
import { FakeS3 } from '../../../support/s3/fake-s3.ts'

const PART_SIZE_BYTES = 5 * 1024 * 1024
const clock: Clock = { ...systemClock, turn: (ms = 0) => systemClock.turn(Math.min(ms, 5)) }

function open(options: S3Options & { endpoint: string }): Promise<S3FileManager> {
  return S3FileManager.open('s3://bucket/checkpoint', {
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'testsecret' },
    retryTimeMs: 3000,
    partSizeBytes: PART_SIZE_BYTES,
    clock,
    ...options,
  })
}

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
    await using service = await FakeS3.start()
    const other = await S3FileManager.open(`s3://${service.bucket}/checkpoint`, {
      endpoint: service.endpoint,
      credentials: { accessKeyId: 'test', secretAccessKey: 'testsecret' },
    })
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
