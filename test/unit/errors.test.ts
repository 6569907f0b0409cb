// The table of codes: unique, consistent, and each of them produced for real, here, in the shortest way there is.

import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { assert as assertInvariant } from '../../src/base/assert.ts'
import {
  ERROR_CODES,
  type ErrorCode,
  isStateStoreError,
  StateStoreError,
} from '../../src/errors.ts'
import { compressionOf } from '../../src/codec/compressions.ts'
import { MemoryFileManager } from '../../src/files/memory.ts'
import { StateStores } from '../../src/coordinator/state-stores.ts'
import { aroundCalls } from '../../src/testing/around-calls.ts'
import { lyingFiles } from '../../src/testing/lying-files.ts'
import { errnoError } from '../support/faulty-fs.ts'
import {
  commitRows,
  commitVersions,
  damage,
  DIRECTORY,
  failure,
  openProvider,
  plant,
  readFile,
  text,
} from '../../src/testing/stores.ts'

/** A store whose system call `method` fails with `errno` once it has two versions. */
async function faulty(method: string, errno: string) {
  const inner = new MemoryFileManager()
  let failing = false
  const native = aroundCalls(inner.disk, async (call, proceed) => {
    if (failing && call.method === method) throw errnoError(errno, call)
    return proceed()
  })
  const opened = await openProvider({}, new MemoryFileManager({ disk: inner.disk, native }))
  await commitVersions(opened.provider, 2)
  failing = true
  return opened
}

async function committed(count: number) {
  const opened = await openProvider()
  await commitVersions(opened.provider, count)
  return opened
}

async function reopened(change: (files: MemoryFileManager) => Promise<unknown>) {
  const files = new MemoryFileManager()
  const opened = await openProvider({}, files)
  await commitVersions(opened.provider, 3)
  await opened.stores.close()
  await change(files)
  return await openProvider({}, files)
}

/** How each code comes about. */
const PRODUCERS: Readonly<Record<ErrorCode, () => Promise<unknown>>> = {
  TIDEMARK_INVALID_OPTIONS: () => openProvider({ minDeltasForSnapshot: 0 }),
  TIDEMARK_STORE_FINISHED: async () => {
    const store = await (await openProvider()).provider.getStore()
    await store.abort()
    store.put(text('a'), text('1'))
  },
  TIDEMARK_STORE_BUSY: async () => {
    const { provider } = await openProvider()
    await provider.getStore()
    await provider.getStore()
  },
  TIDEMARK_UNSUPPORTED: async () => {
    const inner = new MemoryFileManager()
    const native = aroundCalls(inner.disk, async (call, proceed) => {
      if (call.method === 'link') throw errnoError('EPERM', call)
      return proceed()
    })
    const opened = await openProvider({}, new MemoryFileManager({ disk: inner.disk, native }))
    await opened.provider.getStore()
  },
  TIDEMARK_REWIND_REFUSED: async () => (await committed(3)).provider.getStore(0),
  TIDEMARK_PROGRESS_UNKNOWN: async () => {
    const { provider } = await openProvider({ trailer: false })
    await commitVersions(provider, 1)
    return (await provider.getReadStore()).progress
  },
  TIDEMARK_MEMORY_LIMIT: async () => {
    const store = await (await openProvider({ memoryBytesMax: 2 ** 20 })).provider.getStore()
    store.put(text('a'), new Uint8Array(2 ** 21))
  },
  TIDEMARK_VERSION_NOT_FOUND: async () => (await committed(1)).provider.getReadStore(9),
  TIDEMARK_CHECKPOINT_NOT_FOUND: () => StateStores.open('/nowhere/at/all', { readOnly: true }),
  TIDEMARK_VERSION_EXISTS: async () => {
    const { provider, files } = await committed(1)
    const other = await openProvider({ trailer: false })
    await commitVersions(other.provider, 2)
    await plant(files, '2.delta', await readFile(other.files, '2.delta'))
    await commitRows(provider, {})
  },
  TIDEMARK_PROVIDER_CLOSED: async () => {
    const { provider } = await openProvider()
    await provider.close()
    await provider.getStore()
  },
  TIDEMARK_FENCED: async () => {
    const { provider, files } = await committed(1)
    await (await openProvider({}, files)).provider.getStore()
    await commitRows(provider, {})
  },
  TIDEMARK_POISONED: async () => commitRows((await faulty('sync', 'EIO')).provider, {}),
  TIDEMARK_STORAGE_UNAVAILABLE: async () =>
    commitRows((await faulty('write', 'ENOSPC')).provider, {}),
  TIDEMARK_STORAGE_TIMEOUT: async () => {
    const { files } = lyingFiles(new MemoryFileManager(), ({ method }) =>
      method === 'moveIfAbsent' ? 'lost' : undefined,
    )
    await commitRows((await openProvider({}, files)).provider, {})
  },
  TIDEMARK_COMMIT_OUTCOME_UNKNOWN: async () => {
    const { files } = lyingFiles(new MemoryFileManager(), ({ method }) =>
      method === 'moveIfAbsent' || method === 'deleteFile' ? 'lost' : undefined,
    )
    await commitRows((await openProvider({}, files)).provider, {})
  },
  TIDEMARK_CORRUPT_FILE: async () =>
    (await reopened((files) => damage(files, '3.delta'))).provider.getStore(),
  TIDEMARK_BROKEN_CHAIN: async () =>
    (await reopened((files) => files.deleteFile(`${DIRECTORY}/2.delta`))).provider.getStore(),
  TIDEMARK_UNKNOWN_FORMAT_VERSION: async () => {
    const opened = await reopened(async (files) => {
      const bytes = (await readFile(files, '3.delta')).slice()
      bytes[bytes.length - 1] = '2'.charCodeAt(0)
      await plant(files, '3.delta', bytes)
    })
    await opened.provider.getStore()
  },
  // The codecs fail on nothing that they should handle; so here is something that they should not.
  TIDEMARK_CODEC_FAILED: async () => compressionOf('zstd').encodeBlock(1 as never),
  TIDEMARK_INVARIANT_VIOLATED: async () => assertInvariant(false, 'one is more than two'),
}

