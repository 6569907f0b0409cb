// What LocalFileManager does on a real disk. Long: one subject, and each test a few lines.

import { execFileSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isStateStoreError } from '../../../src/errors.ts'
import { LeasedDirectory } from '../../../src/files/leased-directory.ts'
import { systemFiles, type NativeFiles } from '../../../src/files/local-native.ts'
import { LocalFileManager } from '../../../src/files/local.ts'
import { writeWhole } from '../../../src/files/local-writer.ts'
import { MemoryDisk } from '../../../src/files/memory-disk.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import { aroundCalls } from '../../../src/testing/around-calls.ts'
import {
  bytesOf,
  fileManagerContract,
  namesIn,
  textOf,
} from '../../../src/testing/file-manager-contract.ts'
import { commitRows, failure, openProvider, readRows, text } from '../../../src/testing/stores.ts'
import { errnoError, faultyFiles, shortWrites, type NativeFault } from '../../support/faulty-fs.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tidemark-local-'))
})
afterEach(() => rm(root, { recursive: true }))

fileManagerContract('local', {
  create: async () => {
    const location = join(root, 'check', 'point')
    return {
      files: await LocalFileManager.open(location),
      another: () => LocalFileManager.open(location),
      dispose: async () => undefined,
    }
  },
})

fileManagerContract('local, on a disk that writes a little at a time', {
  create: async () => {
    const location = join(root, 'check', 'point')
    const open = () => LocalFileManager.open(location, { native: shortWrites(systemFiles, 65_521) })
    return { files: await open(), another: open, dispose: async () => undefined }
  },
})

describe('the location', () => {
  test('is a path, a relative path or a file: URL', async () => {
    await mkdir(join(root, 'a b'))
    await writeFile(join(root, 'a b', 'file'), 'x')
    const absolute = join(root, 'a b')
    for (const location of [
      absolute,
      `${absolute}/`,
      relative(process.cwd(), absolute),
      pathToFileURL(absolute).href,
    ]) {
      const files = await LocalFileManager.open(location)
      expect(files.location).toBe(location)
      expect(await textOf(files, 'file')).toBe('x')
    }
  })

  test('may be reached through a symbolic link: that is where the user points', async () => {
    await mkdir(join(root, 'real'))
    await symlink('real', join(root, 'link'))
    const files = await LocalFileManager.open(join(root, 'link'))
    await files.makeDirectories('a', 'fsync')
    expect(await readdir(join(root, 'real'))).toEqual(['a'])
  })

  test('that is no place on a local disk is refused', async () => {
    await writeFile(join(root, 'file'), 'x')
    const invalid = { code: 'TIDEMARK_INVALID_OPTIONS' }
    for (const location of [
      join(root, 'file'),
      join(root, 'file', 'below'),
      'hdfs://namenode/checkpoint',
      's3://bucket/checkpoint',
      'http://localhost/',
    ])
      await expect(LocalFileManager.open(location), location).rejects.toMatchObject(invalid)
    for (const location of ['', 'a\0b'])
      await expect(LocalFileManager.open(location)).rejects.toBeInstanceOf(RangeError)
    await expect(LocalFileManager.open(undefined as unknown as string)).rejects.toBeInstanceOf(
      TypeError,
    )
    expect(await readdir(root)).toEqual(['file'])
  })

  test('a path longer than the system allows is refused, not cut', async () => {
    const files = await LocalFileManager.open(root)
    const long = Array.from({ length: 20 }, () => 'x'.repeat(250)).join('/')
    await expect(files.makeDirectories(long, 'os')).rejects.toMatchObject({
      code: 'TIDEMARK_INVALID_OPTIONS',
    })
    await expect(files.read(long)).rejects.toMatchObject({ code: 'TIDEMARK_INVALID_OPTIONS' })
  })
})

