// How many updates a second, batch by batch, each with its published delta? 10,000 updates of random keys a batch.

import { engineByName } from './compare/engines.ts'
import { contentOf } from './harness/content-of.ts'
import { median, nowMs, quantile } from './harness/figures.ts'
import { load, LOAD_STAMP } from './harness/load.ts'
import type { MeasureContext, Measurement, Params, Question } from './harness/question.ts'
import { type Content, Oracle, Random, RowBatch } from './harness/workload.ts'

const BATCH_ROWS = 10_000
const RANDOM_SEED = 1

const LIBRARIES = ['js-map', 'js-map-copied', 'lmdb', 'classic-level', 'sqlite', 'slatedb']
const SPARK = ['spark-hdfs', 'spark-rocksdb', 'spark-rocksdb-changelog']

export const throughput: Question = {
  name: 'throughput',
  title: 'Whole batches: open, 10,000 random updates, commit with a published lz4 delta',

  cases(quick) {
    const params = (keys: number, batches: number, warmUp: number): Params => ({
      keys,
      durability: 'os',
      batches,
      warmUp,
      batchRows: BATCH_ROWS,
    })
    if (quick) {
      return [
        { params: params(20_000, 3, 1), engines: ['tidemark', ...LIBRARIES, ...SPARK], rounds: 1 },
      ]
    }
    return [
      {
        params: params(1_000_000, 40, 10),
        engines: ['tidemark', ...LIBRARIES, ...SPARK],
        rounds: 3,
      },
      {
        params: params(5_000_000, 20, 5),
        engines: ['tidemark', 'js-map', 'lmdb', 'classic-level', ...SPARK],
        rounds: 2,
      },
    ]
  },

  oracle(params): Content {
    const oracle = new Oracle(params.keys)
    for (let n = 0; n < params.keys; n++) oracle.put(n, LOAD_STAMP)
    forEachUpdate(params, (n, stamp) => oracle.put(n, stamp))
    return oracle.content()
  },

  async measure({ engine: name, params, directory }: MeasureContext): Promise<Measurement> {
    const engine = await engineByName(name)
    await engine.open({ directory, durability: params.durability })
    await load(engine, params.keys)

    const opens: number[] = []
    const puts: number[] = []
    const commits: number[] = []
    const batch = new RowBatch(Number(params.batchRows))
    const total = Number(params.warmUp) + Number(params.batches)
    const random = new Random(RANDOM_SEED)
    for (let b = 0; b < total; b++) {
      for (let i = 0; i < batch.size; i++) batch.set(i, random.below(params.keys), b + 2)
      const started = nowMs()
      await engine.begin()
      const opened = nowMs()
      for (let i = 0; i < batch.size; i++) engine.put(batch.keys[i], batch.values[i])
      const changed = nowMs()
      await engine.commit()
      const committed = nowMs()
      if (b < Number(params.warmUp)) continue
      opens.push(opened - started)
      puts.push(changed - opened)
      commits.push(committed - changed)
    }
    const batches = opens.map((open, i) => open + puts[i] + commits[i])
    const content = await contentOf(engine)
    await engine.close()
    return {
      figures: {
        batchMs: median(batches),
        batchWorstMs: quantile(batches, 1),
        openMs: median(opens),
        putsMs: median(puts),
        commitMs: median(commits),
        rowsPerSecond: (batch.size / median(batches)) * 1000,
      },
      content,
      standsFor: engine.standsFor,
    }
  },
}

function forEachUpdate(params: Params, visit: (n: number, stamp: number) => void): void {
  const random = new Random(RANDOM_SEED)
  const total = Number(params.warmUp) + Number(params.batches)
  for (let b = 0; b < total; b++) {
    for (let i = 0; i < Number(params.batchRows); i++) visit(random.below(params.keys), b + 2)
  }
}
