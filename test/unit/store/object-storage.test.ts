// Who may write where nothing can be moved: writes under a condition, acknowledged after a look at the claims, and a stamp for the newest version.
// Each test is one interleaving of an older writer A, its successor B, and readers.

import { describe, expect, test } from 'vitest'
import { StateStoreError } from '../../../src/errors.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import { WHOLE_FILE_BYTES_MAX } from '../../../src/format/state-file-reader.ts'
import type { StateStoreOptions } from '../../../src/store/options.ts'
import { aroundCalls } from '../../../src/testing/around-calls.ts'
import { MemoryObjects, type ObjectStorage } from '../../support/memory-objects.ts'
import {
  commitRows,
  commitVersions,
  damage,
  failure,
  openProvider,
  readFile,
  readRows,
  rowsAfter,
  text,
} from '../../../src/testing/stores.ts'

/** A writer in a process of its own. */
async function writer(storage: ObjectStorage, options: StateStoreOptions = {}) {
  const files = new MemoryObjects(storage)
  return { ...(await openProvider(options, files)), files }
}

/** What anybody reads who asks now. */
async function rowsRead(storage: ObjectStorage): Promise<{ latest: number; rows: object }> {
  const { provider, stores } = await writer(storage, { readOnly: true })
  const latest = await provider.latestVersion()
  const rows = await readRows(provider)
  await stores.close()
  return { latest, rows }
}

/** Stops the next write of `name` by `files` before it reaches the storage, until the returned function is called. */
function holdWrite(
  files: MemoryObjects,
  name: string,
): { reached: Promise<void>; release(): void } {
  const reached = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  files.hooks = {
    before: async (path) => {
      if (!path.endsWith(`/${name}`)) return
      files.hooks = {}
      reached.resolve()
      await gate.promise
    },
  }
  return { reached: reached.promise, release: () => gate.resolve() }
}

/** From now on no write of `2.delta` by `files` has an answer; it never reaches the storage ('before') or has taken effect ('after'). */
function loseAnswers(files: MemoryObjects, when: 'before' | 'after', { once = false } = {}): void {
  const lose = async (path: string): Promise<void> => {
    if (!path.endsWith('/2.delta')) return
    if (once) files.hooks = {}
    throw new StateStoreError('TIDEMARK_STORAGE_TIMEOUT', 'No answer (injected)')
  }
  files.hooks = { [when]: lose }
}

/** A writer that does not know whether its version 2 was committed: no request for it has got through, and none does. */
async function writerInDoubt(): Promise<Awaited<ReturnType<typeof writer>>> {
  const opened = await writer(new MemoryObjects().storage)
  await commitVersions(opened.provider, 1)
  loseAnswers(opened.files, 'before')
  const store = await opened.provider.getStore()
  store.put(text('b'), text('2'))
  await failure('TIDEMARK_COMMIT_OUTCOME_UNKNOWN', () => store.commit())
  await store.abort()
  return opened
}

