// How the manager deals with connections, and how many requests it makes, with small servers on loopback that behave as each test says.

import { describe, expect, test } from 'vitest'
import { WebHdfsFileManager } from '../../../../src/files/webhdfs/webhdfs.ts'
import { bytesOf, textOf, writeFile } from '../../../../src/testing/file-manager-contract.ts'
import { LOOPBACK_CERTIFICATE } from '../../../support/loopback-certificate.ts'
import {
  byOperation,
  FOLDER,
  MOVED,
  open,
  operations,
  redirect,
  redirecting,
  serve,
  serveSockets,
  TIMEOUT,
  UNAVAILABLE,
} from '../../../support/scripted-hdfs.ts'
import { json, startScriptedServer } from '../../../support/scripted-server.ts'

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
      const nameNode = await serve(() => (++count === 3 ? 'reset' : MOVED), { secure })
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
    const dataNode = await serve(
      ({ op }) => (op === 'CREATE' ? { status: 201 } : { body: content }),
      { secure: true },
    )
    const nameNode = await serve(
      ({ path, query }) =>
        redirect(`https://127.0.0.1:${dataNode.port}${path}?${query.toString()}`),
      { secure: true },
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
    const { port } = await serveSockets(() => undefined)
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
    const stuck = await serveSockets((socket) => {
      socket.once('data', () => {
        socket.pause()
        socket.write('HTTP/1.1 100 Continue\r\n\r\n')
      })
    })
    const nameNode = await serve(redirecting(stuck))
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
    const refusing = await serveSockets((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 100 Continue\r\n\r\n')
        socket.end(
          `HTTP/1.1 404 Not Found\r\ncontent-length: ${refusal.length}\r\nconnection: close\r\n\r\n${refusal}`,
        )
      })
      socket.resume()
    })
    const nameNode = await serve(redirecting(refusing))
    await expect(
      writeFile(await open([nameNode]), 'a', new Uint8Array(1024 * 1024)),
    ).rejects.toMatchObject({
      ...UNAVAILABLE,
      message: expect.not.stringContaining('D.java'),
      cause: { name: 'FileNotFoundException' },
    })
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
