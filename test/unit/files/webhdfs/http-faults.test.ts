// What faults of HTTP, of NameNodes and of the caller's own functions come to: a code, an honest answer, and no wait without a bound.

import { describe, expect, onTestFinished, test } from 'vitest'
import { type Clock, systemClock } from '../../../../src/base/clock.ts'
import { LeasedDirectory } from '../../../../src/files/leased-directory.ts'
import type { WebHdfsOptions } from '../../../../src/files/webhdfs/options.ts'
import { WebHdfsFileManager } from '../../../../src/files/webhdfs/webhdfs.ts'
import { bytesOf, writeFile } from '../../../../src/testing/file-manager-contract.ts'
import { codeOf } from '../../../support/code-of.ts'
import { startFakeHdfs } from '../../../support/hdfs/fake-hdfs.ts'
import {
  byOperation,
  FILE,
  FOLDER,
  NO_FILE,
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
import { json, remoteException } from '../../../support/scripted-server.ts'

describe('settling a lost publication', () => {
  test('deleteFile asks whoever may write, not an outdated NameNode that still answers reads', async () => {
    // The first was active once: it answers reads from its memory, and cannot write. The second has the file.
    const outdated = await serve(({ op }) =>
      op === 'GETFILESTATUS' ? NO_FILE : remoteException('StandbyException'),
    )
    const active = await serve(
      byOperation({ GETFILESTATUS: json({ FileStatus: FILE }), DELETE: json({ boolean: true }) }),
    )
    const files = await open([outdated, active], { retryTimeMs: 1000 })
    expect(await files.deleteFile('staged.tmp')).toBe(true)
    expect(operations(active)).toContain('DELETE')
  })

  test('a move that comes late does not replace what was acknowledged after settle', async () => {
    const held: (() => void)[] = []
    let phase: 'staging' | 'hung' | 'back' = 'staging'
    const hdfs = await startFakeHdfs({
      nameNodes: 2,
      fault: async ({ from, index, op, path }) => {
        if (from !== 'name node') return undefined
        if (index === 0) {
          // Was active before all this, and does not know that it is not any more: reads of what came since find nothing.
          if (op === 'GETFILESTATUS' && path !== '/check' && phase !== 'staging')
            return path.endsWith('.tmp')
              ? {
                  kind: 'answer',
                  status: 404,
                  body: JSON.stringify({
                    RemoteException: { exception: 'FileNotFoundException', message: 'absent' },
                  }),
                }
              : undefined
          return undefined // refuses all else as a standby does
        }
        if (phase !== 'hung') return undefined
        // A long pause of the active one: what it was sent it does when it comes back.
        if (op === 'RENAME') {
          await new Promise<void>((resolve) => held.push(resolve))
          return undefined
        }
        return { kind: 'hang' }
      },
    })
    onTestFinished(() => hdfs.stop())
    hdfs.setStandby(0, true)
    hdfs.setStandby(1, false)
    const location = hdfs.location('/check')
    const files = await WebHdfsFileManager.open(location, {
      user: 'hdfs',
      answerTimeoutMs: 100,
      retryTimeMs: 0,
    })
    await files.makeDirectories('state', 'os')
    await files.makeDirectories('staging', 'os')
    const directory = new LeasedDirectory({
      files,
      directory: 'state',
      staging: 'staging',
      durability: 'os',
    })
    const stage = async (content: string) => {
      const staged = await directory.create('1.delta')
      await staged.write(bytesOf(content))
      await staged.close()
      return staged
    }
    const first = await stage('never acknowledged')
    phase = 'staging'
    // Look at the source passes, then the pause begins with the move.
    const publishing = (async () => {
      const status = files.stat.bind(files)
      files.stat = async (path) => {
        const found = await status(path)
        phase = 'hung'
        return found
      }
      try {
        return await directory.publish(first, '1.delta', 'replace')
      } finally {
        files.stat = status
      }
    })()
    await expect(publishing).rejects.toMatchObject(TIMEOUT)
    // Had it said that the move can come no more, the next commit would be acknowledged, and replaced by it.
    expect(await codeOf(directory.settle(first, '1.delta'))).toBe('TIDEMARK_COMMIT_OUTCOME_UNKNOWN')
    phase = 'back'
    for (const release of held) release()
    await expect.poll(() => files.stat('state/1.delta')).toBeDefined()
  })
})

describe('a small file refused half-way', () => {
  test('and then because its half is being written still: unavailable, not a bug of ours', async () => {
    // As HDFS says of a file whose writer is there no more, but whose lease is.
    const answers = [
      remoteException('SafeModeException', 'Name node is in safe mode'),
      remoteException(
        'AlreadyBeingCreatedException',
        'Failed to CREATE_FILE /check/a for DFSClient_2 because this file lease is currently owned by DFSClient_1',
      ),
    ]
    let count = 0
    const dataNode = await serve(() => answers[Math.min(count++, 1)])
    const nameNode = await serve(redirecting(dataNode))
    const files = await open([nameNode], { retryTimeMs: 60_000 })
    expect(await codeOf(writeFile(files, 'a', 'x'))).toBe('TIDEMARK_STORAGE_UNAVAILABLE')
  })
})

describe('errors that are no StateStoreError', () => {
  test('a delegation token that cannot be had', async () => {
    const nameNode = await serve(() => json({ FileStatus: FILE }))
    const files = await WebHdfsFileManager.open(`webhdfs://127.0.0.1:${nameNode.port}/check`, {
      delegationToken: () => Promise.reject(new TypeError('fetch failed')),
      retryTimeMs: 0,
    })
    expect(await codeOf(files.stat('a'))).toMatch(/^TIDEMARK_/)
  })

  test('a token that cannot be had once does not end all claims of the manager', async () => {
    let asked = 0
    const nameNode = await serve(({ op }) => {
      if (op === 'LISTSTATUS_BATCH' && asked === 1)
        return remoteException('InvalidToken', 'expired')
      if (op === 'GETFILESTATUS') return json({ FileStatus: FOLDER })
      if (op === 'MKDIRS') return json({ boolean: true })
      if (op === 'RENAME') return MOVED
      return json({
        DirectoryListing: {
          partialListing: { FileStatuses: { FileStatus: [] } },
          remainingEntries: 0,
        },
      })
    })
    const files = await WebHdfsFileManager.open(`webhdfs://127.0.0.1:${nameNode.port}/check`, {
      delegationToken: () => {
        asked++
        if (asked === 2) throw new Error('EAI_AGAIN vault.example')
        return `token${asked}`
      },
      retryTimeMs: 0,
    })
    await files.makeDirectory('a', 'os').catch(() => undefined)
    expect(await files.makeDirectory('b', 'os')).toBe('created')
    expect(await files.makeDirectory('c', 'os')).toBe('created')
  })

  test('abort() of a file never rejects, whatever becomes of the token', async () => {
    let fail = false
    const dataNode = await serve(() => 'reset')
    const nameNode = await serve((request, server) => {
      if (request.op === 'DELETE') return remoteException('InvalidToken', 'expired')
      return redirecting(dataNode)(request, server)
    })
    const files = await WebHdfsFileManager.open(`webhdfs://127.0.0.1:${nameNode.port}/check`, {
      delegationToken: () => {
        if (fail) throw new Error('no token')
        return 'token'
      },
      retryTimeMs: 0,
    })
    const writer = await files.createFile('a', 'os')
    await writer?.write(bytesOf('x'))
    await writer?.close().catch(() => undefined)
    fail = true
    expect(await codeOf(writer!.abort())).toBe('ok')
  })

  test('allowedHosts that throws', async () => {
    const nameNode = await serve(({ path }) => redirect(`http://127.0.0.1:1${path}?op=OPEN`))
    const files = await open([nameNode], {
      allowedHosts: () => {
        throw new TypeError('of the caller')
      },
    })
    expect(await codeOf(files.read('a'))).toMatch(/^TIDEMARK_/)
  })

  test('TLS settings that OpenSSL does not take', async () => {
    const seen: string[] = []
    for (const tls of [
      { cert: 'garbage', key: 'garbage' },
      { ca: '-----BEGIN CERTIFICATE-----\ngarbage\n-----END CERTIFICATE-----\n' },
    ])
      seen.push(
        await codeOf(
          WebHdfsFileManager.open('swebhdfs://127.0.0.1:1/check', { tls, retryTimeMs: 0 }).then(
            (files) => files.stat('a'),
          ),
        ),
      )
    for (const outcome of seen) expect(outcome).toMatch(/^TIDEMARK_/)
  })

  test('an exception class called as a member of Object', async () => {
    const nameNode = await serve(() => remoteException('constructor', 'x', 500))
    const files = await open([nameNode])
    expect(await codeOf(files.stat('a'))).toMatch(/^TIDEMARK_/)
    // And what is not in the table is not certain.
    expect(await codeOf(files.moveIfAbsent('a', 'b', 'os'))).toBe('TIDEMARK_STORAGE_TIMEOUT')
  })

  test('a location or a user that cannot be encoded', async () => {
    const nameNode = await serve(() => NO_FILE)
    const ask = (location: string, user?: string) =>
      codeOf(
        WebHdfsFileManager.open(location, { retryTimeMs: 0, ...(user && { user }) }).then((files) =>
          files.stat('a'),
        ),
      )
    const base = `webhdfs://127.0.0.1:${nameNode.port}`
    expect([await ask(`${base}/check\ud800`), await ask(`${base}/check`, 'me\ud800')]).toEqual([
      'TIDEMARK_INVALID_OPTIONS',
      'TIDEMARK_INVALID_OPTIONS',
    ])
  })

  test('a page of a listing with very many entries', async () => {
    const entry = JSON.stringify({ ...FILE, pathSuffix: 'x' })
    const body = `{"DirectoryListing":{"partialListing":{"FileStatuses":{"FileStatus":[${Array.from({ length: 200_000 }, () => entry).join(',')}]}},"remainingEntries":0}}`
    const nameNode = await serve(() => ({ body }))
    const files = await open([nameNode])
    expect(await files.list('')).toHaveLength(200_000)
  })
})

describe('a failover during a long read', () => {
  /** Reads a file from the first of two NameNodes, which becomes a standby before the read ends. Then `meanwhile` runs. */
  async function readOverFailover(
    options: WebHdfsOptions,
    meanwhile: (files: WebHdfsFileManager) => unknown,
  ) {
    const dataNode = await serve(() => ({ status: 201 }))
    let finish: (() => void) | undefined
    const slow = await serveSockets((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhe')
        finish = () => socket.end('llo')
      })
    })
    let isStandby = false
    const first = await serve((request, server) => {
      if (request.op === 'OPEN' && !isStandby) return redirecting(slow)(request, server)
      // A standby answers the first step of a CREATE all the same.
      if (request.op === 'CREATE') return redirecting(dataNode)(request, server)
      return isStandby ? remoteException('StandbyException') : NO_FILE
    })
    const second = await serve((request, server) =>
      request.op === 'CREATE' ? redirecting(dataNode)(request, server) : NO_FILE,
    )
    const files = await open([first, second], options)
    const reading = files.read('a')
    await expect.poll(() => typeof finish).toBe('function')
    isStandby = true
    await meanwhile(files)
    finish?.()
    await reading
    return { files, first, second }
  }

  test('does not bring back the NameNode that was left meanwhile', async () => {
    const options = { retryTimeMs: 1000 }
    const { files, first, second } = await readOverFailover(options, (them) => them.stat('b'))
    await writeFile(files, 'c', 'x')
    expect(operations(first)).not.toContain('CREATE')
    expect(operations(second)).toContain('CREATE')
  })

  test('is not overlooked by the write that follows', async () => {
    let readingMs = 0
    const clock: Clock = { ...systemClock, elapsedMs: () => systemClock.elapsedMs() + readingMs }
    const options = { retryTimeMs: 10_000, clock, idleTimeoutMs: 60_000 }
    const { files, first } = await readOverFailover(options, () => (readingMs = 10_000))
    await writeFile(files, 'c', 'x')
    expect(operations(first)).not.toContain('CREATE')
  })
})