describe('a writer that was overtaken', () => {
  test('while it was about to replace the newest version: its replacement is refused, and the successor keeps what it adopted', async () => {
    const a = await writer(new MemoryObjects().storage)
    const { storage } = a.files
    await commitVersions(a.provider, 2)
    const store = await a.provider.getStore(1)
    store.put(text('late'), text('a'))
    const held = holdWrite(a.files, '2.delta')
    const committing = failure('TIDEMARK_FENCED', () => store.commit())
    await held.reached

    const b = await writer(storage)
    expect(await commitRows(b.provider, { b: '3' })).toBe(3)
    const adopted = await readFile(b.files, '2.delta')
    held.release()
    expect((await committing).published).toBe('no')
    expect(await readFile(b.files, '2.delta')).toEqual(adopted)
    expect(await rowsRead(storage)).toEqual({ latest: 3, rows: { ...rowsAfter(2), b: '3' } })
  })

  test('between its claim and its stamp: it is told that it was overtaken, and changes nothing', async () => {
    const former = await writer(new MemoryObjects().storage)
    const { storage } = former.files
    await commitVersions(former.provider, 2)
    const a = await writer(storage)
    const held = holdWrite(a.files, '2.delta')
    const opening = failure('TIDEMARK_FENCED', () => a.provider.getStore())
    await held.reached
    const b = await writer(storage)
    expect(await commitRows(b.provider, { b: '3' })).toBe(3)
    held.release()
    expect((await opening).published).toBe('no')
    expect(await rowsRead(storage)).toEqual({ latest: 3, rows: { ...rowsAfter(2), b: '3' } })
  })

  test('in the batch that its successor runs again: what it left is no version, and the successor’s own takes its place', async () => {
    const a = await writer(new MemoryObjects().storage)
    const { storage } = a.files
    await commitVersions(a.provider, 1)
    const store = await a.provider.getStore()
    store.put(text('b'), text('2'))
    const b = await writer(storage)
    const again = await b.provider.getStore()
    again.put(text('b'), text('2'))
    const error = await failure('TIDEMARK_FENCED', () => store.commit())
    expect(error.published).toBe('unknown')
    expect(await rowsRead(storage)).toEqual({ latest: 1, rows: rowsAfter(1) })

    expect(await again.commit()).toBe(2)
    expect(await rowsRead(storage)).toEqual({ latest: 2, rows: { ...rowsAfter(1), b: '2' } })
    expect(await commitRows(b.provider, { c: '3' })).toBe(3)
    expect(await rowsRead(storage)).toEqual({
      latest: 3,
      rows: { ...rowsAfter(1), b: '2', c: '3' },
    })
  })

  test('before it commits over the newest version: it finds the stamp of its successor, and replaces nothing', async () => {
    const a = await writer(new MemoryObjects().storage)
    const { storage } = a.files
    await commitVersions(a.provider, 2)
    const store = await a.provider.getStore(1)
    store.put(text('late'), text('a'))
    const b = await writer(storage)
    expect((await b.provider.getStore()).version).toBe(2)
    const error = await failure('TIDEMARK_FENCED', () => store.commit())
    expect(error.published).toBe('no')
    expect(await rowsRead(storage)).toEqual({ latest: 2, rows: rowsAfter(2) })
  })

  test('while it was about to add a version: what arrives is nobody’s history, and the successor’s commit takes its place', async () => {
    const a = await writer(new MemoryObjects().storage)
    const { storage } = a.files
    await commitVersions(a.provider, 2)
    const store = await a.provider.getStore()
    store.put(text('late'), text('a'))
    const held = holdWrite(a.files, '3.delta')
    const committing = failure('TIDEMARK_FENCED', () => store.commit())
    await held.reached

    const b = await writer(storage)
    const opened = await b.provider.getStore()
    expect(opened.version).toBe(2)
    held.release()
    expect((await committing).published).toBe('unknown')
    expect(await rowsRead(storage)).toEqual({ latest: 2, rows: rowsAfter(2) })
    opened.put(text('b'), text('3'))
    expect(await opened.commit()).toBe(3)
    expect(await rowsRead(storage)).toEqual({ latest: 3, rows: { ...rowsAfter(2), b: '3' } })
  })

  test('and whose version was there before: the successor finds it and goes on from it, though it was told that nobody knows', async () => {
    const a = await writer(new MemoryObjects().storage)
    const { storage } = a.files
    await commitVersions(a.provider, 2)
    const store = await a.provider.getStore()
    store.put(text('in time'), text('a'))
    const b = await writer(storage)
    a.files.hooks = {
      after: async () => {
        a.files.hooks = {}
        expect((await b.provider.getStore()).version).toBe(3)
      },
    }
    const error = await failure('TIDEMARK_FENCED', () => store.commit())
    expect(error.published).toBe('unknown')
    expect(await rowsRead(storage)).toEqual({
      latest: 3,
      rows: { ...rowsAfter(2), 'in time': 'a' },
    })
  })

  test('deletes nothing, and replaces no snapshot of its successor', async () => {
    const options = { minDeltasForSnapshot: 1, minBatchesToRetain: 1 }
    const a = await writer(new MemoryObjects().storage, options)
    const { storage } = a.files
    await commitVersions(a.provider, 3)
    const held = holdWrite(a.files, '3.snapshot')
    const maintaining = a.provider.doMaintenance().catch((error: unknown) => error)
    await held.reached
    const b = await writer(storage, options)
    expect(await commitRows(b.provider, { again: '3' }, { from: 2 })).toBe(3)
    await b.provider.doMaintenance()
    const before = [...storage.objects].map(([path, { revision }]) => `${path} ${revision}`)
    held.release()
    await maintaining
    await a.provider.doMaintenance().catch(() => undefined)
    const after = [...storage.objects].map(([path, { revision }]) => `${path} ${revision}`)
    expect(after.filter((each) => !each.includes('writers/'))).toEqual(
      before.filter((each) => !each.includes('writers/')),
    )
    const read = await rowsRead(storage)
    expect(read).toEqual({ latest: 3, rows: { ...rowsAfter(2), again: '3' } })
  })
})

