// A small HTTP server on loopback that answers as a test tells it: whole, cut, late, not at all, or by breaking the connection.

import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from './loopback-certificate.ts'

export interface SeenRequest {
  readonly method: string
  /** Without the query, still encoded. */
  readonly path: string
  readonly query: URLSearchParams
  /** The parameter `op`. */
  readonly op: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** 'reset' breaks the connection, 'hang' never answers. `cutAt`: the connection ends after so many bytes of a body announced whole. */
export type ScriptedAnswer =
  | 'reset'
  | 'hang'
  | {
      readonly status?: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
      readonly cutAt?: number
    }

export interface ScriptedServer {
  readonly port: number
  readonly seen: SeenRequest[]
  stop(): Promise<void>
}

export async function startScriptedServer(
  answer: (request: SeenRequest, server: ScriptedServer) => ScriptedAnswer,
  { secure = false } = {},
): Promise<ScriptedServer> {
  const sockets = new Set<Socket>()
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '', 'http://loopback')
    const chunks: Buffer[] = []
    request.on('error', () => undefined)
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const seen: SeenRequest = {
        method: request.method ?? '',
        path: (request.url ?? '').split('?', 1)[0],
        query: url.searchParams,
        op: url.searchParams.get('op') ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      }
      scripted.seen.push(seen)
      send(response, answer(seen, scripted))
    })
  }
  const server = secure
    ? createSecureServer({ key: LOOPBACK_KEY, cert: LOOPBACK_CERTIFICATE }, listener)
    : createServer(listener)
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const scripted: ScriptedServer = {
    port: (server.address() as AddressInfo).port,
    seen: [],
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return scripted
}

function send(response: ServerResponse, answer: ScriptedAnswer): void {
  if (answer === 'hang') return
  if (answer === 'reset') {
    // A TLS socket knows no reset.
    if (response.socket instanceof TLSSocket) response.socket.destroy()
    else response.socket?.resetAndDestroy()
    return
  }
  const { status = 200, headers = {}, body = '', cutAt } = answer
  response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers })
  if (cutAt === undefined) return void response.end(body)
  response.write(body.slice(0, cutAt), () => response.socket?.destroy())
}

/** What a NameNode or DataNode answers when it refuses. */
export function remoteException(
  exception: string,
  message = 'as the test says',
  status = 403,
): ScriptedAnswer {
  const body = JSON.stringify({ RemoteException: { exception, javaClassName: exception, message } })
  return { status, headers: { 'content-type': 'application/json' }, body }
}

export function json(value: unknown): ScriptedAnswer {
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) }
}
