// HttpStep — one HTTP request and its answer, on node:http(s), without redirects, retries or meaning.
//
// Why not fetch: a DataNode sends an unsolicited `100 Continue` on writes, which undici takes for a protocol error although the file is
// being written all the same. node:http takes it, and never follows a redirect.
//
// What it promises is to say, when it fails, whether the request can have reached the server: `sent: 'no'` only while there was no
// connection yet. Everything after that is 'maybe', also a reset on a connection that was kept open: the server may have closed it just
// before, or just after it had done what was asked.
//
// Three waits are bounded: for the connection, for the first byte of the answer, and between two pieces of a body. While the caller
// has nothing to write, nothing is waited for. Where the agent has no connection free, those before it are waited for, whose waits are
// bounded; or until `left` is aborted.

import {
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
} from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import { describeEndpoint, type Endpoint } from './location.ts'
import type { WebHdfsOptions } from './options.ts'
import { Watchdog } from './watchdog.ts'

/** The largest answer that is read whole other than a file: a page of a listing has 1 000 entries of half a kilobyte. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024

export interface StepLimits {
  readonly clock: Clock
  readonly connectTimeoutMs: number
  readonly answerTimeoutMs: number
  readonly idleTimeoutMs: number
}

export interface StepRequest {
  readonly secure: boolean
  readonly endpoint: Endpoint
  readonly method: 'GET' | 'PUT' | 'DELETE'
  /** Encoded, with its query. Never shown: the query may hold a token. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly agent: Agent
  /** The sockets of `agent` that were connected once. An agent that hands one on to a request that waited does not say so. */
  readonly connected: WeakSet<Socket>
  readonly tls: WebHdfsOptions['tls']
  /** 'none', how many bytes, or 'chunked' where that is not known yet. */
  readonly body: 'none' | 'chunked' | number
  readonly signal?: AbortSignal | undefined
  /** Aborted when waiting for a connection is of no use any more. */
  readonly left?: AbortSignal | undefined
}

export interface StepAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Uint8Array
}

/** No answer, or only a part of one. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure'
  /** 'no': the server cannot have seen the request. */
  readonly sent: 'no' | 'maybe'
  readonly endpoint: Endpoint

  constructor(words: string, endpoint: Endpoint, sent: 'no' | 'maybe', cause?: unknown) {
    super(`${words} (${describeEndpoint(endpoint)})`, cause === undefined ? undefined : { cause })
    this.sent = sent
    this.endpoint = endpoint
  }
}

export class HttpStep {
  readonly endpoint: Endpoint
  readonly #limits: StepLimits
  readonly #request: ClientRequest
  readonly #watchdog: Watchdog
  readonly #answer = Promise.withResolvers<IncomingMessage>()
  readonly #connection = Promise.withResolvers<void>()
  #phase: 'connecting' | 'connected' | 'answered' = 'connecting'
  #ended = false
  #writing = false
  #failure: StepFailure | undefined

  private constructor(request: ClientRequest, endpoint: Endpoint, limits: StepLimits) {
    this.#request = request
    this.endpoint = endpoint
    this.#limits = limits
    const lookMs = Math.min(limits.connectTimeoutMs, limits.answerTimeoutMs, limits.idleTimeoutMs)
    this.#watchdog = new Watchdog(limits.clock, lookMs, () => this.#fail('No answer in time'))
    // Whoever does not wait for them must not be taken down by them.
    this.#answer.promise.catch(() => undefined)
    this.#connection.promise.catch(() => undefined)
  }

  /** Sends the head of a request; without a body, that is all of it. */
  static start(step: StepRequest, limits: StepLimits): HttpStep {
    const { endpoint, body, signal } = step
    const headers: Record<string, string> = { ...step.headers }
    if (typeof body === 'number') headers['content-length'] = String(body)
    else if (step.method === 'PUT' && body === 'none') headers['content-length'] = '0'
    else if (body === 'chunked') headers['transfer-encoding'] = 'chunked'
    const request = (step.secure ? httpsRequest : httpRequest)({
      host: endpoint.host,
      port: endpoint.port,
      method: step.method,
      path: step.path,
      headers,
      agent: step.agent,
      ...(step.secure && step.tls),
      ...(signal && { signal }),
    })
    const started = new HttpStep(request, endpoint, limits)
    started.#listen(step)
    if (body === 'none') started.#end()
    else request.flushHeaders()
    return started
  }