test('after a failover an idle writer does not send its CREATE to the standby', async () => {
  const hdfs = await startFakeHdfs({ nameNodes: 2 })
  onTestFinished(() => hdfs.stop())
  let idleMs = 0
  const clock: Clock = { ...systemClock, elapsedMs: () => systemClock.elapsedMs() + idleMs }
  const files = await WebHdfsFileManager.open(hdfs.location('/check'), { user: 'hdfs', clock })
  await files.makeDirectories('', 'os')
  await writeFile(files, 'a', 'x')
  hdfs.setStandby(0, true)
  hdfs.setStandby(1, false)
  idleMs = 3000
  hdfs.requests.length = 0
  await writeFile(files, 'b', 'x')
  const creates = hdfs.requests.filter(({ from, op }) => from === 'name node' && op === 'CREATE')
  expect(creates.map(({ index }) => index)).toEqual([1])
})

describe('waits', () => {
  test('an aborted signal ends a read that waits for its turn', async () => {
    const dataNode = await serve(() => ({ body: 'hello' }))
    let first = true
    const nameNode = await serve((request, server) => {
      if (first) {
        first = false
        return 'hang'
      }
      return redirecting(dataNode)(request, server)
    })
    const files = await open([nameNode], { socketsMax: 1, answerTimeoutMs: 2000 })
    const slow = codeOf(files.read('slow'))
    await expect.poll(() => nameNode.seen.length).toBe(1)
    const stopping = new AbortController()
    const reason = new Error('enough')
    const waiting = files.read('a', {}, stopping.signal)
    stopping.abort(reason)
    const outcome = waiting.catch((error: unknown) => error)
    expect(await Promise.race([slow, outcome])).toBe(reason)
    await slow
  })

  test('for a connection end as soon as the NameNode is left for another', async () => {
    const hung = await serve(() => 'hang')
    const active = await serve(() => json({ FileStatus: FILE }))
    const files = await open([hung, active], {
      socketsMax: 1,
      answerTimeoutMs: 200,
      retryTimeMs: 60_000,
    })
    const found = await Promise.all(['a', 'b', 'c', 'd'].map((name) => files.stat(name)))
    expect(found.map((status) => status?.name)).toEqual(['a', 'b', 'c', 'd'])
    expect(hung.seen).toHaveLength(1)
  })
})

