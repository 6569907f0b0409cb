// The proxy against a server of a few lines, which redirects PUTs to a second one as a NameNode does to a DataNode.

import { createServer, type IncomingMessage, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Fault, FaultProxy } from './fault-proxy.ts'

let first: Server
let second: Server
let proxy: FaultProxy
/** What reached the servers: a line a request, with the body where there is one. */
let received: string[]

const portOf = (server: Server): number => (server.address() as AddressInfo).port
const listening = (server: Server): Promise<Server> =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))

beforeEach(async () => {
  received = []
  second = await listening(
    createServer((request, response) => {
      response.writeContinue()
      const line = `second ${request.method} ${request.url}`
      request.on('error', () => received.push(`${line} cut`))
      void textOf(request)
        .then((body) => received.push(`${line} ${body}`))
        .then(() => response.writeHead(201).end('made'))
        .catch(() => undefined)
    }),
  )
  first = await listening(
    createServer((request, response) => {
      received.push(`first ${request.method} ${request.url}`)
      if (request.method !== 'PUT') {
        response.end('0123456789')
        return
      }
      response.writeHead(307, {
        location: `http://127.0.0.1:${portOf(second)}${request.url}&x=%2F`,
      })
      response.end()
    }),
  )
  proxy = await FaultProxy.start([{ host: '127.0.0.1', port: portOf(first) }])
})
afterEach(async () => {
  await proxy.close()
  for (const server of [first, second]) {
    server.closeAllConnections()
    server.close()
  }
})

async function textOf(stream: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return text
}

interface Answer {
  readonly status: number
  readonly location: string | undefined
  readonly continued: boolean
  readonly body: string
}

/** What a client gets to see; what it is told of a broken connection is the code. */
function ask(method: string, url: string, body?: string): Promise<Answer | string> {
  return new Promise((resolve) => {
    let continued = false
    const request = httpRequest(url, { method, agent: false })
    request.on('continue', () => (continued = true))
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    request.on('response', (answer) => {
      const { statusCode, headers } = answer
      textOf(answer).then(
        (text) =>
          resolve({ status: statusCode!, location: headers.location, continued, body: text }),
        (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message),
      )
    })
    request.end(body)
  })
}

/** What has come so far of an answer. */
class Chunks extends Array<string> {
  isOver = false
}

function begun(method: string, url: string): Promise<Chunks> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, agent: false })
    request.on('error', reject)
    request.on('response', (answer) => {
      const chunks = new Chunks()
      answer.on('error', () => undefined)
      answer.on('data', (chunk: Buffer) => chunks.push(String(chunk)))
      answer.on('end', () => (chunks.isOver = true))
      resolve(chunks)
    })
    request.end()
  })
}

const at = (path: string): string => `http://127.0.0.1:${proxy.addresses[0].port}${path}`
const always = (): boolean => true
const inject = (fault: Fault) => proxy.inject({ when: always, fault })

test('without a fault everything passes, and redirects lead through the proxy', async () => {
  const step1 = (await ask('PUT', at('/a%20b?op=create'))) as Answer
  expect(step1).toMatchObject({ status: 307, continued: false })
  expect(step1.location).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/a%20b\?op=create&x=%2F$/)
  expect(new URL(step1.location!).port).not.toBe(String(portOf(second)))
  const step2 = await ask('PUT', step1.location!, 'the bytes')
  expect(step2).toMatchObject({ status: 201, continued: true, body: 'made' })
  expect(received).toEqual([
    'first PUT /a%20b?op=create',
    'second PUT /a%20b?op=create&x=%2F the bytes',
  ])
  expect(proxy.requests.map(({ index, op, path, leg }) => ({ index, op, path, leg }))).toEqual([
    { index: 1, op: 'CREATE', path: '/a b', leg: 'first' },
    { index: 2, op: 'CREATE', path: '/a b', leg: 'redirected' },
  ])
})

test('a rule strikes the request it names, once, unless it lasts', async () => {
  const once = proxy.inject({
    when: ({ op }) => op === 'OPEN',
    nth: 2,
    fault: { do: 'answer', status: 503 },
  })
  const statuses = async (op: string, count: number) => {
    const seen: unknown[] = []
    for (let i = 0; i < count; i++)
      seen.push(((await ask('GET', at(`/?op=${op}`))) as Answer).status)
    return seen
  }
  expect(await statuses('LIST', 2)).toEqual([200, 200])
  expect(await statuses('open', 4)).toEqual([200, 503, 200, 200])
  expect(once.struck.map(({ index }) => index)).toEqual([4])
  proxy.inject({ when: always, nth: 2, lasts: true, fault: { do: 'answer', status: 500 } })
  expect(await statuses('OPEN', 3)).toEqual([200, 500, 500])
  proxy.heal()
  expect(await statuses('OPEN', 1)).toEqual([200])
})