  /** Appends to the body. Resolves once the system has the bytes: 'answered' if the answer came first, which then makes the rest pointless. */
  async write(chunk: Uint8Array): Promise<'written' | 'answered'> {
    this.#writing = true
    if (this.#phase === 'connected') this.#watchdog.expect(this.#limits.idleTimeoutMs)
    const written = new Promise<'written'>((resolve) => {
      // An error also arrives as the event, where it is sorted.
      this.#request.write(chunk, (error) => {
        if (error === undefined || error === null) resolve('written')
      })
    })
    const answered = this.#answer.promise.then(() => 'answered' as const)
    const outcome = await Promise.race([written, answered])
    this.#writing = false
    if (outcome === 'written') this.#watchdog.pause()
    return outcome
  }

  /** Waits for the connection: from then on a failure is 'maybe'. */
  connected(): Promise<void> {
    return this.#connection.promise
  }

  /** Ends the body, if that was not done, and waits for the head of the answer. */
  async answerHead(): Promise<{ status: number; headers: IncomingMessage['headers'] }> {
    this.#end()
    const { statusCode, headers } = await this.#answer.promise
    return { status: statusCode ?? 0, headers }
  }

  /** Ends the body, if that was not done, and waits for the whole answer. */
  async answer(): Promise<StepAnswer> {
    const { status, headers } = await this.answerHead()
    const chunks: Uint8Array[] = []
    let sizeBytes = 0
    await this.readBody((chunk) => {
      sizeBytes += chunk.length
      if (sizeBytes > ANSWER_BYTES_MAX) return 'stop'
      chunks.push(chunk)
      return 'more'
    })
    return { status, headers, body: Buffer.concat(chunks) }
  }

  /** The body of the answer, piece by piece, as fast as `take` takes it. 'stop' breaks the connection off: a StepFailure, too. */
  async readBody(take: (chunk: Uint8Array) => 'more' | 'stop'): Promise<void> {
    const response = await this.#answer.promise
    this.#watchdog.expect(this.#limits.idleTimeoutMs)
    try {
      for await (const chunk of response as AsyncIterable<Uint8Array>) {
        if (take(chunk) === 'stop') throw this.#fail('An answer longer than expected')
        this.#watchdog.expect(this.#limits.idleTimeoutMs)
      }
    } catch (error) {
      throw this.#fail('The answer broke off', error)
    } finally {
      this.#watchdog.stop()
    }
    if (!response.complete) throw this.#fail('The answer broke off')
  }

  /** Breaks the connection off. */
  destroy(): void {
    this.#fail('Given up')
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#request.end()
    if (this.#phase === 'connected') this.#watchdog.expect(this.#limits.answerTimeoutMs)
  }

  #listen({ secure, connected, left }: StepRequest): void {
    const request = this.#request
    const giveUp = (): void => {
      if (this.#phase === 'connecting') this.#fail('Given up for another host')
    }
    left?.addEventListener('abort', giveUp)
    const connectedOrFailed = (): void => left?.removeEventListener('abort', giveUp)
    this.#connection.promise.then(connectedOrFailed, connectedOrFailed)
    request.on('socket', (socket) => {
      // INVARIANT: a request on a connection that stands is never 'no'.
      if (request.reusedSocket || connected.has(socket) || !(secure || socket.connecting))
        return this.#connected()
      this.#watchdog.expect(this.#limits.connectTimeoutMs)
      socket.once(secure ? 'secureConnect' : 'connect', () => {
        connected.add(socket)
        this.#connected()
      })
    })
    request.on('response', (response) => {
      this.#phase = 'answered'
      // Nobody may be reading yet; a failure in between is seen by whoever does.
      response.on('error', () => undefined)
      this.#watchdog.expect(this.#limits.idleTimeoutMs)
      this.#answer.resolve(response)
    })
    request.on('error', (error) => {
      // Of a body that the server did not want to read to its end: what it answered counts.
      if (this.#phase !== 'answered') this.#fail('The connection failed', error)
    })
    request.on('close', () => {
      if (this.#phase !== 'answered') this.#fail('The connection was closed')
    })
  }

  #connected(): void {
    if (this.#phase !== 'connecting') return
    this.#phase = 'connected'
    this.#connection.resolve()
    if (this.#ended) this.#watchdog.expect(this.#limits.answerTimeoutMs)
    else if (this.#writing) this.#watchdog.expect(this.#limits.idleTimeoutMs)
    else this.#watchdog.pause()
  }

  /** The first failure is the one that counts. */
  #fail(words: string, cause?: unknown): StepFailure {
    if (this.#failure !== undefined) return this.#failure
    const connecting = this.#phase === 'connecting'
    const said = connecting && words === 'No answer in time' ? 'No connection in time' : words
    this.#failure = new StepFailure(said, this.endpoint, connecting ? 'no' : 'maybe', cause)
    this.#watchdog.stop()
    this.#answer.reject(this.#failure)
    this.#connection.reject(this.#failure)
    this.#request.destroy()
    return this.#failure
  }
}