describe('a write without an answer', () => {
  test.each([
    ['took effect', 'after'],
    ['did not', 'before'],
  ] as const)('that %s: one version, and success', async (_, when) => {
    const a = await writer(new MemoryObjects().storage)
    await commitVersions(a.provider, 1)
    loseAnswers(a.files, when, { once: true })
    expect(await commitRows(a.provider, { b: '2' })).toBe(2)
    const rows = { ...rowsAfter(1), b: '2' }
    expect(await rowsRead(a.files.storage)).toEqual({ latest: 2, rows })
  })

  test('however often it is asked: what is listed tells that it took effect', async () => {
    const a = await writer(new MemoryObjects().storage)
    await commitVersions(a.provider, 1)
    loseAnswers(a.files, 'after')
    expect(await commitRows(a.provider, { b: '2' })).toBe(2)
  })

  test('and a late file of an older writer in its place: it did not happen, and the next commit works', async () => {
    const { storage } = new MemoryObjects()
    const former = await writer(storage)
    await commitVersions(former.provider, 1)
    const late = await former.provider.getStore()
    late.put(text('late'), text('former'))
    const held = holdWrite(former.files, '2.delta')
    const committing = failure('TIDEMARK_FENCED', () => late.commit())
    await held.reached

    const a = await writer(storage)
    const store = await a.provider.getStore()
    store.put(text('b'), text('2'))
    held.release()
    await committing
    loseAnswers(a.files, 'before')
    await failure('TIDEMARK_STORAGE_TIMEOUT', () => store.commit())
    await store.abort()
    a.files.hooks = {}
    expect(await commitRows(a.provider, { b: '2' })).toBe(2)
    const rows = { ...rowsAfter(1), b: '2' }
    expect(await rowsRead(storage)).toEqual({ latest: 2, rows })
  })

  test('until a successor has claimed: FENCED, and nobody knows', async () => {
    const a = await writerInDoubt()
    const b = await writer(a.files.storage)
    expect(await commitRows(b.provider, { c: '2' })).toBe(2)
    const error = await failure('TIDEMARK_FENCED', () => a.provider.getStore())
    expect(error.published).toBe('unknown')
  })

  test('as long as there is none: unknown, and the next getStore settles it', async () => {
    const a = await writerInDoubt()
    a.files.hooks = {}
    // Asked again under the same condition, it is written now.
    const next = await a.provider.getStore()
    expect(next.version).toBe(2)
    const rows = { ...rowsAfter(1), b: '2' }
    expect(await rowsRead(a.files.storage)).toEqual({ latest: 2, rows })
  })
})

