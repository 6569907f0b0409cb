// How soon is a state back after a restart? A snapshot and ten deltas of 10,000 random updates, in files; measured from a fresh open to a store that
// can be read.
//
//   prepare   load, an empty commit, a snapshot, the deltas, close
//   one       open and begin, `loads` times after a first one that is not counted     recoverMs (median), recoverBestMs, rowsPerSecond
//   two       the same for a store and its copy, each in a thread of its own              twoAtOnceMs, twoAtOnceRowsPerSecond
//             and both in one thread                                          twoInOneThreadMs, twoInOneThreadRowsPerSecond
//   profile   where the time of `one` goes (recovery/profile.ts)                  readMs, checksumMs, decompressMs, decodeMs, insertMs
//
// Rows a second are those of the state; the deltas' come on top for every engine. The files are in the page cache, the code is compiled, and memory
// that the process has used before is used again, for all: what a JVM's heap does anyway, tidemark does for ten seconds. Engines that read from
// their files as they go are ready at once; the nearest thing of lmdb and classic-level is an open and one scan of all rows. Spark's RocksDB copies
// and opens its files and reads no row of them, as after a real restart.

import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { engineByName } from './compare/engines.ts'
import { contentOf } from './harness/content-of.ts'
import type { Engine, EngineOptions } from './harness/engine.ts'
import { median, nowMs } from './harness/figures.ts'
import { load } from './harness/load.ts'
import type { MeasureContext, Measurement, Params, Question } from './harness/question.ts'
import { contentAfterUpdates, runUpdates, type UpdatePlan } from './harness/update-batches.ts'
import type { Content } from './harness/workload.ts'
import { profileRecovery } from './recovery/profile.ts'
import { recoverInThreads } from './recovery/threads.ts'

const DELTAS = 10

const LIBRARIES = ['js-map', 'lmdb', 'classic-level']
const SPARK = ['spark-hdfs', 'spark-rocksdb', 'spark-rocksdb-changelog']
const READ_AS_THEY_GO = new Set(['lmdb', 'classic-level'])

// Spark's RocksDB ends in bad_alloc with two stores of 5 M keys in a JVM of 10 GB on a machine of 24.
const SLOW = ['lmdb', 'classic-level', 'spark-rocksdb', 'spark-rocksdb-changelog']

export const recovery: Question = {
  name: 'recovery',
  title: 'From a fresh open to a readable store: a snapshot and 10 deltas of 10,000 updates',

  cases(quick) {
    const params = (keys: number, deltaRows: number, loads: number): Params => ({
      keys,
      durability: 'os',
      deltas: DELTAS,
      deltaRows,
      loads,
    })
    const everyone = ['tidemark', ...LIBRARIES, ...SPARK]
    if (quick) {
      const engines = ['tidemark', ...LIBRARIES]
      return [{ params: params(20_000, 1000, 1), engines, rounds: 1 }]
    }
    return [
      {
        params: params(1_000_000, 10_000, 3),
        engines: everyone,
        rounds: 2,
        once: ['js-map', ...SLOW],
      },
      {
        params: params(5_000_000, 10_000, 3),
        engines: ['tidemark', 'spark-hdfs', 'spark-rocksdb-changelog'],
        rounds: 3,
        once: ['spark-rocksdb-changelog'],
      },
    ]
  },

  oracle(params): Content {
    return contentAfterUpdates(planOf(params))
  },

  async measure({ engine: name, params, directory }: MeasureContext): Promise<Measurement> {
    const store: EngineOptions = {
      directory: join(directory, 'one'),
      durability: params.durability,
    }
    await mkdir(store.directory)
    await prepare(await engineByName(name), store, params)

    const samples: number[] = []
    for (let i = 0; i <= Number(params.loads); i++) {
      const ms = await recover(name, [store])
      if (i > 0) samples.push(ms)
    }
    const recoverMs = median(samples)
    const figures: Record<string, number> = {
      recoverMs,
      recoverBestMs: Math.min(...samples),
      rowsPerSecond: (params.keys / recoverMs) * 1000,
    }
    if (name === 'tidemark') {
      Object.assign(figures, await recoverTwo(name, store, directory, params))
      Object.assign(figures, await profileRecovery(store.directory, params))
    }
    const engine = await openStore(name, store)
    const content = await contentOf(engine)
    await engine.close()
    return {
      figures,
      content,
      standsFor: READ_AS_THEY_GO.has(name)
        ? 'opens, then reads all rows once; nothing needs to be loaded'
        : engine.standsFor,
    }
  },
}

function planOf(params: Params): UpdatePlan {
  return {
    keys: params.keys,
    batches: Number(params.deltas),
    batchRows: Number(params.deltaRows),
    warmUp: 0,
  }
}

async function prepare(engine: Engine, options: EngineOptions, params: Params): Promise<void> {
  await engine.open(options)
  await load(engine, params.keys)
  await engine.begin()
  await engine.commit()
  await engine.snapshot?.()
  await runUpdates(engine, planOf(params))
  await engine.close()
}

async function openStore(name: string, options: EngineOptions): Promise<Engine> {
  const engine = await engineByName(name)
  await engine.open(options)
  return engine
}

/** Milliseconds until all of them can be read, begun at once in this thread; then closes them. */
async function recover(name: string, stores: readonly EngineOptions[]): Promise<number> {
  globalThis.gc?.()
  const started = nowMs()
  const engines = await Promise.all(
    stores.map(async (options) => {
      const engine = await openStore(name, options)
      await engine.begin()
      if (READ_AS_THEY_GO.has(name)) await engine.scan(() => undefined)
      return engine
    }),
  )
  const ms = nowMs() - started
  for (const engine of engines) {
    if (READ_AS_THEY_GO.has(name)) await engine.commit()
    await engine.close()
  }
  return ms
}

async function recoverTwo(
  name: string,
  store: EngineOptions,
  directory: string,
  params: Params,
): Promise<Record<string, number>> {
  const copy = { ...store, directory: join(directory, 'two') }
  await cp(store.directory, copy.directory, { recursive: true })
  const together: number[] = []
  for (let i = 0; i < Number(params.loads); i++) {
    together.push(await recover(name, [store, copy]))
  }
  const twoInOneThreadMs = median(together)
  const twoAtOnceMs = median(await recoverInThreads(name, [store, copy], Number(params.loads)))
  return {
    twoAtOnceMs,
    twoAtOnceRowsPerSecond: ((2 * params.keys) / twoAtOnceMs) * 1000,
    twoInOneThreadMs,
    twoInOneThreadRowsPerSecond: ((2 * params.keys) / twoInOneThreadMs) * 1000,
  }
}
