// What the manager does when servers do not behave: small servers on loopback that answer as each test says. That it keeps the contract with
// servers that do is for the contract suite, on the in-memory server and on a real HDFS.

import { type AddressInfo, createServer, type Socket } from 'node:net'
import { inspect } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import type { WebHdfsOptions } from '../../../../src/files/webhdfs/options.ts'
import { WebHdfsFileManager } from '../../../../src/files/webhdfs/webhdfs.ts'
import { bytesOf, textOf, writeFile } from '../../../support/contracts/file-manager.ts'
import { LOOPBACK_CERTIFICATE } from '../../../support/loopback-certificate.ts'
import {
  json,
  remoteException,
  type ScriptedAnswer,
  type ScriptedServer,
  type SeenRequest,
  startScriptedServer,
} from '../../../support/scripted-server.ts'

const UNAVAILABLE = { code: 'TIDEMARK_STORAGE_UNAVAILABLE' }
const TIMEOUT = { code: 'TIDEMARK_STORAGE_TIMEOUT' }
const INVALID = { code: 'TIDEMARK_INVALID_OPTIONS' }
const MOVED: ScriptedAnswer = {}
const FILE = { pathSuffix: '', type: 'FILE', length: 5, modificationTime: 1 }
const FOLDER = { ...FILE, type: 'DIRECTORY', length: 0 }
const NO_FILE = remoteException('FileNotFoundException', 'File does not exist', 404)

type Script = (request: SeenRequest, server: ScriptedServer) => ScriptedAnswer

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

async function serve(script: Script): Promise<ScriptedServer> {
  const server = await startScriptedServer(script)
  stops.push(() => server.stop())
  return server
}