test('delay, answer, redirect and circle', async () => {
  inject({ do: 'delay', ms: 20 })
  expect(await ask('GET', at('/'))).toMatchObject({ status: 200, body: '0123456789' })
  inject({ do: 'answer', status: 500, headers: { 'content-type': 'text/html' }, body: 'no' })
  expect(await ask('PUT', at('/'), 'bytes')).toMatchObject({ status: 500, body: 'no' })
  inject({ do: 'redirect', to: 'file:///etc/passwd' })
  expect(await ask('GET', at('/'))).toMatchObject({ status: 307, location: 'file:///etc/passwd' })
  inject({ do: 'circle' })
  expect(await ask('GET', at('/a?op=OPEN'))).toMatchObject({ location: at('/a?op=OPEN') })
  expect(received).toEqual(['first GET /'])
})

test('a reset before: the server hears nothing', async () => {
  inject({ do: 'resetBefore' })
  expect(await ask('GET', at('/'))).toBe('ECONNRESET')
  expect(received).toEqual([])
})

test('a lost answer: the server has done it, the client is reset', async () => {
  inject({ do: 'loseAnswer' })
  expect(await ask('GET', at('/'))).toBe('ECONNRESET')
  expect(received).toEqual(['first GET /'])
})

test('a cut answer: a part of the body, then the end of the connection', async () => {
  inject({ do: 'cutAnswer', bytes: 4 })
  expect(await ask('GET', at('/'))).toBe('ECONNRESET')
  expect(received).toEqual(['first GET /'])
})

test('a paused answer: a part of the body, and the rest when the time is over', async () => {
  inject({ do: 'pauseAnswer', bytes: 4, ms: 20 })
  expect(await ask('GET', at('/'))).toMatchObject({ status: 200, body: '0123456789' })
  inject({ do: 'pauseAnswer', bytes: 4, ms: 1e6 })
  const chunks = await begun('GET', at('/'))
  await expect.poll(() => chunks.join('')).toBe('0123')
})

test('an answer whose connection closes late: all of it is there, that it is over is not', async () => {
  inject({ do: 'closeLate', ms: 20 })
  expect(await ask('GET', at('/'))).toMatchObject({ status: 200, body: '0123456789' })
  inject({ do: 'closeLate', ms: 1e6 })
  const chunks = await begun('GET', at('/'))
  await expect.poll(() => chunks.join('')).toBe('0123456789')
  expect(chunks.isOver).toBe(false)
})

test('a connection that closes without an answer: the server has done it', async () => {
  inject({ do: 'closeUnanswered', ms: 20 })
  expect(await ask('GET', at('/'))).toBe('ECONNRESET')
  expect(received).toEqual(['first GET /'])
})

test('a cut request: the server gets a part of the body', async () => {
  const { location } = (await ask('PUT', at('/a?op=CREATE'))) as Answer
  inject({ do: 'cutRequest', bytes: 3 })
  expect(await ask('PUT', location!, 'the bytes')).toBe('ECONNRESET')
  await expect.poll(() => received.at(-1)).toMatch(/^second .* cut$/)
})

test('a request that is delivered late: the client is reset at once, the server gets it when told', async () => {
  const held = inject({ do: 'deliverLate' })
  expect(await ask('PUT', at('/a?op=RENAME'))).toBe('ECONNRESET')
  expect(await ask('GET', at('/b'))).toMatchObject({ status: 200 })
  expect(received).toEqual(['first GET /b'])
  expect(await held.deliver()).toEqual([307])
  expect(received).toEqual(['first GET /b', 'first PUT /a?op=RENAME'])
  expect(await held.deliver()).toEqual([])
})

test('a request that hangs is never answered, and ends with its client or the proxy', async () => {
  inject({ do: 'hang' })
  const hanging = ask('GET', at('/'))
  await expect.poll(() => proxy.requests.length).toBe(1)
  await proxy.close()
  expect(await hanging).toBe('ECONNRESET')
  expect(received).toEqual([])
})
