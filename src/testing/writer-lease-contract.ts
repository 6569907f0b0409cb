// Who may write: the rules of the writer lease, one after the other, on any storage whose file manager passes its own contract. Backends that
// fence in another way than by moving folders say so with `onlyObjects`; the rest holds everywhere.
// One file, because it is one list of rules that a backend keeps as a whole.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CheckpointFileManager } from '../files/file-manager.ts'
import { MemoryFileManager } from '../files/memory.ts'
import { deltaName } from '../format/file-names.ts'
import { readTrailer } from '../format/state-file-reader.ts'
import type { Trailer } from '../format/trailer.ts'
import type { StateStoreOptions } from '../store/options.ts'
import {
  resolveStoreId,
  stagingDirectory,
  storeDirectory,
  writersDirectory,
} from '../store/store-id.ts'
import { listClaims } from '../store/claims.ts'
import { type LeaseContext, WriterLease } from '../store/writer-lease.ts'
import { systemClock } from '../base/clock.ts'
import type { NumberedCall } from './around-calls.ts'
import { aroundFiles } from './around-files.ts'
import { timeoutOf } from './file-manager-contract.ts'
import { expectError } from './rejections.ts'
import { sourceOf } from './source-of.ts'
import {
  commitRows,
  commitVersions,
  expectClean,
  failure,
  footprint,
  ID,
  names,
  openProvider,
  type OpenedStore,
  plant,
  readFile,
  readRows,
  rowsAfter,
  text,
} from './stores.ts'

export interface WriterLeaseHarness {
  /** On a checkpoint location that does not exist yet. */
  readonly files: CheckpointFileManager
  /** Another manager on the same location, as another process has. */
  another(): Promise<CheckpointFileManager>
  dispose(): Promise<void>
}

export interface WriterLeaseContractOptions {
  readonly createFiles: () => Promise<WriterLeaseHarness>
  /**
   * True where nothing can be moved: what is about staging folders, sidecars and undoing more than the newest version is left out. What holds instead
   * is told by test/unit/store/object-storage.test.ts. Default false.
   */
  readonly onlyObjects?: boolean
  /** How long each test and each of its hooks may take, milliseconds. Default: Vitest's, 5 s. */
  readonly timeoutMs?: number
}

const STORE = resolveStoreId(ID)
const DIRECTORY = storeDirectory(STORE)
const WRITERS = writersDirectory(STORE)
const STAGING = stagingDirectory(STORE)
/** As many claims as are kept. */
const CLAIMS_KEPT = 64

const claimName = (generation: number): string => String(generation).padStart(16, '0')

/** The path of the claim that a call makes: as a file, or as a folder where those are cheaper. */
function claimedBy({ method, args }: NumberedCall): string | undefined {
  const path = String(args[0])
  const makes = method === 'createExclusive' || method === 'makeLabelledDirectory'
  return makes && path.startsWith(WRITERS) ? path : undefined
}