describe('what is neither file nor folder', () => {
  let files: LocalFileManager
  const corrupt = { code: 'TIDEMARK_CORRUPT_FILE' }

  beforeEach(async () => {
    await mkdir(join(root, 'outside'))
    await writeFile(join(root, 'outside', 'secret'), 'secret')
    await mkdir(join(root, 'checkpoint', 'state'), { recursive: true })
    await writeFile(join(root, 'checkpoint', 'plain'), 'plain')
    files = await LocalFileManager.open(join(root, 'checkpoint'))
  })
  afterEach(async () => {
    expect(await readdir(join(root, 'outside'))).toEqual(['secret'])
    expect(await readFile(join(root, 'outside', 'secret'), 'utf8')).toBe('secret')
  })

  test('a link to a file is listed as other, and neither read nor written through', async () => {
    await symlink('../outside/secret', join(root, 'checkpoint', 'link'))
    await symlink('../outside/dangling', join(root, 'checkpoint', 'dangling'))
    for (const name of ['link', 'dangling']) {
      expect(await files.stat(name)).toMatchObject({ name, type: 'other' })
      expect((await files.list(''))?.find((entry) => entry.name === name)?.type).toBe('other')
      await expect(files.read(name)).rejects.toMatchObject({ ...corrupt, path: name })
      expect(await files.createExclusive(name, bytesOf('x'), 'fsync')).toBe('exists')
      await expect(files.createFile(name, 'os')).rejects.toMatchObject({
        code: 'TIDEMARK_INVARIANT_VIOLATED',
      })
      expect(await files.moveIfAbsent('plain', name, 'os')).toBe('exists')
      await expect(files.moveReplacing(name, 'state/x', 'os')).rejects.toMatchObject(corrupt)
      expect(await files.deleteFile(name)).toBe(true)
    }
  })

  test('a link to a folder is not entered by any operation', async () => {
    await symlink(join(root, 'outside'), join(root, 'checkpoint', 'state', '0'))
    for (const attempt of [
      () => files.list('state/0'),
      () => files.stat('state/0/secret'),
      () => files.read('state/0/secret'),
      () => files.createExclusive('state/0/x', bytesOf('x'), 'fsync'),
      () => files.createFile('state/0/x', 'fsync'),
      () => files.moveIfAbsent('plain', 'state/0/x', 'fsync'),
      () => files.moveIfAbsent('state/0/secret', 'x', 'os'),
      () => files.moveReplacing('plain', 'state/0/secret', 'os'),
      () => files.moveReplacing('state/0/secret', 'x', 'os'),
      () => files.deleteFile('state/0/secret'),
      () => files.deleteTree('state/0'),
      () => files.moveDirectory('state/0', 'x'),
      () => files.moveDirectory('state', 'state/0/x'),
      () => files.makeDirectory('state/0/x', 'os'),
      () => files.makeDirectories('state/0', 'fsync'),
      () => files.makeDirectories('state/0/x/y', 'fsync'),
      () => files.syncDirectory('state/0'),
      () => files.probeMove('state', 'state/0'),
    ])
      await expect(attempt(), attempt.toString()).rejects.toMatchObject({
        ...corrupt,
        path: 'state/0',
      })
    expect(await files.stat('state/0')).toMatchObject({ type: 'other' })
    expect(await textOf(files, 'plain')).toBe('plain')
  })

  test('deleteTree deletes a link, not what it points to', async () => {
    await symlink(join(root, 'outside'), join(root, 'checkpoint', 'state', 'link'))
    await files.deleteTree('state')
    expect(await namesIn(files, '')).toEqual(['plain'])
  })

  test('a pipe without a writer does not hang the reader', async () => {
    execFileSync('mkfifo', [join(root, 'checkpoint', '1.delta')])
    await expect(files.read('1.delta')).rejects.toMatchObject({ ...corrupt, path: '1.delta' })
    expect((await files.stat('1.delta'))?.type).toBe('other')
  })

  test('a sparse file of a terabyte is refused whole, and read in ranges', async () => {
    await truncate(join(root, 'checkpoint', 'plain'), 2 ** 40)
    await expect(files.read('plain')).rejects.toMatchObject({ code: 'TIDEMARK_UNSUPPORTED' })
    expect(await files.read('plain', { length: 5 })).toEqual(bytesOf('plain'))
    expect(await files.read('plain', { offset: 2 ** 40 - 3 })).toEqual(new Uint8Array(3))
  })
})

test('a chunk that is larger than one call may be is written in several', async () => {
  // Zeros that are never touched: they take no memory, and /dev/null no time.
  const chunk = new Uint8Array(2 ** 31)
  const descriptor = openSync('/dev/null', 'w')
  try {
    expect(await writeWhole(systemFiles, descriptor, chunk, 0)).toBe(2 ** 31)
  } finally {
    closeSync(descriptor)
  }
})

const STORE = 'state/0/0'
const STAGING = '_tidemark/staging/0/0/default/1'