/** A manager that gives up soon, so that failing takes no time. */
function open(
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
function byOperation(answers: Readonly<Record<string, ScriptedAnswer | ScriptedAnswer[]>>): Script {
  const used = new Map<string, number>()
  return ({ op }) => {
    const found = answers[op] ?? 'reset'
    if (!Array.isArray(found)) return found
    const index = used.get(op) ?? 0
    used.set(op, index + 1)
    return found[Math.min(index, found.length - 1)]
  }
}

const redirect = (location: string): ScriptedAnswer => ({ status: 307, headers: { location } })

/** A NameNode that sends to `dataNode` as a real one does. */
const redirecting =
  (dataNode: { port: number }): Script =>
  ({ path, query }) =>
    redirect(`http://127.0.0.1:${dataNode.port}${path}?${query.toString()}&namenoderpcaddress=x`)

const operations = (server: ScriptedServer) => server.seen.map(({ op }) => op)

describe('redirects', () => {
  test('a file is written with what keeps it from making folders, also where the redirect lost it', async () => {
    const dataNode = await serve(() => ({ status: 201 }))
    const nameNode = await serve(({ path }) =>
      redirect(`http://127.0.0.1:${dataNode.port}${path}?op=CREATE`),
    )
    await writeFile(await open([nameNode]), 'a b/é%', 'content')
    for (const { seen } of [nameNode, dataNode]) {
      expect(seen).toHaveLength(1)
      expect(seen[0].path).toBe('/webhdfs/v1/check/a%20b/%C3%A9%25')
      expect(seen[0].query.get('createparent')).toBe('false')
      expect(seen[0].query.get('overwrite')).toBe('false')
    }
    expect(dataNode.seen[0].body).toBe('content')
  })

  test('with fsync the DataNode is told to sync, also where the redirect lost it', async () => {
    const dataNode = await serve(() => ({ status: 201 }))
    const nameNode = await serve(({ path }) =>
      redirect(`http://127.0.0.1:${dataNode.port}${path}?op=CREATE&createflag=`),
    )
    const writer = await (await open([nameNode])).createFile('a', 'fsync')
    await writer?.close()
    expect(nameNode.seen[0].query.get('createflag')).toBe('CREATE,SYNC_BLOCK')
    expect(dataNode.seen[0].query.getAll('createflag')).toContain('CREATE,SYNC_BLOCK')
  })

  test('a name with decomposed letters keeps them, although NameNodes compose them', async () => {
    const dataNode = await serve(() => ({ body: 'hello' }))
    const nameNode = await serve(({ path, query }) =>
      redirect(
        `http://127.0.0.1:${dataNode.port}${encodeURI(decodeURI(path).normalize('NFC'))}?${query.toString()}`,
      ),
    )
    expect(await textOf(await open([nameNode]), 'u\u0308')).toBe('hello')
    expect(dataNode.seen[0].path).toBe('/webhdfs/v1/check/u%CC%88')
  })

  const refused: Record<string, [location: string, code: { code: string }]> = {
    'a host that is not allowed': ['http://169.254.169.254/webhdfs/v1/check/a?op=OPEN', INVALID],
    'a file: URL': ['file:///etc/passwd', UNAVAILABLE],
    'another scheme': ['https://127.0.0.1:PORT/webhdfs/v1/check/a?op=OPEN', UNAVAILABLE],
    'no host': ['/webhdfs/v1/check/a?op=OPEN', UNAVAILABLE],
    'a user name in it': ['http://me@127.0.0.1:PORT/webhdfs/v1/check/a', UNAVAILABLE],
    'the path of another file': ['http://127.0.0.1:PORT/webhdfs/v1/check/b?op=OPEN', UNAVAILABLE],
    'nothing at all': ['', UNAVAILABLE],
  }
  for (const [what, [location, code]] of Object.entries(refused)) {
    test(`to ${what} is refused before anything is sent there, and not tried again`, async () => {
      const elsewhere = await serve(() => ({ status: 201, body: 'hello' }))
      const nameNode = await serve(() => redirect(location.replace('PORT', `${elsewhere.port}`)))
      const files = await open([nameNode], { retryTimeMs: 60_000 })
      await expect(files.read('a')).rejects.toMatchObject(code)
      await expect(writeFile(files, 'a', 'x')).rejects.toMatchObject(code)
      expect(elsewhere.seen).toEqual([])
      expect(operations(nameNode)).toEqual(['OPEN', 'CREATE'])
    })
  }

  test('that would make folders, or write over a file, is refused', async () => {
    for (const turned of [
      'createparent=true',
      'overwrite=true',
      'overwrite=false&overwrite=true',
    ]) {
      const dataNode = await serve(() => ({ status: 201 }))
      const nameNode = await serve(({ path }) =>
        redirect(`http://127.0.0.1:${dataNode.port}${path}?op=CREATE&${turned}`),
      )
      await expect(writeFile(await open([nameNode]), 'a', 'x'), turned).rejects.toMatchObject(
        UNAVAILABLE,
      )
      expect(dataNode.seen).toEqual([])
    }
  })

  test('are followed once: a second one, or a circle, ends it', async () => {
    const nameNode = await serve(({ path, query }, server) =>
      redirect(`http://127.0.0.1:${server.port}${path}?${query.toString()}`),
    )
    const files = await open([nameNode], { retryTimeMs: 60_000 })
    await expect(files.read('a')).rejects.toMatchObject(UNAVAILABLE)
    await expect(writeFile(files, 'a', 'x')).rejects.toMatchObject(UNAVAILABLE)
    expect(operations(nameNode)).toEqual(['OPEN', 'OPEN', 'CREATE', 'CREATE'])
  })
})

describe('a lost answer', () => {
  const lost: Record<string, ScriptedAnswer> = {
    'a reset': 'reset',
    'a 503 of somebody else': { status: 503, body: '<html>' },
    'a 200 of somebody else': { status: 200, body: '<html>' },
    'a redirect of somebody else': redirect('http://127.0.0.1:1/'),
    'an exception that may be wrapped': remoteException('IOException', 'Something went wrong'),
    'an exception with a 500': remoteException('NullPointerException', '', 500),
  }
  for (const [what, answer] of Object.entries(lost)) {
    test(`to a move is a timeout, and the move is not repeated: ${what}`, async () => {
      const nameNode = await serve(
        byOperation({ RENAME: answer, GETFILESTATUS: json({ FileStatus: FILE }) }),
      )
      const files = await open([nameNode], { retryTimeMs: 60_000 })
      await expect(files.moveIfAbsent('a', 'b', 'os')).rejects.toMatchObject(TIMEOUT)
      await expect(files.moveReplacing('a', 'b', 'os')).rejects.toMatchObject(TIMEOUT)
      await expect(files.moveDirectory('a', 'b')).rejects.toMatchObject(TIMEOUT)
      expect(operations(nameNode)).toEqual(['RENAME', 'GETFILESTATUS', 'RENAME', 'RENAME'])
    })
  }

  test('to a move that hangs is a timeout', async () => {
    const nameNode = await serve(() => 'hang')
    const files = await open([nameNode], { answerTimeoutMs: 30, retryTimeMs: 60_000 })
    await expect(files.moveIfAbsent('a', 'b', 'os')).rejects.toMatchObject(TIMEOUT)
    expect(operations(nameNode)).toEqual(['RENAME'])
  })

  test('to the bytes of a file is a timeout, and they are not sent again', async () => {
    const dataNode = await serve(() => 'reset')
    const nameNode = await serve(redirecting(dataNode))
    const files = await open([nameNode], { retryTimeMs: 60_000 })
    await expect(writeFile(files, 'a', 'x')).rejects.toMatchObject({ ...TIMEOUT, path: 'a' })
    expect(operations(dataNode)).toEqual(['CREATE'])
  })

  test('to where to write is asked for again: nothing has happened by then', async () => {
    const dataNode = await serve(() => ({ status: 201 }))
    let asked = 0
    const nameNode = await serve((request, server) =>
      ++asked < 3 ? 'reset' : redirecting(dataNode)(request, server),
    )
    await writeFile(await open([nameNode], { retryTimeMs: 60_000 }), 'a', 'x')
    expect(operations(nameNode)).toEqual(['CREATE', 'CREATE', 'CREATE'])
    expect(operations(dataNode)).toEqual(['CREATE'])
  })

  test('to reading is asked for again, until the time is up', async () => {
    const nameNode = await serve(
      byOperation({ GETFILESTATUS: ['reset', { status: 502 }, json({ FileStatus: FILE })] }),
    )
    const files = await open([nameNode], { retryTimeMs: 60_000 })
    expect(await files.stat('a')).toMatchObject({ type: 'file', sizeBytes: 5 })
    const hopeless = await open([await serve(() => 'reset')], { retryTimeMs: 50 })
    await expect(hopeless.stat('a')).rejects.toMatchObject(UNAVAILABLE)
  })

  test('to making folders: made again', async () => {
    const nameNode = await serve(byOperation({ MKDIRS: ['reset', json({ boolean: true })] }))
    await (await open([nameNode], { retryTimeMs: 60_000 })).makeDirectories('a', 'os')
    expect(operations(nameNode)).toEqual(['MKDIRS', 'MKDIRS'])
  })

  test('to a deletion: a second one that finds nothing does not say that nothing was there', async () => {
    const script = (deleted: boolean) =>
      byOperation({
        GETFILESTATUS: json({ FileStatus: FILE }),
        DELETE: ['reset', json({ boolean: deleted })],
      })
    const gone = await open([await serve(script(false))], { retryTimeMs: 60_000 })
    await expect(gone.deleteFile('a')).rejects.toMatchObject({ ...TIMEOUT, path: 'a' })
    const there = await open([await serve(script(true))], { retryTimeMs: 60_000 })
    expect(await there.deleteFile('a')).toBe(true)
  })

  test('to a claim is settled by deleting what was to be moved', async () => {
    const dataNode = await serve(() => ({ status: 201 }))
    const claim = async (deletion: ScriptedAnswer) => {
      const answers = byOperation({ RENAME: 'reset', DELETE: deletion })
      const nameNode = await serve((request, server) =>
        request.op === 'CREATE' ? redirecting(dataNode)(request, server) : answers(request, server),
      )
      return (await open([nameNode])).createExclusive('a', bytesOf('x'), 'os')
    }
    // Still there: it cannot be moved any more.
    await expect(claim(json({ boolean: true }))).rejects.toMatchObject(UNAVAILABLE)
    // Gone: it was moved, for nobody else knows its name.
    expect(await claim(json({ boolean: false }))).toBe('created')
    await expect(claim('reset')).rejects.toMatchObject(TIMEOUT)
  })
})

describe('an answer that is not of HDFS', () => {
  test('is never taken for the state of a file', async () => {
    for (const answer of [
      { status: 404, body: '<html>Not Found' },
      { status: 404 },
      { status: 200, body: '{}' },
      { status: 200, body: '{"FileStatus":{"type":"FILE"}}' },
      { status: 200, body: '{"DirectoryListing":{"remainingEntries":0}}' },
      { status: 200, body: 'true' },
    ]) {
      const files = await open([await serve(() => answer)])
      for (const call of [
        () => files.stat('a'),
        () => files.list('a'),
        () => files.read('a'),
        () => files.deleteFile('a'),
        () => files.makeDirectories('a', 'os'),
      ])
        await expect(call(), JSON.stringify(answer)).rejects.toHaveProperty('code')
    }
  })

  test('a listing that gets nowhere ends', async () => {
    const page = {
      DirectoryListing: {
        partialListing: { FileStatuses: { FileStatus: [{ ...FILE, pathSuffix: 'a' }] } },
        remainingEntries: 1,
      },
    }
    const nameNode = await serve(() => json(page))
    await expect((await open([nameNode])).list('')).rejects.toMatchObject(UNAVAILABLE)
    expect(nameNode.seen.map(({ query }) => query.get('startAfter'))).toEqual([null, 'a'])
  })
})

describe('the bytes of a file', () => {
  const reading = async (answers: ScriptedAnswer[], options?: WebHdfsOptions) => {
    let count = 0
    const dataNode = await serve(() => answers[Math.min(count++, answers.length - 1)])
    const nameNode = await serve((request, server) =>
      request.op === 'GETFILESTATUS'
        ? json({ FileStatus: FILE })
        : redirecting(dataNode)(request, server),
    )
    return { files: await open([nameNode], options), dataNode }
  }

  test('that were cut are read anew', async () => {
    const { files, dataNode } = await reading(
      [{ body: 'hello', cutAt: 3 }, 'reset', { body: 'hello' }],
      { retryTimeMs: 60_000 },
    )
    expect(await textOf(files, 'a')).toBe('hello')
    expect(dataNode.seen).toHaveLength(3)
  })

  test('that are cut every time are never returned', async () => {
    const { files } = await reading([{ body: 'hello', cutAt: 3 }])
    await expect(files.read('a')).rejects.toMatchObject(UNAVAILABLE)
  })

  test('that stop in the middle do not hold the reader for ever', async () => {
    const { files } = await reading([{ body: 'hel', headers: { 'content-length': '5' } }], {
      idleTimeoutMs: 30,
    })
    await expect(files.read('a')).rejects.toMatchObject(UNAVAILABLE)
  })

  test('without an announced length are held against the size of the file', async () => {
    // The connection's end is the body's end: cut or whole look the same.
    const raw = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhel'))
    })
    await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve))
    stops.push(() => new Promise((resolve) => raw.close(() => resolve())))
    const nameNode = await serve((request, server) =>
      request.op === 'GETFILESTATUS'
        ? json({ FileStatus: FILE })
        : redirecting({ port: (raw.address() as AddressInfo).port })(request, server),
    )
    const files = await open([nameNode])
    await expect(files.read('a')).rejects.toMatchObject(UNAVAILABLE)
    expect(await textOfRange(files, { length: 3 })).toBe('hel')
  })

  test('more than were asked for are refused', async () => {
    const { files } = await reading([{ body: 'hello' }])
    await expect(files.read('a', { length: 4 })).rejects.toMatchObject(UNAVAILABLE)
  })

  test('of a file that is gone by the second step: absent', async () => {
    const dataNode = await serve(() => NO_FILE)
    const nameNode = await serve((request, server) =>
      request.op === 'GETFILESTATUS' ? NO_FILE : redirecting(dataNode)(request, server),
    )
    expect(await (await open([nameNode])).read('a')).toBeUndefined()
  })
})

