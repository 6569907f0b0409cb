// HDFS over WebHDFS in memory, in the process of the test: NameNodes and a DataNode at HTTP level, for fast tests without Java.
//
// It follows the recorded answers of a real one (test/fixtures/webhdfs-answers.json), and one probe holds both to them. As with a real DataNode, the
// `100 Continue` comes unasked and before anything has been decided, an error may come before the body, each of its answers closes the connection,
// and a client that dies in the middle leaves a file that is cut and can be read.

import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { checkColon, FakeHdfsError, FakeNamespace } from './fake-namespace.ts'

const HOST = '127.0.0.1'
const PREFIX = '/webhdfs/v1'
const PAGE_SIZE = 1000

export interface FakeHdfsOptions {
  /** Two for a pair, of which the first is active. Default 1. */
  readonly nameNodes?: number
  /** Names in a page of LISTSTATUS_BATCH. Default 1000. */
  readonly pageSize?: number
  /** What goes wrong with a request; asked for each. */
  readonly fault?: (request: FakeRequest) => FakeFault | undefined | Promise<FakeFault | undefined>
}

export interface FakeRequest {
  readonly from: 'name node' | 'data node'
  /** Of the NameNode; 0 with a DataNode. */
  readonly index: number
  readonly method: string
  readonly op: string
  /** Decoded. */
  readonly path: string
  readonly params: Readonly<Record<string, string>>
  readonly headers: IncomingMessage['headers']
}

export type FakeFault =
  /** Another answer, and nothing is done. */
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly headers?: OutgoingHttpHeaders
      readonly body?: string
    }
  /** The connection breaks before anything is done. */
  | { readonly kind: 'reset' }
  /** No answer at all, and nothing is done. */
  | { readonly kind: 'hang' }
  /** It is done, and the connection breaks before the answer. */
  | { readonly kind: 'lose' }
  /** An OPEN whose body ends after that many bytes of what was announced. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }

export interface FakeHdfs extends AsyncDisposable {
  /** `webhdfs://host:port[,host:port]/path`. */
  location(path: string): string
  readonly nameNodePorts: readonly number[]
  readonly dataNodePort: number
  /** All that came, in order; the caller may empty it. */
  readonly requests: FakeRequest[]
  /** May be set to another, or to none, at any time. */
  fault: FakeHdfsOptions['fault'] | undefined
  setStandby(index: number, standby: boolean): void
  setSafeMode(on: boolean): void
  stop(): Promise<void>
}

interface Call extends FakeRequest {
  readonly user: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Breaks the connection where the answer should be. */
  readonly lost: boolean
  readonly truncateAfterBytes: number | undefined
}

const OPERATIONS: Readonly<Record<string, readonly string[]>> = {
  GET: ['OPEN', 'GETFILESTATUS', 'LISTSTATUS', 'LISTSTATUS_BATCH'],
  PUT: ['CREATE', 'MKDIRS', 'RENAME'],
  DELETE: ['DELETE'],
}

export async function startFakeHdfs(options: FakeHdfsOptions = {}): Promise<FakeHdfs> {
  const fake = new RunningFake(options)
  await fake.start(options.nameNodes ?? 1)
  return fake
}

class RunningFake implements FakeHdfs {
  readonly nameNodePorts: number[] = []
  dataNodePort = 0
  readonly requests: FakeRequest[] = []
  fault: FakeHdfsOptions['fault'] | undefined
  readonly #namespace = new FakeNamespace()
  readonly #servers: Server[] = []
  readonly #standby: boolean[] = []
  readonly #pageSize: number

  constructor({ pageSize = PAGE_SIZE, fault }: FakeHdfsOptions) {
    this.#pageSize = pageSize
    this.fault = fault
  }

