// What a LeasedDirectory promises, on any storage whose file manager passes its own contract: each change is one atomic step that fails
// once the staging folder is gone. The suite is handed a file manager and the way this storage takes a staging folder away.
// One file, because every test is the same question asked of another moment.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { toHex } from '../base/bytes.ts'
import { systemClock } from '../base/clock.ts'
import { isStateStoreError, type StateStoreError } from '../errors.ts'
import type { CheckpointFileManager } from '../files/file-manager.ts'
import { LeasedDirectory } from '../files/leased-directory.ts'
import type { StagedFile } from '../files/writable-directory.ts'
import { countingFiles, describeCall } from './counting-files.ts'
import { lyingFiles } from './lying-files.ts'
import { bytesOf, namesIn, textOf, timeoutOf } from './file-manager-contract.ts'
import { expectError, expectRejected } from './rejections.ts'

export interface LeasedDirectoryHarness {
  readonly files: CheckpointFileManager
  dispose(): Promise<void>
}

export interface LeasedDirectoryContractOptions {
  readonly create: () => Promise<LeasedDirectoryHarness>
  /** Takes a staging folder away in one atomic step, as the next writer does. Default: renames it. */
  readonly fence?: (files: CheckpointFileManager, staging: string) => Promise<void>
  /** How often the next writer races with a change of the store directory: 30 at least, so that either side wins some. Default 120. */
  readonly racesCount?: number
  /** How long each test and each of its hooks may take, milliseconds; the one with the races makes about 30 calls in each. Default: Vitest's, 5 s. */
  readonly timeoutMs?: number
}

const STORE = 'state/0/0'
const STAGING_PARENT = '_tidemark/staging/0/0/default'
/** Of each change 10: in as many either side has won. */
const RACES_COUNT_MIN = 30
/** Calls by which one side is held back more than in the race before. */
const HANDICAP_STEP_MAX = 32