async function textOfRange(files: WebHdfsFileManager, range: { length: number }) {
  return new TextDecoder().decode(await files.read('a', range))
}

describe('connections', () => {
  test('that are refused have changed nothing: unavailable, also for a move', async () => {
    const server = await startScriptedServer(() => 'reset')
    await server.stop()
    const files = await open([server], { retryTimeMs: 50 })
    await expect(files.moveIfAbsent('a', 'b', 'os')).rejects.toMatchObject(UNAVAILABLE)
    await expect(writeFile(files, 'a', 'x')).rejects.toMatchObject(UNAVAILABLE)
  })

  for (const secure of [false, true]) {
    test(`that stand are never taken for none, also where requests queue for them (${secure ? 'https' : 'http'})`, async () => {
      // The first request opens the connection, the others wait and get it one after the other.
      let count = 0
      const nameNode = await startScriptedServer(() => (++count === 3 ? 'reset' : MOVED), {
        secure,
      })
      stops.push(() => nameNode.stop())
      const files = await WebHdfsFileManager.open(
        `${secure ? 's' : ''}webhdfs://127.0.0.1:${nameNode.port}/check`,
        { socketsMax: 1, retryTimeMs: 60_000, tls: { ca: LOOPBACK_CERTIFICATE } },
      )
      const outcomes = await Promise.allSettled(
        ['a', 'b', 'c', 'd'].map((name) => files.moveIfAbsent(name, `${name}2`, 'os')),
      )
      expect(outcomes.map(({ status }) => status).sort()).toEqual([
        'fulfilled',
        'fulfilled',
        'fulfilled',
        'rejected',
      ])
      expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
        reason: TIMEOUT,
      })
      expect(nameNode.seen).toHaveLength(4)
    })
  }

  test('over TLS: files go both ways, and a certificate that nobody vouches for is refused', async () => {
    const content = 'abcdefgh'.repeat(100_000)
    const dataNode = await startScriptedServer(
      ({ op }) => (op === 'CREATE' ? { status: 201 } : { body: content }),
      { secure: true },
    )
    const nameNode = await startScriptedServer(
      ({ path, query }) =>
        redirect(`https://127.0.0.1:${dataNode.port}${path}?${query.toString()}`),
      { secure: true },
    )
    stops.push(
      () => dataNode.stop(),
      () => nameNode.stop(),
    )
    const location = `swebhdfs://127.0.0.1:${nameNode.port}/check`
    const tls = { ca: LOOPBACK_CERTIFICATE }
    const files = await WebHdfsFileManager.open(location, { tls, retryTimeMs: 0 })
    await writeFile(files, 'a', content)
    expect(dataNode.seen[0].body === content).toBe(true)
    expect((await textOf(files, 'a')) === content).toBe(true)
    const wary = await WebHdfsFileManager.open(location, { retryTimeMs: 0 })
    const seen = nameNode.seen.length
    await expect(wary.moveIfAbsent('a', 'b', 'os')).rejects.toMatchObject(UNAVAILABLE)
    expect(nameNode.seen).toHaveLength(seen)
  })

  test('that never become one are given up, and have changed nothing', async () => {
    // Takes the connection and never says a word of TLS.
    const sockets: Socket[] = []
    const silent = createServer((socket) => void sockets.push(socket))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    stops.push(async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => silent.close(resolve))
    })
    const { port } = silent.address() as AddressInfo
    const files = await WebHdfsFileManager.open(`swebhdfs://127.0.0.1:${port}/check`, {
      connectTimeoutMs: 30,
      retryTimeMs: 0,
    })
    await expect(files.moveIfAbsent('a', 'b', 'os')).rejects.toMatchObject({
      ...UNAVAILABLE,
      message: expect.stringContaining('No connection in time'),
    })
  })

  test('an aborted signal ends a read that hangs, with its reason', async () => {
    const stopping = new AbortController()
    const reason = new Error('enough')
    const nameNode = await serve(() => {
      stopping.abort(reason)
      return 'hang'
    })
    const files = await open([nameNode], { retryTimeMs: 60_000 })
    await expect(files.read('a', {}, stopping.signal)).rejects.toBe(reason)
  })

  test('to a DataNode that is down: the NameNode is asked for another', async () => {
    const down = await startScriptedServer(() => 'reset')
    await down.stop()
    const up = await serve(() => ({ status: 201 }))
    let asked = 0
    const nameNode = await serve((request, server) =>
      redirecting(++asked < 3 ? down : up)(request, server),
    )
    await writeFile(await open([nameNode], { retryTimeMs: 60_000 }), 'a', 'x')
    expect(up.seen).toHaveLength(1)
  })

  test('an upload that the server does not take any more fails, and does not wait for ever', async () => {
    // Announces that it begins, and never reads on.
    const sockets: Socket[] = []
    const stuck = createServer((socket) => {
      sockets.push(socket)
      socket.on('error', () => undefined)
      socket.once('data', () => {
        socket.pause()
        socket.write('HTTP/1.1 100 Continue\r\n\r\n')
      })
    })
    await new Promise<void>((resolve) => stuck.listen(0, '127.0.0.1', resolve))
    stops.push(async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => stuck.close(resolve))
    })
    const nameNode = await serve(redirecting({ port: (stuck.address() as AddressInfo).port }))
    const files = await open([nameNode], { idleTimeoutMs: 50, answerTimeoutMs: 50 })
    const writer = await files.createFile('a', 'os')
    const fill = async () => {
      for (let count = 0; count < 200; count++) await writer?.write(new Uint8Array(256 * 1024))
      await writer?.close()
    }
    await expect(fill()).rejects.toMatchObject(TIMEOUT)
    await expect(writer?.write(bytesOf('x'))).rejects.toMatchObject(TIMEOUT)
    await writer?.abort()
  })

  test('a refusal in the middle of a large file is told as what it is', async () => {
    // As DataNodes do: continue, then refuse and close, whatever is still coming.
    const refusal = JSON.stringify({
      RemoteException: {
        exception: 'FileNotFoundException',
        message: "Parent directory doesn't exist: /check\n\tat a.b.c(D.java:1)",
      },
    })
    const refusing = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => {
        socket.write('HTTP/1.1 100 Continue\r\n\r\n')
        socket.end(
          `HTTP/1.1 404 Not Found\r\ncontent-length: ${refusal.length}\r\nconnection: close\r\n\r\n${refusal}`,
        )
      })
      socket.resume()
    })
    await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve))
    stops.push(() => new Promise((resolve) => refusing.close(() => resolve())))
    const nameNode = await serve(redirecting({ port: (refusing.address() as AddressInfo).port }))
    await expect(
      writeFile(await open([nameNode]), 'a', new Uint8Array(1024 * 1024)),
    ).rejects.toMatchObject({
      ...UNAVAILABLE,
      message: expect.not.stringContaining('D.java'),
      cause: { name: 'FileNotFoundException' },
    })
  })
})

