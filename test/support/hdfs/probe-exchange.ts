// One exchange with a WebHDFS server, by node:http alone and nothing of the engine's own client, and what of its answer is a fact worth keeping:
// the status, whether an unsolicited 100 came first, the exception and its message, where it redirects to, what says how long the body is, and
// whether it means to close. What differs from run to run (ports, ids, times, the folder) is replaced by a word.

import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http'

const ANSWER_TIMEOUT_MS = 20_000

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE' | 'HEAD'
export type Params = Readonly<Record<string, string | number | boolean>>

export interface Answer {
  readonly from: 'name node' | 'data node'
  readonly status: number
  /** An unsolicited `100 Continue` came first. */
  readonly continued?: true
  readonly type?: string
  /** How the end of the body is told: 'length', 'chunked', or 'close'. */
  readonly framing: string
  /** The answer says `Connection: close`. */
  readonly closes?: true
  readonly location?: string
  /** Text, or parsed JSON. */
  readonly body?: unknown
}

export interface NameNode {
  readonly host: string
  readonly port: number
}

export interface ExchangeOptions {
  readonly method: Method
  /** Below the root, encoded already. */
  readonly path: string
  readonly params: Params
  readonly body?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

/** A request whose body the caller sends by hand. */
export interface OpenRequest {
  readonly request: ClientRequest
  /** When the 100 has come; rejects where an answer or the end of the connection came without. */
  readonly continued: Promise<void>
  readonly answer: Promise<{ answer: Answer; raw: IncomingMessage; bytes: Buffer }>
}

export class Prober {
  readonly #nameNode: NameNode
  readonly root: string
  // Keeps connections alive, so that an answer that closes does so by itself.
  readonly #agent = new Agent({ keepAlive: true })

  /** `root` is a folder of the probe's own. */
  constructor(nameNode: NameNode, root: string) {
    this.#nameNode = nameNode
    this.root = root
  }

  /** Asks the NameNode only. */
  async nameNode(options: ExchangeOptions): Promise<{ answer: Answer; raw: IncomingMessage }> {
    const sent = this.open('name node', this.url(options), options)
    sent.request.end(options.body)
    return await sent.answer
  }

  /** Asks the NameNode, and where it redirects to, once, with the body. */
  async exchange(options: ExchangeOptions): Promise<Answer[]> {
    const { body: _, ...first } = options
    const { answer, raw } = await this.nameNode(first)
    if (raw.statusCode !== 307) return [answer]
    const sent = this.open('data node', new URL(raw.headers.location!), options)
    sent.request.end(options.body)
    return [answer, (await sent.answer).answer]
  }

  /** The DataNode's step with the body left to the caller. */
  async begin(options: ExchangeOptions): Promise<OpenRequest> {
    return this.beginAt(await this.redirect(options), options)
  }

  /** Where the NameNode redirects to. */
  async redirect({ method, path, params }: ExchangeOptions): Promise<URL> {
    const { raw } = await this.nameNode({ method, path, params })
    return new URL(raw.headers.location!)
  }

  beginAt(redirect: URL, options: ExchangeOptions): OpenRequest {
    return this.open('data node', redirect, options)
  }

  close(): void {
    this.#agent.destroy()
  }

  url({ path, params }: Pick<ExchangeOptions, 'path' | 'params'>): URL {
    const { host, port } = this.#nameNode
    const query = Object.entries(params).map(([name, value]) => `${name}=${encode(`${value}`)}`)
    return new URL(`http://${host}:${port}/webhdfs/v1${this.root}${path}?${query.join('&')}`)
  }

  open(from: Answer['from'], url: URL, { method, headers }: ExchangeOptions): OpenRequest {
    const request = httpRequest(url, {
      method,
      agent: this.#agent,
      timeout: ANSWER_TIMEOUT_MS,
      ...(headers === undefined ? {} : { headers }),
    })
    let sawContinue = false
    const continued = new Promise<void>((resolve, reject) => {
      request.once('continue', () => {
        sawContinue = true
        resolve()
      })
      request.once('response', () => reject(new Error('answered without a 100')))
      request.once('close', () => reject(new Error('closed without a 100')))
    })
    continued.catch(() => undefined)
    const answer = received(request).then(({ raw, bytes }) => ({
      raw,
      bytes,
      answer: this.#normalised(from, raw, bytes, sawContinue),
    }))
    answer.catch(() => undefined)
    return { request, continued, answer }
  }

  #normalised(
    from: Answer['from'],
    raw: IncomingMessage,
    bytes: Buffer,
    continued: boolean,
  ): Answer {
    const { headers } = raw
    const type = headers['content-type']
    const text = bytes.toString()
    return {
      from,
      status: raw.statusCode!,
      ...(continued && { continued }),
      ...(type !== undefined && { type: type.toLowerCase().replaceAll(' ', '') }),
      framing: framing(raw),
      ...(headers.connection?.toLowerCase() === 'close' && { closes: true as const }),
      ...(headers.location !== undefined && { location: this.#steady(headers.location) }),
      ...(text !== '' && { body: this.#body(text, type ?? '') }),
    }
  }

  #body(text: string, type: string): unknown {
    if (!type.startsWith('application/json'))
      return type.startsWith('text/html') ? 'HTML' : this.#steady(text)
    return JSON.parse(text, (name, value: unknown) => {
      if (name === 'fileId') return 'ID'
      if (name === 'modificationTime' || name === 'accessTime') return value === 0 ? 0 : 'TIME'
      if (typeof value !== 'string') return value
      // A message may go on with a stack trace.
      return this.#steady(name === 'message' ? value.split('\n')[0] : value)
    }) as unknown
  }

  /** Without what differs from run to run. */
  #steady(text: string): string {
    return (this.root === '' ? text : text.replaceAll(this.root, '/ROOT'))
      .replace(/^hdfs:\/\/[^/]+/, 'hdfs://NAMENODE')
      .replace(/127\.0\.0\.1(:|%3A)\d+/g, 'HOST')
      .replace(/namenoderpcaddress=[^&]*/, 'namenoderpcaddress=NAMENODE')
      .replace(/DFSClient_\w*?_-?\d+_\d+/g, 'CLIENT')
      .replace(/\(inode \d+\)/g, '(inode ID)')
  }
}

/** As encodeURIComponent, which leaves nothing that a query or a path segment cannot hold. */
export function encode(text: string): string {
  return encodeURIComponent(text)
}

function framing({ headers }: IncomingMessage): string {
  if (headers['content-length'] !== undefined) return 'length'
  return headers['transfer-encoding'] === 'chunked' ? 'chunked' : 'close'
}

function received(request: ClientRequest): Promise<{ raw: IncomingMessage; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    request.once('error', reject)
    request.once('timeout', () =>
      request.destroy(new Error(`no answer in time: ${request.method} ${request.path}`)),
    )
    request.once('response', (raw) => {
      const chunks: Buffer[] = []
      raw.on('data', (chunk: Buffer) => chunks.push(chunk))
      raw.once('error', reject)
      raw.once('end', () => resolve({ raw, bytes: Buffer.concat(chunks) }))
    })
  })
}