  async start(nameNodes: number): Promise<void> {
    this.dataNodePort = await this.#listen('data node', 0)
    for (let index = 0; index < nameNodes; index++) {
      this.#standby.push(index > 0)
      this.nameNodePorts.push(await this.#listen('name node', index))
    }
  }

  location(path: string): string {
    return `webhdfs://${this.nameNodePorts.map((port) => `${HOST}:${port}`).join(',')}${path}`
  }

  setStandby(index: number, standby: boolean): void {
    this.#standby[index] = standby
  }

  setSafeMode(on: boolean): void {
    this.#namespace.safeMode = on
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #listen(from: FakeRequest['from'], index: number): Promise<number> {
    const server = createServer((request, response) => {
      this.#serve(from, index, request, response).catch((error: unknown) => {
        response.destroy(error as Error)
      })
    })
    this.#servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve))
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return address.port
  }

  async #serve(
    from: FakeRequest['from'],
    index: number,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    // A client may die at any time.
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    const asked = parse(from, index, request)
    this.requests.push(asked)
    const fault = await this.fault?.(asked)
    if (fault?.kind === 'hang') return
    if (fault?.kind === 'reset') {
      request.socket.resetAndDestroy()
      return
    }
    if (fault?.kind === 'answer') {
      response.writeHead(fault.status, fault.headers).end(fault.body)
      return
    }
    const call: Call = {
      ...asked,
      user: asked.params['user.name'] ?? 'dr.who',
      request,
      response,
      lost: fault?.kind === 'lose',
      truncateAfterBytes: fault?.kind === 'truncate' ? fault.afterBytes : undefined,
    }
    try {
      if (from === 'name node') this.#answerAsNameNode(call)
      else await this.#answerAsDataNode(call)
    } catch (error) {
      if (!(error instanceof FakeHdfsError)) throw error
      refuse(call, error)
    }
  }

  #answerAsNameNode(call: Call): void {
    const { method, op, path, params, index } = call
    if (params['user.name'] === '') {
      const headers = { 'Content-Type': 'text/html;charset=iso-8859-1', Connection: 'close' }
      finish(call, 500, headers, '<html></html>')
      return
    }
    checkParameters(call)
    // A standby redirects a CREATE all the same.
    if (op !== 'CREATE' && this.#standby[index]) throw standbyError(method)
    switch (op) {
      case 'OPEN':
        this.#namespace.checkOpen(path, Number(params['offset'] ?? 0))
        return this.#redirect(call, openParameters(params))
      case 'CREATE':
        checkColon(path, 'Invalid path name ')
        return this.#redirect(call, createParameters(params))
      case 'GETFILESTATUS':
        return answerJson(call, { FileStatus: this.#namespace.status(path) })
      case 'LISTSTATUS':
      case 'LISTSTATUS_BATCH':
        return this.#list(call)
      case 'MKDIRS':
        this.#namespace.makeDirectories(path, call.user)
        return answerJson(call, { boolean: true })
      case 'DELETE': {
        const recursive = params['recursive'] === 'true'
        return answerJson(call, { boolean: this.#namespace.delete(path, recursive, call.user) })
      }
      case 'RENAME':
        return this.#rename(call)
      default:
        throw new Error(`${op} is checked before`)
    }
  }

  #list(call: Call): void {
    const { op, path, params } = call
    const pageSize = op === 'LISTSTATUS' ? Number.POSITIVE_INFINITY : this.#pageSize
    const { page, remaining } = this.#namespace.list(path, params['startAfter'] ?? '', pageSize)
    const statuses = { FileStatuses: { FileStatus: page } }
    answerJson(
      call,
      op === 'LISTSTATUS'
        ? statuses
        : { DirectoryListing: { partialListing: statuses, remainingEntries: remaining } },
    )
  }

  #rename(call: Call): void {
    const { path, params, user } = call
    const destination = params['destination']
    const option = params['renameoptions'] ?? ''
    if (option === '') {
      answerJson(call, { boolean: this.#namespace.renamePlain(path, destination, user) })
      return
    }
    this.#namespace.rename(path, destination, option === 'OVERWRITE', user)
    finish(call, 200, { 'Content-Type': 'application/octet-stream' }, '')
  }

  #redirect(call: Call, more: Readonly<Record<string, string>>): void {
    const { op, path, params } = call
    const query = new URLSearchParams()
    query.set('op', op)
    if (params['user.name'] !== undefined) query.set('user.name', params['user.name'])
    query.set('namenoderpcaddress', 'fake')
    for (const [name, value] of Object.entries(more)) query.set(name, value)
    const location = `http://${HOST}:${this.dataNodePort}${PREFIX}${redirectPath(path)}?${query.toString()}`
    if (params['noredirect'] === 'true') {
      answerJson(call, { Location: location })
      return
    }
    const type = { 'Content-Type': 'application/octet-stream' }
    finish(call, 307, { ...type, Location: location }, '')
  }

  async #answerAsDataNode(call: Call): Promise<void> {
    const { op, path, params, response } = call
    if (op === 'CREATE') {
      // A real one says it before it asks the NameNode, so that it means nothing.
      response.writeContinue()
      await nextTurn()
      if (this.#standby.every(Boolean)) return // It goes on asking, for minutes.
      await this.#create(call)
      return
    }
    if (op !== 'OPEN') throw new Error(`Expected CREATE or OPEN at the DataNode, got ${op}`)
    const { offset, length } = params
    const bytes = this.#namespace.read(
      path,
      Number(offset ?? 0),
      length === undefined ? undefined : Number(length),
    )
    const headers = { 'Content-Type': 'application/octet-stream', 'Content-Length': bytes.length }
    if (call.truncateAfterBytes === undefined) {
      finish(call, 200, { ...headers, Connection: 'close' }, bytes)
      return
    }
    response.writeHead(200, { ...headers, Connection: 'close' })
    response.write(bytes.subarray(0, call.truncateAfterBytes), () => response.destroy())
  }

  async #create(call: Call): Promise<void> {
    const { path, params, user, request, response } = call
    // The NameNode encodes it once more than it needs to, and the DataNode takes both.
    const flags = decodeURIComponent(params['createflag'] ?? '').split(',')
    const writer = this.#namespace.beginFile(path, user, {
      overwrite: params['overwrite'] === 'true',
      createParent: params['createparent'] !== 'false',
      mustExist: flags[0] !== '' && !flags.includes('CREATE'),
    })
    const chunks: Buffer[] = []
    const whole = await new Promise<boolean>((resolve) => {
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.once('end', () => resolve(true))
      request.once('close', () => resolve(false))
      if (request.destroyed) resolve(request.complete)
    })
    this.#namespace.finishFile(writer, Buffer.concat(chunks))
    if (!whole) {
      response.destroy()
      return
    }
    finish(call, 201, { Location: createdLocation(path), Connection: 'close' }, '')
  }
}