describe.each(Object.keys(ERROR_CODES) as ErrorCode[])('%s', (code) => {
  test('is produced by a store, with its kind, and says something', async () => {
    const error = await failure(code, PRODUCERS[code])
    expect(error).toMatchObject({ name: 'StateStoreError', code, ...pick(code) })
    expect(error.message.length).toBeGreaterThan(20)
  })
})

function pick(code: ErrorCode) {
  const { kind, retryable } = ERROR_CODES[code]
  return { kind, retryable }
}

test('every code has the prefix, a kind and a line of documentation', () => {
  for (const [code, { doc }] of Object.entries(ERROR_CODES)) {
    expect(code).toMatch(/^TIDEMARK_[A-Z_]+$/)
    expect(doc).toMatch(/^[A-Z].{20,}\.$/)
  }
  const docs = Object.values(ERROR_CODES).map(({ doc }) => doc)
  expect(new Set(docs).size).toBe(docs.length)
})

test('only what may go away by itself is retryable', () => {
  for (const { kind, retryable } of Object.values(ERROR_CODES))
    if (retryable) expect(kind).toBe('unavailable')
})

test('details are fields of their own, absent where they are not known', () => {
  const cause = new Error('below')
  const error = new StateStoreError('TIDEMARK_CORRUPT_FILE', 'bad', {
    storeId: '0/0/default',
    version: 3,
    path: 'x',
    offset: 0,
    published: 'no',
    cause,
  })
  expect(error).toMatchObject({
    storeId: '0/0/default',
    version: 3,
    path: 'x',
    offset: 0,
    published: 'no',
  })
  expect(error.cause).toBe(cause)
  const bare = new StateStoreError('TIDEMARK_CORRUPT_FILE', 'bad')
  for (const field of ['storeId', 'version', 'path', 'offset', 'published', 'cause'])
    expect(field in bare).toBe(false)
})

test('isStateStoreError narrows by code, and takes no other error for one', () => {
  const error: unknown = new StateStoreError('TIDEMARK_FENCED', 'gone')
  expect(isStateStoreError(error)).toBe(true)
  expect(isStateStoreError(error, 'TIDEMARK_POISONED', 'TIDEMARK_FENCED')).toBe(true)
  expect(isStateStoreError(error, 'TIDEMARK_POISONED')).toBe(false)
  expect(isStateStoreError(Object.assign(new Error('x'), { code: 'TIDEMARK_FENCED' }))).toBe(false)
  expect(isStateStoreError(undefined)).toBe(false)
})

/** The class as another installed copy of the package has it. */
async function anotherCopy(): Promise<typeof StateStoreError> {
  const source = new URL('../../src/errors.ts', import.meta.url)
  const copy: string = `${source.href}?another=copy`
  const { StateStoreError: Other } = (await import(copy)) as {
    StateStoreError: typeof StateStoreError
  }
  expect(Other).not.toBe(StateStoreError)
  return Other
}

describe('an error of another copy of the package', () => {
  test('is one, by its code, and looks like any other', async () => {
    const Other = await anotherCopy()
    const error: unknown = new Other('TIDEMARK_FENCED', 'gone')
    expect(error).not.toBeInstanceOf(StateStoreError)
    expect(isStateStoreError(error)).toBe(true)
    expect(isStateStoreError(error, 'TIDEMARK_FENCED')).toBe(true)
    expect(isStateStoreError(error, 'TIDEMARK_POISONED')).toBe(false)
    expect(inspect(error)).not.toContain('Symbol')
    expect(Object.keys(error as object).sort()).toEqual(['code', 'kind', 'name', 'retryable'])
  })

  test('is none if this copy does not know its code, or knows it as another kind', async () => {
    const Other = await anotherCopy()
    const change = (change: object) =>
      Object.assign(new Other('TIDEMARK_FENCED', 'gone') as object, change)
    expect(isStateStoreError(change({}))).toBe(true)
    expect(isStateStoreError(change({ code: 'TIDEMARK_OF_TOMORROW' }))).toBe(false)
    expect(isStateStoreError(change({ code: 'toString' }))).toBe(false)
    expect(isStateStoreError(change({ kind: 'corrupt' }))).toBe(false)
  })

  test('of a move without an answer is settled as one of our own', async () => {
    const Other = await anotherCopy()
    let lost = 0
    const files = aroundCalls(new MemoryFileManager(), async (call, proceed) => {
      const result = await proceed()
      if (call.method !== 'moveIfAbsent' || ++lost > 1) return result
      throw new Other('TIDEMARK_STORAGE_TIMEOUT', 'no answer')
    })
    const { provider } = await openProvider({}, files)
    expect(await commitRows(provider, { a: '1' })).toBe(1)
    expect([lost, await commitRows(provider, { a: '2' })]).toEqual([1, 2])
  })
})
