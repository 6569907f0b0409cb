// A NameNode or DataNode that answers as a test tells it, and a manager that talks to it: for what real ones do only when something breaks.
// What is started ends with the test.

import { type AddressInfo, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { WebHdfsOptions } from '../../src/files/webhdfs/options.ts'
import { WebHdfsFileManager } from '../../src/files/webhdfs/webhdfs.ts'
import {
  remoteException,
  type ScriptedAnswer,
  type ScriptedServer,
  type SeenRequest,
  startScriptedServer,
} from './scripted-server.ts'

export const UNAVAILABLE = { code: 'TIDEMARK_STORAGE_UNAVAILABLE' }
export const TIMEOUT = { code: 'TIDEMARK_STORAGE_TIMEOUT' }
export const INVALID = { code: 'TIDEMARK_INVALID_OPTIONS' }
export const MOVED: ScriptedAnswer = {}
export const FILE = { pathSuffix: '', type: 'FILE', length: 5, modificationTime: 1 }
export const FOLDER = { ...FILE, type: 'DIRECTORY', length: 0 }
export const NO_FILE = remoteException('FileNotFoundException', 'File does not exist', 404)

type Script = (request: SeenRequest, server: ScriptedServer) => ScriptedAnswer

export async function serve(
  script: Script,
  options?: { secure: boolean },
): Promise<ScriptedServer> {
  const server = await startScriptedServer(script, options)
  onTestFinished(() => server.stop())
  return server
}

/** For what no HTTP server would say: `talk` gets each connection. */
export async function serveSockets(talk: (socket: Socket) => void): Promise<{ port: number }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    talk(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return { port: (server.address() as AddressInfo).port }
}

/** A manager of these NameNodes that gives up soon, so that failing takes no time. */
export function open(
  servers: readonly { port: number }[],
  options: WebHdfsOptions = {},
): Promise<WebHdfsFileManager> {
  const hosts = servers.map(({ port }) => `127.0.0.1:${port}`)
  return WebHdfsFileManager.open(`webhdfs://${hosts.join(',')}/check`, {
    user: 'me',
    retryTimeMs: 0,
    ...options,
  })
}

/** Answers each operation by its name; an operation that is not named resets, and a list is used up one by one, its last for good. */
export function byOperation(
  answers: Readonly<Record<string, ScriptedAnswer | ScriptedAnswer[]>>,
): Script {
  const used = new Map<string, number>()
  return ({ op }) => {
    const found = answers[op] ?? 'reset'
    if (!Array.isArray(found)) return found
    const index = used.get(op) ?? 0
    used.set(op, index + 1)
    return found[Math.min(index, found.length - 1)]
  }
}

export const redirect = (location: string): ScriptedAnswer => ({
  status: 307,
  headers: { location },
})

/** A NameNode that sends to `dataNode` as a real one does. */
export const redirecting =
  (dataNode: { port: number }): Script =>
  ({ path, query }) =>
    redirect(`http://127.0.0.1:${dataNode.port}${path}?${query.toString()}&namenoderpcaddress=x`)

export const operations = (server: ScriptedServer): string[] => server.seen.map(({ op }) => op)