/** A holder on `native`, its folders made. Makes no call of `native` itself. */
async function holder(disk: MemoryDisk, native: NativeFiles): Promise<LeasedDirectory> {
  const files = new MemoryFileManager({ disk })
  await files.makeDirectories(STORE, 'os')
  await files.makeDirectories(STAGING, 'os')
  return new LeasedDirectory({
    files: new MemoryFileManager({ disk, native }),
    directory: STORE,
    staging: STAGING,
    durability: 'fsync',
  })
}

async function commit(leased: LeasedDirectory, name: string, mode: 'if-absent' | 'replace') {
  const file = await leased.create(name)
  try {
    await file.write(bytesOf(`content of `))
    await file.write(bytesOf(name))
    await file.close()
    return await leased.publish(file, name, mode)
  } finally {
    await file.discard()
  }
}

describe('what a commit asks of the disk', () => {
  const traceOf = async (mode: 'if-absent' | 'replace') => {
    const disk = new MemoryDisk()
    const { native, calls } = faultyFiles(disk)
    const leased = await holder(disk, native)
    await commit(leased, 'warm', mode)
    calls.length = 0
    await commit(leased, '1.delta', mode)
    return calls.map((call) => call.method)
  }
  const written = ['openNew', 'write', 'write', 'sync', 'close']

  test('create: the file is synced before it gets its name, the folder after, on a descriptor from before', async () => {
    expect(await traceOf('if-absent')).toEqual([
      ...written,
      'openDirectory',
      'link',
      'unlink',
      'sync',
      'close',
    ])
  })

  test('replace: the same, with one rename', async () => {
    expect(await traceOf('replace')).toEqual([
      ...written,
      'openDirectory',
      'stat',
      'rename',
      'sync',
      'close',
    ])
  })
})

