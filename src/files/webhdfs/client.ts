// HdfsClient — the seven calls of WebHDFS that the engine needs, each with its answers as data. When one is tried again: attempts.ts.
//
// Requests on the way of success: one each, but OPEN and CREATE two (NameNode, then DataNode).

import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Socket } from 'node:net'
import { concatBytes } from '../../base/bytes.ts'
import { within } from '../../base/clock.ts'
import { StateStoreError } from '../../errors.ts'
import { type CallSubject, describeSubject } from '../call-subject.ts'
import type { ByteRange, Durability, FileStatus } from '../file-manager.ts'
import { READ_BYTES_MAX, tooLongError } from '../read-range.ts'
import { Semaphore } from '../../base/semaphore.ts'
import { hostCheck, type HostCheck } from './allowed-hosts.ts'
import { Attempts } from './attempts.ts'
import {
  type ListingPage,
  parseBoolean,
  parseFileStatus,
  parseListingPage,
  parseNothing,
  refusalOf,
} from './answers.ts'
import { HttpStep, type StepAnswer, StepFailure, type StepRequest } from './http-step.ts'
import { type Endpoint, type HdfsLocation, describeEndpoint } from './location.ts'
import { NameNodes } from './name-nodes.ts'
import type { ResolvedWebHdfsOptions } from './options.ts'
import { type Hop, parseHop, WEBHDFS_ROOT, withCreateFlags, withPath } from './redirect.ts'
import { RemoteException, StrangeAnswer, timeoutError, unavailableError } from './webhdfs-errors.ts'

/** A NameNode closes idle connections (after 60 s, some versions after 1 s); a request on one just then would be a lost answer. */
const IDLE_CONNECTION_MS = 500

type Query = Readonly<Record<string, string>>

export class HdfsClient {
  readonly #location: string
  readonly #parsed: HdfsLocation
  readonly #options: ResolvedWebHdfsOptions
  readonly #nameNodes: NameNodes
  readonly #attempts: Attempts
  readonly #allowed: HostCheck
  readonly #nameNodeAgent: HttpAgent
  /** DataNodes close each connection after the answer. */
  readonly #dataNodeAgent: HttpAgent
  readonly #connected = new WeakSet<Socket>()
  readonly #reads: Semaphore
  #token: Promise<string> | undefined
  /** Never shown, also not where a server repeats them. */
  readonly #secrets = new Set<string>()

