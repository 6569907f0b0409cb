// The life of an open store, by the words of Spark's HDFSBackedStateStore: what it says, what it refuses, and that a refusal changes
// nothing on disk. One file, as the class is one state machine.

import { describe, expect, test } from 'vitest'
import { noBytes } from '../../../src/base/byte-slice.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import type { StateStore } from '../../../src/store/state-store.ts'
import { lyingFiles } from '../../../src/testing/lying-files.ts'
import { errnoError, faultyFiles } from '../../support/faulty-fs.ts'
import { aroundCalls } from '../../../src/testing/around-calls.ts'
import {
  commitRows,
  expectClean,
  failure,
  footprint,
  fromText,
  names,
  openProvider,
  readRows,
  rowsOf,
  text,
} from '../../../src/testing/stores.ts'

const FINISHED = 'TIDEMARK_STORE_FINISHED'

describe('a view that is handed back with the next call', () => {
  const key = Uint8Array.from({ length: 8 }, (_, i) => i + 1)
  const value = Uint8Array.from({ length: 40 }, (_, i) => i)

  /** The rows after `change`, as memory has them and as the files do. */
  async function bothAfter(change: (store: StateStore) => void, rowChecksums: boolean) {
    await using opened = await openProvider({ rowChecksums })
    const before = await opened.provider.getStore()
    before.put(key, key)
    await before.commit()
    const store = await opened.provider.getStore()
    change(store)
    await store.commit()
    await using again = await openProvider({ rowChecksums }, opened.files)
    const [memory, files] = [await readRows(opened.provider), await readRows(again.provider)]
    expect(files).toEqual(memory)
    return memory
  }

  test.each([false, true])('is put as it was (row checksums: %s)', async (rowChecksums) => {
    const rows = await bothAfter((store) => {
      store.put(key, value)
      store.put(key, store.getView(key)!.subarray(8))
    }, rowChecksums)
    expect(rows).toEqual({ [fromText(key)!]: fromText(value.subarray(8)) })
  })

  test.each([false, true])('removes the key it holds (row checksums: %s)', async (rowChecksums) => {
    const rows = await bothAfter((store) => {
      store.put(key, key)
      expect(store.remove(store.getViews([key])[0]!)).toBe(true)
    }, rowChecksums)
    expect(rows).toEqual({})
  })

  test('is put under the key it holds', async () => {
    const rows = await bothAfter((store) => {
      store.put(key, key)
      const view = store.getView(key)!
      store.put(view, view.subarray(4))
    }, false)
    expect(rows).toEqual({ [fromText(key)!]: fromText(key.subarray(4)) })
  })

  test.each([false, true])('is put from its slice (row checksums: %s)', async (rowChecksums) => {
    const rows = await bothAfter((store) => {
      store.put(key, value)
      const slice = noBytes()
      store.getSlice(key, slice)
      store.put(key, slice.bytes.subarray(slice.offset + 8, slice.offset + slice.length))
    }, rowChecksums)
    expect(rows).toEqual({ [fromText(key)!]: fromText(value.subarray(8)) })
  })

  test('is put whole, however large', async () => {
    const large = new Uint8Array(2 ** 21).map((_, i) => i % 251)
    const rows = await bothAfter((store) => {
      store.put(key, large)
      store.put(key, store.getView(key)!.subarray(2 ** 19))
    }, false)
    expect(rows).toEqual({ [fromText(key)!]: fromText(large.subarray(2 ** 19)) })
  })
})