describe('several NameNodes', () => {
  const standby = () => remoteException('StandbyException', 'Operation category READ')

  test('the active one is found, and asked first from then on', async () => {
    const first = await serve(standby)
    const second = await serve(byOperation({ GETFILESTATUS: json({ FileStatus: FILE }) }))
    const files = await open([first, second], { retryTimeMs: 60_000 })
    await files.stat('a')
    await files.stat('a')
    expect(first.seen).toHaveLength(1)
    expect(second.seen).toHaveLength(2)
  })

  test('a move goes on to the next where it certainly did not happen', async () => {
    const down = await startScriptedServer(() => 'reset')
    await down.stop()
    const passive = await serve(standby)
    const active = await serve(() => MOVED)
    const files = await open([down, passive, active], { retryTimeMs: 60_000 })
    expect(await files.moveIfAbsent('a', 'b', 'os')).toBe('moved')
    expect(active.seen).toHaveLength(1)
  })

  test('a standby is never asked where to write, although it would answer', async () => {
    const dataNode = await serve(() => ({ status: 201 }))
    const passive = await serve((request, server) =>
      request.op === 'CREATE' ? redirecting(dataNode)(request, server) : standby(),
    )
    const active = await serve((request, server) =>
      request.op === 'CREATE' ? redirecting(dataNode)(request, server) : NO_FILE,
    )
    const files = await open([passive, active], { retryTimeMs: 60_000 })
    await writeFile(files, 'a', 'x')
    await writeFile(files, 'b', 'x')
    expect(operations(passive)).toEqual(['GETFILESTATUS'])
    expect(operations(active)).toEqual(['GETFILESTATUS', 'CREATE', 'CREATE'])
  })

  test('all of them standby: unavailable once the time is up', async () => {
    const both = [await serve(standby), await serve(standby)]
    const files = await open(both, { retryTimeMs: 100 })
    await expect(files.moveIfAbsent('a', 'b', 'os')).rejects.toMatchObject(UNAVAILABLE)
    await expect(writeFile(files, 'a', 'x')).rejects.toMatchObject(UNAVAILABLE)
    for (const { seen } of both) {
      expect(seen.length).toBeGreaterThan(0)
      expect(seen.filter(({ op }) => op === 'CREATE')).toEqual([])
    }
  })

  test('a safe mode that ends is waited for, also by a move', async () => {
    const nameNode = await serve(
      byOperation({
        RENAME: [
          remoteException('SafeModeException'),
          remoteException('RetriableException'),
          MOVED,
        ],
      }),
    )
    const files = await open([nameNode], { retryTimeMs: 60_000 })
    expect(await files.moveIfAbsent('a', 'b', 'os')).toBe('moved')
  })
})

