// An HTTP proxy on loopback that stands between a client and its servers, and does to chosen requests what networks and machines do: it delays
// them, cuts them, answers itself, loses answers, or delivers a request long after its client was cut off.
//
// Where a server redirects, the client is sent through the proxy too: the Location is rewritten to a listener for that target. So with WebHDFS both
// steps of a CREATE pass here, the NameNode's as leg 'first' and the DataNode's as 'redirected'. An unsolicited `100 Continue` is passed on.

import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const HOST = '127.0.0.1'
/** As long as Hadoop's servers keep an idle connection, so that the proxy is not the one to end it. */
const IDLE_MS = 60_000

export interface ProxiedRequest {
  /** From 1, in the order they came. */
  readonly index: number
  readonly method: string
  /** The path, decoded. */
  readonly path: string
  /** The parameter `op`, in capitals, or ''. */
  readonly op: string
  readonly query: URLSearchParams
  readonly leg: 'first' | 'redirected'
}

export type Fault =
  /** Goes on after `ms`. */
  | { readonly do: 'delay'; readonly ms: number }
  /** Never answered, and never forwarded. */
  | { readonly do: 'hang' }
  /** The connection is reset; the server hears nothing. */
  | { readonly do: 'resetBefore' }
  /** The server does it and answers; then the connection is reset. */
  | { readonly do: 'loseAnswer' }
  /** The first `bytes` of the answer's body, then a reset. */
  | { readonly do: 'cutAnswer'; readonly bytes: number }
  /** The first `bytes` of the answer's body, and the rest after `ms`. */
  | { readonly do: 'pauseAnswer'; readonly bytes: number; readonly ms: number }
  /** The whole answer, without its length: that it is over is told by the end of the connection, which comes after `ms`. */
  | { readonly do: 'closeLate'; readonly ms: number }
  /** The server does it and answers; the client hears nothing, and after `ms` an end of the connection that is in order. */
  | { readonly do: 'closeUnanswered'; readonly ms: number }
  /** The server gets the first `bytes` of the body, then a reset; and so does the client. */
  | { readonly do: 'cutRequest'; readonly bytes: number }
  /** An answer of the proxy's own. */
  | {
      readonly do: 'answer'
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
    }
  /** 307 to a URL that is passed on as it is. */
  | { readonly do: 'redirect'; readonly to: string }
  /** 307 to the very same URL. */
  | { readonly do: 'circle' }
  /** The connection is reset; the server gets the request when `deliver` is called. */
  | { readonly do: 'deliverLate' }

export interface FaultRule {
  readonly when: (request: ProxiedRequest) => boolean
  /** Which of those, from 1. Default 1. */
  readonly nth?: number
  /** All that follow, too. Default false. */
  readonly lasts?: boolean
  readonly fault: Fault
}

/** A rule at work. */
export class InjectedFault {
  readonly rule: FaultRule
  /** The requests that it was done to. */
  readonly struck: ProxiedRequest[] = []
  readonly #late: (() => Promise<number>)[] = []
  #seen = 0
  #healed = false

  constructor(rule: FaultRule) {
    this.rule = rule
  }

  /** No request is struck any more. */
  heal(): void {
    this.#healed = true
  }