describe('a store that has ended', () => {
  const ends: Record<string, (store: StateStore) => Promise<unknown>> = {
    committed: (store) => store.commit(),
    aborted: (store) => store.abort(),
  }
  for (const [how, end] of Object.entries(ends)) {
    test(`refuses put, remove and commit in Spark's words once ${how}, and the disk stays as it is`, async () => {
      await using opened = await openProvider()
      await commitRows(opened.provider, { a: '1' })
      const store = await opened.provider.getStore()
      store.put(text('b'), text('2'))
      await end(store)
      const before = await footprint(opened.files)

      const put = await failure(FINISHED, () => store.put(text('c'), text('3')))
      const remove = await failure(FINISHED, () => store.remove(text('a')))
      const commit = await failure(FINISHED, () => store.commit())

      expect(put.message).toBe('Cannot put after already committed or aborted')
      expect(remove.message).toBe('Cannot remove after already committed or aborted')
      expect(commit.message).toBe('Cannot commit after already committed or aborted')
      expect(put).toMatchObject({ kind: 'invalid', storeId: '0/0/default', version: 1 })
      expect(await footprint(opened.files)).toEqual(before)
      await expectClean(opened.files)
    })
  }

  test('cannot be aborted after its commit, which stands', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    store.put(text('a'), text('1'))
    await store.commit()
    const error = await failure(FINISHED, () => store.abort())
    expect(error.message).toBe('Cannot abort after already committed or aborted')
    expect(store.state).toBe('committed')
    expect(await readRows(opened.provider)).toEqual({ a: '1' })
    await expectClean(opened.files)
  })

  test('may be aborted twice', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    await store.abort()
    await store.abort()
    expect(store.state).toBe('aborted')
  })

  test('can still be read after commit, until the next version is committed', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    store.put(text('a'), text('1'))
    await store.commit()
    expect(fromText(store.get(text('a')))).toBe('1')
    expect(store.hasCommitted).toBe(true)
    const next = await opened.provider.getStore()
    next.put(text('a'), text('2'))
    expect(fromText(store.get(text('a')))).toBe('1')
    await next.commit()
    await failure(FINISHED, () => store.get(text('a')))
  })

  test('cannot be read after abort', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    await store.abort()
    const reads = [
      () => store.get(text('a')),
      () => store.getView(text('a')),
      () => store.getSlice(text('a'), noBytes()),
      () => store.getMany([text('a')]),
      () => store.getViews([text('a')]),
      () => store.has(text('a')),
      () => store.entries(),
      () => store.cursor(),
      () => store.prefixScan(text('')),
      () => store.getRange(),
    ]
    for (const read of reads) await failure(FINISHED, read)
  })

  test('cannot be used after its provider was closed, which aborts it', async () => {
    const opened = await openProvider()
    const store = await opened.provider.getStore()
    store.put(text('a'), text('1'))
    await opened.provider.close()
    expect(store.state).toBe('aborted')
    await failure(FINISHED, () => store.put(text('b'), text('2')))
    await failure(FINISHED, () => store.commit())
    expect(await names(opened.files)).toEqual([])
  })

  test('refuses changes while its commit is running', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    store.put(text('a'), text('1'))
    const committing = store.commit()
    await failure(FINISHED, () => store.put(text('b'), text('2')))
    await failure(FINISHED, () => store.commit())
    await failure(FINISHED, () => store.abort())
    expect(await committing).toBe(1)
    expect(await readRows(opened.provider)).toEqual({ a: '1' })
    await expectClean(opened.files)
  })

  test('is aborted by disposal while open, and left alone by it once committed', async () => {
    await using opened = await openProvider()
    let kept: StateStore
    {
      await using store = await opened.provider.getStore()
      store.put(text('a'), text('1'))
      kept = store
    }
    expect(kept.state).toBe('aborted')
    {
      await using store = await opened.provider.getStore()
      store.put(text('a'), text('2'))
      await store.commit()
      kept = store
    }
    expect(kept.state).toBe('committed')
    expect(await readRows(opened.provider)).toEqual({ a: '2' })
    await expectClean(opened.files)
  })

  test('is committed by a commit that begins while its disposal waits', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    store.put(text('a'), text('1'))
    const disposing = store[Symbol.asyncDispose]()
    const committing = store.commit()
    await disposing
    expect(store.state).toBe('committed')
    expect(await committing).toBe(1)
    await failure(FINISHED, () => store.get(text('a')))
    expect(await readRows(opened.provider)).toEqual({ a: '1' })
  })
})