describe('a deletion whose first answer was lost', () => {
  test('and which is then refused as absent does not say that nothing was there', async () => {
    const nameNode = await serve(
      byOperation({ GETFILESTATUS: json({ FileStatus: FILE }), DELETE: ['reset', NO_FILE] }),
    )
    const files = await open([nameNode], { retryTimeMs: 60_000 })
    await expect(files.deleteFile('a')).rejects.toMatchObject(TIMEOUT)
  })
})

describe('leftovers that cannot be deleted', () => {
  test('do not hold up the first claim for a retry each', async () => {
    const entry = (i: number) => ({ ...FOLDER, pathSuffix: `.new-${i}`, modificationTime: 1 })
    const listing = {
      DirectoryListing: {
        partialListing: {
          FileStatuses: { FileStatus: Array.from({ length: 40 }, (_, i) => entry(i)) },
        },
        remainingEntries: 0,
      },
    }
    const safeMode = remoteException('SafeModeException', 'Name node is in safe mode')
    const nameNode = await serve(({ op }) => {
      if (op === 'GETFILESTATUS') return json({ FileStatus: FOLDER })
      if (op === 'LISTSTATUS_BATCH')
        return { headers: { date: new Date().toUTCString() }, body: JSON.stringify(listing) }
      return safeMode
    })
    const files = await open([nameNode], { retryTimeMs: 100 })
    await expect(files.makeDirectory('a', 'os')).rejects.toMatchObject(UNAVAILABLE)
    const deleted = nameNode.seen.filter(({ op }) => op === 'DELETE').map(({ path }) => path)
    expect(new Set(deleted).size).toBeLessThan(5)
  })
})