  constructor(location: string, parsed: HdfsLocation, options: ResolvedWebHdfsOptions) {
    this.#location = location
    this.#parsed = parsed
    this.#options = options
    this.#nameNodes = new NameNodes(parsed.nameNodes, options.clock)
    this.#attempts = new Attempts(this.#nameNodes, {
      clock: options.clock,
      retryTimeMs: options.retryTimeMs,
      renewToken: options.tokenRenewable ? () => void (this.#token = undefined) : undefined,
    })
    this.#allowed = hostCheck(parsed, options.allowedHosts)
    const Agent = parsed.secure ? HttpsAgent : HttpAgent
    const maxSockets = options.socketsMax
    this.#nameNodeAgent = new Agent({ keepAlive: true, maxSockets, timeout: IDLE_CONNECTION_MS })
    this.#dataNodeAgent = new Agent({ keepAlive: false })
    this.#reads = new Semaphore(options.socketsMax)
  }

  stat(path: string): Promise<FileStatus | 'absent'> {
    const name = path.slice(path.lastIndexOf('/') + 1)
    return this.#attempts.run<FileStatus | 'absent'>(
      this.#subject('GETFILESTATUS of', path),
      'read',
      async (nameNode) => {
        const answer = await this.#ask(nameNode, 'GET', path, { op: 'GETFILESTATUS' }, 200)
        return parseFileStatus(answer, name, nameNode)
      },
      (error) => (error.notFound || error.belowFile ? 'absent' : undefined),
    )
  }

  /** The entries of a folder by name, after the one named `after`. `nowMs` is the time of the server's clock, where it tells. */
  listPage(path: string, after: string): Promise<(ListingPage & { nowMs?: number }) | 'absent'> {
    return this.#attempts.run<(ListingPage & { nowMs?: number }) | 'absent'>(
      this.#subject('LISTSTATUS_BATCH of', path),
      'read',
      async (nameNode) => {
        const query = { op: 'LISTSTATUS_BATCH', ...(after !== '' && { startAfter: after }) }
        const answer = await this.#ask(nameNode, 'GET', path, query, 200)
        // Jetty sends the header twice, the first from when the connection was made; a date has 29 letters.
        const nowMs = Date.parse((answer.headers.date ?? '').slice(-29))
        const page = parseListingPage(answer, nameNode)
        return Number.isNaN(nowMs) ? page : { ...page, nowMs }
      },
      (error) => (error.notFound || error.belowFile ? 'absent' : undefined),
    )
  }

  /** The bytes in `range`, cut where the file ends. An aborted `signal` ends it with its reason. */
  async read(
    path: string,
    range: ByteRange,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array | 'absent' | 'directory'> {
    return this.#reads.run(
      () =>
        this.#attempts.run(
          this.#subject('OPEN of', path),
          'read',
          (nameNode) => this.#readOnce(nameNode, path, range, signal),
          (error) => {
            if (error.notFound || error.belowFile) return 'absent'
            // The second is what a DataNode says of an empty file.
            const beyond = / out of the range \[|^Cannot seek after EOF/.test(error.message)
            return beyond ? new Uint8Array(0) : undefined
          },
          signal,
        ),
      signal,
    )
  }

  /** Makes a folder and all above it; true for what exists. 'in-the-way' where one of them is a file. */
  makeDirectories(path: string): Promise<'there' | 'in-the-way'> {
    return this.#attempts.run<'there' | 'in-the-way'>(
      this.#subject('MKDIRS of', path),
      'repeatable',
      async (nameNode) => {
        const answer = await this.#ask(nameNode, 'PUT', path, { op: 'MKDIRS' }, 200)
        if (parseBoolean(answer, nameNode)) return 'there'
        throw new StrangeAnswer('Expected MKDIRS to succeed or to say why, got false', nameNode)
      },
      (error) => (error.exists || error.belowFile ? 'in-the-way' : undefined),
    )
  }

  /**
   * Moves a file or folder with all below it in one step. 'not-found': the source or the target's folder. 'kinds-differ': a file is at one end
   * and a folder at the other. Lost answers: STORAGE_TIMEOUT.
   */
  rename(
    source: string,
    target: string,
    mode: 'NONE' | 'OVERWRITE',
  ): Promise<'moved' | 'exists' | 'not-found' | 'kinds-differ'> {
    const query = { op: 'RENAME', destination: this.#absolute(target), renameoptions: mode }
    return this.#attempts.run<'moved' | 'exists' | 'not-found' | 'kinds-differ'>(
      this.#subject(`RENAME from ${source} to`, target),
      'once',
      async (nameNode) => {
        parseNothing(await this.#ask(nameNode, 'PUT', source, query, 200), nameNode)
        return 'moved'
      },
      (error) => {
        if (error.kindsDiffer) return 'kinds-differ'
        if (error.exists) return 'exists'
        return error.notFound ? 'not-found' : undefined
      },
    )
  }

  /** `doubtful`: an earlier attempt had no answer, so `deleted: false` does not say that the file was not there. */
  remove(path: string, depth: 'one' | 'tree'): Promise<{ deleted: boolean; doubtful: boolean }> {
    const query = { op: 'DELETE', recursive: String(depth === 'tree') }
    return this.#attempts.run(
      this.#subject('DELETE of', path),
      'repeatable',
      async (nameNode, doubtful) => {
        const answer = await this.#ask(nameNode, 'DELETE', path, query, 200)
        return { deleted: parseBoolean(answer, nameNode), doubtful }
      },
      (error, doubtful) =>
        error.notFound || error.belowFile ? { deleted: false, doubtful } : undefined,
    )
  }

  /** Writes a new file in one go; never makes a folder. `bytes` must not change until it settles. */
  async createWhole(path: string, bytes: Uint8Array, durability: Durability): Promise<void> {
    const subject = this.#subject('CREATE of', path)
    let begun = false
    await this.#attempts.run(subject, 'upload', async (nameNode) => {
      const step = await this.#startCreate(nameNode, path, durability, bytes.length)
      if (bytes.length > 0) await step.write(bytes)
      try {
        await this.#refuseUnlessMade(step)
      } catch (error) {
        if (begun && error instanceof RemoteException && (error.exists || error.beingWritten))
          throw leftHalfMade(subject, error)
        begun = true
        throw error
      }
      this.#nameNodes.seenActive(nameNode)
    })
  }

  /** Starts to write a new file. That a DataNode takes bytes does not say yet that the file can be made: the end of it does. */
  async createStream(path: string, durability: Durability): Promise<HttpStep> {
    return this.#attempts.run(this.#subject('CREATE of', path), 'upload', async (nameNode) => {
      const step = await this.#startCreate(nameNode, path, durability, 'chunked')
      await step.connected()
      return step
    })
  }

  /** Ends a file begun by `createStream`. */
  async finish(path: string, step: HttpStep): Promise<void> {
    try {
      await this.#refuseUnlessMade(step)
    } catch (error) {
      throw this.uploadError(path, error)
    }
  }

  /** A failure of a step of `createStream`, in our terms. */
  uploadError(path: string, error: unknown): StateStoreError {
    const subject = this.#subject('CREATE of', path)
    const lost = error instanceof StepFailure || error instanceof StrangeAnswer
    return lost ? timeoutError(subject, error) : unavailableError(subject, error)
  }

  async #readOnce(
    nameNode: Endpoint,
    path: string,
    range: ByteRange,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array | 'absent' | 'directory'> {
    const query = {
      op: 'OPEN',
      offset: String(range.offset ?? 0),
      ...(range.length !== undefined && { length: String(range.length) }),
    }
    const answer = await this.#ask(nameNode, 'GET', path, query, 307, signal)
    const hop = this.#hop(answer, nameNode, path)
    this.#nameNodes.seenActive(nameNode)
    const step = this.#startHop(hop, 'GET', 'none', signal)
    const { status, headers } = await step.answerHead()
    if (status !== 200) {
      const refusal = this.#refusalOfDataNode(await step.answer(), hop.endpoint, 200)
      if (!(refusal instanceof RemoteException && refusal.notFound)) throw refusal
      // A folder, or a file that was deleted or replaced between the two steps.
      const found = await this.stat(path)
      if (found === 'absent') return 'absent'
      if (found.type === 'directory') return 'directory'
      throw new StrangeAnswer('The file was replaced while it was being opened', hop.endpoint)
    }
    const announced = headers['content-length']
    const bytes = await readAnnounced(step, announced, range, this.#subject('OPEN of', path))
    // Without a length, a cut body looks like a whole one.
    if (announced === undefined) await this.#refuseUnlessWhole(path, range, bytes.length)
    return bytes
  }

  async #refuseUnlessWhole(path: string, range: ByteRange, lengthBytes: number): Promise<void> {
    const found = await this.stat(path)
    const rest = found === 'absent' ? 0 : Math.max(0, found.sizeBytes - (range.offset ?? 0))
    const expected = Math.min(rest, range.length ?? Infinity)
    if (lengthBytes !== expected)
      throw new StrangeAnswer(
        `Expected ${expected} bytes, got ${lengthBytes}`,
        this.#nameNodes.current,
      )
  }

  /** Asks a NameNode where to write and begins there. Nothing has happened until then, so up to there everything may be repeated. */
  async #startCreate(
    nameNode: Endpoint,
    path: string,
    durability: Durability,
    body: number | 'chunked',
  ): Promise<HttpStep> {
    const sync = durability === 'fsync'
    let hop: Hop
    try {
      if (!this.#nameNodes.confirmed) await this.#confirm(nameNode)
      const query = {
        op: 'CREATE',
        overwrite: 'false',
        createparent: 'false',
        ...(sync && { createflag: 'CREATE,SYNC_BLOCK' }),
      }
      const answer = await this.#ask(nameNode, 'PUT', path, query, 307)
      hop = withCreateFlags(this.#hop(answer, nameNode, path), nameNode, sync)
    } catch (error) {
      if (error instanceof StepFailure || error instanceof StrangeAnswer)
        throw new StepFailure(error.message, nameNode, 'no', error)
      throw error
    }
    return this.#startHop(hop, 'PUT', body)
  }

  /** Asks what a standby refuses to answer. */
  async #confirm(nameNode: Endpoint): Promise<void> {
    try {
      await this.#ask(nameNode, 'GET', '', { op: 'GETFILESTATUS' }, 200)
    } catch (error) {
      if (!(error instanceof RemoteException) || error.again !== undefined) throw error
    }
    this.#nameNodes.seenActive(nameNode)
  }

  #hop(answer: StepAnswer, from: Endpoint, path: string): Hop {
    const hop = parseHop(answer.headers.location, from, this.#parsed.secure, this.#allowed)
    return withPath(hop, from, this.#encoded(path))
  }

  #startHop(
    hop: Hop,
    method: 'GET' | 'PUT',
    body: StepRequest['body'],
    signal?: AbortSignal,
  ): HttpStep {
    const ownHost = this.#parsed.nameNodes.some(({ host }) => host === hop.endpoint.host)
    return HttpStep.start(
      {
        secure: this.#parsed.secure,
        endpoint: hop.endpoint,
        method,
        path: hop.path,
        headers: {
          ...(ownHost && this.#options.headers),
          ...(method === 'PUT' && { 'content-type': 'application/octet-stream' }),
        },
        agent: this.#dataNodeAgent,
        connected: this.#connected,
        tls: this.#options.tls,
        body,
        signal,
      },
      this.#options,
    )
  }

  /** One request to a NameNode. Throws StepFailure, RemoteException or StrangeAnswer unless it answers with `status`. */
  async #ask(
    nameNode: Endpoint,
    method: 'GET' | 'PUT' | 'DELETE',
    path: string,
    query: Query,
    status: number,
    signal?: AbortSignal,
  ): Promise<StepAnswer> {
    const step = HttpStep.start(
      {
        secure: this.#parsed.secure,
        endpoint: nameNode,
        method,
        path: `${this.#encoded(path)}?${encodeQuery({ ...query, ...(await this.#identity()) })}`,
        headers: this.#options.headers,
        agent: this.#nameNodeAgent,
        connected: this.#connected,
        tls: this.#options.tls,
        body: 'none',
        signal,
        ...(nameNode === this.#nameNodes.current && { left: this.#nameNodes.left }),
      },
      this.#options,
    )
    const answer = await step.answer()
    if (answer.status !== status) throw refusalOf(answer, status, nameNode, this.#scrub)
    return answer
  }

  async #refuseUnlessMade(step: HttpStep): Promise<void> {
    const answer = await step.answer()
    if (answer.status !== 201) throw this.#refusalOfDataNode(answer, step.endpoint, 201)
  }

  #refusalOfDataNode(answer: StepAnswer, endpoint: Endpoint, expected: number): Error {
    if (answer.status < 300 || answer.status >= 400)
      return refusalOf(answer, expected, endpoint, this.#scrub)
    return new StateStoreError(
      'TIDEMARK_STORAGE_UNAVAILABLE',
      `Expected ${describeEndpoint(endpoint)} to be the DataNode that a NameNode redirected to, got another redirect from it (HTTP status ${answer.status}); one is the most that is followed. Check what stands between this process and the DataNodes.`,
    )
  }

  async #identity(): Promise<Query> {
    const { user, token } = this.#options
    if (token === undefined) return user === undefined ? {} : { 'user.name': user }
    this.#token ??= givenToken(token, this.#options.answerTimeoutMs).then((text) => {
      if (typeof text !== 'string' || text === '')
        throw new StateStoreError(
          'TIDEMARK_INVALID_OPTIONS',
          'Expected the WebHDFS option `delegationToken` to give a token, got none',
        )
      this.#secrets.add(text).add(encodeURIComponent(text))
      return text
    })
    try {
      return { delegation: await this.#token }
    } catch (error) {
      this.#token = undefined
      throw error
    }
  }

  readonly #scrub = (text: string): string => {
    let clean = text
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, '(token)')
    return clean
  }

  #subject(operation: string, path: string): CallSubject {
    return { operation, location: this.#location, path }
  }

  #encoded(path: string): string {
    return `${WEBHDFS_ROOT}${encodePath(this.#absolute(path))}`
  }

  #absolute(path: string): string {
    const below = path === '' ? [] : path.split('/')
    return `/${[...this.#parsed.segments, ...below].join('/')}`
  }
}