describe('secrets', () => {
  const TOKEN = 'ge+heim/=='

  /** Everything that a user could print of an error. */
  const printed = (error: unknown) =>
    `${inspect(error, { depth: 10, showHidden: true })}${JSON.stringify(error)}`

  test('a token goes to the NameNode alone, and is shown nowhere, also not where servers repeat it', async () => {
    const dataNode = await serve(() => remoteException('IOException', `bad ${TOKEN}`))
    const nameNode = await serve(({ op, path }) =>
      op === 'OPEN' || op === 'CREATE'
        ? redirect(`http://127.0.0.1:${dataNode.port}${path}?op=${op}&delegation=theirs`)
        : remoteException('AccessControlException', `${TOKEN} and ${encodeURIComponent(TOKEN)}`),
    )
    const files = await WebHdfsFileManager.open(`webhdfs://127.0.0.1:${nameNode.port}/check`, {
      delegationToken: TOKEN,
      retryTimeMs: 0,
    })
    const calls = [
      () => files.stat('a'),
      () => files.moveIfAbsent('a', 'b', 'os'),
      () => files.read('a'),
      () => writeFile(files, 'a', 'x'),
    ]
    for (const call of calls) {
      const error: unknown = await call().catch((e: unknown) => e)
      expect(error).toBeInstanceOf(Error)
      for (const form of [TOKEN, encodeURIComponent(TOKEN), 'theirs'])
        expect(printed(error)).not.toContain(form)
    }
    expect(nameNode.seen.every(({ query }) => query.get('delegation') === TOKEN)).toBe(true)
    expect(nameNode.seen.some(({ query }) => query.has('user.name'))).toBe(false)
    expect(dataNode.seen.map(({ query }) => query.getAll('delegation'))).toEqual([
      ['theirs'],
      ['theirs'],
    ])
    await nameNode.stop()
    expect(printed(await files.stat('a').catch((e: unknown) => e))).not.toContain(TOKEN)
    expect(printed(files)).not.toContain(TOKEN)
  })

  test('a token that was refused is asked for anew, once', async () => {
    const nameNode = await serve(({ query }) =>
      query.get('delegation') === 'second' ? MOVED : remoteException('InvalidToken', 'expired'),
    )
    const location = `webhdfs://127.0.0.1:${nameNode.port}/check`
    const tokens = ['first', 'second']
    const files = await WebHdfsFileManager.open(location, {
      delegationToken: () => tokens.shift() ?? 'none left',
    })
    expect(await files.moveIfAbsent('a', 'b', 'os')).toBe('moved')
    expect(await files.moveIfAbsent('a', 'b', 'os')).toBe('moved')
    expect(tokens).toEqual([])
    const stale = await WebHdfsFileManager.open(location, { delegationToken: () => 'stale' })
    await expect(stale.moveIfAbsent('a', 'b', 'os')).rejects.toMatchObject(UNAVAILABLE)
    expect(nameNode.seen).toHaveLength(5)
  })

  test('headers go to the hosts of the location, and to no other', async () => {
    const dataNode = await serve(() => ({ body: 'hello' }))
    const nameNode = await serve(({ path }) =>
      redirect(`http://localhost:${dataNode.port}${path}?op=OPEN`),
    )
    const files = await open([nameNode], { headers: { authorization: 'geheim' } })
    await expect(
      textOf(files, 'a').catch(() => 'localhost is not 127.0.0.1 here'),
    ).resolves.toBeDefined()
    expect(nameNode.seen[0].headers.authorization).toBe('geheim')
    expect(dataNode.seen.filter(({ headers }) => headers.authorization !== undefined)).toEqual([])
  })
})

