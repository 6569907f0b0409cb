// What does one operation cost? The shape of Spark's StateStoreBasicOperationsBenchmark: batches of 10,000 rows against a state of a given size.
//
//   load                one version with all keys (of engines that only queue: one a batch)                                loadNs
//   update, half, insert  puts over 100, 50 and 0 % existing keys                     updateNs, halfNs, insertNs
//                       update with the commit of its batch, for all engines           updateWithCommitNs
//                       update without the first put of each batch, which in Spark creates the file; of Spark only          updateRestNs
//   get, miss           random keys that are there, as a view and as a copy; keys that are not   getViewNs, getNs, missNs
//                       the same without a view, where there is a call that tells where the value lies   getSliceNs
//                       the same as one call for 10,000 keys, where there is one   getViewsNs, getManyNs
//   scan                all rows, as views and, where there are such ways, by where they lie and as copies   scanNs, scanSlicesNs, entriesNs
//   remove              keys that are there                                         removeNs
//   evict               scan, and remove each tenth row                             evictNs, per row scanned
//
// Only the calls named are timed, not the opening and committing around them; the delta is written as rows come, so its encoding and compression
// are in, and what of it goes on in another thread is waited for. Of engines whose puts and removes only queue, the commit is timed as well.
// Each batch is a commit of its own; what a batch added or took away is undone by another one, outside the time, so the size of the state
// stays. Medians over `rounds` batches. With `changes` 0 nothing but load, get, miss and scan is run: some take long to fill 5 M keys.
//
// All steps are run on a small store of its own first, untimed and thrown away, by every engine: Spark's bulk load would be that of a cold JVM, and
// is what warm puts of others are measured by.

import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { engineByName } from './compare/engines.ts'
import { committedContentOf } from './harness/content-of.ts'
import type { Engine, EngineOptions } from './harness/engine.ts'
import { median, nowMs } from './harness/figures.ts'
import type { MeasureContext, Measurement, Params, Question } from './harness/question.ts'
import { type Content, Oracle, Random, RowBatch } from './harness/workload.ts'

const LOAD_STAMP = 1
const SCANS = 3
const EVICT_EVERY = 10
const NS_PER_MS = 1e6

/** Of the store that is thrown away: seconds for the slowest engine. As in BasicOperations.java. */
const WARM_UP_KEYS = 20_000
const WARM_UP_ROUNDS = 20
const WARM_UP_ROWS = 10_000

/** Steps that change rows, in the order in which they run. Their place seeds their random numbers. */
const CHANGE_STEPS = ['update', 'half', 'insert', 'remove', 'evict'] as const
type ChangeStep = (typeof CHANGE_STEPS)[number]

const LIBRARIES = ['js-map', 'lmdb', 'classic-level', 'sqlite', 'slatedb']
const SPARK = ['spark-hdfs', 'spark-rocksdb', 'spark-rocksdb-changelog']
const SLOW = ['sqlite', 'slatedb', 'spark-rocksdb', 'spark-rocksdb-changelog']

