// What the manager makes of answers that do not come, or that HDFS does not give: small servers on loopback answer as each test says. That it
// keeps the contract with servers that behave is for the contract suite, on the in-memory server and on a real HDFS.

import { describe, expect, test } from 'vitest'
import type { WebHdfsOptions } from '../../../../src/files/webhdfs/options.ts'
import { WebHdfsFileManager } from '../../../../src/files/webhdfs/webhdfs.ts'
import { bytesOf, textOf, writeFile } from '../../../../src/testing/file-manager-contract.ts'
import {
  byOperation,
  FILE,
  FOLDER,
  MOVED,
  NO_FILE,
  open,
  operations,
  redirect,
  redirecting,
  serve,
  serveSockets,
  TIMEOUT,
  UNAVAILABLE,
} from '../../../support/scripted-hdfs.ts'
import {
  json,
  remoteException,
  type ScriptedAnswer,
  startScriptedServer,
} from '../../../support/scripted-server.ts'

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

  test('to a claim that is a folder is settled by deleting it with what is in it', async () => {
    const claim = async (deletion: ScriptedAnswer) => {
      const answers = byOperation({
        GETFILESTATUS: json({ FileStatus: FOLDER }),
        MKDIRS: json({ boolean: true }),
        RENAME: 'reset',
        DELETE: deletion,
      })
      const nameNode = await serve((request, server) =>
        request.op === 'LISTSTATUS_BATCH' ? { status: 404 } : answers(request, server),
      )
      const files = await open([nameNode])
      const outcome = files.makeLabelledDirectory('a', 'label', 'os')
      await outcome.catch(() => undefined)
      const [made, ...others] = nameNode.seen.filter(({ op }) => op === 'MKDIRS')
      expect([made.path.replace(/[0-9a-f]{24}/, '*'), others]).toEqual([
        '/webhdfs/v1/check/.new-*/label',
        [],
      ])
      const deleted = nameNode.seen.filter(({ op }) => op === 'DELETE')
      for (const { path, query } of deleted) {
        expect(`${path}/label`).toBe(made.path)
        expect(query.get('recursive')).toBe('true')
      }
      return outcome
    }
    await expect(claim(json({ boolean: true }))).rejects.toMatchObject(UNAVAILABLE)
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
    const raw = await serveSockets((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhel'))
    })
    const nameNode = await serve((request, server) =>
      request.op === 'GETFILESTATUS'
        ? json({ FileStatus: FILE })
        : redirecting(raw)(request, server),
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