  /** Sends what 'deliverLate' has held back; resolves to the statuses that the server answered. */
  async deliver(): Promise<number[]> {
    const statuses: number[] = []
    for (const send of this.#late.splice(0)) statuses.push(await send())
    return statuses
  }

  /** For the proxy: whether `request` is one to strike. */
  strikes(request: ProxiedRequest): boolean {
    const { when, nth = 1, lasts = false } = this.rule
    if (this.#healed || !when(request)) return false
    this.#seen++
    if (this.#seen !== nth && !(lasts && this.#seen > nth)) return false
    this.struck.push(request)
    return true
  }

  /** For the proxy: keeps a request for `deliver`. */
  hold(send: () => Promise<number>): void {
    this.#late.push(send)
  }
}

/** The first `bytes` of a body, and the rest after `ms`, or never. */
interface BreakOff {
  readonly bytes: number
  readonly ms?: number
}

interface Target {
  readonly host: string
  readonly port: number
}

export class FaultProxy implements AsyncDisposable {
  /** Where the servers given to `start` are to be found, in their order. */
  readonly addresses: readonly Target[] = []
  /** Every request that came. */
  readonly requests: ProxiedRequest[] = []
  readonly #servers = new Map<string, Promise<Server>>()
  #faults: InjectedFault[] = []

  private constructor() {}

  static async start(targets: readonly Target[]): Promise<FaultProxy> {
    const proxy = new FaultProxy()
    for (const target of targets)
      (proxy.addresses as Target[]).push(await proxy.#listenFor(target, 'first'))
    return proxy
  }

  /** Of several rules that fit a request the first one given is done. */
  inject(rule: FaultRule): InjectedFault {
    const fault = new InjectedFault(rule)
    this.#faults.push(fault)
    return fault
  }

  /** Ends all faults. */
  heal(): void {
    for (const fault of this.#faults) fault.heal()
    this.#faults = []
  }

  async close(): Promise<void> {
    for (const starting of this.#servers.values()) {
      const server = await starting
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #listenFor(target: Target, leg: ProxiedRequest['leg']): Promise<Target> {
    const key = `${leg} ${target.host}:${target.port}`
    const starting = this.#servers.get(key) ?? this.#listen(target, leg)
    this.#servers.set(key, starting)
    const { port } = (await starting).address() as AddressInfo
    return { host: HOST, port }
  }

  async #listen(target: Target, leg: ProxiedRequest['leg']): Promise<Server> {
    const server = createServer({ keepAliveTimeout: IDLE_MS }, (request, response) => {
      request.on('error', () => undefined)
      response.on('error', () => undefined)
      const exchange = new Exchange(request, response, target)
      this.#serve(exchange, leg).catch(() => exchange.reset())
    })
    await new Promise<void>((listening) => server.listen(0, HOST, listening))
    return server
  }

  async #serve(exchange: Exchange, leg: ProxiedRequest['leg']): Promise<void> {
    const url = new URL(exchange.request.url!, `http://${HOST}`)
    const request: ProxiedRequest = {
      index: this.requests.length + 1,
      method: exchange.request.method!,
      path: decodeURIComponent(url.pathname),
      op: (url.searchParams.get('op') ?? '').toUpperCase(),
      query: url.searchParams,
      leg,
    }
    this.requests.push(request)
    const injected = this.#faults.find((fault) => fault.strikes(request))
    if (injected === undefined) return await this.#passOn(exchange)
    await this.#strike(injected, exchange)
  }

  async #strike(injected: InjectedFault, exchange: Exchange): Promise<void> {
    const { request } = exchange
    const { fault } = injected.rule
    switch (fault.do) {
      case 'delay':
        await sleep(fault.ms)
        return await this.#passOn(exchange)
      case 'hang':
        return
      case 'resetBefore':
        return exchange.reset()
      case 'loseAnswer':
        ;(await exchange.forward()).resume().on('close', () => exchange.reset())
        return
      case 'cutAnswer':
        return await this.#passOn(exchange, { bytes: fault.bytes })
      case 'pauseAnswer': {
        const { bytes, ms } = fault
        return await this.#passOn(exchange, { bytes, ms })
      }
      case 'closeLate':
        return exchange.passBackOpen(await exchange.forward(), fault.ms)
      case 'closeUnanswered':
        return exchange.closeUnanswered(await exchange.forward(), fault.ms)
      case 'cutRequest':
        return exchange.forwardCut(fault.bytes)
      case 'answer':
        return exchange.answer(fault.status, fault.headers, fault.body)
      case 'redirect':
        return exchange.answer(307, { location: fault.to })
      case 'circle':
        return exchange.answer(307, { location: `http://${request.headers.host}${request.url}` })
      case 'deliverLate': {
        const body = await bytesOf(request)
        injected.hold(() => exchange.deliver(body))
        return exchange.reset()
      }
    }
  }

  /** Forwards a request, and its answer with the redirect rewritten: whole, or broken off. */
  async #passOn(exchange: Exchange, breakOff?: BreakOff): Promise<void> {
    const answer = await exchange.forward()
    const headers = { ...answer.headers }
    delete headers.connection
    if (headers.location !== undefined)
      headers.location = await this.#throughProxy(headers.location)
    exchange.passBack(answer, headers, breakOff)
  }

  async #throughProxy(location: string): Promise<string> {
    const url = new URL(location)
    const target = { host: url.hostname, port: Number(url.port) }
    const { host, port } = await this.#listenFor(target, 'redirected')
    // Nothing else may change: the query is left as the server has written it.
    return location.replace(url.host, `${host}:${port}`)
  }
}

/** One request of a client, and what becomes of it. */
class Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly #target: Target
  /** Of the client. The request loses it when it is destroyed. */
  readonly #socket: Socket