describe('leftovers of the dead', () => {
  test('are deleted by the clock of the server, once, before the first folder is made', async () => {
    const nowMs = Date.UTC(2001, 0, 1)
    const entry = (pathSuffix: string, ageMs: number) => ({
      ...FOLDER,
      pathSuffix,
      modificationTime: nowMs - ageMs,
    })
    const listing = {
      DirectoryListing: {
        partialListing: {
          FileStatuses: {
            FileStatus: [
              entry('.new-old', 3_600_001),
              entry('.new-young', 3_599_000),
              entry('state', 9e9),
            ],
          },
        },
        remainingEntries: 0,
      },
    }
    const answers = byOperation({
      GETFILESTATUS: json({ FileStatus: FOLDER }),
      MKDIRS: json({ boolean: true }),
      DELETE: json({ boolean: true }),
      RENAME: MOVED,
    })
    const nameNode = await serve((request, server) =>
      request.op === 'LISTSTATUS_BATCH'
        ? {
            headers: { date: new Date(nowMs).toUTCString() },
            body: JSON.stringify(listing),
          }
        : answers(request, server),
    )
    const files = await open([nameNode])
    expect(await files.makeDirectory('a', 'os')).toBe('created')
    expect(await files.makeDirectory('b', 'os')).toBe('created')
    const deleted = nameNode.seen.filter(({ op }) => op === 'DELETE')
    expect(deleted.map(({ path }) => path)).toEqual(['/webhdfs/v1/check/.new-old'])
    expect(operations(nameNode).filter((op) => op === 'LISTSTATUS_BATCH')).toHaveLength(1)
  })
})