export const basicOperations: Question = {
  name: 'basic-operations',
  title: 'One operation: put over 100, 50 and 0 % existing keys, get, scan, remove, evict',

  cases(quick) {
    const params = (keys: number, rounds: number, changes = 1): Params => ({
      keys,
      durability: 'os',
      batchRows: 10_000,
      rounds,
      changes,
    })
    const everyone = ['tidemark', ...LIBRARIES, ...SPARK]
    if (quick) {
      const toy = { ...params(2_000, 1), batchRows: 2_000 }
      return [{ params: toy, engines: ['tidemark', ...LIBRARIES], rounds: 1 }]
    }
    return [
      { params: params(10_000, 20), engines: everyone, rounds: 3, once: SLOW },
      { params: params(1_000_000, 20), engines: everyone, rounds: 5, once: SLOW },
      {
        params: params(5_000_000, 10, 0),
        engines: ['tidemark', 'js-map', 'spark-hdfs'],
        rounds: 2,
      },
    ]
  },

  oracle(params): Content {
    const oracle = new Oracle(params.keys)
    for (let n = 0; n < params.keys; n++) oracle.put(n, LOAD_STAMP)
    if (params.changes === 0) return oracle.content()
    for (let round = 0; round < Number(params.rounds); round++) {
      forEachRow('update', round, params, (_i, n, stamp) => oracle.put(n, stamp))
    }
    for (let round = 0; round < Number(params.rounds); round++) {
      forEachRow('half', round, params, (_i, n, stamp) => {
        if (n < params.keys) oracle.put(n, stamp)
      })
    }
    for (let round = 0; round < Number(params.rounds); round++) {
      forEachRow('remove', round, params, (_i, n, stamp) => oracle.put(n, stamp))
    }
    for (let n = 0; n < params.keys; n += EVICT_EVERY) oracle.put(n, stampOf('evict', SCANS - 1))
    return oracle.content()
  },

  async measure({ engine: name, params, directory }: MeasureContext): Promise<Measurement> {
    const inFolder = async (folder: string): Promise<EngineOptions> => {
      const path = join(directory, folder)
      await mkdir(path)
      return { directory: path, durability: params.durability }
    }
    const engine = await engineByName(name)
    const warmUp = await inFolder('warm-up')
    await engine.open(warmUp)
    await measureSteps(engine, {
      ...params,
      keys: Math.min(WARM_UP_KEYS, params.keys),
      rounds: Math.min(WARM_UP_ROUNDS, Number(params.rounds)),
      batchRows: Math.min(WARM_UP_ROWS, Number(params.batchRows)),
      changes: 1,
    })
    await engine.close()
    await rm(warmUp.directory, { recursive: true, force: true })
    globalThis.gc?.()

    const state = await inFolder('state')
    await engine.open(state)
    const figures = await measureSteps(engine, params)
    const content = await committedContentOf(engine, state)
    await engine.close()
    return { figures, content, standsFor: engine.standsFor }
  },
}

/** `engine` is open and empty. */
async function measureSteps(engine: Engine, params: Params): Promise<Record<string, number>> {
  const run = new Run(engine, params)
  return {
    loadNs: await run.load(),
    ...(params.changes === 1 ? await run.puts() : {}),
    ...(await run.gets()),
    ...(await run.scans()),
    ...(params.changes === 1 ? { removeNs: await run.removes(), evictNs: await run.evicts() } : {}),
  }
}

function stampOf(step: ChangeStep, round: number): number {
  return 2 + CHANGE_STEPS.indexOf(step) * 1000 + round
}

/**
 * The rows of one batch, `n` from `params.keys` on for keys that are new. 'remove' has each key once: one step of a prime through all keys, which
 * is no divisor of their number.
 */
function forEachRow(
  step: Exclude<ChangeStep, 'evict'>,
  round: number,
  params: Params,
  visit: (i: number, n: number, stamp: number) => void,
): void {
  const { keys } = params
  const rows = Number(params.batchRows)
  const stamp = stampOf(step, round)
  const random = new Random(stamp)
  for (let i = 0; i < rows; i++) {
    if (step === 'remove') visit(i, ((round * rows + i) * 7919) % keys, stamp)
    else if (step === 'insert' || (step === 'half' && i % 2 === 1)) visit(i, keys + i, stamp)
    else visit(i, random.below(keys), stamp)
  }
}

type Value = Uint8Array | undefined
type Read = (keys: readonly Buffer[]) => number | Promise<number>

/** Reads key by key; waits only for engines that make a promise of each. */
function oneByOne(get: (key: Buffer) => Value | Promise<Value>): Read {
  return (keys) => {
    let found = 0
    for (let i = 0; i < keys.length; i++) {
      const value = get(keys[i])
      if (value instanceof Promise) return waitForEach(keys, get)
      if (value !== undefined) found++
    }
    return found
  }
}

async function waitForEach(
  keys: readonly Buffer[],
  get: (key: Buffer) => Value | Promise<Value>,
): Promise<number> {
  let found = 0
  for (const key of keys) if ((await get(key)) !== undefined) found++
  return found
}

function atOnce(getAll: (keys: readonly Buffer[]) => readonly Value[]): Read {
  return (keys) => {
    let found = 0
    for (const value of getAll(keys)) if (value !== undefined) found++
    return found
  }
}