  constructor(request: IncomingMessage, response: ServerResponse, target: Target) {
    this.request = request
    this.response = response
    this.#target = target
    this.#socket = request.socket
  }

  /** Sends the request on, as its body comes in. Resolves to the answer, of which only the head has come. */
  forward(): Promise<IncomingMessage> {
    const { request, response } = this
    return new Promise((resolve, reject) => {
      const upstream = httpRequest(this.#options())
      upstream.on('continue', () => response.writeContinue())
      upstream.on('response', resolve)
      upstream.on('error', reject)
      response.on('close', () => {
        if (!response.writableFinished) upstream.destroy()
      })
      if (hasBody(request.headers)) {
        upstream.flushHeaders()
        request.pipe(upstream)
      } else upstream.end()
    })
  }

  forwardCut(bytes: number): void {
    const upstream = httpRequest(this.#options())
    upstream.on('continue', () => this.response.writeContinue())
    upstream.on('error', () => undefined)
    upstream.flushHeaders()
    let left = bytes
    const cut = (): void => {
      upstream.destroy()
      this.reset()
    }
    this.request.on('data', (chunk: Buffer) => {
      const part = chunk.subarray(0, left)
      left -= part.length
      if (part.length > 0) upstream.write(part, () => left === 0 && cut())
    })
    this.request.on('end', () => upstream.end(cut))
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }

  /** Sends the request with a body that was collected; resolves to the status of the answer. */
  deliver(body: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      const upstream = httpRequest(this.#options())
      upstream.on('error', reject)
      upstream.on('response', (answer) => {
        answer.resume().on('close', () => resolve(answer.statusCode!))
      })
      upstream.end(body)
    })
  }

  answer(status: number, headers: Readonly<Record<string, string>> = {}, body = ''): void {
    this.request.resume()
    this.response.writeHead(status, { ...headers, connection: 'close' }).end(body)
  }

  passBack(answer: IncomingMessage, headers: IncomingHttpHeaders, breakOff?: BreakOff): void {
    const { response } = this
    response.writeHead(answer.statusCode!, answer.statusMessage, headers)
    answer.on('error', () => this.reset())
    if (breakOff === undefined) {
      answer.pipe(response)
      return
    }
    const { bytes, ms } = breakOff
    response.flushHeaders()
    const passOn = async (body: Buffer): Promise<void> => {
      if (bytes > 0) response.write(body.subarray(0, bytes))
      if (ms !== undefined) {
        await sleep(ms)
        response.end(body.subarray(bytes))
        return
      }
      // Not a reset: that would take back what is on its way.
      this.#socket.end(() => this.#socket.destroy())
    }
    bytesOf(answer)
      .then(passOn)
      .catch(() => this.reset())
  }

  /** The answer, of a server that tells where it ends by closing the connection, `ms` after its last byte. */
  passBackOpen(answer: IncomingMessage, ms: number): void {
    const { response } = this
    const { 'content-length': _, 'transfer-encoding': __, ...headers } = answer.headers
    response.useChunkedEncodingByDefault = false
    response.writeHead(answer.statusCode!, { ...headers, connection: 'close' })
    response.flushHeaders()
    answer.on('error', () => this.reset())
    answer.on('data', (chunk: Buffer) => response.write(chunk))
    answer.on('end', () => void sleep(ms).then(() => response.end()))
  }

  /** The server's answer is thrown away; `ms` later the connection ends as if all had been said. */
  closeUnanswered(answer: IncomingMessage, ms: number): void {
    answer.on('error', () => this.reset()).resume()
    answer.on('end', () => void sleep(ms).then(() => this.#socket.end()))
  }

  #options(): RequestOptions {
    const { request } = this
    return {
      ...this.#target,
      agent: false,
      method: request.method!,
      path: request.url!,
      headers: { ...request.headers, connection: 'close' },
    }
  }
}

function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** Keeps no process alive. */
async function sleep(ms: number): Promise<void> {
  await delay(ms, undefined, { ref: false })
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}