describe('a disk that fails', () => {
  const ERRNOS = ['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'EROFS', 'EACCES', 'EPERM']

  /** What is there afterwards, as a manager on the healed disk sees it. */
  async function check(disk: MemoryDisk, name: string): Promise<string | undefined> {
    return textOf(new MemoryFileManager({ disk }), `${STORE}/${name}`)
  }

  for (const mode of ['if-absent', 'replace'] as const) {
    for (const errno of ERRNOS) {
      test(`${mode}, ${errno} at each system call: a typed error, the truth, no leak, and the next commit works`, async () => {
        const disk = new MemoryDisk()
        const counted = faultyFiles(disk)
        await commit(await holder(disk, counted.native), '1.delta', mode)
        for (let at = 1; at <= counted.calls.length; at++) {
          for (const when of ['before', 'after'] as const) {
            for (const lasts of [false, true]) await oneFault({ at, errno, when, lasts })
          }
        }
      })
    }

    async function oneFault(fault: NativeFault): Promise<void> {
      const disk = new MemoryDisk()
      const faulty = faultyFiles(disk, fault)
      const leased = await holder(disk, faulty.native)
      const outcome = await commit(leased, '1.delta', mode).catch((error: unknown) => error)
      const label = `${fault.errno} ${fault.when} ${faulty.calls[fault.at - 1]?.method} (call ${fault.at})${fault.lasts === true ? ', lasting' : ''}`
      const found = await check(disk, '1.delta')
      if (outcome === 'published') expect(found, label).toBe('content of 1.delta')
      else {
        expect(isStateStoreError(outcome), `${label}: ${String(outcome)}`).toBe(true)
        const certain = !isStateStoreError(outcome, 'TIDEMARK_POISONED', 'TIDEMARK_STORAGE_TIMEOUT')
        // An error that claims to be certain is believed; a call that lies about its errno is not what this is about.
        if (certain && fault.when === 'before') expect(found, label).toBeUndefined()
        expect([undefined, 'content of 1.delta'], label).toContain(found)
        if (isStateStoreError(outcome)) {
          expect(outcome.cause, label).toMatchObject({ code: fault.errno })
          expect(outcome.message, label).toContain(fault.errno)
        }
      }
      expect(disk.openCount, label).toBe(0)
      faulty.heal()
      expect(await commit(leased, '2.delta', mode), label).toBe('published')
      await leased.cleanLeftovers()
      expect(await namesIn(new MemoryFileManager({ disk }), STAGING), label).toEqual([])
    }
  }

  test('a folder whose files cannot all be deleted: some at once, and none any more once it is told', async () => {
    const disk = new MemoryDisk()
    const files = new MemoryFileManager({ disk })
    await files.makeDirectories(STAGING, 'os')
    const names = Array.from({ length: 40 }, (_, n) => `${STAGING}/${n}`)
    for (const name of names) await files.createExclusive(name, bytesOf('x'), 'os')
    const faulty = faultyFiles(disk, { at: 15, method: 'unlink', errno: 'EIO' })
    let [underWay, mostUnderWay] = [0, 0]
    const watched = aroundCalls(faulty.native, async (_, proceed) => {
      mostUnderWay = Math.max(mostUnderWay, ++underWay)
      return proceed().finally(() => underWay--)
    })
    const failing = new MemoryFileManager({ disk, native: watched })
    await expect(failing.deleteTree(STAGING)).rejects.toMatchObject({
      code: 'TIDEMARK_STORAGE_UNAVAILABLE',
    })
    expect(underWay).toBe(0)
    expect(mostUnderWay).toBe(8)
    const told = faulty.calls.length
    const left = await namesIn(files, STAGING)
    expect(left.length).toBeGreaterThan(15)
    await new Promise((resolve) => setImmediate(resolve))
    expect(faulty.calls).toHaveLength(told)
    faulty.heal()
    await failing.deleteTree(STAGING)
    expect(await files.stat(STAGING)).toBeUndefined()
  })

  test.each([
    ['link', undefined],
    ['rename', 0],
  ])(
    'a %s that was done, answers EIO and cannot be looked at leaves the commit in doubt, and the next open finds it',
    async (method, from) => {
      const disk = new MemoryDisk()
      let isFailing = false
      let isLookFailing = false
      const native = aroundCalls(disk, async (call, proceed) => {
        if (call.method === 'stat' && isLookFailing) throw errnoError('EACCES', call)
        const answer = await proceed()
        if (!isFailing || call.method !== method) return answer
        isLookFailing = true
        throw errnoError('EIO', call)
      })
      await using opened = await openProvider({}, new MemoryFileManager({ disk, native }))
      const { provider } = opened
      if (from !== undefined) await commitRows(provider, { undone: '1' })
      const store = await provider.getStore(from)
      store.put(text('a'), text('1'))
      isFailing = true
      const error = await failure('TIDEMARK_COMMIT_OUTCOME_UNKNOWN', () => store.commit())
      expect(error.published).toBe('unknown')
      isFailing = isLookFailing = false
      await store.abort()
      expect(await commitRows(provider, { b: '2' })).toBe(2)
      expect(await readRows(provider)).toEqual({ a: '1', b: '2' })
    },
  )

  test('a sync that fails while a link in doubt is settled leaves it unknown whether the file is there', async () => {
    const disk = new MemoryDisk()
    let isLinked = false
    const native = aroundCalls(disk, async (call, proceed) => {
      if (isLinked && call.method === 'sync') throw errnoError('EIO', call)
      const answer = await proceed()
      if (call.method !== 'link') return answer
      isLinked = true
      throw errnoError('EIO', call)
    })
    const leased = await holder(disk, native)
    const file = await leased.create('1.delta')
    await file.close()
    await failure('TIDEMARK_STORAGE_TIMEOUT', () => leased.publish(file, '1.delta', 'if-absent'))
    const error = await failure('TIDEMARK_POISONED', () => leased.settle(file, '1.delta'))
    expect(error.published).toBe('unknown')
    await file.discard()
    expect(await namesIn(new MemoryFileManager({ disk }), STORE)).toEqual(['1.delta'])
  })

  test('a failed fsync is never asked again of the same file', async () => {
    const disk = new MemoryDisk()
    const { native, calls } = faultyFiles(disk, { at: 1, method: 'sync', errno: 'EIO' })
    const leased = await holder(disk, native)
    const file = await leased.create('1.delta')
    const poisoned = { code: 'TIDEMARK_POISONED' }
    for (let attempt = 0; attempt < 3; attempt++)
      await expect(file.close()).rejects.toMatchObject(poisoned)
    await expect(file.write(bytesOf('x'))).rejects.toMatchObject(poisoned)
    expect(calls.filter((call) => call.method === 'sync')).toHaveLength(1)
    await expect(leased.publish(file, '1.delta', 'if-absent')).rejects.toMatchObject({
      code: 'TIDEMARK_INVARIANT_VIOLATED',
    })
    await file.discard()
    expect(disk.openCount).toBe(0)
  })

  test('a write that failed is not followed by another: the file has a hole then', async () => {
    const disk = new MemoryDisk()
    const { native } = faultyFiles(disk, { at: 1, method: 'write', errno: 'ENOSPC' })
    const leased = await holder(disk, native)
    const file = await leased.create('1.delta')
    const full = { code: 'TIDEMARK_STORAGE_UNAVAILABLE', message: /^Disk full while writing / }
    await expect(file.write(bytesOf('x'))).rejects.toMatchObject({
      code: full.code,
      message: expect.stringMatching(full.message) as string,
    })
    await expect(file.write(bytesOf('y'))).rejects.toMatchObject({ code: full.code })
    await expect(file.close()).rejects.toMatchObject({ code: full.code })
    await file.discard()
  })

  test('createExclusive that failed half way leaves nothing that would be taken for a file', async () => {
    const disk = new MemoryDisk()
    await new MemoryFileManager({ disk }).makeDirectories('dir', 'os')
    for (const errno of ['ENOSPC', 'EIO']) {
      const faulty = faultyFiles(disk, { at: 1, method: 'write', errno })
      const files = new MemoryFileManager({ disk, native: faulty.native })
      await expect(files.createExclusive('dir/a', bytesOf('x'), 'os')).rejects.toMatchObject({
        code: 'TIDEMARK_STORAGE_UNAVAILABLE',
      })
      expect(await files.createExclusive('dir/a', bytesOf('y'), 'os')).toBe('created')
      expect(await textOf(files, 'dir/a')).toBe('y')
      await files.deleteFile('dir/a')
    }
  })

  test('a file system without hard links, or another one, is refused by the probe, and no trace stays', async () => {
    const disk = new MemoryDisk()
    for (const errno of ['EPERM', 'EXDEV', 'EOPNOTSUPP', 'ENOSYS']) {
      const unable = aroundCalls(disk, async (call, proceed) => {
        if (call.method !== 'link') return proceed()
        throw Object.assign(new Error(errno), { code: errno })
      })
      const leased = await holder(disk, unable)
      await expect(leased.probe()).rejects.toMatchObject({ code: 'TIDEMARK_UNSUPPORTED' })
      const files = new MemoryFileManager({ disk })
      expect(await namesIn(files, STAGING)).toEqual([])
      expect(await namesIn(files, STORE)).toEqual([])
    }
  })

  test('a file system that cannot sync folders is refused, not poisoned', async () => {
    const disk = new MemoryDisk()
    const unable = aroundCalls(disk, async (call, proceed) => {
      if (call.method !== 'sync') return proceed()
      throw Object.assign(new Error('EINVAL'), { code: 'EINVAL' })
    })
    const files = new MemoryFileManager({ disk, native: unable })
    await expect(files.makeDirectories('a', 'fsync')).rejects.toMatchObject({
      code: 'TIDEMARK_UNSUPPORTED',
    })
  })
})

test('a file is moved once it has its new name; who asks for the old one waits until that is gone', async () => {
  let unlink: () => void = () => undefined
  const held = new Promise<void>((resolve) => (unlink = resolve))
  const disk = new MemoryDisk()
  const native = aroundCalls(disk, async (call, proceed) => {
    if (call.method === 'unlink') await held
    return proceed()
  })
  const files = new MemoryFileManager({ disk, native })
  for (const folder of ['from', 'to']) await files.makeDirectories(folder, 'os')
  await (await files.createFile('from/source', 'os'))!.close()
  expect(await files.moveIfAbsent('from/source', 'to/target', 'os')).toBe('moved')
  expect(await namesIn(files, 'to')).toEqual(['target'])
  const asked = [files.stat('from/source'), files.list('from'), files.deleteFile('from/source')]
  await new Promise(setImmediate)
  unlink()
  expect(await Promise.all(asked)).toEqual([undefined, [], false])
})

test('many readers at once take a bounded number of descriptors', async () => {
  const disk = new MemoryDisk()
  let openMax = 0
  const watched = aroundCalls(disk, async (_call, proceed) => {
    const result = await proceed()
    openMax = Math.max(openMax, disk.openCount)
    return result
  })
  const files = new MemoryFileManager({ disk, native: watched })
  await files.makeDirectories('', 'os')
  await files.createExclusive('file', bytesOf('x'), 'os')
  const reads = Array.from({ length: 500 }, () => files.read('file'))
  const syncs = Array.from({ length: 500 }, () => files.syncDirectory(''))
  await Promise.all([...reads, ...syncs])
  expect(openMax).toBeGreaterThan(8)
  expect(openMax).toBeLessThanOrEqual(64)
  expect(disk.openCount).toBe(0)
})