/** Milliseconds, batch by batch, from the first change. */
interface ChangeTimes {
  /** Until all were made. */
  readonly changed: number[]
  /** Until they were committed. */
  readonly committed: number[]
}

class Run {
  readonly #engine: Engine
  readonly #params: Params
  readonly #batch: RowBatch
  readonly #rounds: number

  constructor(engine: Engine, params: Params) {
    this.#engine = engine
    this.#params = params
    this.#batch = new RowBatch(Number(params.batchRows))
    this.#rounds = Number(params.rounds)
  }

  /** The rows are made batch by batch between the timed stretches. */
  async load(): Promise<number> {
    const { keys } = this.#params
    let ms = 0
    await this.#engine.begin()
    for (let from = 0; from < keys; from += this.#batch.size) {
      const rows = Math.min(this.#batch.size, keys - from)
      for (let i = 0; i < rows; i++) this.#batch.set(i, from + i, LOAD_STAMP)
      const started = nowMs()
      this.#putBatch(rows)
      await this.#engine.settle?.()
      if (this.#engine.changesAtCommit === true) {
        await this.#engine.commit()
        await this.#engine.begin()
      }
      ms += nowMs() - started
      // Lets the engine write what it has queued, as a job does between its inputs.
      await new Promise(setImmediate)
    }
    await this.#engine.commit()
    return (ms * NS_PER_MS) / keys
  }

  async puts(): Promise<Record<string, number>> {
    const update = await this.#timedPuts('update')
    return {
      updateNs: this.#perRow(update.changed),
      updateWithCommitNs: this.#perRow(update.committed),
      halfNs: this.#perRow((await this.#timedPuts('half')).changed),
      insertNs: this.#perRow((await this.#timedPuts('insert')).changed),
    }
  }

  async #timedPuts(step: 'update' | 'half' | 'insert'): Promise<ChangeTimes> {
    const times: ChangeTimes = { changed: [], committed: [] }
    for (let round = 0; round < this.#rounds; round++) {
      forEachRow(step, round, this.#params, (i, n, stamp) => this.#batch.set(i, n, stamp))
      await this.#engine.begin()
      const started = nowMs()
      this.#putBatch(this.#batch.size)
      await this.#commitTimed(times, started)
      if (step !== 'update') await this.#removeNew(step, round)
    }
    return times
  }

  async #removeNew(step: 'half' | 'insert', round: number): Promise<void> {
    await this.#engine.begin()
    forEachRow(step, round, this.#params, (i, n) => {
      if (n >= this.#params.keys) this.#engine.remove(this.#batch.keys[i])
    })
    await this.#engine.commit()
  }

