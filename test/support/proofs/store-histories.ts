// Goal: for any history and any options, a store answers as a plain Map per version does, whatever became of the processes that wrote it.
// Method: random steps, among them the death of the process, power failure, a zombie that goes on after its successor has claimed the store,
// and a reader in another process; played on a real checkpoint and on the oracle at once. A history that fails is printed shrunk, a line a
// step; `SEED=` replays it, `RUNS=` sets how many are played.
// One file: the steps, the oracle's side of each, and how a history is told share their state.

import { setImmediate } from 'node:timers/promises'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type CheckpointFileManager,
  isStateStoreError,
  type ReadStateStore,
  type StateStore,
  type StateStoreOptions,
  type StateStoreProvider,
  StateStores,
  verifyCheckpoint,
} from '../../../src/index.ts'
import { difference, rowsOf, rowText, type Rows, VersionHistory } from '../version-history.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const STORE = { operatorId: 0, partitionId: 0 }
/** So that the limit on versions outside memory is not met by accident. */
const READERS_MAX = 3
const ITERATORS_MAX = 3

type Step =
  | { do: 'open'; back: number; rewind: boolean }
  | { do: 'put'; key: number; size: number }
  | { do: 'putMany'; count: number; size: number }
  | { do: 'remove'; key: number }
  | { do: 'removeMany'; count: number }
  | { do: 'read'; key: number; to: number }
  | { do: 'iterate'; rows: number }
  | { do: 'goOn'; which: number; rows: number }
  | { do: 'commit'; progress?: number; final?: number; closing?: Closing }
  | { do: 'repeat'; back: number }
  | { do: 'abort' }
  | { do: 'openReader'; back: number }
  | { do: 'closeReader'; which: number }
  | { do: 'follow'; back: number }
  | { do: 'maintain'; wait: boolean }
  | { do: 'reopen' }
  | { do: 'kill' }
  | { do: 'zombie'; act: 'commit' | 'maintain' | 'open' }
  | { do: 'losePower'; seed: number }

/** A reader that is closed while a commit runs, so many turns of the event loop after its begin. */
interface Closing {
  readonly which: number
  readonly turns: number
}

const back = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.constant(1) },
  { weight: 4, arbitrary: fc.integer({ min: -1, max: 6 }) },
)
const key = fc.nat(11)
const size = fc.oneof(fc.nat(12), fc.constant(700))

function step(weight: number, name: Step['do'], fields: object = {}) {
  const shape = { do: fc.constant(name), ...fields } as Record<string, fc.Arbitrary<unknown>>
  return { weight, arbitrary: fc.record(shape) as unknown as fc.Arbitrary<Step> }
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    step(12, 'open', { back, rewind: fc.boolean() }),
    step(12, 'put', { key, size }),
    step(2, 'putMany', { count: fc.integer({ min: 1, max: 300 }), size }),
    step(6, 'remove', { key }),
    step(2, 'removeMany', { count: fc.integer({ min: 1, max: 300 }) }),
    step(3, 'read', { key, to: key }),
    step(2, 'iterate', { rows: fc.nat(4) }),
    step(3, 'goOn', { which: fc.nat(2), rows: fc.nat(4) }),
    step(14, 'commit', {
      progress: fc.option(fc.nat(3), { nil: undefined }),
      // Seldom, since nothing goes back below it any more.
      final: fc.oneof(
        { weight: 7, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.nat(4) },
      ),
      closing: fc.option(fc.record({ which: fc.nat(2), turns: fc.nat(12) }), { nil: undefined }),
    }),
    step(3, 'repeat', { back: fc.integer({ min: 1, max: 3 }) }),
    step(2, 'abort'),
    step(3, 'openReader', { back }),
    step(2, 'closeReader', { which: fc.nat(2) }),
    step(3, 'follow', { back }),
    step(6, 'maintain', { wait: fc.boolean() }),
    step(2, 'reopen'),
    step(2, 'kill'),
    step(3, 'zombie', { act: fc.constantFrom('commit', 'maintain', 'open') }),
    step(2, 'losePower', { seed: fc.nat(1e6) }),
  ),
  { minLength: 1, maxLength: 60, size: 'max' },
)