export function leasedDirectoryContract(
  name: string,
  { create, fence = renameAway, racesCount = 120, timeoutMs }: LeasedDirectoryContractOptions,
): void {
  if (!(racesCount >= RACES_COUNT_MIN))
    throw new RangeError(
      `Expected \`racesCount\` to be ${RACES_COUNT_MIN} or more, got ${racesCount}`,
    )
  describe(`${name} carries a leased directory`, timeoutOf(timeoutMs), () => {
    let harness: LeasedDirectoryHarness
    let files: CheckpointFileManager
    let generation = 0

    beforeEach(async () => {
      harness = await create()
      files = harness.files
      generation = 0
      await files.makeDirectories(STORE, 'os')
      await files.makeDirectories(STAGING_PARENT, 'os')
    }, timeoutMs)
    afterEach(() => harness.dispose(), timeoutMs)

    test('its storage moves files atomically', () => {
      expect(files.capabilities.atomicMove).toBe(true)
      expect(files.conditional).toBeUndefined()
    })

    /** The next writer: the folder of the one before is taken away first, unless told otherwise. */
    async function nextWriter(
      over = files,
      options: { leaveFormer?: boolean; onFenced?: (error: StateStoreError) => void } = {},
    ): Promise<LeasedDirectory> {
      const staging = stagingOf(++generation)
      await files.makeDirectory(staging, 'os')
      if (generation > 1 && options.leaveFormer !== true)
        await fence(files, stagingOf(generation - 1))
      const { onFenced } = options
      return new LeasedDirectory({
        files: over,
        directory: STORE,
        staging,
        durability: 'fsync',
        ...(onFenced && { onFenced }),
      })
    }

    describe('the holder', () => {
      test('publishes whole files, once, and finds nothing left over', async () => {
        const leased = await nextWriter()
        await leased.probe()
        expect(await leased.list()).toEqual([])
        expect(await leased.read('1.delta')).toBeUndefined()
        const file = await leased.create('1.delta')
        await file.write(bytesOf('first '))
        await file.write(bytesOf('second'))
        expect(await leased.list()).toEqual([])
        await file.close()
        expect(await leased.list()).toEqual([])
        expect(await leased.publish(file, '1.delta', 'if-absent')).toBe('published')
        expect(await textOf(files, `${STORE}/1.delta`)).toBe('first second')
        expect(await leased.read('1.delta', { offset: 6 })).toEqual(bytesOf('second'))
        expect((await leased.list()).map((entry) => entry.name)).toEqual(['1.delta'])
        expect(await namesIn(files, stagingOf(1))).toEqual([])
      })

      test('is told that a name is taken, and may replace it with the same file', async () => {
        const leased = await nextWriter()
        await publishText(leased, '1.delta', 'old')
        const file = await stage(leased, 'new')
        expect(await leased.publish(file, '1.delta', 'if-absent')).toBe('exists')
        expect(await textOf(files, `${STORE}/1.delta`)).toBe('old')
        expect(await leased.publish(file, '1.delta', 'replace')).toBe('published')
        expect(await textOf(files, `${STORE}/1.delta`)).toBe('new')
        expect(await namesIn(files, stagingOf(1))).toEqual([])
      })

      test('replaces where nothing is', async () => {
        const leased = await nextWriter()
        await publishText(leased, '1.delta', 'new', 'replace')
        expect(await textOf(files, `${STORE}/1.delta`)).toBe('new')
      })

      test('removes a file, and only what is there', async () => {
        const leased = await nextWriter()
        await publishText(leased, '1.delta', 'one')
        expect(await leased.remove('1.delta')).toBe(true)
        expect(await leased.remove('1.delta')).toBe(false)
        await leased.sync()
        expect(await leased.list()).toEqual([])
        const [folder = '', ...more] = await namesIn(files, stagingOf(1))
        expect(folder).toMatch(/^removed-/)
        expect(more).toEqual([])
        expect(await leased.cleanLeftovers()).toBe(0)
        expect(await namesIn(files, stagingOf(1))).toEqual([])
      })

      test('discards what it staged, at any stage; a published file stays', async () => {
        const leased = await nextWriter()
        const open = await leased.create('a')
        const written = await leased.create('b')
        await written.write(bytesOf('x'))
        const closed = await stage(leased, 'x')
        const published = await stage(leased, 'kept')
        await leased.publish(published, '1.delta', 'if-absent')
        for (const file of [open, written, closed, published]) {
          await file.discard()
          await file.discard()
        }
        expect(await namesIn(files, stagingOf(1))).toEqual([])
        expect(await textOf(files, `${STORE}/1.delta`)).toBe('kept')
      })

      test('stages files of one label beside each other, and beside those of another object', async () => {
        const leased = await nextWriter()
        const twin = new LeasedDirectory({
          files,
          directory: 'state/0/_metadata',
          staging: stagingOf(1),
          durability: 'os',
        })
        const staged = [
          await leased.create('1.delta'),
          await leased.create('1.delta'),
          await twin.create('1.delta'),
        ]
        // Where they are made late, they are not there before.
        for (const file of staged) await file.close()
        const names = await namesIn(files, stagingOf(1))
        expect(names).toHaveLength(3)
        for (const entry of names) expect(entry).toMatch(/^1\.delta-.*\.tmp$/)
        for (const file of staged) await file.discard()
      })

      test('cleans what it left over, and neither what it writes nor what others left', async () => {
        let refusing = false
        const refused: string[] = []
        // A discard that the storage refuses is how a leftover comes to be.
        const { files: lying } = lyingFiles(files, ({ method }) => {
          if (!refusing || method !== 'abort') return undefined
          refused.push(method)
          return 'lost'
        })
        const leased = await nextWriter(lying)
        const published = await stage(leased, 'published')
        const [stagedName = ''] = await namesIn(files, stagingOf(1))
        await leased.publish(published, 'published.delta', 'if-absent')
        // As a move leaves it that died in the middle.
        const second = bytesOf('second name')
        await files.createExclusive(`${stagingOf(1)}/${stagedName}`, second, 'os')
        const leftovers = [await stage(leased, 'closed'), await leased.create('written')]
        await leftovers[1].write(bytesOf('x'))
        refusing = true
        for (const file of leftovers) await file.discard()
        refusing = false
        expect(refused).toHaveLength(2)
        await files.createExclusive(`${stagingOf(1)}/stranger.tmp`, bytesOf('x'), 'os')
        const open = await leased.create('open')
        const closed = await stage(leased, 'closed')
        // Where files are made late, one that is not closed is not there.
        const isLate = files.capabilities.createsLate === true
        const before = await namesIn(files, stagingOf(1))
        expect(before).toHaveLength(isLate ? 4 : 6)
        expect(await leased.cleanLeftovers()).toBe(isLate ? 2 : 3)
        expect(await namesIn(files, stagingOf(1))).toHaveLength(isLate ? 2 : 3)
        expect(await leased.cleanLeftovers()).toBe(0)
        await open.close()
        for (const [index, file] of [open, closed].entries())
          expect(await leased.publish(file, `${index}.delta`, 'replace')).toBe('published')
        expect(await namesIn(files, stagingOf(1))).toEqual(['stranger.tmp'])
      })
    })

    describe('a wrong call', () => {
      test('names that are not plain are refused before anything is touched', async () => {
        const leased = await nextWriter()
        const file = await stage(leased, 'x')
        for (const bad of ['', '.', '..', 'a/b', '/a', 'a\\b', 'a\0', 'x'.repeat(256)]) {
          await expect(leased.publish(file, bad, 'if-absent')).rejects.toBeInstanceOf(RangeError)
          await expect(leased.publish(file, bad, 'replace')).rejects.toBeInstanceOf(RangeError)
          await expect(leased.remove(bad)).rejects.toBeInstanceOf(RangeError)
          await expect(leased.read(bad)).rejects.toBeInstanceOf(RangeError)
          if (bad.length > 2) await expect(leased.create(bad)).rejects.toBeInstanceOf(RangeError)
        }
        expect(await leased.publish(file, '1.delta', 'if-absent')).toBe('published')
        expect(await namesIn(files, '')).toEqual(['_tidemark', 'state'])
      })

      test('only a closed file of its own is published, and once', async () => {
        const leased = await nextWriter()
        const bug = { code: 'TIDEMARK_INVARIANT_VIOLATED' } as const
        const open = await leased.create('x')
        await expectRejected(leased.publish(open, '1.delta', 'if-absent'), bug)
        await open.close()
        await leased.publish(open, '1.delta', 'if-absent')
        await expectRejected(leased.publish(open, '2.delta', 'if-absent'), bug)
        await expectRejected(open.write(bytesOf('x')), bug)
        const discarded = await stage(leased, 'x')
        await discarded.discard()
        await expectRejected(leased.publish(discarded, '2.delta', 'if-absent'), bug)
        const nothing = async (): Promise<void> => undefined
        const foreign = { write: nothing, close: nothing, discard: nothing }
        await expect(leased.publish(foreign, '2.delta', 'if-absent')).rejects.toBeInstanceOf(
          TypeError,
        )
      })
    })

    describe('a writer that was taken over', () => {
      const fencedWith = (published: 'no' | 'unknown') =>
        ({ code: 'TIDEMARK_FENCED', published }) as const

      test('can neither begin, nor publish, nor remove, and is told each time', async () => {
        const reports: StateStoreError[] = []
        const zombie = await nextWriter(files, { onFenced: (error) => reports.push(error) })
        await publishText(zombie, '1.delta', 'one')
        const ready = await stage(zombie, 'zombie')
        const second = await stage(zombie, 'zombie')
        const successor = await nextWriter()
        await expectRejected(begin(zombie, files), fencedWith('no'))
        await expectRejected(zombie.publish(ready, '2.delta', 'if-absent'), fencedWith('no'))
        await expectRejected(zombie.publish(second, '1.delta', 'replace'), fencedWith('no'))
        await expectRejected(zombie.remove('1.delta'), fencedWith('no'))
        await expectRejected(zombie.refuseIfFenced(), fencedWith('no'))
        expect(reports).toHaveLength(5)
        expect(await zombie.settle(ready, '2.delta')).toBe('gone')
        await ready.discard()
        await second.discard()
        expect(await zombie.cleanLeftovers()).toBe(0)
        expect((await zombie.list()).map((entry) => entry.name)).toEqual(['1.delta'])
        expect(await textOf(files, `${STORE}/1.delta`)).toBe('one')
        await successor.refuseIfFenced()
        await publishText(successor, '2.delta', 'two')
        expect(await namesIn(files, STORE)).toEqual(['1.delta', '2.delta'])
      })

      test.each([
        ['little', 1],
        // More than any storage keeps until the end.
        ['much', 300_000],
      ])(
        'in the middle of writing %s, ends FENCED at the latest when it publishes',
        async (_, times) => {
          const zombie = await nextWriter()
          const file = await zombie.create('1.delta')
          await file.write(bytesOf('before '.repeat(times)))
          await nextWriter()
          const end = async (): Promise<void> => {
            await file.write(bytesOf('after'.repeat(times)))
            await file.close()
            await zombie.publish(file, '1.delta', 'if-absent')
          }
          await expectRejected(end(), fencedWith('no'))
          await file.discard()
          expect(await namesIn(files, STORE)).toEqual([])
        },
      )

      test('stays fenced when its folder would be in use again only under another generation', async () => {
        const zombie = await nextWriter()
        const ready = await stage(zombie, 'zombie')
        await nextWriter()
        await nextWriter()
        await expectRejected(zombie.publish(ready, '1.delta', 'if-absent'), fencedWith('no'))
      })

      test('the successor may strike between any two operations: the zombie is told the truth', async () => {
        const scenario = async (leased: LeasedDirectory): Promise<void> => {
          await publishText(leased, '2.delta', 'zombie')
          await publishText(leased, '1.delta', 'zombie', 'replace')
          await leased.remove('0.delta')
        }
        const counted = countingFiles(files)
        await runScenario(await nextWriter(counted.files), scenario)
        const total = counted.calls.length
        expect(total).toBeGreaterThanOrEqual(10)
        for (let at = 1; at <= total; at++) {
          for (const when of ['before', 'after'] as const) {
            let seen: Record<string, string | undefined> = {}
            const interrupted = countingFiles(files, {
              at,
              when,
              act: async () => {
                const successor = await nextWriter()
                seen = await contents()
                await publishText(successor, '0.delta', 'successor', 'replace')
                await publishText(successor, '2.delta', 'successor', 'replace')
              },
            })
            const zombie = await nextWriter(interrupted.files)
            const outcome = await runScenario(zombie, scenario)
            const label = `${when} ${describeCall(interrupted.calls[at - 1])}`
            if (outcome.failure !== undefined) expectError(outcome.failure, fencedWith('no'), label)
            // Told success if and only if it was in place when the successor looked.
            expect(seen['2.delta'] === 'zombie', label).toBe(outcome.done >= 1)
            expect(seen['1.delta'] === 'zombie', label).toBe(outcome.done >= 2)
            expect(seen['0.delta'] === undefined, label).toBe(outcome.done >= 3)
            // And nothing of the successor was touched.
            const after = await contents()
            expect(after['0.delta'], label).toBe('successor')
            expect(after['2.delta'], label).toBe('successor')
          }
        }
      })

      test.each(['if-absent', 'replace', 'remove'] as const)(
        'races with the fence (%s): success if and only if the successor saw it, whose work stays',
        async (change) => {
          const outcomes = { done: 0, fenced: 0 }
          // The calls for which the older writer is held back, or below 0 its successor. Whoever was the faster one is held back longer, so
          // that the races are close, however fast the storage is at what.
          let handicap = 0
          let step = 1
          let wasDone: boolean | undefined
          for (let race = 0; race < racesCount / 3; race++) {
            const name = `${race}.delta`
            const zombie = await nextWriter()
            const file = await stage(zombie, 'zombie')
            if (change !== 'if-absent')
              await files.createExclusive(`${STORE}/${name}`, bytesOf('old'), 'os')
            const zombieActs = async (): Promise<unknown> => {
              await pause(handicap)
              return change === 'remove' ? zombie.remove(name) : zombie.publish(file, name, change)
            }
            const successorActs = async (): Promise<string | undefined> => {
              await pause(-handicap)
              await fence(files, stagingOf(generation))
              const seen = (await contents())[name]
              await publishText(
                await nextWriter(files, { leaveFormer: true }),
                name,
                'successor',
                'replace',
              )
              return seen
            }
            const [outcome, seen] = await Promise.all([
              zombieActs().catch((error: unknown) => error),
              successorActs(),
            ])
            const isDone = outcome === (change === 'remove' ? true : 'published')
            if (!isDone) expectError(outcome, fencedWith('no'), `race ${race}`)
            outcomes[isDone ? 'done' : 'fenced']++
            step = isDone === wasDone ? Math.min(2 * step, HANDICAP_STEP_MAX) : 1
            handicap += isDone ? step : -step
            wasDone = isDone
            const [ifDone, ifNot] = {
              'if-absent': ['zombie', undefined],
              replace: ['zombie', 'old'],
              remove: [undefined, 'old'],
            }[change]
            expect(seen, `race ${race}`).toBe(isDone ? ifDone : ifNot)
            expect(await textOf(files, `${STORE}/${name}`), `race ${race}`).toBe('successor')
            await file.discard()
          }
          console.log(change, outcomes)
          expect(outcomes.done, 'races that the older writer won').toBeGreaterThan(0)
          expect(outcomes.fenced, 'races that the fence won').toBeGreaterThan(0)
        },
      )

      /** As long as `turns` calls take. */
      async function pause(turns: number): Promise<void> {
        for (let turn = 0; turn < turns; turn++) await files.stat(STORE)
      }

      /** Publishes what the scenario removes and replaces, runs it, and says how many steps were told to have worked. */
      async function runScenario(
        leased: LeasedDirectory,
        scenario: (leased: LeasedDirectory) => Promise<void>,
      ): Promise<{ done: number; failure: unknown }> {
        for (const entry of await files.list(STORE).then((entries) => entries ?? []))
          await files.deleteFile(`${STORE}/${entry.name}`)
        await files.createExclusive(`${STORE}/0.delta`, bytesOf('initial'), 'os')
        await files.createExclusive(`${STORE}/1.delta`, bytesOf('initial'), 'os')
        let done = 0
        const counting = new Proxy(leased, {
          get(target, property) {
            const member: unknown = Reflect.get(target, property, target)
            if (typeof member !== 'function') return member
            return async (...args: unknown[]) => {
              const result: unknown = await Reflect.apply(member, target, args)
              if (property === 'publish' || property === 'remove') done++
              return result
            }
          },
        })
        try {
          await scenario(counting)
          return { done, failure: undefined }
        } catch (failure) {
          return { done, failure }
        }
      }

      async function contents(): Promise<Record<string, string | undefined>> {
        const found: Record<string, string | undefined> = {}
        for (const entry of await namesIn(files, STORE))
          found[entry] = await textOf(files, `${STORE}/${entry}`)
        return found
      }
    })

    describe('a storage that loses answers', () => {
      const timeout = { code: 'TIDEMARK_STORAGE_TIMEOUT' } as const
      for (const mode of ['if-absent', 'replace'] as const) {
        const lieOnce = (how: 'done' | 'lost' | 'late') => {
          let told = false
          return lyingFiles(files, ({ method }) => {
            const move = method === 'moveIfAbsent' || method === 'moveReplacing'
            if (!move || told) return undefined
            told = true
            return how
          })
        }

        test(`${mode}: the move took effect: settled as gone, and the target is ours`, async () => {
          const leased = await nextWriter(lieOnce('done').files)
          const file = await stage(leased, 'ours')
          await expectRejected(leased.publish(file, '1.delta', mode), timeout)
          expect(await leased.settle(file, '1.delta')).toBe('gone')
          expect(await textOf(files, `${STORE}/1.delta`)).toBe('ours')
        })

        test(`${mode}: the move never happened: withdrawn, and nothing is there`, async () => {
          const leased = await nextWriter(lieOnce('lost').files)
          const file = await stage(leased, 'ours')
          await expectRejected(leased.publish(file, '1.delta', mode), timeout)
          expect(await leased.settle(file, '1.delta')).toBe('withdrawn')
          expect(await namesIn(files, STORE)).toEqual([])
          expect(await namesIn(files, stagingOf(1))).toEqual([])
        })

        test(`${mode}: the move is still on its way: once settled it cannot arrive`, async () => {
          const lying = lieOnce('late')
          const leased = await nextWriter(lying.files)
          const file = await stage(leased, 'ours')
          await expectRejected(leased.publish(file, '1.delta', mode), timeout)
          expect(await leased.settle(file, '1.delta')).toBe('withdrawn')
          await lying.arrive()
          expect(await namesIn(files, STORE)).toEqual([])
        })

        test(`${mode}: publishing again without settling finds the source gone, and says no more than that`, async () => {
          const leased = await nextWriter(lieOnce('done').files)
          const file = await stage(leased, 'ours')
          await expectRejected(leased.publish(file, '1.delta', mode), timeout)
          await expectRejected(leased.publish(file, '1.delta', mode), timeout)
          expect(await leased.settle(file, '1.delta')).toBe('gone')
        })

        test(`${mode}: fenced after an unanswered move, it is FENCED with an unknown outcome`, async () => {
          const leased = await nextWriter(lieOnce('done').files)
          const file = await stage(leased, 'ours')
          await expectRejected(leased.publish(file, '1.delta', mode), timeout)
          await nextWriter()
          await expectRejected(leased.publish(file, '1.delta', mode), {
            code: 'TIDEMARK_FENCED',
            published: 'unknown',
          })
        })
      }

      /** Whose first removal lies in the way of `how`. */
      const removalLies = (how: 'done' | 'lost' | 'late') => {
        let told = false
        return lyingFiles(files, ({ method, args }) => {
          if (method !== 'moveReplacing' || String(args[0]) !== `${STORE}/1.delta` || told)
            return undefined
          told = true
          return how
        })
      }

      test('a removal that took effect is told as one', async () => {
        const leased = await nextWriter(removalLies('done').files)
        await publishText(leased, '1.delta', 'old')
        expect(await leased.remove('1.delta')).toBe(true)
        await publishText(leased, '1.delta', 'new')
        expect(await textOf(files, `${STORE}/1.delta`)).toBe('new')
      })

      test('a removal that never happened can be repeated', async () => {
        const leased = await nextWriter(removalLies('lost').files)
        await publishText(leased, '1.delta', 'old')
        await expectRejected(leased.remove('1.delta'), timeout)
        expect(await textOf(files, `${STORE}/1.delta`)).toBe('old')
        expect(await leased.remove('1.delta')).toBe(true)
        expect(await namesIn(files, STORE)).toEqual([])
      })

      test('a removal that is still on its way takes nothing away that is published after it', async () => {
        const lying = removalLies('late')
        const leased = await nextWriter(lying.files)
        await publishText(leased, '1.delta', 'old')
        await expectRejected(leased.remove('1.delta'), timeout)
        await publishText(leased, '1.delta', 'new', 'replace')
        await lying.arrive()
        expect(await textOf(files, `${STORE}/1.delta`)).toBe('new')
      })

      test('nothing is published as long as a removal may still arrive', async () => {
        let broken = true
        const lying = lyingFiles(files, ({ method, args }) => {
          if (!broken) return undefined
          if (method === 'deleteTree') return 'lost'
          return method === 'moveReplacing' && String(args[0]).startsWith(STORE)
            ? 'late'
            : undefined
        })
        const leased = await nextWriter(lying.files)
        await publishText(leased, '1.delta', 'old')
        const file = await stage(leased, 'new')
        await expectRejected(leased.remove('1.delta'), timeout)
        await expectRejected(leased.publish(file, '1.delta', 'replace'), timeout)
        expect(await textOf(files, `${STORE}/1.delta`)).toBe('old')
        broken = false
        expect(await leased.publish(file, '1.delta', 'replace')).toBe('published')
        await lying.arrive()
        expect(await textOf(files, `${STORE}/1.delta`)).toBe('new')
      })

      test('a storage that fails again when asked leaves the outcome unknown, until it answers', async () => {
        let broken = true
        const lying = lyingFiles(files, ({ method }) =>
          broken && ['moveIfAbsent', 'deleteFile'].includes(method) ? 'lost' : undefined,
        )
        const leased = await nextWriter(lying.files)
        const file = await stage(leased, 'ours')
        await expectRejected(leased.publish(file, '1.delta', 'if-absent'), timeout)
        await expectRejected(leased.settle(file, '1.delta'), {
          code: 'TIDEMARK_COMMIT_OUTCOME_UNKNOWN',
          published: 'unknown',
          path: `${STORE}/1.delta`,
        })
        broken = false
        expect(await leased.settle(file, '1.delta')).toBe('withdrawn')
        expect(await leased.settle(file, '1.delta')).toBe('gone')
      })

      test('a staged file that a stranger deleted is not taken for a takeover', async () => {
        const leased = await nextWriter()
        const file = await stage(leased, 'ours')
        const [name = ''] = await namesIn(files, stagingOf(1))
        await files.deleteFile(`${stagingOf(1)}/${name}`)
        await expectRejected(leased.publish(file, '1.delta', 'if-absent'), timeout)
        expect(await leased.settle(file, '1.delta')).toBe('gone')
        await publishText(leased, '1.delta', 'again')
      })
    })

    test('a store directory that is gone is named, and not made again', async () => {
      const leased = await nextWriter()
      const file = await stage(leased, 'x')
      await files.deleteTree(STORE)
      expect(await leased.list()).toEqual([])
      for (const mode of ['if-absent', 'replace'] as const)
        await expectRejected(leased.publish(file, '1.delta', mode), {
          code: 'TIDEMARK_STORAGE_UNAVAILABLE',
          path: STORE,
        })
      expect(await leased.remove('1.delta')).toBe(false)
      expect(await files.stat(STORE)).toBeUndefined()
      await files.makeDirectory(STORE, 'os')
      expect(await leased.publish(file, '1.delta', 'if-absent')).toBe('published')
    })

    test('a folder in place of a file is neither replaced nor removed', async () => {
      const leased = await nextWriter()
      await files.makeDirectory(`${STORE}/1.delta`, 'os')
      const file = await stage(leased, 'x')
      expect(await leased.publish(file, '1.delta', 'if-absent')).toBe('exists')
      const corrupt = { code: 'TIDEMARK_CORRUPT_FILE', path: `${STORE}/1.delta` } as const
      await expectRejected(leased.publish(file, '1.delta', 'replace'), corrupt)
      await expectRejected(leased.remove('1.delta'), corrupt)
      await expectRejected(leased.read('1.delta'), corrupt)
      expect(await namesIn(files, STORE)).toEqual(['1.delta'])
    })
  })
}

function stagingOf(generation: number): string {
  return `${STAGING_PARENT}/${String(generation).padStart(16, '0')}`
}

async function renameAway(files: CheckpointFileManager, staging: string): Promise<void> {
  const nonce = toHex(systemClock.randomBytes(6))
  await files.moveDirectory(staging, staging.replace(/([^/]+)$/, `.fenced-$1-${nonce}`))
}

/** A new file, and on storage that makes it late, made. */
async function begin(leased: LeasedDirectory, files: CheckpointFileManager): Promise<void> {
  const file = await leased.create('begun')
  if (files.capabilities.createsLate === true) await file.close()
}

async function stage(leased: LeasedDirectory, content: string): Promise<StagedFile> {
  const file = await leased.create('staged')
  await file.write(bytesOf(content))
  await file.close()
  return file
}

async function publishText(
  leased: LeasedDirectory,
  name: string,
  content: string,
  mode: 'if-absent' | 'replace' = 'if-absent',
): Promise<void> {
  const file = await stage(leased, content)
  try {
    await leased.publish(file, name, mode)
  } catch (error) {
    if (!isStateStoreError(error)) throw error
    await file.discard()
    throw error
  }
}