describe('a commit that fails', () => {
  /** A store whose commit fails with EIO at the system call `method`, the first or the one told, and works afterwards. */
  async function withFailingCommit(method: string, at = 1) {
    let left = 0
    const inner = new MemoryFileManager()
    const native = aroundCalls(inner.disk, async (call, proceed) => {
      if (call.method === method && left > 0 && --left === 0) throw errnoError('EIO', call)
      return proceed()
    })
    const files = new MemoryFileManager({ disk: inner.disk, native })
    const opened = await openProvider({}, files)
    await commitRows(opened.provider, { a: '1' })
    return { ...opened, files, fail: () => (left = at) }
  }

  test("says Spark's words with the cause, and leaves only reads and abort", async () => {
    const { provider, files, stores, fail } = await withFailingCommit('write')
    const before = await footprint(files)
    const store = await provider.getStore()
    store.put(text('b'), text('2'))
    fail()
    const error = await failure('TIDEMARK_STORAGE_UNAVAILABLE', () => store.commit())
    expect(error.message).toBe(`Error committing version 2 into ${store.toString()}`)
    expect(error.cause).toBeInstanceOf(Error)
    expect(error).toMatchObject({ storeId: '0/0/default', version: 2 })

    expect(store.state).toBe('updating')
    expect(store.hasCommitted).toBe(false)
    expect(rowsOf(store)).toEqual({ a: '1', b: '2' })
    const words = 'after a failed commit; abort it and open the store again'
    expect((await failure(FINISHED, () => store.commit())).message).toBe(`Cannot commit ${words}`)
    expect((await failure(FINISHED, () => store.put(text('c'), text('3')))).message).toBe(
      `Cannot put ${words}`,
    )
    await failure(FINISHED, () => store.remove(text('a')))
    await failure('TIDEMARK_STORE_BUSY', () => provider.getStore())
    expect(await footprint(files)).toEqual(before)

    await store.abort()
    expect(await commitRows(provider, { b: '2' })).toBe(2)
    expect(await readRows(provider)).toEqual({ a: '1', b: '2' })
    await stores.close()
    await expectClean(files)
  })

  test('at the fsync of the file poisons the provider; a new one goes on', async () => {
    const { provider, files, stores, fail } = await withFailingCommit('sync')
    const store = await provider.getStore()
    store.put(text('b'), text('2'))
    fail()
    await failure('TIDEMARK_POISONED', () => store.commit())
    await store.abort()
    await failure('TIDEMARK_POISONED', () => provider.getStore())
    await stores.close()
    await using again = await openProvider({}, files)
    expect(await commitRows(again.provider, { b: '3' })).toBe(2)
    expect(await readRows(again.provider)).toEqual({ a: '1', b: '3' })
  })

  test('at the sync of the folder poisons the provider, and says that the version may be there', async () => {
    const { provider, files, stores, fail } = await withFailingCommit('sync', 2)
    const store = await provider.getStore()
    store.put(text('b'), text('2'))
    fail()
    const error = await failure('TIDEMARK_POISONED', () => store.commit())
    expect(error).toMatchObject({ published: 'unknown', cause: { published: 'unknown' } })
    expect(await names(files)).toEqual(['1.delta', '2.delta'])
    await store.abort()
    await failure('TIDEMARK_POISONED', () => provider.getStore())
    await stores.close()
    await using again = await openProvider({}, files)
    expect(await readRows(again.provider)).toEqual({ a: '1', b: '2' })
  })

  test('for want of space leaves the provider usable', async () => {
    const inner = new MemoryFileManager()
    let fault: ReturnType<typeof faultyFiles> | undefined
    const native = aroundCalls(inner.disk, async (call, proceed) => {
      if (fault !== undefined && call.method === 'write') throw errnoError('ENOSPC', call)
      return proceed()
    })
    const files = new MemoryFileManager({ disk: inner.disk, native })
    await using opened = await openProvider({}, files)
    await commitRows(opened.provider, { a: '1' })
    fault = faultyFiles(inner.disk)
    for (let attempt = 0; attempt < 2; attempt++) {
      const store = await opened.provider.getStore()
      store.put(text('b'), text('2'))
      const error = await failure('TIDEMARK_STORAGE_UNAVAILABLE', () => store.commit())
      expect(error.retryable).toBe(true)
      await store.abort()
    }
    fault = undefined
    expect(await commitRows(opened.provider, { b: '2' })).toBe(2)
    await expectClean(files)
  })

  test('without an answer, and the move had worked: settled as success', async () => {
    const { files } = lyingFiles(new MemoryFileManager(), (call) =>
      call.method === 'moveIfAbsent' ? 'done' : undefined,
    )
    await using opened = await openProvider({}, files)
    expect(await commitRows(opened.provider, { a: '1' })).toBe(1)
    expect(await readRows(opened.provider)).toEqual({ a: '1' })
  })

  test('without an answer, and the move is late: its source is gone, so it arrives at nothing', async () => {
    const lying = lyingFiles(new MemoryFileManager(), (call) =>
      call.method === 'moveIfAbsent' ? 'late' : undefined,
    )
    const opened = await openProvider({}, lying.files)
    await failure('TIDEMARK_STORAGE_TIMEOUT', () => commitRows(opened.provider, { a: '1' }))
    await lying.arrive()
    expect(await names(opened.files)).toEqual([])
    await opened.stores.close()
  })

  test('without an answer to anything is COMMIT_OUTCOME_UNKNOWN, and the next open settles it', async () => {
    let silent = false
    const { files } = lyingFiles(new MemoryFileManager(), (call) => {
      if (!silent) return undefined
      if (call.method === 'moveIfAbsent') return 'done'
      return call.method === 'deleteFile' || call.method === 'stat' ? 'lost' : undefined
    })
    await using opened = await openProvider({}, files)
    const store = await opened.provider.getStore()
    store.put(text('a'), text('1'))
    silent = true
    const error = await failure('TIDEMARK_COMMIT_OUTCOME_UNKNOWN', () => store.commit())
    expect(error.published).toBe('unknown')
    await store.abort()
    await failure('TIDEMARK_COMMIT_OUTCOME_UNKNOWN', () => opened.provider.getStore())
    silent = false
    const next = await opened.provider.getStore()
    expect(next.version).toBe(1)
    expect(rowsOf(next)).toEqual({ a: '1' })
    await next.abort()
  })

  test('because its signal was aborted rejects with the reason, before anything is published', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    store.put(text('a'), text('1'))
    const reason = new Error('enough')
    await expect(store.commit({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(await names(opened.files)).toEqual([])
    // Nothing had begun, so nothing is spent: the same store may still commit.
    expect(await store.commit()).toBe(1)
    await expectClean(opened.files)
  })
})

describe('what it writes', () => {
  test('no file before the first change, and none at all for a store that only reads', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    store.get(text('a'))
    store.remove(text('nothing'))
    await store.abort()
    const staging = '_tidemark/staging/0/0/default/0000000000000001'
    expect(await names(opened.files, staging)).toEqual([])
    expect(await names(opened.files)).toEqual([])
  })

  test('an empty commit still makes a delta', async () => {
    await using opened = await openProvider()
    expect(await commitRows(opened.provider, {})).toBe(1)
    expect(await names(opened.files)).toEqual(['1.delta'])
    await expectClean(opened.files)
  })

  test('an empty lz4 delta without trailer is the 46 bytes that Spark writes', async () => {
    await using opened = await openProvider({ trailer: false })
    await commitRows(opened.provider, {})
    const bytes = await opened.files.read('state/0/0/1.delta')
    expect(Buffer.from(bytes!).toString('hex')).toBe(
      '4c5a34426c6f636b150400000004000000db804d08ffffffff' +
        '4c5a34426c6f636b15000000000000000000000000',
    )
  })

  test('a batch much larger than its write size arrives whole', async () => {
    await using opened = await openProvider({ compression: 'none' })
    const store = await opened.provider.getStore()
    const value = new Uint8Array(10_000).fill(7)
    for (let i = 0; i < 200; i++) {
      store.put(text(`k${i}`), value)
      if (i % 40 === 0) await new Promise(setImmediate)
    }
    await store.commit()
    await opened.stores.close()
    await using again = await openProvider({}, opened.files)
    await using read = await again.provider.getReadStore()
    expect(read.metrics.numKeys).toBe(200)
    expect(read.get(text('k199'))).toEqual(value)
    await expectClean(opened.files)
  })

  test("logs Spark's line once a version is committed, and shows itself as Spark's store does", async () => {
    const lines: string[] = []
    const logger = { info: (line: string) => void lines.push(line), warn: () => undefined }
    await using opened = await openProvider({ logger })
    const store = await opened.provider.getStore()
    expect(store.toString()).toBe('HDFSStateStore[id=(op=0,part=0),dir=memory/state/0/0]')
    await store.commit()
    expect(lines).toEqual([
      `Committed version 1 for ${store.toString()} to file memory/state/0/0/1.delta`,
    ])
  })
})

describe('progress', () => {
  const values: unknown[] = [null, 0, -0.5, '', 'ü', false, [], {}, { a: [1, { b: null }] }]
  for (const progress of values) {
    test(`${JSON.stringify(progress)} comes back from memory and from disk`, async () => {
      await using opened = await openProvider()
      await commitRows(opened.provider, { a: '1' }, { progress })
      await using warm = await opened.provider.getReadStore()
      expect(warm.progress).toEqual(progress)
      await using cold = await openProvider({}, opened.files)
      await using read = await cold.provider.getReadStore()
      expect(read.progress).toEqual(progress)
      await expectClean(opened.files)
    })
  }

  test('is undefined where none was committed, and at version 0', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    expect(store.progress).toBeUndefined()
    await store.commit()
    await using read = await opened.provider.getReadStore(1)
    expect(read.progress).toBeUndefined()
  })

  test('is copied in and out: neither side changes what the other has', async () => {
    await using opened = await openProvider()
    const progress = { offset: 1 }
    const store = await opened.provider.getStore()
    const committing = store.commit({ progress })
    progress.offset = 2
    await committing
    await using read = await opened.provider.getReadStore()
    const mine = read.progress as { offset: number }
    mine.offset = 3
    await using cold = await openProvider({}, opened.files)
    await using fromDisk = await cold.provider.getReadStore()
    expect([read.progress, fromDisk.progress]).toEqual([{ offset: 1 }, { offset: 1 }])
  })

  const cycle: unknown[] = []
  cycle.push(cycle)
  const wrong: [string, unknown][] = [
    ['a function', () => 0],
    ['a bigint', 1n],
    ['NaN', Number.NaN],
    ['a Date', new Date(0)],
    ['undefined inside', { a: undefined }],
    ['a Map', new Map()],
    ['a cycle', cycle],
    ['a lone surrogate', '\ud800'],
  ]
  for (const [what, progress] of wrong) {
    test(`${what} is a TypeError, before anything has happened`, async () => {
      await using opened = await openProvider()
      const store = await opened.provider.getStore()
      await expect(store.commit({ progress })).rejects.toThrow(TypeError)
      expect(await store.commit()).toBe(1)
    })
  }

  test('too large is a RangeError', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    await expect(store.commit({ progress: 'x'.repeat(1024 * 1024) })).rejects.toThrow(RangeError)
    await store.abort()
  })

  test('without trailer on storage that loses answers is refused before anything is written, and may be read', async () => {
    const inner = new MemoryFileManager()
    const files = new Proxy(inner, {
      get: (target, property) => {
        if (property === 'capabilities')
          return { ...target.capabilities, name: 'far away', losesAnswers: true }
        const member: unknown = Reflect.get(target, property, target)
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
    await using opened = await openProvider({ trailer: false }, files)
    const error = await failure('TIDEMARK_INVALID_OPTIONS', () => opened.provider.getStore())
    expect(error.message).toContain('far away')
    expect(await inner.stat('')).toBeUndefined()
    expect(await opened.provider.latestVersion()).toBe(0)
  })

  test('with trailer: false is refused, since nothing would hold it', async () => {
    await using opened = await openProvider({ trailer: false })
    for (const request of [{ progress: 1 }, { progress: null }, { committedThrough: 1 }]) {
      const store = await opened.provider.getStore()
      await failure('TIDEMARK_INVALID_OPTIONS', () => store.commit(request))
      await store.abort()
    }
  })

  test('of a version without trailer is PROGRESS_UNKNOWN, never undefined', async () => {
    await using opened = await openProvider({ trailer: false })
    await commitRows(opened.provider, { a: '1' })
    await using read = await opened.provider.getReadStore()
    expect(read.foreign).toBe(true)
    await failure('TIDEMARK_PROGRESS_UNKNOWN', () => read.progress)
    await opened.stores.close()
    await using again = await openProvider({}, opened.files)
    const store = await again.provider.getStore()
    expect(store.foreign).toBe(true)
    await failure('TIDEMARK_PROGRESS_UNKNOWN', () => store.progress)
    await store.commit({ progress: 2 })
    await using own = await again.provider.getReadStore()
    expect([own.foreign, own.progress]).toEqual([false, 2])
  })
})

describe('arguments', () => {
  const notBytes: [string, unknown][] = [
    ['a string', 'a'],
    ['a number', 1],
    ['null', null],
    ['undefined', undefined],
    ['a plain object', { length: 1, 0: 1 }],
    ['an array', [1]],
    ['an ArrayBuffer', new ArrayBuffer(1)],
    ['a DataView', new DataView(new ArrayBuffer(1))],
    ['a Uint16Array', new Uint16Array(1)],
  ]
  for (const [what, wrong] of notBytes) {
    test(`${what} is no key, value, prefix or bound`, async () => {
      await using opened = await openProvider()
      const store = await opened.provider.getStore()
      const bytes = wrong as Uint8Array
      const calls: [string, () => unknown][] = [
        ['key', () => store.put(bytes, text('v'))],
        ['value', () => store.put(text('k'), bytes)],
        ['key', () => store.remove(bytes)],
        ['key', () => store.get(bytes)],
        ['key', () => store.getView(bytes)],
        ['key', () => store.getSlice(bytes, noBytes())],
        ['key', () => store.has(bytes)],
        ['a key of keys', () => store.getMany([text('k'), bytes])],
        ['a key of keys', () => store.getViews([bytes])],
        ['prefix', () => store.prefixScan(bytes)],
      ]
      if (wrong !== undefined) {
        calls.push(['start', () => store.getRange(bytes)])
        calls.push(['end', () => store.getRange(undefined, bytes)])
      }
      for (const [name, call] of calls) {
        expect(call).toThrow(TypeError)
        expect(call).toThrow(`Expected \`${name}\` to be a Uint8Array, got `)
      }
      expect(rowsOf(store)).toEqual({})
      await store.abort()
    })
  }

  test('a Buffer is a Uint8Array, and so is one over shared memory', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    const shared = new Uint8Array(new SharedArrayBuffer(2))
    shared.set([1, 2])
    store.put(Buffer.from('k'), shared)
    expect(store.get(text('k'))).toEqual(new Uint8Array([1, 2]))
    await store.abort()
  })

  test('a key above the limit is a RangeError on every call, and leaves the store as it was', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    const long = new Uint8Array(16 * 1024 * 1024 + 1)
    for (const call of [
      () => store.put(long, text('v')),
      () => store.remove(long),
      () => store.get(long),
      () => store.has(long),
    ]) {
      expect(call).toThrow(RangeError)
      expect(call).toThrow('Expected `key` to have at most 16777216 bytes, got 16777217')
    }
    await store.commit()
    await expectClean(opened.files)
  })

  test('a put that would pass the memory limit is MEMORY_LIMIT and changes nothing', async () => {
    await using opened = await openProvider({ memoryBytesMax: 2 ** 20 })
    const store = await opened.provider.getStore()
    store.put(text('a'), text('1'))
    await failure('TIDEMARK_MEMORY_LIMIT', () => store.put(text('a'), new Uint8Array(2 ** 21)))
    expect(rowsOf(store)).toEqual({ a: '1' })
    await store.commit()
    expect(await readRows(opened.provider)).toEqual({ a: '1' })
    await expectClean(opened.files)
  })

  for (const committedThrough of [-1, 1.5, 2, Number.NaN, 2 ** 53]) {
    test(`commit with committedThrough ${committedThrough} is a RangeError`, async () => {
      await using opened = await openProvider()
      const store = await opened.provider.getStore()
      await expect(store.commit({ committedThrough })).rejects.toThrow(RangeError)
      await store.abort()
    })
  }
})