const options: fc.Arbitrary<StateStoreOptions> = fc.record({
  compression: fc.constantFrom('lz4', 'snappy', 'zstd', 'lzf', 'none'),
  durability: fc.constantFrom('fsync', 'fsync', 'os'),
  trailer: fc.constantFrom(true, true, true, false),
  checksumFiles: fc.boolean(),
  rowChecksums: fc.boolean(),
  minDeltasForSnapshot: fc.integer({ min: 1, max: 3 }),
  minBatchesToRetain: fc.integer({ min: 1, max: 4 }),
  // Also more than the disk keeps.
  maxBatchesToRetainInMemory: fc.integer({ min: 0, max: 4 }),
  forceSnapshotAtDeltas: fc.constantFrom(2, 50),
})

type CommitStep = Extract<Step, { do: 'commit' }>

/** A process that died, as far as its successor knows. */
interface Zombie {
  readonly stores: StateStores
  readonly provider: StateStoreProvider
  readonly open: StateStore | undefined
}

interface OpenModel {
  readonly store: StateStore
  readonly parent: number
  readonly rows: Map<string, string>
  readonly operations: string[]
}

/** The checkpoint that one history is played on. */
export interface HistoryCheckpoint extends AsyncDisposable {
  /** A manager of its own, as another process has. */
  openFiles(): Promise<CheckpointFileManager>
  /** Managers opened from now on find what a power failure leaves. Absent where no test can bring one about: that step is then left out. */
  losePower?(seed: number): void
}

