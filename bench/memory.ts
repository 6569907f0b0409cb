// What does a state weigh? After a load, and after commits that each rewrite a tenth of it at random, with the versions in memory that each
// engine keeps by default (tidemark and Spark: two).
//
//   memoryUsedBytes     what tidemark counts as allocated: exact. …PerKeyBytes; …Ratio to the key and value bytes held
//   growthPeakRatio     the highest such ratio during the second half of the load, looked at each 10,000 rows
//   heapBytes           JS Map and Spark: heap (and buffers outside it) after a full collection, less what it was before
//   residentBytes       of the process, less what it was before; of lmdb that is mostly its mapped file, which the system may take back
//   residentOverBytes   residentBytes less memoryUsedBytes: what the process holds besides
//
// Each again as …AfterRewrites…. Values are 32-byte rows, or about 1 KB of MessagePack. Sizes that are no round numbers are there because
// an index that doubles is at its best just before (1.5 M) and at its worst just after it has grown (1.7 M, 3.4 M, 6.8 M). A load of 1.6 M ends
// while it grows.

import { engineByName } from './compare/engines.ts'
import { committedContentOf } from './harness/content-of.ts'
import type { Engine } from './harness/engine.ts'
import { load } from './harness/load.ts'
import { MsgpackBatch } from './harness/msgpack-batch.ts'
import type { MeasureContext, Measurement, Params, Question } from './harness/question.ts'
import { contentAfterUpdates, runUpdates, type UpdatePlan } from './harness/update-batches.ts'
import { type Content, RowBatch, type Rows } from './harness/workload.ts'

const REWRITTEN_PART = 10
const WARM_UP_ROWS = 100_000

type Values = 'rows' | 'msgpack'

export const memory: Question = {
  name: 'memory',
  title: 'Memory after a load, and after commits that rewrite 10 % each',

  cases(quick) {
    const params = (keys: number, rewrites: number, values: Values = 'rows'): Params => ({
      keys,
      durability: 'os',
      values,
      rewrites,
      rewriteRows: keys / REWRITTEN_PART,
    })
    const engines = ['tidemark', 'js-map', 'lmdb', 'spark-hdfs']
    const own = ['tidemark']
    if (quick) {
      return [
        { params: params(20_000, 3), engines: engines.slice(0, 3), rounds: 1 },
        { params: params(2000, 3, 'msgpack'), engines: own, rounds: 1 },
      ]
    }
    return [
      { params: params(1_000_000, 100), engines, rounds: 1 },
      { params: params(1_000_000, 10, 'msgpack'), engines: engines.slice(0, 3), rounds: 1 },
      ...[1_500_000, 1_600_000, 1_700_000, 3_400_000, 6_800_000].map((keys) => ({
        params: params(keys, 10),
        engines: own,
        rounds: 1,
      })),
      // The others take minutes for 100 rewrites of so many keys.
      { params: params(5_000_000, 100), engines: own, rounds: 1 },
      { params: params(5_000_000, 5), engines, rounds: 1 },
      { params: params(10_000_000, 30), engines: own, rounds: 1 },
    ]
  },

  oracle(params): Content {
    if (params.values !== 'msgpack') return contentAfterUpdates(planOf(params))
    const row = new MsgpackBatch(1)
    return contentAfterUpdates(planOf(params), (sum, n, stamp) => {
      row.set(0, n, stamp)
      sum.add(row.keys[0], row.values[0])
    })
  },

  async measure({ engine: name, params, directory }: MeasureContext): Promise<Measurement> {
    const makeRows = (size: number): Rows =>
      params.values === 'msgpack' ? new MsgpackBatch(size) : new RowBatch(size)
    const engine = await engineByName(name)
    const options = { directory, durability: params.durability }
    await engine.open(options)
    // What making rows leaves behind in the heap is the program's, not the state's.
    await load(new Nothing(), WARM_UP_ROWS, { makeRows })
    const scale = new Scale(engine, params.keys)

    await load(engine, params.keys, { makeRows, afterPiece: (rows) => scale.notePeak(rows) })
    const loaded = scale.weigh('')
    await runUpdates(engine, planOf(params), { makeRows })
    const rewritten = scale.weigh('AfterRewrites')
    const peak = scale.peakRatio === 0 ? {} : { growthPeakRatio: scale.peakRatio }

    const content = await committedContentOf(engine, options)
    await engine.close()
    return {
      figures: { ...loaded, ...peak, ...rewritten },
      content,
      standsFor:
        name === 'lmdb'
          ? 'keeps its rows in a mapped file; what of it is resident is up to the system'
          : engine.standsFor,
    }
  },
}

function planOf(params: Params): UpdatePlan {
  return {
    keys: params.keys,
    batches: Number(params.rewrites),
    batchRows: Number(params.rewriteRows),
    warmUp: 0,
  }
}

/** Takes rows and keeps none. */
class Nothing implements Engine {
  async open(): Promise<void> {}
  async begin(): Promise<void> {}
  put(): void {}
  remove(): void {}
  getView(): undefined {}
  get(): undefined {}
  scan(): void {}
  async commit(): Promise<void> {}
  async close(): Promise<void> {}
}

/** Weighs the process and what the engine says of itself. */
class Scale {
  readonly #engine: Engine
  readonly #keys: number
  readonly #before: NodeJS.MemoryUsage
  /** 0 of engines that do not count. */
  peakRatio = 0

  constructor(engine: Engine, keys: number) {
    this.#engine = engine
    this.#keys = keys
    this.#before = memoryAfterCollection()
  }

  notePeak(rows: number): void {
    const { used, plain } = this.#counted()
    if (used === undefined || plain === undefined || rows < this.#keys / 2) return
    this.peakRatio = Math.max(this.peakRatio, used / plain)
  }

  weigh(when: string): Record<string, number> {
    const now = memoryAfterCollection()
    const resident = now.rss - this.#before.rss
    const { used, plain } = this.#counted()
    const figures: Record<string, number> = { [`resident${when}Bytes`]: resident }
    if (used === undefined || plain === undefined) {
      const outside = now.external - this.#before.external
      figures[`heap${when}Bytes`] = now.heapUsed - this.#before.heapUsed + outside
      return figures
    }
    return {
      [`memoryUsed${when}Bytes`]: used,
      [`memoryUsedPerKey${when}Bytes`]: used / this.#keys,
      [`memoryUsed${when}Ratio`]: used / plain,
      ...figures,
      [`residentOver${when}Bytes`]: resident - used,
    }
  }

  #counted(): { used: number | undefined; plain: number | undefined } {
    return { used: this.#engine.memoryUsedBytes?.(), plain: this.#engine.plainBytes?.() }
  }
}

/** Twice, since what the first collection finalises the second frees. */
function memoryAfterCollection(): NodeJS.MemoryUsage {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage()
}