describe('an empty file', () => {
  test('read from beyond its end is empty, as of any other file', async () => {
    const hdfs = await startFakeHdfs()
    onTestFinished(() => hdfs.stop())
    const files = await WebHdfsFileManager.open(hdfs.location('/check'), {
      user: 'hdfs',
      retryTimeMs: 300,
    })
    await files.makeDirectories('', 'os')
    await writeFile(files, 'empty', '')
    await writeFile(files, 'ten', '0123456789')
    expect(await files.read('ten', { offset: 11 })).toEqual(new Uint8Array(0))
    expect(await files.read('empty', { offset: 1 })).toEqual(new Uint8Array(0))
  })
})

describe('what was fine', () => {
  test('a chunked body that ends early is never returned', async () => {
    const cut = await serveSockets((socket) => {
      socket.once('data', () =>
        socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n'),
      )
    })
    const nameNode = await serve((request, server) =>
      request.op === 'GETFILESTATUS'
        ? json({ FileStatus: { ...FILE, length: 3 } })
        : redirecting(cut)(request, server),
    )
    expect(await codeOf((await open([nameNode])).read('a'))).toBe('TIDEMARK_STORAGE_UNAVAILABLE')
  })

  test('answers that make no sense, for each call', async () => {
    const answers = [
      { status: 307 },
      { status: 307, headers: { location: 'http://127.0.0.1:99999/webhdfs/v1/check/a' } },
      { status: 307, headers: { location: '' } },
      { status: 200, body: '{"Location":"http://127.0.0.1:1/webhdfs/v1/check/a?op=OPEN"}' },
      { status: 200, body: '{"FileStatus":{"pathSuffix":"","type":"FILE","leng' },
      { status: 500, body: '<html>' },
      { status: 400, body: 'null' },
      { status: 403, body: '{"RemoteException":null}' },
      { status: 403, body: '{"RemoteException":{"exception":7}}' },
      { status: 403, body: '{"RemoteException":{"exception":"X","message":{"a":1}}}' },
      { status: 204 },
      { status: 101 },
      { status: 200, headers: { 'content-length': '5' }, body: '', cutAt: 0 },
    ]
    for (const answer of answers) {
      const nameNode = await serve(() => answer)
      const files = await open([nameNode], { idleTimeoutMs: 200, answerTimeoutMs: 200 })
      const outcomes = [
        await codeOf(files.stat('a')),
        await codeOf(files.list('a')),
        await codeOf(files.read('a')),
        await codeOf(writeFile(files, 'a', 'x')),
        await codeOf(files.moveIfAbsent('a', 'b', 'os')),
        await codeOf(files.moveReplacing('a', 'b', 'os')),
        await codeOf(files.moveDirectory('a', 'b')),
        await codeOf(files.deleteFile('a')),
        await codeOf(files.deleteTree('a')),
        await codeOf(files.makeDirectory('a', 'os')),
        await codeOf(files.makeDirectories('a', 'os')),
        await codeOf(files.createExclusive('a', bytesOf('x'), 'os')),
      ]
      for (const outcome of outcomes)
        expect(outcome, JSON.stringify(answer)).toMatch(/^TIDEMARK_STORAGE/)
    }
  })

  test('an address of IPv6, there and in the redirect', async () => {
    const { createServer } = await import('node:http')
    const hosts: (string | undefined)[] = []
    const server = createServer((request, response) => {
      hosts.push(request.headers.host)
      const { port } = server.address() as { port: number }
      if (hosts.length === 1)
        response
          .writeHead(307, { location: `http://[::1]:${port}/webhdfs/v1/check/a?op=OPEN&offset=0` })
          .end()
      else response.writeHead(200, { 'content-length': '5' }).end('hello')
    })
    await new Promise<void>((resolve) => server.listen(0, '::1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    const files = await WebHdfsFileManager.open(`webhdfs://[::1]:${port}/check`, { retryTimeMs: 0 })
    expect(new TextDecoder().decode(await files.read('a'))).toBe('hello')
    expect(hosts).toEqual([`[::1]:${port}`, `[::1]:${port}`])
  })

  test('a connection that is closed just as it is used again is a lost answer, not none', async () => {
    // Answers the first request and closes the connection when the second comes.
    let count = 0
    const raw = await serveSockets((socket) => {
      socket.on('data', () => {
        if (++count === 1) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
        else socket.resetAndDestroy()
      })
    })
    const files = await open([raw], { retryTimeMs: 1000 })
    expect(await files.moveIfAbsent('a', 'b', 'os')).toBe('moved')
    expect(await codeOf(files.moveIfAbsent('c', 'd', 'os'))).toBe('TIDEMARK_STORAGE_TIMEOUT')
    expect(count).toBe(2)
  })
})