describe('a newest version that is too large to be read at once', () => {
  async function left() {
    const objects = new MemoryObjects()
    await using a = await openProvider({ compression: 'none' }, objects)
    const store = await a.provider.getStore()
    for (let i = 0; i < 20; i++) store.put(text(`k${i}`), new Uint8Array(1024 * 1024).fill(i))
    await store.commit()
    const files = aroundCalls(new MemoryObjects(objects.storage), async (call, proceed) => {
      const answer = await proceed()
      if (call.method === 'read' && (answer as Uint8Array).length > WHOLE_FILE_BYTES_MAX)
        throw new StateStoreError('TIDEMARK_UNSUPPORTED', 'Too much to be read in one piece')
      return answer
    })
    return { objects, files }
  }

  const stampOf = (bytes: Uint8Array): string | undefined =>
    /"stamp":\[(\d+),\d+\]/.exec(Buffer.from(bytes.subarray(-4096)).toString('latin1'))?.[1]

  test('is taken over in pieces', async () => {
    const { objects, files } = await left()
    const before = await readFile(objects, '1.delta')
    await using b = await openProvider({}, files)
    const store = await b.provider.getStore()
    expect([store.version, store.get(text('k7'))?.length]).toEqual([1, 1024 * 1024])
    const after = await readFile(objects, '1.delta')
    expect([stampOf(before), stampOf(after)]).toEqual(['1', '2'])
    expect(after.length).toBe(before.length)
    expect(Buffer.compare(after.subarray(0, -4096), before.subarray(0, -4096))).toBe(0)
  })

  test('and damaged is not', async () => {
    const { objects, files } = await left()
    await damage(objects, '1.delta', 15 * 1024 * 1024)
    const before = await readFile(objects, '1.delta')
    await using b = await openProvider({}, files)
    await failure('TIDEMARK_CORRUPT_FILE', () => b.provider.getStore())
    expect(Buffer.compare(await readFile(objects, '1.delta'), before)).toBe(0)
  })
})

describe('what such storage cannot do', () => {
  test('is refused with the reason', async () => {
    const { storage } = new MemoryObjects()
    const sidecars = await writer(storage, { checksumFiles: true })
    await failure('TIDEMARK_INVALID_OPTIONS', () => sidecars.provider.getStore())
    const bare = await writer(storage, { trailer: false })
    await failure('TIDEMARK_INVALID_OPTIONS', () => bare.provider.getStore())
    expect([...storage.objects.keys()]).toEqual([])
    const { provider } = await writer(storage)
    await commitVersions(provider, 3)
    await failure('TIDEMARK_REWIND_REFUSED', () => provider.getStore(1))
    const error = await failure('TIDEMARK_UNSUPPORTED', () =>
      provider.getStore(1, { rewind: 'allow' }),
    )
    expect(error.message).toContain('only the newest version can be undone')
    expect(await commitRows(provider, { again: '3' }, { from: 2 })).toBe(3)
  })

  test('a newest version without a stamp is gone on from by the first claim, and by no later one', async () => {
    await using spark = await openProvider({ trailer: false }, new MemoryFileManager())
    await commitVersions(spark.provider, 2)
    const { storage } = new MemoryObjects()
    for (const name of ['1.delta', '2.delta'])
      storage.put(`state/0/0/${name}`, await readFile(spark.files, name), 'absent', -name.length)
    storage.put('state/0/0/2.delta', await readFile(spark.files, '2.delta'), 'absent', -99)
    const first = await writer(storage)
    expect((await first.provider.getStore()).version).toBe(2)
    const second = await writer(storage)
    const error = await failure('TIDEMARK_UNSUPPORTED', () => second.provider.getStore())
    expect(error.message).toContain('without a trailer')
  })

  test('claims that are missing would let stamps go back: refused', async () => {
    const a = await writer(new MemoryObjects().storage)
    const { storage } = a.files
    await commitVersions(a.provider, 1)
    for (const path of storage.objects.keys())
      if (path.includes('writers/')) storage.objects.delete(path)
    const b = await writer(storage)
    const error = await failure('TIDEMARK_UNSUPPORTED', () => b.provider.getStore())
    expect(error.message).toContain('copy that folder')
  })
})

test('a storage with conditional writes that tells no revisions cannot be taken over, and says so', async () => {
  class WithoutRevisions extends MemoryObjects {
    override async list(directory: string, after?: string) {
      return (await super.list(directory, after))?.map(({ name, type, sizeBytes, modifiedMs }) => ({
        name,
        type,
        sizeBytes,
        modifiedMs,
      }))
    }
  }
  const a = await writer(new MemoryObjects().storage)
  await commitVersions(a.provider, 2)
  const files = new WithoutRevisions(a.files.storage)
  const { provider } = await openProvider({}, files)
  const error = await failure('TIDEMARK_UNSUPPORTED', () => provider.getStore())
  expect(error.message).toContain('without a revision')
  expect(error.path).toBe('state/0/0/2.delta')
  expect(await rowsRead(a.files.storage)).toEqual({ latest: 2, rows: rowsAfter(2) })
})