  async gets(): Promise<Record<string, number>> {
    const { keys } = this.#params
    const random = new Random(1)
    const engine = this.#engine
    const hit = () => random.below(keys)
    const miss = () => keys + random.below(keys)
    return {
      getViewNs: await this.#timedGets(
        hit,
        oneByOne((key) => engine.getView(key)),
      ),
      getNs: await this.#timedGets(
        hit,
        oneByOne((key) => engine.get(key)),
      ),
      missNs: await this.#timedGets(
        miss,
        oneByOne((key) => engine.getView(key)),
      ),
      ...(engine.getSlice && {
        getSliceNs: await this.#timedGets(hit, (keys) => {
          let found = 0
          for (const key of keys) if (engine.getSlice!(key)) found++
          return found
        }),
      }),
      ...(engine.getViews && {
        getViewsNs: await this.#timedGets(
          hit,
          atOnce((batch) => engine.getViews!(batch)),
        ),
      }),
      ...(engine.getMany && {
        getManyNs: await this.#timedGets(
          hit,
          atOnce((batch) => engine.getMany!(batch)),
        ),
      }),
    }
  }

  /** `read` returns how many of the keys it found: all or none. */
  async #timedGets(next: () => number, read: Read): Promise<number> {
    const { keys, size } = this.#batch
    const times: number[] = []
    await this.#engine.begin()
    for (let round = 0; round < this.#rounds; round++) {
      let expected = 0
      for (let i = 0; i < size; i++) {
        const n = next()
        this.#batch.set(i, n, 0)
        if (n < this.#params.keys) expected++
      }
      const started = nowMs()
      let found = read(keys)
      if (found instanceof Promise) found = await found
      times.push(nowMs() - started)
      if (found !== expected) throw new Error(`Expected ${expected} rows, found ${found}`)
    }
    await this.#engine.commit()
    return this.#perRow(times)
  }

  async scans(): Promise<Record<string, number>> {
    const engine = this.#engine
    const by = (scan: Engine['scan']) =>
      this.#timedScans((count) => scan((key, value) => count(key[0] + value[0])))
    return {
      scanNs: await by((visit) => engine.scan(visit)),
      ...(engine.scanSlices && {
        scanSlicesNs: await this.#timedScans((count) =>
          engine.scanSlices!((key, k, value, v) => count(key[k] + value[v])),
        ),
      }),
      ...(engine.scanCopies && {
        entriesNs: await by((visit) => engine.scanCopies!(visit)),
      }),
    }
  }

  /** `scan` counts each row with the sum of the first bytes of its key and value. */
  async #timedScans(
    scan: (count: (firstBytes: number) => void) => void | Promise<void>,
  ): Promise<number> {
    const { keys } = this.#params
    const times: number[] = []
    await this.#engine.begin()
    for (let round = 0; round < SCANS; round++) {
      let rows = 0
      let bytes = 0
      const started = nowMs()
      await scan((firstBytes) => {
        rows++
        bytes += firstBytes
      })
      times.push(nowMs() - started)
      if (rows !== keys || bytes !== 0) throw new Error(`A scan met ${rows} rows`)
    }
    await this.#engine.commit()
    return (median(times) * NS_PER_MS) / keys
  }

  async removes(): Promise<number> {
    const times: ChangeTimes = { changed: [], committed: [] }
    for (let round = 0; round < this.#rounds; round++) {
      forEachRow('remove', round, this.#params, (i, n, stamp) => this.#batch.set(i, n, stamp))
      await this.#engine.begin()
      const started = nowMs()
      for (const key of this.#batch.keys) this.#engine.remove(key)
      await this.#commitTimed(times, started)
      await this.#engine.begin()
      this.#putBatch(this.#batch.size)
      await this.#engine.commit()
    }
    return this.#perRow(times.changed)
  }

  async evicts(): Promise<number> {
    const { keys } = this.#params
    const times: ChangeTimes = { changed: [], committed: [] }
    for (let round = 0; round < SCANS; round++) {
      await this.#engine.begin()
      const old: Buffer[] = []
      const started = nowMs()
      await this.#engine.scan((key, value) => {
        const n = value[16] | (value[17] << 8) | (value[18] << 16) | (value[19] << 24)
        if (n % EVICT_EVERY === 0) old.push(Buffer.from(key))
      })
      for (const key of old) this.#engine.remove(key)
      await this.#commitTimed(times, started)
      await this.#putEvictedBack(round)
    }
    return (median(times.changed) * NS_PER_MS) / keys
  }

  async #putEvictedBack(round: number): Promise<void> {
    const { keys } = this.#params
    const stride = EVICT_EVERY * this.#batch.size
    for (let from = 0; from < keys; from += stride) {
      const rows = Math.min(this.#batch.size, Math.ceil((keys - from) / EVICT_EVERY))
      for (let i = 0; i < rows; i++) {
        this.#batch.set(i, from + i * EVICT_EVERY, stampOf('evict', round))
      }
      await this.#engine.begin()
      this.#putBatch(rows)
      await this.#engine.commit()
    }
  }

  /** Takes the time of what began at `started`, which includes the commit where changes are made only then. */
  async #commitTimed(times: ChangeTimes, started: number): Promise<void> {
    await this.#engine.settle?.()
    const changed = nowMs()
    await this.#engine.commit()
    const committed = nowMs()
    times.changed.push((this.#engine.changesAtCommit === true ? committed : changed) - started)
    times.committed.push(committed - started)
  }

  #putBatch(rows: number): void {
    const engine = this.#engine
    const { keys, values } = this.#batch
    for (let i = 0; i < rows; i++) engine.put(keys[i], values[i])
  }

  #perRow(times: readonly number[]): number {
    return (median(times) * NS_PER_MS) / this.#batch.size
  }
}
