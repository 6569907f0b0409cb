// An S3 service in memory, on loopback, for unit tests: what the file manager uses of it, and the conditions as AWS has them. What it answers was
// compared with versitygw and MinIO by running the same contracts on all three. It checks no signatures.

import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { crc32 } from 'node:zlib'

const HOST = '127.0.0.1'
const METADATA = 'x-amz-meta-'
const BETWEEN_LOOK_AND_WRITE_MS = 250

interface FakeObject {
  readonly bytes: Buffer
  readonly etag: string
  readonly modified: Date
  readonly metadata: Readonly<Record<string, string>>
}

interface FakeUpload {
  readonly key: string
  readonly initiated: Date
  readonly metadata: Readonly<Record<string, string>>
  readonly parts: Map<number, Buffer>
}

export interface FakeS3Options {
  /**
   * 'ignored': conditional writes overwrite; 'ignored by Complete': those in parts do; 'looked at': a PUT looks first and writes a moment later. Default
   * 'kept'.
   */
  readonly conditions?: 'kept' | 'ignored' | 'ignored by Complete' | 'looked at'
}

export class FakeS3 implements AsyncDisposable {
  readonly bucket = 'tidemark'
  readonly host = HOST
  readonly port: number
  readonly objects = new Map<string, FakeObject>()
  readonly uploads = new Map<string, FakeUpload>()
  readonly #server: Server
  readonly #conditions: NonNullable<FakeS3Options['conditions']>

  private constructor(server: Server, options: FakeS3Options) {
    this.#server = server
    this.#conditions = options.conditions ?? 'kept'
    this.port = (server.address() as AddressInfo).port
  }