export function writerLeaseContract(
  name: string,
  { createFiles, onlyObjects = false, timeoutMs }: WriterLeaseContractOptions,
): void {
  const leftOut = (): void => undefined
  const testWithMoves = onlyObjects ? leftOut : test
  const describeWithMoves = onlyObjects ? leftOut : describe
  describe(`on ${name}`, timeoutOf(timeoutMs), () => {
    let harness: WriterLeaseHarness
    let files: CheckpointFileManager
    let opened: OpenedStore[]

    beforeEach(async () => {
      harness = await createFiles()
      files = harness.files
      opened = []
    }, timeoutMs)
    afterEach(async () => {
      for (const store of opened) await store.stores.close()
      await harness.dispose()
    }, timeoutMs)

    /** A writer of its own, as another process would be. */
    async function writer(
      options: StateStoreOptions = {},
      over?: CheckpointFileManager,
    ): Promise<OpenedStore> {
      const store = await openProvider(options, over ?? (await harness.another()))
      opened.push(store)
      return store
    }

    /** A manager that has something happen before some of its calls. */
    async function withHook(
      hook: (call: NumberedCall) => void | Promise<void>,
    ): Promise<CheckpointFileManager> {
      return aroundFiles(await harness.another(), async (call, proceed) => {
        await hook(call)
        return proceed()
      })
    }

    function leaseContext(over = files): LeaseContext {
      return { id: STORE, files: over, durability: 'fsync', clock: systemClock, owner: 'me' }
    }

    async function trailerOf(version: number): Promise<Trailer> {
      const trailer = await readTrailer(sourceOf(await readFile(files, deltaName(version))))
      return trailer!
    }

    describe('rule 1, claim:', () => {
      test('the first writer gets number 1, and each one the next', async () => {
        for (const generation of [1, 2, 3]) {
          const lease = await WriterLease.claim(leaseContext())
          expect(lease.generation).toBe(generation)
        }
        expect(await names(files, WRITERS)).toEqual([1, 2, 3].map(claimName))
      })

      test('a claim tells people who, where and when', async () => {
        await WriterLease.claim(leaseContext())
        const [claim] = await listClaims(files, STORE)
        expect(claim).toMatchObject({ generation: 1, owner: 'me', pid: process.pid })
        expect(claim.host).not.toBe('')
        expect(Math.abs(Date.parse(claim.claimedAt) - Date.now())).toBeLessThan(60_000)
      })

      test('whatever the owner calls himself, at any length', async () => {
        const owner = 'a:b/c?d=e&f%20 +"é\u{1f980}" '
        await WriterLease.claim({ ...leaseContext(), owner })
        await WriterLease.claim({ ...leaseContext(), owner: owner.repeat(99) })
        const [short, long] = await listClaims(files, STORE)
        expect(short.owner).toBe(owner)
        expect(owner.repeat(99).startsWith(long.owner)).toBe(true)
        expect(long.owner.startsWith(owner)).toBe(true)
        expect(long.pid).toBe(process.pid)
      })

      testWithMoves('claims are read as files and as folders, whoever made them', async () => {
        await files.makeDirectories(
          `${WRITERS}/${claimName(3)}/owner=of+folders&host=h&pid=5`,
          'os',
        )
        await files.makeDirectories(`${WRITERS}/${claimName(4)}`, 'os')
        await files.createExclusive(
          `${WRITERS}/${claimName(5)}`,
          text('{"owner":"of files"}'),
          'os',
        )
        await WriterLease.claim(leaseContext())
        const empty = { owner: '', host: '', pid: 0, claimedAt: '' }
        expect(await listClaims(files, STORE)).toEqual([
          { ...empty, generation: 3, owner: 'of folders', host: 'h', pid: 5 },
          { ...empty, generation: 4 },
          { ...empty, generation: 5, owner: 'of files' },
          expect.objectContaining({ generation: 6, owner: 'me' }),
        ])
      })

      testWithMoves(
        'a claim that arrives after its claimant gave up takes a number, and nothing else',
        async () => {
          const holder = await writer()
          await commitVersions(holder.provider, 1)
          await files.makeDirectories(`${WRITERS}/${claimName(2)}/owner=late`, 'os')
          expect(await commitRows(holder.provider, { k: '2' })).toBe(2)
          const next = await writer()
          expect(await commitRows(next.provider, { k: '3' })).toBe(3)
          expect((await trailerOf(3)).stamp[0]).toBe(3)
          await failure('TIDEMARK_FENCED', () => commitRows(holder.provider, { k: 'zombie' }))
        },
      )

      test('of eight who claim at once one wins each number, and one of them can write', async () => {
        const created: string[] = []
        const counting = async (): Promise<CheckpointFileManager> =>
          aroundFiles(await harness.another(), async (call, proceed) => {
            const outcome = await proceed()
            const claimed = claimedBy(call)
            if (claimed !== undefined && outcome === 'created') created.push(claimed)
            return outcome
          })
        const writers = await Promise.all(
          Array.from({ length: 8 }, async () => writer({}, await counting())),
        )
        const claims = await Promise.allSettled(
          writers.map(async ({ provider }) => await provider.getStore()),
        )
        for (const claim of claims) {
          if (claim.status === 'rejected')
            expectError(claim.reason, { code: 'TIDEMARK_FENCED', published: 'no' })
        }
        const commits = await Promise.allSettled(
          claims.map(async (claim) => {
            if (claim.status === 'rejected') throw claim.reason
            claim.value.put(text('k'), text('v'))
            return await claim.value.commit()
          }),
        )
        const codes = commits.map((commit) =>
          commit.status === 'fulfilled' ? 'committed' : (commit.reason as { code: string }).code,
        )
        expect(codes.filter((code) => code === 'committed')).toHaveLength(1)
        expect(codes.filter((code) => code === 'TIDEMARK_FENCED')).toHaveLength(7)
        const claimed = await names(files, WRITERS)
        expect(claimed).toEqual(claimed.map((_, index) => claimName(index + 1)))
        expect(created.sort()).toEqual(claimed.map((each) => `${WRITERS}/${each}`))
      })

      test('the newest 64 claims are kept, and numbers go on where they were', async () => {
        await files.makeDirectories(WRITERS, 'os')
        for (let generation = 1; generation <= 80; generation++) {
          const path = `${WRITERS}/${claimName(generation)}`
          if (generation % 3 === 0 && !onlyObjects)
            await files.makeDirectories(`${path}/owner=me`, 'os')
          else await files.createExclusive(path, text('{}'), 'os')
        }
        const lease = await WriterLease.claim(leaseContext())
        expect(lease.generation).toBe(81)
        const kept = Array.from({ length: CLAIMS_KEPT }, (_, index) => 81 - 63 + index)
        expect(await names(files, WRITERS)).toEqual(kept.map(claimName))
      })

      test('no claim is ever deleted while it is the highest, however a writer ends', async () => {
        const first = await writer()
        await commitVersions(first.provider, 1)
        await first.provider.doMaintenance()
        await first.stores.close()
        expect(await names(files, WRITERS)).toEqual([claimName(1)])
        const second = await writer()
        await commitVersions(second.provider, 1)
        expect((await trailerOf(2)).stamp[0]).toBe(2)
      })

      test('a claim that a crash left empty has its number all the same', async () => {
        await files.makeDirectories(WRITERS, 'os')
        await files.createExclusive(`${WRITERS}/${claimName(7)}`, new Uint8Array(0), 'os')
        expect((await WriterLease.claim(leaseContext())).generation).toBe(8)
        const claims = await listClaims(files, STORE)
        expect(claims[0]).toEqual({ generation: 7, owner: '', host: '', pid: 0, claimedAt: '' })
      })

      test('names that are no numbers are nobody', async () => {
        await files.makeDirectories(WRITERS, 'os')
        for (const odd of ['README', '99', '0000000000000000', '9'.repeat(16), '9'.repeat(17)])
          await files.createExclusive(`${WRITERS}/${odd}`, new Uint8Array(0), 'os')
        expect((await WriterLease.claim(leaseContext())).generation).toBe(1)
      })
    })

    describeWithMoves('rule 2, stage:', () => {
      test('the folder is made after the claim, and the claims are listed after that', async () => {
        const calls: string[] = []
        const over = await withHook((call) => {
          const claimed = claimedBy(call)
          calls.push(claimed ? `claim ${claimed}` : `${call.method} ${String(call.args[0])}`)
        })
        await WriterLease.claim(leaseContext(over))
        const claimed = calls.indexOf(`claim ${WRITERS}/${claimName(1)}`)
        expect(claimed).toBeGreaterThan(0)
        const staged = calls.indexOf(`makeDirectory ${STAGING}/${claimName(1)}`)
        expect(staged).toBeGreaterThan(claimed)
        const listed = calls.indexOf(`list ${WRITERS}`, staged)
        expect(listed).toBeGreaterThan(staged)
        expect(calls.indexOf(`list ${STAGING}`)).toBeGreaterThan(listed)
        expect(
          calls.filter(
            (call) => call.includes(`${STAGING}/${claimName(1)}`) && call.startsWith('make'),
          ),
        ).toHaveLength(1)
      })

      test('folders that somebody has deleted, or a copy has left out, are made again', async () => {
        for (const [deleted, version] of [
          [undefined, 1],
          [STAGING, 2],
          [DIRECTORY, 1],
        ] as const) {
          if (deleted !== undefined) await files.deleteTree(deleted)
          const { provider, stores } = await writer()
          expect(await commitRows(provider, { k: 'v' })).toBe(version)
          await stores.close()
        }
        expect((await trailerOf(1)).stamp[0]).toBe(3)
      })

      test('who was overtaken before making it is FENCED, and leaves none behind', async () => {
        const over = await withHook(async ({ method, args }) => {
          if (method === 'makeDirectory' && args[0] === `${STAGING}/${claimName(1)}`)
            await WriterLease.claim(leaseContext())
        })
        const error = await failure('TIDEMARK_FENCED', () => WriterLease.claim(leaseContext(over)))
        expect(error.message).toContain('overtaken by generation 2')
        expect(await names(files, STAGING)).toEqual([claimName(2)])
      })

      test('a folder that is gone is never made again, whatever its writer does', async () => {
        const { provider, stores } = await writer({ minDeltasForSnapshot: 1, checksumFiles: true })
        await commitVersions(provider, 3)
        const store = await provider.getStore()
        store.put(text('k'), text('v'))
        const before = await footprint(files)
        await files.deleteTree(`${STAGING}/${claimName(1)}`)
        await failure('TIDEMARK_FENCED', () => provider.doMaintenance())
        await failure('TIDEMARK_FENCED', () => store.commit())
        await store.abort()
        await failure('TIDEMARK_FENCED', () => provider.getStore())
        await provider.doMaintenance()
        await stores.close()
        expect(await names(files, STAGING)).toEqual([])
        expect(await footprint(files)).toEqual(before)
      })
    })

    describe('rule 3, fence:', () => {
      testWithMoves(
        'a claim takes away the staging folders of all older ones, with what is in them',
        async () => {
          const first = await WriterLease.claim(leaseContext())
          await first.directory.create('1.delta')
          // A second one that was not seen: its claimant made the folder and died.
          await files.makeDirectory(`${STAGING}/${claimName(2)}`, 'os')
          await files.createExclusive(`${WRITERS}/${claimName(2)}`, text('{}'), 'os')
          await WriterLease.claim(leaseContext())
          const living = (await names(files, STAGING)).filter(
            (entry) => !entry.startsWith('.fenced-'),
          )
          expect(living).toEqual([claimName(3)])
        },
      )

      testWithMoves('it takes them away before it lists a version', async () => {
        const older = await writer()
        await commitVersions(older.provider, 2)
        const store = await older.provider.getStore()
        store.put(text('late'), text('v'))
        let asked = false
        const over = await withHook(async ({ method, args }) => {
          if (asked || method !== 'list' || args[0] !== DIRECTORY) return
          asked = true
          await failure('TIDEMARK_FENCED', () => store.commit())
        })
        const newer = await writer({}, over)
        const next = await newer.provider.getStore()
        expect([asked, next.version]).toEqual([true, 2])
      })

      test('a commit that came before the fence is loaded by the next holder', async () => {
        const older = await writer()
        const over = await withHook(async (call) => {
          if (claimedBy(call) !== undefined) await commitVersions(older.provider, 1)
        })
        await (await older.provider.getStore()).abort()
        const newer = await writer({}, over)
        expect((await newer.provider.getStore()).version).toBe(1)
        expect(await readRows(newer.provider, 1)).toEqual(rowsAfter(1))
      })
    })

    describe('rule 4, publish and remove:', () => {
      testWithMoves('an older writer can neither publish, replace nor remove', async () => {
        const older = await WriterLease.claim(leaseContext())
        const staged = await older.directory.create('1.delta')
        await staged.write(text('older'))
        await staged.close()
        await WriterLease.claim(leaseContext())
        await plant(files, '1.delta', text('newer'))
        for (const mode of ['if-absent', 'replace'] as const) {
          const error = await failure('TIDEMARK_FENCED', () =>
            older.directory.publish(staged, '2.delta', mode),
          )
          expect(error.published).toBe('no')
        }
        await failure('TIDEMARK_FENCED', () =>
          older.directory.publish(staged, '1.delta', 'replace'),
        )
        await failure('TIDEMARK_FENCED', () => older.directory.remove('1.delta'))
        expect(await names(files)).toEqual(['1.delta'])
        expect(await readFile(files, '1.delta')).toEqual(text('newer'))
        expect(older.lost?.code).toBe('TIDEMARK_FENCED')
      })

      test('nothing but state files ever appears in the store directory', async () => {
        const seen = new Set<string>()
        const over = await withHook(async () => {
          for (const entry of await names(files)) seen.add(entry)
        })
        const { provider } = await writer({ minDeltasForSnapshot: 1, minBatchesToRetain: 1 }, over)
        await commitVersions(provider, 3)
        await provider.doMaintenance()
        await provider.doMaintenance()
        expect(seen).not.toEqual(new Set())
        for (const entry of seen) expect(entry).toMatch(/^\d+\.(delta|snapshot)$/)
      })
    })

    describe('rule 5, what is already there:', () => {
      /** The first delta of somebody who holds `generation`, in a checkpoint of its own. */
      async function deltaOf(
        generation: number,
        changes: Record<string, string>,
        options: StateStoreOptions = {},
      ): Promise<Uint8Array> {
        const elsewhere = new MemoryFileManager()
        await elsewhere.makeDirectories(WRITERS, 'os')
        if (generation > 1)
          await elsewhere.createExclusive(
            `${WRITERS}/${claimName(generation - 1)}`,
            text('{}'),
            'os',
          )
        await using store = await openProvider(options, elsewhere)
        await commitRows(store.provider, changes)
        return await readFile(elsewhere, '1.delta')
      }

      /** The second delta of a store whose first one is not that of any other test. */
      async function secondDeltaOf(changes: Record<string, string>): Promise<Uint8Array> {
        const elsewhere = new MemoryFileManager()
        await using store = await openProvider({}, elsewhere)
        await commitRows(store.provider, { other: 'history' })
        await commitRows(store.provider, changes)
        return await readFile(elsewhere, '2.delta')
      }

      /** Commits `a: mine` of generation 2 where `existing` has meanwhile appeared. */
      async function commitOver(existing: Uint8Array): Promise<number> {
        await WriterLease.claim(leaseContext())
        const { provider } = await writer()
        const store = await provider.getStore()
        store.put(text('a'), text('mine'))
        await plant(files, '1.delta', existing)
        return await store.commit()
      }

      test('the same commit: success, and nothing is written', async () => {
        const existing = await deltaOf(1, { a: 'mine' })
        expect(await commitOver(existing)).toBe(1)
        expect(await readFile(files, '1.delta')).toEqual(existing)
      })

      test('of a higher generation: FENCED, and it stays', async () => {
        const existing = await deltaOf(9, { a: 'of a newer one' })
        const error = await failure('TIDEMARK_FENCED', () => commitOver(existing))
        expect(error.published).toBe('no')
        expect(error.message).toContain('Error committing version 1')
        expect(await readFile(files, '1.delta')).toEqual(existing)
      })

      testWithMoves(
        'of an older writer, unseen when listed: VERSION_EXISTS, and it stays; then the store goes on from it',
        async () => {
          const existing = await deltaOf(1, { a: 'of an older one' })
          await WriterLease.claim(leaseContext())
          const { provider } = await writer()
          const store = await provider.getStore()
          store.put(text('a'), text('mine'))
          await plant(files, '1.delta', existing)
          const error = await failure('TIDEMARK_VERSION_EXISTS', () => store.commit())
          expect(error.message).toContain('Error committing version 1')
          expect(await readFile(files, '1.delta')).toEqual(existing)
          await store.abort()
          expect(await commitRows(provider, { b: 'mine' })).toBe(2)
          expect(await readRows(provider)).toEqual({ a: 'of an older one', b: 'mine' })
          await expectClean(files)
        },
      )

      test('a leftover of an older attempt, of another history: replaced', async () => {
        const { provider } = await writer()
        await commitRows(provider, { a: '1' })
        const store = await provider.getStore()
        store.put(text('a'), text('mine'))
        await plant(files, '2.delta', await secondDeltaOf({ a: 'of another history' }))
        expect(await store.commit()).toBe(2)
        const reader = await writer({ readOnly: true })
        expect(await readRows(reader.provider, 2)).toEqual({ a: 'mine' })
        await expectClean(files)
      })

      test('of another engine, without trailer: VERSION_EXISTS, and it stays', async () => {
        const existing = await deltaOf(1, { a: 'of Spark' }, { trailer: false })
        await failure('TIDEMARK_VERSION_EXISTS', () => commitOver(existing))
        expect(await readFile(files, '1.delta')).toEqual(existing)
      })
    })

    describe('rule 6, rewind:', () => {
      test('the newest version may be undone again and again, by the next holder too, unless it was declared final', async () => {
        const first = await writer()
        await commitVersions(first.provider, 3)
        expect(await commitRows(first.provider, { again: '3' }, { from: 2 })).toBe(3)
        const second = await writer()
        expect(await commitRows(second.provider, { once: 'more' }, { from: 2 })).toBe(3)
        expect(await readRows(second.provider)).toEqual({ ...rowsAfter(2), once: 'more' })
        await commitRows(second.provider, { last: '4' }, { committedThrough: 4 })
        await failure('TIDEMARK_REWIND_REFUSED', () => second.provider.getStore(3))
        await expectClean(files)
      })

      testWithMoves(
        'the newest version may be undone without leave, more only with it',
        async () => {
          const { provider } = await writer()
          await commitVersions(provider, 4)
          await failure('TIDEMARK_REWIND_REFUSED', () => provider.getStore(2))
          expect(await commitRows(provider, { again: '4' }, { from: 3 })).toBe(4)
          expect(await commitRows(provider, { again: '2' }, { from: 1, rewind: 'allow' })).toBe(2)
          expect(await names(files)).toEqual(['1.delta', '2.delta'])
          expect(await readRows(provider)).toEqual({ ...rowsAfter(1), again: '2' })
          await expectClean(files)
        },
      )

      testWithMoves(
        'nothing at or below committedThrough is undone, by the next holder neither',
        async () => {
          const first = await writer()
          await commitVersions(first.provider, 2)
          await commitRows(first.provider, { k: '3' }, { committedThrough: 2 })
          // Lower than before is ignored.
          await commitRows(first.provider, { k: '4' }, { committedThrough: 1 })
          await first.stores.close()
          const second = await writer()
          await failure('TIDEMARK_REWIND_REFUSED', () =>
            second.provider.getStore(1, { rewind: 'allow' }),
          )
          await (await second.provider.getStore(2, { rewind: 'allow' })).abort()
          // Given to getStore it counts as well.
          await failure('TIDEMARK_REWIND_REFUSED', () =>
            second.provider.getStore(2, { rewind: 'allow', committedThrough: 3 }),
          )
          expect(await names(files)).toHaveLength(4)
        },
      )

      testWithMoves(
        'a batch run again with a higher committedThrough keeps that, and what follows it',
        async () => {
          const first = await writer({ checksumFiles: true })
          for (const k of ['1', '2', '3']) await commitRows(first.provider, { k })
          const again = { from: 1, rewind: 'allow', committedThrough: 2 } as const
          expect(await commitRows(first.provider, { k: '2' }, again)).toBe(2)
          await first.stores.close()
          const second = await writer()
          await failure('TIDEMARK_REWIND_REFUSED', () =>
            second.provider.getStore(1, { rewind: 'allow' }),
          )
          expect(await readRows(second.provider, 3)).toEqual({ k: '3' })
          expect(await second.provider.latestVersion()).toBe(3)
          await expectClean(files)
        },
      )

      testWithMoves(
        'what is undone goes highest first, snapshots before their deltas, and the version itself is replaced',
        async () => {
          const changes: string[] = []
          const over = await withHook(({ method, args }) => {
            const [from, to] = args.map((path) => String(path).split('/').at(-1)!)
            if (method !== 'moveReplacing') return
            const removes = String(args[0]).startsWith(DIRECTORY)
            changes.push(removes ? `remove ${from}` : `replace ${to}`)
          })
          const { provider } = await writer({ minDeltasForSnapshot: 2, checksumFiles: true }, over)
          await commitVersions(provider, 3)
          await provider.doMaintenance()
          await commitVersions(provider, 2)
          changes.length = 0
          await commitRows(provider, { again: '3' }, { from: 2, rewind: 'allow' })
          expect(changes).toEqual([
            'remove 5.delta.crc',
            'remove 5.delta',
            'remove 4.delta.crc',
            'remove 4.delta',
            'remove 3.snapshot.crc',
            'remove 3.snapshot',
            'remove 3.delta.crc',
            'replace 3.delta',
            'replace 3.delta.crc',
          ])
          await expectClean(files)
        },
      )

      testWithMoves('opened and aborted, nothing on disk has changed', async () => {
        const { provider } = await writer()
        await commitVersions(provider, 3)
        const before = await footprint(files)
        const store = await provider.getStore(1, { rewind: 'allow' })
        store.put(text('k'), text('v'))
        await store.abort()
        expect(await footprint(files)).toEqual(before)
        expect(await readRows(provider, 3)).toEqual(rowsAfter(3))
      })

      testWithMoves(
        'a snapshot of a version that is undone meanwhile is never published',
        async () => {
          let reached: () => void = () => undefined
          let release: () => void = () => undefined
          const atSnapshot = new Promise<void>((resolve) => (reached = resolve))
          const released = new Promise<void>((resolve) => (release = resolve))
          const over = await withHook(async ({ method, args }) => {
            if (method !== 'createFile' || !String(args[0]).includes('.snapshot')) return
            reached()
            await released
          })
          const { provider } = await writer({ minDeltasForSnapshot: 2 }, over)
          await commitVersions(provider, 3)
          const maintaining = provider.doMaintenance()
          await atSnapshot
          await commitRows(provider, { again: '3' }, { from: 2 })
          release()
          await maintaining
          expect(await names(files)).toEqual(['1.delta', '2.delta', '3.delta'])
          await expectClean(files)
        },
      )
    })

    describe('rule 8, afterwards:', () => {
      test('who was FENCED never claims again; a new provider may, and fences the other', async () => {
        const first = await writer()
        await commitVersions(first.provider, 1)
        const second = await writer()
        await commitVersions(second.provider, 1)
        for (let attempt = 1; attempt <= 2; attempt++)
          await failure('TIDEMARK_FENCED', () => commitRows(first.provider, { k: 'zombie' }))
        expect(await names(files, WRITERS)).toEqual([1, 2].map(claimName))
        const third = await writer()
        expect(await commitRows(third.provider, { k: 'new' })).toBe(3)
        await failure('TIDEMARK_FENCED', () => commitRows(second.provider, { k: 'zombie' }))
        expect(await commitRows(third.provider, { k: 'newer' })).toBe(4)
        await expectClean(files)
      })

      testWithMoves(
        'what its successor has done to the files is FENCED to it, not missing or broken',
        async () => {
          const older = await writer({ maxBatchesToRetainInMemory: 1 })
          await commitVersions(older.provider, 4)
          const newer = await writer()
          await commitRows(newer.provider, { newer: '2' }, { from: 1, rewind: 'allow' })
          // Version 3 is not in memory any more, and its file is gone.
          await failure('TIDEMARK_FENCED', () => older.provider.getStore(3))
        },
      )

      test('who lost the race for a number stays out as well', async () => {
        const over = await withHook(async (call) => {
          if (claimedBy(call)?.endsWith(claimName(1))) await WriterLease.claim(leaseContext())
        })
        const { provider } = await writer({}, over)
        await failure('TIDEMARK_FENCED', () => provider.getStore())
        await failure('TIDEMARK_FENCED', () => provider.getStore())
        expect(await names(files, WRITERS)).toEqual([claimName(1)])
      })

      test('closing a fenced provider takes nothing from its successor', async () => {
        const first = await writer()
        await commitVersions(first.provider, 1)
        const second = await writer()
        const store = await second.provider.getStore()
        store.put(text('k'), text('v'))
        await first.stores.close()
        expect(await store.commit()).toBe(2)
      })

      test('closing gives the power to write away, and keeps the number', async () => {
        const { provider, stores } = await writer()
        await commitVersions(provider, 1)
        await stores.close()
        expect(await names(files, STAGING)).toEqual([])
        expect(await names(files, WRITERS)).toEqual([claimName(1)])
      })

      testWithMoves('maintenance deletes what fenced and dead writers left', async () => {
        const dead = await writer()
        const unfinished = await dead.provider.getStore()
        unfinished.put(
          text('k'),
          new Uint8Array(600_000).map((_, index) => (index * index) >> 3),
        )
        const { provider } = await writer()
        await commitVersions(provider, 1)
        // As left by claimants that died: one between its two looks at the claims, one in the middle of its probe.
        await files.makeDirectory(`${STAGING}/${claimName(1)}`, 'os')
        if (files.probeMove !== undefined)
          await plant(files, '_probe-0123456789abcdef', new Uint8Array(0))
        await provider.doMaintenance()
        expect(await names(files, STAGING)).toEqual([claimName(2)])
        expect(await names(files, `${STAGING}/${claimName(2)}`)).toEqual([])
        expect(await names(files)).toEqual(['1.delta'])
        await unfinished.abort()
      })
    })

    describe('readers', () => {
      const READS = new Set(['stat', 'list', 'read'])

      test.each([
        ['opened with readOnly', { readOnly: true }],
        ['that only ever reads', {}],
      ])('a process %s writes nothing and claims nothing', async (_, options) => {
        const { provider: owner } = await writer({ minDeltasForSnapshot: 1 })
        await commitVersions(owner, 3)
        const calls: string[] = []
        const over = await withHook(({ method }) => void calls.push(method))
        const { provider, stores } = await writer(options, over)
        expect(await provider.latestVersion()).toBe(3)
        expect(await readRows(provider)).toEqual(rowsAfter(3))
        expect(await readRows(provider, 1)).toEqual(rowsAfter(1))
        await provider.doMaintenance()
        await stores.close()
        expect(calls.filter((method) => !READS.has(method))).toEqual([])
        expect(await commitRows(owner, { k: 'v' })).toBe(4)
      })

      test('see a store that does not exist as empty, and do not make it', async () => {
        const { provider } = await writer()
        expect(await provider.latestVersion()).toBe(0)
        expect(await readRows(provider)).toEqual({})
        expect(await files.stat('')).toBeUndefined()
      })

      testWithMoves('that meet a file which vanishes look again', async () => {
        const { provider: owner } = await writer()
        await commitVersions(owner, 3)
        let undone = false
        const over = await withHook(async ({ method, args }) => {
          if (undone || method !== 'read' || args[0] !== `${DIRECTORY}/3.delta`) return
          undone = true
          await commitRows(owner, { again: '2' }, { from: 1, rewind: 'allow' })
        })
        const { provider } = await writer({ readOnly: true }, over)
        expect([await provider.latestVersion(), undone]).toEqual([2, true])
      })
    })
  })
}