/** Plays one history on the engine and on the oracle. */
class Duel {
  readonly #checkpoint: HistoryCheckpoint
  readonly #options: StateStoreOptions
  readonly #history: VersionHistory
  readonly #operations = new Map<number, { operations: string[]; progress: unknown }>()
  #files!: CheckpointFileManager
  #stores!: StateStores
  #provider!: StateStoreProvider
  #follower: StateStores | undefined
  #open: OpenModel | undefined
  #zombie: Zombie | undefined
  #readers: { reader: ReadStateStore; rows: Rows; what: string }[] = []
  #iterators: {
    rows: IterableIterator<[Uint8Array, Uint8Array]>
    left: Map<string, string>
    store: StateStore
  }[] = []
  /** What this process has been told is final; the newest file may know less, if the commit that said so was a repeated one. */
  #finalMax = 0
  #round = 0
  /** Rounds of maintenance that run beside the steps. */
  readonly #rounds: Promise<void>[] = []

  constructor(checkpoint: HistoryCheckpoint, options: StateStoreOptions) {
    this.#checkpoint = checkpoint
    this.#options = { ...options, maintenanceIntervalMs: 0, historicalMapsMax: READERS_MAX + 1 }
    this.#history = new VersionHistory(options.trailer)
  }

  async play(step: Step): Promise<void> {
    this.#round++
    switch (step.do) {
      case 'open':
        return await this.#openStore(this.#history.latest - step.back, step.rewind)
      case 'put':
        return this.#put(keyOf(step.key), valueOf(this.#round, step.size))
      case 'putMany':
        for (const key of this.#manyKeys(step.count)) this.#put(key, valueOf(0, step.size))
        return
      case 'remove':
        return this.#remove(keyOf(step.key))
      case 'removeMany':
        for (const key of this.#manyKeys(step.count)) this.#remove(key)
        return
      case 'read':
        return this.#readOpen(keyOf(step.key), keyOf(step.to))
      case 'iterate':
        return this.#iterate(step.rows)
      case 'goOn':
        return this.#goOn(step.which, step.rows)
      case 'commit':
        return await this.#commit(step)
      case 'repeat':
        return await this.#repeat(step.back)
      case 'abort':
        return await this.#abort()
      case 'openReader':
        return await this.#openReader(this.#history.latest - step.back)
      case 'closeReader':
        return await this.#closeReader(step.which)
      case 'follow':
        return await this.#follow(this.#history.latest - step.back)
      case 'maintain':
        return await this.#maintain(step.wait)
      case 'reopen':
        await this.#close()
        return await this.start()
      case 'kill':
        return await this.#die()
      case 'zombie':
        return await this.#wakeZombie(step.act)
      case 'losePower':
        if (this.#options.durability === 'os' || !this.#checkpoint.losePower) return
        this.#follower = undefined
        this.#checkpoint.losePower(step.seed)
        await this.#die()
        this.#zombie = undefined // It runs on the machine that is gone.
        return
    }
  }

  #manyKeys(count: number): Uint8Array[] {
    return Array.from({ length: count }, (_, i) => keyOf(20 + ((this.#round * 7 + i) % 400)))
  }

  async start(): Promise<void> {
    this.#files = await this.#checkpoint.openFiles()
    this.#stores = await StateStores.open(this.#files, this.#options)
    this.#provider = this.#stores.provider(STORE)
    this.#finalMax = this.#history.newest.committedThrough
  }

  /** Everything agrees at the end, too, and nothing is held by anybody. */
  async finish(): Promise<void> {
    await this.#abort()
    await Promise.all(this.#rounds)
    for (let version = 0; version <= this.#history.latest; version++) await this.#check(version)
    while (this.#readers.length > 0) await this.#closeReader(0)
    this.#dropIterators()
    await this.#committed?.[Symbol.asyncDispose]()
    // A snapshot that a commit has asked for may still hold its version: then its round is joined.
    if (this.#openReaders > 0) await this.#stores.doMaintenance()
    expect(this.#openReaders, 'open readers').toBe(0)
    expect(this.#provider.metrics.customMetrics.historicalMaps, 'maps of old versions').toBe(0)
    await this.#close()
    await this.start()
    for (let version = 0; version <= this.#history.latest; version++) await this.#check(version)
    // And it goes on.
    await this.#openStore(this.#history.latest, false)
    this.#put(keyOf(1), valueOf(1, 1))
    await this.#commit({})
    await this.#maintain(true)
    await this.#check(this.#history.latest)
    await this.#close()
    const { rowChecksums } = this.#options
    const findings = await verifyCheckpoint(this.#files, { rowChecksums, floorValues: false })
    // What is not deleted at a rewind stays until it is cleaned, where nothing is moved.
    const wrong = findings.filter(
      ({ kind }) => this.#files.capabilities.atomicMove || kind !== 'orphan',
    )
    expect(wrong, 'what is wrong or left over').toEqual([])
  }

  get #openReaders(): number {
    return this.#provider.metrics.customMetrics.openReaders
  }

  // --- writing

  #committed: StateStore | undefined

  async #openStore(target: number, rewind: boolean): Promise<void> {
    if (target < 0) return
    const { latest, newest } = this.#history
    const opening = this.#provider.getStore(target, rewind ? { rewind: 'allow' } : {})
    if (this.#open !== undefined) return await rejects(opening, 'TIDEMARK_STORE_BUSY')
    if (target > latest) return await rejects(opening, 'TIDEMARK_VERSION_NOT_FOUND')
    const refused =
      target < Math.min(newest.committedThrough, latest) || (latest - target > 1 && !rewind)
    const gone = !this.#history.isKept(target)
    let store: StateStore
    try {
      store = await opening
    } catch (error) {
      if (refused && isStateStoreError(error, 'TIDEMARK_REWIND_REFUSED')) return
      if (
        target < Math.min(Math.max(this.#finalMax, this.#history.committedThroughMax), latest) &&
        isStateStoreError(error, 'TIDEMARK_REWIND_REFUSED')
      )
        return
      if (gone && isStateStoreError(error, 'TIDEMARK_VERSION_NOT_FOUND')) return
      if (
        latest - target > 1 &&
        !this.#files.capabilities.atomicMove &&
        isStateStoreError(error, 'TIDEMARK_UNSUPPORTED')
      )
        return
      throw error
    }
    if (refused) throw new Error(`Version ${target} was opened, and may not be undone`)
    const { rows } = this.#history.at(target)
    this.#open = { store, parent: target, rows: new Map(rows), operations: [] }
    this.#compare(store, rows, `version ${target} as opened`)
    if (target < latest) await this.#checkOnDisk(target)
  }

  /** What is gone back to must not be in memory only: the commit is about to remove what follows it. */
  async #checkOnDisk(version: number): Promise<void> {
    await using stores = await this.#openFollower()
    await using reader = await stores.provider(STORE).getReadStore(version)
    this.#compare(reader, this.#history.at(version).rows, `version ${version} from its files`)
  }

  #put(key: Uint8Array, value: Uint8Array): void {
    if (this.#open === undefined) return
    const [k, v] = rowText([key, value])
    this.#open.store.put(key, value)
    this.#open.rows.set(k, v)
    this.#open.operations.push(`${k}=${v}`)
  }

  #remove(key: Uint8Array): void {
    if (this.#open === undefined) return
    const [k] = rowText([key, key])
    const was = this.#open.rows.delete(k)
    expect(this.#open.store.remove(key), `remove of ${k} tells whether it was there`).toBe(was)
    if (was) this.#open.operations.push(`-${k}`)
  }

  async #commit({ progress, final, closing }: Partial<CommitStep>): Promise<void> {
    const open = this.#open
    if (open === undefined) return
    const version = open.parent + 1
    const known = this.#options.trailer
      ? {
          ...(progress !== undefined && { progress: { offset: progress } }),
          ...(final !== undefined && { committedThrough: Math.max(0, version - final) }),
        }
      : {}
    const forgotten = await this.#isForgotten(version)
    const [committed] = await Promise.all([open.store.commit(known), this.#closeLater(closing)])
    expect(committed, 'the version committed').toBe(version)
    this.#open = undefined
    this.#committed = open.store
    this.#finalMax = Math.max(this.#finalMax, known.committedThrough ?? 0)
    const record = { operations: open.operations, progress: known.progress }
    const committedThrough = this.#finalMax
    const outcome = this.#history.commit({ ...open, ...record, committedThrough, forgotten })
    if (outcome === 'new') this.#operations.set(version, record)
    this.#compare(open.store, open.rows, `version ${version} as committed`)
    this.#mayHaveCleaned()
    expect(await this.#provider.latestVersion(), 'latest version').toBe(this.#history.latest)
  }

  /** A snapshot that a commit has forced cleans, too. */
  #mayHaveCleaned(): void {
    if (this.#options.forceSnapshotAtDeltas !== 2) return
    this.#history.cleaned(this.#options.minBatchesToRetain!)
  }

  /**
   * Whether the file is gone by which `version`, about to be committed over the version below it, would be known again. Nothing is cleaned that
   * the open store rests on, so what is found here holds until the commit.
   */
  async #isForgotten(version: number): Promise<boolean> {
    if (version > this.#history.latest || this.#history.isKept(version)) return false
    const there = (await this.#files.list('state/0/0'))?.map(({ name }) => name) ?? []
    return !there.includes(`${version}.delta`) && !there.includes(`${version}.snapshot`)
  }

  /**
   * Runs the batch of an earlier version once more: nothing may change, and nothing that followed is undone. Unless the version was cleaned: then
   * it is a batch like any other, and starts over.
   */
  async #repeat(back: number): Promise<void> {
    const version = this.#history.latest + 1 - back
    const record = this.#operations.get(version)
    if (this.#open !== undefined || record === undefined || !this.#options.trailer) return
    await this.#openStore(version - 1, true)
    const open = this.#open as OpenModel | undefined
    if (open === undefined) return
    for (const operation of record.operations) {
      const [k, v] = operation.startsWith('-') ? [operation.slice(1)] : operation.split('=')
      if (v === undefined) this.#remove(Buffer.from(k, 'hex'))
      else this.#put(Buffer.from(k, 'hex'), Buffer.from(v, 'hex'))
    }
    const forgotten = await this.#isForgotten(version)
    await open.store.commit(record.progress === undefined ? {} : { progress: record.progress })
    this.#open = undefined
    this.#committed = open.store
    const outcome = this.#history.commit({ ...open, ...record, forgotten })
    expect(outcome, 'in the model').toBe(forgotten ? 'new' : 'repeated')
    this.#mayHaveCleaned()
    const { latest } = this.#history
    expect(await this.#provider.latestVersion(), 'latest after a repeated batch').toBe(latest)
    await this.#check(latest)
  }

  async #abort(): Promise<void> {
    const open = this.#open
    if (open === undefined) return
    await open.store.abort()
    this.#open = undefined
    this.#iterators = this.#iterators.filter(({ store }) => store !== open.store)
  }

  // --- reading

  #readOpen(start: Uint8Array, end: Uint8Array): void {
    if (this.#open === undefined) return
    const { store, rows } = this.#open
    const [from, to] = [Buffer.from(start).toString('hex'), Buffer.from(end).toString('hex')]
    const found = store.get(start)
    expect(found && Buffer.from(found).toString('hex'), `get ${from}`).toBe(rows.get(from))
    expect(store.has(start)).toBe(rows.has(from))
    const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1))
    expect([...store.getRange(start, end)].map(rowText), `range ${from} to ${to}`).toEqual(
      sorted.filter(([k]) => k >= from && k < to),
    )
    expect([...store.prefixScan(start)].map(rowText), `prefix ${from}`).toEqual(
      sorted.filter(([k]) => k.startsWith(from)),
    )
    this.#compare(store, rows, 'the open store')
  }

  #iterate(rows: number): void {
    if (this.#open === undefined || this.#iterators.length >= ITERATORS_MAX) return
    const { store } = this.#open
    this.#iterators.push({ rows: store.entries(), left: new Map(this.#open.rows), store })
    this.#goOn(this.#iterators.length - 1, rows)
  }

  #goOn(which: number, count: number): void {
    const iterator = this.#iterators[which]
    if (iterator === undefined) return
    for (let i = 0; i < count; i++) {
      const next = iterator.rows.next()
      if (next.done) {
        expect([...iterator.left], 'rows that an iterator did not show').toEqual([])
        this.#iterators.splice(which, 1)
        return
      }
      const [k, v] = rowText(next.value)
      expect(iterator.left.get(k), `row ${k} as of the iterator's creation`).toBe(v)
      iterator.left.delete(k)
    }
  }

  #dropIterators(): void {
    for (const { rows } of this.#iterators) rows.return?.()
    this.#iterators = []
  }

  async #openReader(version: number): Promise<void> {
    if (version < 0 || this.#readers.length >= READERS_MAX) return
    const opening = this.#provider.getReadStore(version)
    if (!this.#history.isKept(version)) return await this.#mayBeGone(opening, version)
    const reader = await opening
    const { rows, progress } = this.#history.at(version)
    this.#compare(reader, rows, `version ${version} as read`)
    if (!reader.foreign) expect(reader.progress, `progress of ${version}`).toEqual(progress)
    this.#readers.push({ reader, rows, what: `version ${version}, read since step ${this.#round}` })
  }

  async #closeReader(which: number): Promise<void> {
    const [held] = this.#readers.splice(which, 1)
    if (held === undefined) return
    this.#compare(held.reader, held.rows, held.what)
    await held.reader.release()
  }

  async #closeLater(closing: Closing | undefined): Promise<void> {
    if (closing === undefined) return
    for (let turn = 0; turn < closing.turns; turn++) await setImmediate()
    await this.#closeReader(closing.which)
  }

  async #check(version: number): Promise<void> {
    const opening = this.#provider.getReadStore(version)
    if (!this.#history.isKept(version)) return await this.#mayBeGone(opening, version)
    const reader = await opening
    this.#compare(reader, this.#history.at(version).rows, `version ${version}`)
    await reader.release()
  }

  /** Another process reads, without a lease. */
  async #follow(version: number): Promise<void> {
    if ((await this.#files.stat('')) === undefined) return // Nobody has written yet.
    this.#follower ??= await this.#openFollower()
    if (version < 0) return
    const provider = this.#follower.provider(STORE)
    expect(await provider.latestVersion(), 'latest version for a follower').toBe(
      this.#history.latest,
    )
    const opening = provider.getReadStore(version === this.#history.latest ? undefined : version)
    if (!this.#history.isKept(version)) return await this.#mayBeGone(opening, version)
    const reader = await opening
    expect(reader.version).toBe(version)
    this.#compare(reader, this.#history.at(version).rows, `version ${version} for a follower`)
    await reader.release()
    expect(provider.metrics.customMetrics.openReaders, "a follower's open readers").toBe(0)
    await rejects(provider.getStore(), 'TIDEMARK_INVALID_OPTIONS')
  }

  async #openFollower(): Promise<StateStores> {
    const files = await this.#checkpoint.openFiles()
    return await StateStores.open(files, { ...this.#options, readOnly: true })
  }

  /** Cleaned, or not yet: then it is right. */
  async #mayBeGone(opening: Promise<ReadStateStore>, version: number): Promise<void> {
    let reader: ReadStateStore
    try {
      reader = await opening
    } catch (error) {
      if (isStateStoreError(error, 'TIDEMARK_VERSION_NOT_FOUND')) return
      throw error
    }
    this.#compare(reader, this.#history.at(version).rows, `version ${version}, not cleaned yet`)
    await reader.release()
  }

  #compare(reader: StateStore | ReadStateStore, rows: Rows, what: string): void {
    const differs = difference(rowsOf(reader), rows)
    if (differs !== undefined) throw new Error(`Step ${this.#round}, ${what}: ${differs}`)
  }

  // --- life and death

  /** Unless told to wait, the next steps run beside it. */
  async #maintain(wait: boolean): Promise<void> {
    this.#history.cleaned(this.#options.minBatchesToRetain!)
    const { latest } = this.#history
    const round = this.#stores.doMaintenance()
    if (wait) {
      await round
      return
    }
    const zombie = this.#stores
    this.#rounds.push(
      round.catch((error: unknown) => {
        // Its process died, or closed, in the middle.
        if (zombie === this.#stores) throw new Error(`Maintenance at ${latest}`, { cause: error })
      }),
    )
  }

  async #close(): Promise<void> {
    while (this.#readers.length > 0) await this.#closeReader(0)
    this.#dropIterators()
    this.#open = undefined
    await this.#stores.close()
  }

  async #die(): Promise<void> {
    this.#zombie = { stores: this.#stores, provider: this.#provider, open: this.#open?.store }
    this.#open = undefined
    this.#readers = []
    this.#iterators = []
    await this.start()
    await this.#openStore(this.#history.latest, false) // Claims the lease.
  }

  async #wakeZombie(act: 'commit' | 'maintain' | 'open'): Promise<void> {
    const zombie = this.#zombie
    if (zombie === undefined) return
    // Where nothing is moved, version 0 has no file to be stamped, so a first version that comes late shows until the successor commits its own.
    if (this.#history.latest === 0 && !this.#files.capabilities.atomicMove) return
    // Nor one that comes when the successor's was cleaned: until the next cleaning it can be asked for by its number.
    const isFirst = act === 'commit' && zombie.open?.version === 0
    if (isFirst && !this.#history.isKept(1) && !this.#files.capabilities.atomicMove) return
    if (act === 'maintain') {
      // FENCED, or nothing to do.
      await zombie.stores.doMaintenance().catch((error: unknown) => {
        if (!(error instanceof AggregateError)) throw error
        for (const cause of error.errors) {
          if (!isStateStoreError(cause, 'TIDEMARK_FENCED')) throw cause
        }
      })
    } else if (act === 'commit' && zombie.open?.state === 'updating') {
      await zombie.open.commit().then(
        () => expect.fail('A zombie has committed'),
        (error: unknown) => {
          if (!isStateStoreError(error, 'TIDEMARK_FENCED', 'TIDEMARK_STORE_FINISHED')) throw error
        },
      )
    }
    if (this.#open === undefined) await this.#check(this.#history.latest)
  }
}

async function rejects(promise: Promise<unknown>, code: string): Promise<void> {
  const outcome = await promise.then(
    () => 'success',
    (error: unknown) => (isStateStoreError(error) ? error.code : error),
  )
  expect(outcome).toBe(code)
}

function keyOf(n: number): Uint8Array {
  return Buffer.from(n === 0 ? '' : `k${n % 3}`.repeat(1 + (n % 2)) + String(n))
}

function valueOf(round: number, size: number): Uint8Array {
  return new Uint8Array(size).map((_, i) => round + i)
}

export interface StoreHistoriesOptions {
  /** An empty checkpoint. */
  readonly create: () => Promise<HistoryCheckpoint>
  /** How many are played unless `RUNS=` says otherwise. */
  readonly runs: number
  readonly timeoutMs: number
  /** Options that this storage asks for, whatever is chosen. */
  readonly limits?: StateStoreOptions
}

export function storeHistories({ create, runs, timeoutMs, limits }: StoreHistoriesOptions): void {
  test(
    'any history of commits, rewinds, crashes and zombies equals a plain Map per version',
    { timeout: timeoutMs },
    async () => {
      const numRuns = Number(process.env['RUNS'] ?? runs)
      console.log(`store histories: ${numRuns} runs, SEED=${SEED}`)
      await fc.assert(
        fc.asyncProperty(options, steps, async (chosen, history) => {
          await using checkpoint = await create()
          const duel = new Duel(checkpoint, { ...chosen, ...limits })
          await duel.start()
          for (const next of history) await duel.play(next)
          await duel.finish()
        }),
        {
          numRuns,
          seed: SEED,
          reporter: (run) => {
            if (!run.failed) return
            const [chosen, history] = run.counterexample ?? []
            const lines = (history ?? []).map((each) => `  ${JSON.stringify(each)}`)
            throw new Error(
              `SEED=${run.seed} path ${run.counterexamplePath}, after ${run.numRuns} runs and ${run.numShrinks} shrinks:\n` +
                `  ${JSON.stringify(chosen)}\n${lines.join('\n')}\n${String(run.errorInstance)}`,
              { cause: run.errorInstance },
            )
          },
        },
      )
    },
  )
}