  static async start(options: FakeS3Options = {}): Promise<FakeS3> {
    const server = createServer()
    await new Promise<void>((listening) => server.listen(0, HOST, listening))
    const fake = new FakeS3(server, options)
    server.on('request', (request, response) => {
      fake.#serve(request, response).catch((error: unknown) => {
        if (!(error instanceof Refusal)) throw error
        const body = `<Error><Code>${error.code}</Code><Message>${error.code}</Message></Error>`
        response.writeHead(error.status, { 'content-type': 'application/xml' })
        response.end(request.method === 'HEAD' ? undefined : body)
      })
    })
    return fake
  }

  get endpoint(): string {
    return `http://${HOST}:${this.port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((closed) => this.#server.close(closed))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, this.endpoint)
    const body = await bytesOf(request)
    const [, bucket, ...rest] = url.pathname.split('/').map(decodeURIComponent)
    if (bucket !== this.bucket) throw new Refusal(404, 'NoSuchBucket')
    const call = { request, response, query: url.searchParams, body, key: rest.join('/') }
    if (call.key === '') this.#serveBucket(call)
    else if (url.searchParams.has('uploads') || url.searchParams.has('uploadId'))
      this.#serveUpload(call)
    else {
      if (this.#conditions === 'looked at' && request.method === 'PUT') {
        this.#check(call)
        await delay(BETWEEN_LOOK_AND_WRITE_MS)
      }
      this.#serveObject(call)
    }
  }

  #serveBucket(call: Call): void {
    const { request, query } = call
    if (request.method === 'POST' && query.has('delete')) return this.#deleteAll(call)
    if (query.has('uploads')) return this.#listUploads(call)
    if (request.method === 'GET' && query.get('list-type') === '2') return this.#list(call)
    throw new Refusal(501, 'NotImplemented')
  }

  #serveObject(call: Call): void {
    const { request, response, key, body } = call
    const found = this.objects.get(key)
    switch (request.method ?? '') {
      case 'PUT': {
        if (this.#conditions === 'kept' || this.#conditions === 'ignored by Complete')
          this.#check(call)
        this.#put(call, body, md5(body), metadataOf(request))
        return answer(call, 200, { etag: `"${md5(body)}"` })
      }
      case 'DELETE':
        this.objects.delete(key)
        return answer(call, 204)
      case 'GET':
      case 'HEAD':
        if (found === undefined) throw new Refusal(404, 'NoSuchKey')
        return this.#get(call, found)
      default:
        response.destroy()
    }
  }

  #get(call: Call, found: FakeObject): void {
    const { 'if-match': match, range } = call.request.headers
    const { bytes, etag, modified, metadata } = found
    if (match !== undefined && match !== `"${etag}"`) throw new Refusal(412, 'PreconditionFailed')
    const headers: Record<string, string | number> = {
      etag: `"${etag}"`,
      'last-modified': modified.toUTCString(),
    }
    for (const [name, value] of Object.entries(metadata)) headers[METADATA + name] = value
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? []
    if (first === undefined) {
      const checksum = Buffer.alloc(4)
      checksum.writeUInt32BE(crc32(bytes))
      headers['x-amz-checksum-crc32'] = checksum.toString('base64')
      headers['content-length'] = bytes.length
      return answer(call, 200, headers, call.request.method === 'HEAD' ? undefined : bytes)
    }
    if (Number(first) >= bytes.length) throw new Refusal(416, 'InvalidRange')
    const part = bytes.subarray(Number(first), last === '' ? undefined : Number(last) + 1)
    headers['content-range'] = `bytes ${first}-${Number(first) + part.length - 1}/${bytes.length}`
    headers['content-length'] = part.length
    answer(call, 206, headers, part)
  }

  #serveUpload(call: Call): void {
    const { request, query, key, body } = call
    if (request.method === 'POST' && query.has('uploads')) {
      const id = randomUUID()
      const metadata = metadataOf(request)
      this.uploads.set(id, { key, metadata, initiated: new Date(), parts: new Map() })
      return answerXml(
        call,
        `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      )
    }
    const id = query.get('uploadId')!
    const upload = this.uploads.get(id)
    if (upload === undefined || upload.key !== key) throw new Refusal(404, 'NoSuchUpload')
    if (request.method === 'PUT') {
      upload.parts.set(Number(query.get('partNumber')), body)
      return answer(call, 200, { etag: `"${md5(body)}"` })
    }
    if (request.method === 'DELETE') {
      this.uploads.delete(id)
      return answer(call, 204)
    }
    if (this.#conditions === 'kept' || this.#conditions === 'looked at') this.#check(call)
    const numbers = [...body.toString().matchAll(/<PartNumber>(\d+)</g)].map((hit) =>
      Number(hit[1]),
    )
    const parts = numbers.map((number) => upload.parts.get(number)!)
    const etag = `${md5(Buffer.concat(parts.map((part) => Buffer.from(md5(part), 'hex'))))}-${parts.length}`
    this.#put(call, Buffer.concat(parts), etag, upload.metadata)
    this.uploads.delete(id)
    answerXml(
      call,
      `<CompleteMultipartUploadResult><ETag>"${etag}"</ETag></CompleteMultipartUploadResult>`,
    )
  }

  #check({ request, key }: Call): void {
    const { 'if-none-match': none, 'if-match': match } = request.headers
    const found = this.objects.get(key)
    if (none === '*' && found !== undefined) throw new Refusal(412, 'PreconditionFailed')
    if (match === undefined) return
    if (found === undefined) throw new Refusal(404, 'NoSuchKey')
    if (match !== `"${found.etag}"`) throw new Refusal(412, 'PreconditionFailed')
  }

  #put(
    { key }: Call,
    bytes: Buffer,
    etag: string,
    metadata: Readonly<Record<string, string>>,
  ): void {
    this.objects.set(key, { bytes, etag, metadata, modified: new Date() })
  }

  #list(call: Call): void {
    const { query } = call
    const prefix = query.get('prefix') ?? ''
    const max = Number(query.get('max-keys') ?? 1000)
    const after = query.get('continuation-token') ?? query.get('start-after') ?? ''
    const names = new Set<string>()
    for (const key of this.objects.keys()) {
      if (!key.startsWith(prefix)) continue
      const slash = query.get('delimiter') === '/' ? key.indexOf('/', prefix.length) : -1
      names.add(slash < 0 ? key : key.slice(0, slash + 1))
    }
    const all = [...names].sort().filter((name) => name > after)
    const page = all.slice(0, max)
    const entries = page.map((name) => {
      const found = this.objects.get(name)
      return found === undefined
        ? `<CommonPrefixes><Prefix>${encode(name)}</Prefix></CommonPrefixes>`
        : `<Contents><Key>${encode(name)}</Key><Size>${found.bytes.length}</Size><ETag>&quot;${found.etag}&quot;</ETag><LastModified>${found.modified.toISOString()}</LastModified></Contents>`
    })
    const more = all.length > page.length
    const next = more
      ? `<NextContinuationToken>${escape(page.at(-1)!)}</NextContinuationToken>`
      : ''
    answerXml(
      call,
      `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${more}</IsTruncated>${next}${entries.join('')}</ListBucketResult>`,
    )
  }

  #listUploads(call: Call): void {
    const prefix = call.query.get('prefix') ?? ''
    const uploads = [...this.uploads]
      .filter(([, { key }]) => key.startsWith(prefix))
      .map(
        ([id, { key, initiated }]) =>
          `<Upload><Key>${encode(key)}</Key><UploadId>${id}</UploadId><Initiated>${initiated.toISOString()}</Initiated></Upload>`,
      )
    answerXml(
      call,
      `<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>${uploads.join('')}</ListMultipartUploadsResult>`,
    )
  }

  #deleteAll(call: Call): void {
    for (const [, key] of call.body.toString().matchAll(/<Key>([^<]*)<\/Key>/g))
      this.objects.delete(unescape(key))
    answerXml(call, '<DeleteResult></DeleteResult>')
  }
}

interface Call {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly query: URLSearchParams
  readonly body: Buffer
  readonly key: string
}

class Refusal extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string) {
    super(code)
    this.status = status
    this.code = code
  }
}

function answer(
  { response }: Call,
  status: number,
  headers: Readonly<Record<string, string | number>> = {},
  body?: Buffer,
): void {
  response.writeHead(status, headers).end(body)
}

function answerXml(call: Call, xml: string): void {
  const body = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>${xml}`)
  answer(call, 200, { 'content-type': 'application/xml', 'content-length': body.length }, body)
}

function metadataOf({ headers }: IncomingMessage): Record<string, string> {
  const named = Object.entries(headers).filter(([name]) => name.startsWith(METADATA))
  return Object.fromEntries(
    named.map(([name, value]) => [name.slice(METADATA.length), String(value)]),
  )
}

function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex')
}

/** As AWS does it for `encoding-type=url`. */
function encode(key: string): string {
  return encodeURIComponent(key)
    .replaceAll('%20', '+')
    .replaceAll('%2F', '/')
    .replaceAll("'", '%27')
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

function unescape(text: string): string {
  const letters: Readonly<Record<string, string>> = {
    amp: '&',
    lt: '<',
    gt: '>',
    quot: '"',
    apos: "'",
  }
  return text.replaceAll(/&(\w+);/g, (whole, name: string) => letters[name] ?? whole)
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}