/** What the caller's function gives; STORAGE_UNAVAILABLE where it fails, or takes longer than an answer may. */
async function givenToken(
  token: () => string | Promise<string>,
  timeoutMs: number,
): Promise<string> {
  const late = () => new Error(`It gave none within ${timeoutMs} ms`)
  try {
    return await within(Promise.resolve(token()), timeoutMs, late)
  } catch (error) {
    throw new StateStoreError(
      'TIDEMARK_STORAGE_UNAVAILABLE',
      'Expected the WebHDFS option `delegationToken` to give a token, but it failed; see the cause.',
      { cause: error },
    )
  }
}

/** An attempt that HDFS refused half-way left the file there, and the next one met it. */
function leftHalfMade(subject: CallSubject, cause: RemoteException): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_STORAGE_UNAVAILABLE',
    `${describeSubject(subject)} was refused half-way, and then because of the half that was there. Write it anew under another name.`,
    { path: subject.path, cause: new Error(cause.message) },
  )
}

/** The body of an OPEN, checked against what was announced and asked for. */
async function readAnnounced(
  step: HttpStep,
  announced: string | undefined,
  range: ByteRange,
  subject: CallSubject,
): Promise<Uint8Array> {
  const sizeMax = Math.min(range.length ?? Infinity, READ_BYTES_MAX)
  const expected = announced === undefined ? undefined : Number(announced)
  if (expected !== undefined && expected > READ_BYTES_MAX) {
    step.destroy()
    throw tooLongError(describeSubject(subject), subject.path, expected, range)
  }
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  await step.readBody((chunk) => {
    sizeBytes += chunk.length
    if (sizeBytes > sizeMax) return 'stop'
    chunks.push(chunk)
    return 'more'
  })
  if (expected !== undefined && sizeBytes !== expected)
    throw new StrangeAnswer(`Expected ${expected} bytes, got ${sizeBytes}`, step.endpoint)
  // In an array of its own: the caller may keep and change it.
  return concatBytes(chunks)
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

function encodeQuery(query: Query): string {
  return Object.entries(query)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&')
}
