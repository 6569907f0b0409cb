// What the S3 file manager makes of lost answers, refusals, cut bodies and late requests, with a proxy in between that makes them. Run on a real
// service and on the one in memory.

import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../../src/base/clock.ts'
import { type S3Options, S3FileManager } from '../../../src/files/s3/s3.ts'
import {
  patternBytes,
  revisionOf,
  uploadOf,
} from '../../../src/testing/conditional-writes-contract.ts'
import { bytesOf, textOf } from '../../../src/testing/file-manager-contract.ts'
import { type Fault, FaultProxy, type FaultRule, type ProxiedRequest } from '../fault-proxy.ts'

export interface FaultyS3 {
  readonly host: string
  readonly port: number
  readonly bucket: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

const PART_SIZE_BYTES = 5 * 1024 * 1024
const LARGE = patternBytes(PART_SIZE_BYTES + 1000, 5)
const SMALL = bytesOf('ours')
let count = 0

export function s3Faults(service: () => FaultyS3): void {
  let proxy: FaultProxy
  let location: string
  let files: S3FileManager
  /** Another, not through the proxy. */
  let other: S3FileManager
  let waitsMs: number[]

  const open = (more: S3Options = {}): Promise<S3FileManager> => {
    const [{ host, port }] = proxy.addresses
    return S3FileManager.open(location, {
      endpoint: `http://${host}:${port}`,
      region: 'us-east-1',
      credentials: service().credentials,
      retryTimeMs: 5000,
      partSizeBytes: PART_SIZE_BYTES,
      clock: quickClock(waitsMs),
      ...more,
    })
  }

  beforeEach(async () => {
    waitsMs = []
    const { host, port, bucket } = service()
    proxy = await FaultProxy.start([{ host, port }])
    location = `s3://${bucket}/faults-${++count}`
    files = await open()
    other = await open({ endpoint: `http://${host}:${port}` })
  })
  afterEach(async () => {
    await other.deleteTree('')
    await proxy.close()
  })

  const inject = (when: FaultRule['when'], fault: Fault, more: Partial<FaultRule> = {}) =>
    proxy.inject({ when, fault, ...more })
  const isPut = ({ method, query }: ProxiedRequest) => method === 'PUT' && !query.has('uploadId')
  const isComplete = ({ method, query }: ProxiedRequest) =>
    method === 'POST' && query.has('uploadId')
  const isGet = ({ method }: ProxiedRequest) => method === 'GET'
  const methodsSince = (start: number) => proxy.requests.slice(start).map(({ method }) => method)

  const writes = [
    { title: 'a PUT', content: SMALL, isWrite: isPut },
    { title: 'a CompleteMultipartUpload', content: LARGE, isWrite: isComplete },
  ]
  describe.each(writes)('the answer of $title', ({ content, isWrite }) => {
    test.each(['loseAnswer', 'resetBefore'] as const)('%s: it is written', async (lost) => {
      const upload = await uploadOf(files, 'file', content)
      const fault = inject(isWrite, { do: lost })
      expect(await upload.complete('absent')).toBe('written')
      expect(fault.struck).toHaveLength(1)
      expect(sameBytes(await other.read('file'), content)).toBe(true)
    })

    test('lost twice while replacing: it is written', async () => {
      await (await uploadOf(other, 'file', bytesOf('old'))).complete('absent')
      const revision = await revisionOf(other, 'file')
      const upload = await uploadOf(files, 'file', content)
      inject(isWrite, { do: 'loseAnswer' })
      inject(isWrite, { do: 'loseAnswer' }, { nth: 2 })
      expect(await upload.complete({ revision })).toBe('written')
      expect(sameBytes(await other.read('file'), content)).toBe(true)
    })

    test('lost, and somebody else is there: it is not known, and reading decides', async () => {
      const upload = await uploadOf(files, 'file', content)
      await (await uploadOf(other, 'file', bytesOf('theirs'))).complete('absent')
      inject(isWrite, { do: 'resetBefore' })
      const unknown = { code: 'TIDEMARK_STORAGE_TIMEOUT', path: 'file' }
      await expect(upload.complete('absent')).rejects.toMatchObject(unknown)
      await expect(upload.complete('absent')).rejects.toMatchObject(unknown)
      expect(await textOf(other, 'file')).toBe('theirs')
      const revision = await revisionOf(other, 'file')
      expect(await upload.complete({ revision })).toBe('written')
      expect(sameBytes(await other.read('file'), content)).toBe(true)
    })

    test('never comes: it may or may not have happened, and asking again decides', async () => {
      const hasty = await open({ retryTimeMs: 0 })
      const upload = await uploadOf(hasty, 'file', content)
      inject(isWrite, { do: 'loseAnswer' })
      await expect(upload.complete('absent')).rejects.toMatchObject({
        code: 'TIDEMARK_STORAGE_TIMEOUT',
        message: expect.stringContaining('may still happen'),
      })
      expect(await upload.complete('absent')).toBe('written')
    })

    test('hangs: after the time-out it is sent again', async () => {
      const impatient = await open({ requestTimeoutMs: 300 })
      const upload = await uploadOf(impatient, 'file', content)
      inject(isWrite, { do: 'hang' })
      expect(await upload.complete('absent')).toBe('written')
    })

    test('is whole and its connection closes late: it is written, and not sent again', async () => {
      const upload = await uploadOf(files, 'file', content)
      const slow = inject(isWrite, { do: 'closeLate', ms: 300 }, { lasts: true })
      expect(await upload.complete('absent')).toBe('written')
      expect(slow.struck).toHaveLength(1)
    })

    test('is whole and its connection never closes: sent again, and known as ours', async () => {
      const impatient = await open({ requestTimeoutMs: 300 })
      const upload = await uploadOf(impatient, 'file', content)
      const slow = inject(isWrite, { do: 'closeLate', ms: 60_000 })
      expect(await upload.complete('absent')).toBe('written')
      expect(slow.struck).toHaveLength(1)
      expect(sameBytes(await other.read('file'), content)).toBe(true)
    })

    test('never comes, and the connection closes late and in order: it is written', async () => {
      const upload = await uploadOf(files, 'file', content)
      const closed = inject(isWrite, { do: 'closeUnanswered', ms: 300 })
      expect(await upload.complete('absent')).toBe('written')
      expect(closed.struck).toHaveLength(1)
      expect(sameBytes(await other.read('file'), content)).toBe(true)
      const hasty = await open({ retryTimeMs: 0 })
      const second = await uploadOf(hasty, 'second', content)
      inject(isWrite, { do: 'closeUnanswered', ms: 300 })
      await expect(second.complete('absent')).rejects.toMatchObject({
        code: 'TIDEMARK_STORAGE_TIMEOUT',
      })
      expect(await second.complete('absent')).toBe('written')
    })

    test('comes long after the successor wrote: what is read is not changed by it', async () => {
      const hasty = await open({ retryTimeMs: 0 })
      const upload = await uploadOf(hasty, 'file', content)
      const late = inject(isWrite, { do: 'deliverLate' })
      await expect(upload.complete('absent')).rejects.toMatchObject({
        code: 'TIDEMARK_STORAGE_TIMEOUT',
      })
      await (await uploadOf(other, 'file', bytesOf('successor'))).complete('absent')
      expect(await late.deliver()).toEqual([412])
      expect(await textOf(other, 'file')).toBe('successor')
    })

    test('is a conflict: it is sent again, and a refusal stays certain', async () => {
      const conflict: Fault = { do: 'answer', status: 409, body: xml('ConditionalRequestConflict') }
      const upload = await uploadOf(files, 'file', content)
      inject(isWrite, conflict)
      expect(await upload.complete('absent')).toBe('written')
      const second = await uploadOf(files, 'file', content)
      inject(isWrite, conflict)
      expect(await second.complete('absent')).toBe('refused')
    })

    test('is 503 with Retry-After: it is sent again after that time, and not before', async () => {
      const upload = await uploadOf(files, 'file', content)
      const headers = { 'retry-after': '3' }
      inject(isWrite, { do: 'answer', status: 503, headers, body: xml('SlowDown') })
      expect(await upload.complete('absent')).toBe('written')
      expect(Math.max(...waitsMs)).toBe(3000)
    })

    test('is 503 until the time is over: certainly nothing happened', async () => {
      const upload = await uploadOf(files, 'file', content)
      const headers = { 'retry-after': '6' }
      inject(isWrite, { do: 'answer', status: 503, headers, body: xml('SlowDown') })
      await expect(upload.complete('absent')).rejects.toMatchObject({
        code: 'TIDEMARK_STORAGE_UNAVAILABLE',
      })
      expect(await other.stat('file')).toBeUndefined()
      expect(await upload.complete('absent')).toBe('written')
    })

    test('is 500, or 200 of somebody who is not S3: it is not believed', async () => {
      for (const [index, fault] of [
        { status: 500, body: xml('InternalError') },
        { status: 502, body: '<html>Bad gateway</html>' },
        { status: 200, body: '<html>Welcome</html>' },
        { status: 200, body: '' },
      ].entries()) {
        const upload = await uploadOf(files, `${index}`, content)
        const injected = inject(isWrite, { do: 'answer', ...fault })
        expect(await upload.complete('absent'), fault.body).toBe('written')
        expect(injected.struck).toHaveLength(1)
        expect(sameBytes(await other.read(`${index}`), content)).toBe(true)
      }
    })

    test('is that nobody may: once, and certainly nothing happened', async () => {
      const upload = await uploadOf(files, 'file', content)
      const denied = inject(isWrite, { do: 'answer', status: 403, body: xml('AccessDenied') })
      await expect(upload.complete('absent')).rejects.toMatchObject({
        code: 'TIDEMARK_STORAGE_UNAVAILABLE',
        message: expect.stringContaining('Permission denied'),
      })
      expect(denied.struck).toHaveLength(1)
      expect(await upload.complete('absent')).toBe('written')
    })
  })

  test('200 with an error in its body does not count as written', async () => {
    const upload = await uploadOf(files, 'file', LARGE)
    const body = `<?xml version="1.0" encoding="UTF-8"?>\n${xml('InternalError')}`
    inject(isComplete, { do: 'answer', status: 200, body }, { lasts: true })
    await expect(upload.complete('absent')).rejects.toMatchObject({
      code: 'TIDEMARK_STORAGE_TIMEOUT',
    })
    expect(await other.stat('file')).toBeUndefined()
    proxy.heal()
    expect(await upload.complete('absent')).toBe('written')
  })

  test('createExclusive: lost answers do not make it say that somebody else was first', async () => {
    inject(isPut, { do: 'loseAnswer' })
    expect(await files.createExclusive('a', SMALL, 'os')).toBe('created')
    inject(isPut, { do: 'loseAnswer' })
    expect(await files.createExclusive('a', SMALL, 'os')).toBe('exists')
    inject(isPut, { do: 'resetBefore' })
    expect(await files.createExclusive('b', SMALL, 'os')).toBe('created')
  })

  test('every other step of an upload in parts may be lost, too', async () => {
    const isBegin = ({ method, query }: ProxiedRequest) => method === 'POST' && query.has('uploads')
    const isPart = ({ query }: ProxiedRequest) => query.has('partNumber')
    for (const when of [isBegin, isPart])
      for (const lost of ['loseAnswer', 'resetBefore'] as const) {
        const path = `${when.name}-${lost}`
        inject(when, { do: lost })
        expect(await (await uploadOf(files, path, LARGE)).complete('absent')).toBe('written')
        expect(sameBytes(await other.read(path), LARGE)).toBe(true)
      }
  })

  test('a part that is refused ends the upload for good, and abort takes the others away', async () => {
    const isPart = ({ query }: ProxiedRequest) => query.get('partNumber') === '1'
    inject(isPart, { do: 'answer', status: 403, body: xml('AccessDenied') }, { lasts: true })
    const upload = await uploadOf(files, 'file', LARGE)
    const refusal = { code: 'TIDEMARK_STORAGE_UNAVAILABLE' }
    await expect(upload.complete('absent')).rejects.toMatchObject(refusal)
    proxy.heal()
    await expect(upload.complete('absent')).rejects.toMatchObject(refusal)
    await upload.abort()
    expect(await other.conditional.cleanUploads('', -1e9)).toBe(0)
    expect(await other.stat('file')).toBeUndefined()
  })

  test('a cut body is read again, and never taken for a whole one', async () => {
    const content = patternBytes(300_000, 1)
    await other.createExclusive('file', content, 'os')
    for (const range of [{}, { offset: 1000, length: 200_000 }]) {
      const cut = inject(isGet, { do: 'cutAnswer', bytes: 5000 })
      const { offset = 0, length = content.length } = range
      const expected = content.slice(offset, offset + length)
      expect(sameBytes(await files.read('file', range), expected)).toBe(true)
      expect(cut.struck).toHaveLength(1)
    }
    inject(isGet, { do: 'cutAnswer', bytes: 5000 }, { lasts: true })
    const hasty = await open({ retryTimeMs: 0 })
    await expect(hasty.read('file')).rejects.toMatchObject({
      code: 'TIDEMARK_STORAGE_UNAVAILABLE',
      path: 'file',
    })
  })

  test('a body that comes slowly is read once; one that stops is read again', async () => {
    const content = patternBytes(300_000, 1)
    await other.createExclusive('file', content, 'os')
    const impatient = await open({ requestTimeoutMs: 1000 })
    for (const [ms, reads] of [
      [100, 1],
      [60_000, 2],
    ] as const) {
      const start = proxy.requests.length
      inject(isGet, { do: 'pauseAnswer', bytes: 5000, ms })
      expect(sameBytes(await impatient.read('file'), content)).toBe(true)
      expect(methodsSince(start)).toHaveLength(reads)
    }
  })

  test('a body of no known length, which a closed connection ends, is not taken for whole', async () => {
    const content = patternBytes(300_000, 1)
    await other.createExclusive('file', content, 'os')
    const unmeasured = inject(isGet, { do: 'closeLate', ms: 50 })
    expect(sameBytes(await files.read('file'), content)).toBe(true)
    expect(unmeasured.struck).toHaveLength(1)
    expect(methodsSince(0).filter((method) => method === 'GET')).toHaveLength(2)
  })

  test('a listing whose connection closes late is whole', async () => {
    await other.createExclusive('dir/file', SMALL, 'os')
    inject(isGet, { do: 'closeLate', ms: 300 })
    expect((await files.list('dir'))?.map(({ name }) => name)).toEqual(['file'])
    const impatient = await open({ requestTimeoutMs: 300 })
    inject(isGet, { do: 'closeLate', ms: 60_000 })
    expect((await impatient.list('dir'))?.map(({ name }) => name)).toEqual(['file'])
  })

  test('what is no answer of S3 is not taken for absent, or for an empty folder', async () => {
    await other.createExclusive('dir/file', SMALL, 'os')
    for (const [status, body] of [
      [404, '<html>Not found</html>'],
      [404, ''],
      [200, '<html>Welcome</html>'],
      [200, ''],
    ] as const) {
      for (const call of ['list', 'read'] as const) {
        const fault = inject(isGet, { do: 'answer', status, body })
        const path = call === 'list' ? 'dir' : 'dir/file'
        const result = await files[call](path).catch(() => 'an error')
        expect(fault.struck).toHaveLength(1)
        expect(result, `${call}: ${status} ${body}`).not.toBeUndefined()
        if (Array.isArray(result)) expect(result).toHaveLength(1)
        if (result instanceof Uint8Array) expect(result).toEqual(SMALL)
      }
    }
  })

  test('a DELETE whose answer was lost is made again', async () => {
    await other.createExclusive('file', SMALL, 'os')
    inject(({ method }) => method === 'DELETE', { do: 'loseAnswer' })
    expect(await files.deleteFile('file')).toBe(true)
    expect(await other.stat('file')).toBeUndefined()
  })

  test('an aborted signal ends a read that hangs, with its reason', async () => {
    await other.createExclusive('file', SMALL, 'os')
    const reason = new Error('enough')
    const controller = new AbortController()
    const hang = inject(isGet, { do: 'hang' })
    const reading = files.read('file', {}, controller.signal)
    const refused = expect(reading).rejects.toBe(reason)
    await expect.poll(() => hang.struck.length).toBe(1)
    controller.abort(reason)
    await refused
  })

  test('nobody listens: it is unavailable, not unknown', async () => {
    const alone = await open({ endpoint: 'http://127.0.0.1:1', retryTimeMs: 50 })
    const unavailable = { code: 'TIDEMARK_STORAGE_UNAVAILABLE' }
    await expect(alone.createExclusive('a', SMALL, 'os')).rejects.toMatchObject(unavailable)
    await expect(alone.deleteFile('a')).rejects.toMatchObject(unavailable)
    await expect(alone.conditional.probe()).rejects.toMatchObject(unavailable)
  })

  test('no secret is shown, also not what was signed', async () => {
    const secretAccessKey = 'the-secret-key'
    const sessionToken = 'the-session-token'
    const credentials = { accessKeyId: 'somebody', secretAccessKey, sessionToken }
    const stranger = await open({ credentials })
    const signed = `<StringToSign>x-amz-security-token:${sessionToken}</StringToSign>`
    const body = `<Error><Code>SignatureDoesNotMatch</Code><Message>No</Message>${signed}</Error>`
    inject(() => true, { do: 'answer', status: 403, body }, { lasts: true })
    const error: unknown = await stranger.read('file').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'TIDEMARK_STORAGE_UNAVAILABLE' })
    for (const shown of [error, stranger, stranger.conditional]) {
      const text = inspect(shown, { depth: 20, showHidden: true, getters: true })
      expect(text).not.toContain(secretAccessKey)
      expect(text).not.toContain(sessionToken)
    }
  })

  test('requests per operation', async () => {
    const counted: Record<string, string> = {}
    const measure = async (name: string, call: () => Promise<unknown>) => {
      const start = proxy.requests.length
      await call()
      counted[name] = methodsSince(start).join(' ')
    }
    const upload = async (path: string, content: Uint8Array) =>
      (await uploadOf(files, path, content)).complete('absent')
    await measure('write', () => upload('dir/file', SMALL))
    await measure('write, refused', () => upload('dir/file', SMALL))
    await measure('write in two parts', () => upload('dir/large', LARGE))
    await measure('createExclusive', () => files.createExclusive('dir/a', SMALL, 'os'))
    await measure('createExclusive, exists', () => files.createExclusive('dir/a', SMALL, 'os'))
    await measure('stat', () => files.stat('dir/file'))
    await measure('stat of a folder', () => files.stat('dir'))
    await measure('stat of nothing', () => files.stat('absent'))
    await measure('list', () => files.list('dir'))
    await measure('read', () => files.read('dir/file'))
    await measure('read of a range', () => files.read('dir/file', { offset: 1, length: 2 }))
    await measure('read of nothing', () => files.read('absent'))
    await measure('deleteFile', () => files.deleteFile('dir/a'))
    await measure('deleteTree', () => files.deleteTree('dir'))
    await measure('makeDirectories', () => files.makeDirectories('dir', 'fsync'))
    await measure('syncDirectory', () => files.syncDirectory('dir'))
    expect(counted).toEqual({
      write: 'PUT',
      'write, refused': 'PUT HEAD',
      'write in two parts': 'POST PUT PUT POST',
      createExclusive: 'PUT',
      'createExclusive, exists': 'PUT HEAD',
      stat: 'HEAD',
      'stat of a folder': 'HEAD GET',
      'stat of nothing': 'HEAD GET',
      list: 'GET',
      read: 'GET',
      'read of a range': 'GET',
      'read of nothing': 'GET',
      deleteFile: 'HEAD DELETE',
      deleteTree: 'GET POST',
      makeDirectories: '',
      syncDirectory: '',
    })
  })
}

/** Waits are told, not waited for. */
function quickClock(waitsMs: number[]): Clock {
  return {
    ...systemClock,
    turn: async (restMs = 0) => {
      waitsMs.push(restMs)
      await systemClock.turn(Math.min(restMs, 20))
    },
  }
}

function xml(code: string): string {
  return `<Error><Code>${code}</Code><Message>${code}</Message></Error>`
}

function sameBytes(found: Uint8Array | undefined, expected: Uint8Array): boolean {
  return found !== undefined && Buffer.compare(found, expected) === 0
}