function parse(from: FakeRequest['from'], index: number, request: IncomingMessage): FakeRequest {
  const url = new URL(request.url!, `http://${HOST}`)
  // Not of `url`, which would make dots of %2e.
  const rawPath = request.url!.split('?')[0]
  const encoded = rawPath.startsWith(PREFIX) ? rawPath.slice(PREFIX.length) : rawPath
  return {
    from,
    index,
    method: request.method!,
    op: (url.searchParams.get('op') ?? '').toUpperCase(),
    path: `/${encoded
      .split('/')
      .filter((segment) => segment !== '')
      .map(decodeURIComponent)
      .join('/')}`,
    params: Object.fromEntries(url.searchParams),
    headers: request.headers,
  }
}

function checkParameters({ method, op, params }: Call): void {
  if (!(OPERATIONS[method] ?? []).includes(op))
    throw invalid('op', `${op} is not a valid ${method} operation.`)
  if (op === 'RENAME') {
    const option = params['renameoptions'] ?? 'NONE'
    if (option !== 'NONE' && option !== 'OVERWRITE')
      throw invalid(
        'renameoptions',
        `No enum constant org.apache.hadoop.fs.Options.Rename.${option}`,
      )
    if ((params['destination'] ?? '') === '')
      throw new FakeHdfsError(
        'IllegalArgumentException',
        'Required param destination for op: RENAME is null or empty',
      )
  }
  for (const flag of (params['createflag'] ?? 'CREATE').split(','))
    if (!['CREATE', 'OVERWRITE', 'SYNC_BLOCK'].includes(flag))
      throw invalid('createflag', `No enum constant org.apache.hadoop.fs.CreateFlag.${flag}`)
  for (const name of ['offset', 'length']) {
    const value = params[name] ?? '0'
    if (!/^-?\d+$/.test(value))
      throw invalid(name, `Failed to parse "${value}" as a radix-10 long integer.`)
    if (Number(value) < 0) throw invalid(name, `Invalid parameter range: ${name} = ${value} < 0`)
  }
}

function invalid(name: string, problem: string): FakeHdfsError {
  return new FakeHdfsError(
    'IllegalArgumentException',
    `Invalid value for webhdfs parameter "${name}": ${problem}`,
  )
}

function standbyError(method: string): FakeHdfsError {
  const category = method === 'GET' ? 'READ' : 'WRITE'
  return new FakeHdfsError(
    'StandbyException',
    `Operation category ${category} is not supported in state standby. Visit https://s.apache.org/sbnn-error`,
  )
}

function openParameters(params: FakeRequest['params']): Record<string, string> {
  const { offset = '0', length } = params
  return length === undefined ? { offset } : { length, offset }
}

function createParameters(params: FakeRequest['params']): Record<string, string> {
  const { createflag = '', createparent = 'true', overwrite = 'false' } = params
  return { createflag: encodeURIComponent(createflag), createparent, overwrite }
}

/** As java.net.URI encodes a path, which also composes letters and accents: the file is made under another name then. */
function redirectPath(path: string): string {
  return encodeURI(path.normalize('NFC')).replaceAll('?', '%3F').replaceAll('#', '%23')
}

/** Letters beyond ASCII stand there as they are, and beyond Latin-1 as question marks. */
function createdLocation(path: string): string {
  const quoted = path.replace(/[^\u0080-\uffff]+/g, redirectPath)
  return `hdfs://${HOST}:8020${quoted.replace(/[\u0100-\uffff]/g, '?')}`
}

function refuse(call: Call, { exception, javaClassName, message, status }: FakeHdfsError): void {
  answerJson(call, { RemoteException: { exception, javaClassName, message } }, status)
}

function answerJson(call: Call, body: unknown, status = 200): void {
  const text = JSON.stringify(body)
  if (call.from === 'data node') {
    const type = { 'Content-Type': 'application/json; charset=utf-8' }
    finish(call, status, { ...type, Connection: 'close' }, text)
    return
  }
  const headers = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' }
  finish(call, status, headers, text)
}

function finish(
  { lost, request, response }: Call,
  status: number,
  headers: OutgoingHttpHeaders,
  body: string | Uint8Array,
): void {
  if (lost) {
    request.socket.resetAndDestroy()
    return
  }
  const chunked = headers['Transfer-Encoding'] !== undefined
  const length = chunked ? {} : { 'Content-Length': Buffer.byteLength(body) }
  response.writeHead(status, { ...headers, ...length }).end(body)
}