describe('requests', () => {
  test('a small file takes two to write, one more to move, and none to begin or to give up', async () => {
    const dataNode = await serve(() => ({ status: 201 }))
    const nameNode = await serve((request, server) =>
      request.op === 'RENAME' ? MOVED : redirecting(dataNode)(request, server),
    )
    const files = await open([nameNode])
    const unwritten = await files.createFile('unwritten', 'os')
    await unwritten?.write(bytesOf('x'))
    await unwritten?.abort()
    expect(operations(nameNode)).toEqual([])
    await writeFile(files, 'a', 'content')
    expect(await files.moveIfAbsent('a', 'b', 'os')).toBe('moved')
    expect(operations(nameNode)).toEqual(['CREATE', 'RENAME'])
    expect(operations(dataNode)).toEqual(['CREATE'])
    expect(dataNode.seen[0].headers['content-length']).toBe('7')
  })

  test('what is kept until it is sent is no longer the memory of the caller, Buffers included', async () => {
    const dataNode = await serve(() => ({ status: 201 }))
    const nameNode = await serve(redirecting(dataNode))
    const writer = await (await open([nameNode])).createFile('a', 'os')
    const chunk = Buffer.from('mine')
    await writer?.write(chunk)
    chunk.fill(0)
    await writer?.close()
    expect(dataNode.seen[0].body).toBe('mine')
  })

  test('a large file is streamed in one', async () => {
    const dataNode = await serve(() => ({ status: 201 }))
    const nameNode = await serve(redirecting(dataNode))
    const content = 'abcdefgh'.repeat(100_000)
    const writer = await (await open([nameNode])).createFile('a', 'os')
    for (let start = 0; start < content.length; start += 9999)
      await writer?.write(bytesOf(content.slice(start, start + 9999)))
    await writer?.close()
    expect(operations(nameNode)).toEqual(['CREATE'])
    expect(dataNode.seen.map(({ body }) => body === content)).toEqual([true])
    expect(dataNode.seen[0].headers['transfer-encoding']).toBe('chunked')
  })
})
