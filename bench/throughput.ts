// How many updates a second, batch by batch, each with its published delta? 10,000 updates of random keys a batch. rowsPerSecond is over the
// whole run, pauses included (garbage collection, the compactions of an LSM tree); batchMs is the median batch.

import { engineByName } from './compare/engines.ts'
import { committedContentOf } from './harness/content-of.ts'
import { mean, median, quantile } from './harness/figures.ts'
import { load } from './harness/load.ts'
import type { MeasureContext, Measurement, Params, Question } from './harness/question.ts'
import { contentAfterUpdates, runUpdates, type UpdatePlan } from './harness/update-batches.ts'
import type { Content } from './harness/workload.ts'

const BATCH_ROWS = 10_000

/** The same engine, its snapshots and its cleaning beside the batches. */
const MAINTAINED = 'tidemark-maintained'

const LIBRARIES = [
  'js-map',
  'js-map-copied',
  'lmdb',
  'lmdb-defaults',
  'lmdb-delta',
  'classic-level',
  'classic-level-delta',
  'sqlite',
  'slatedb',
]
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
        {
          params: { ...params(20_000, 3, 1), batchRows: 2_000 },
          engines: ['tidemark', MAINTAINED, ...LIBRARIES, 'spark-hdfs'],
          rounds: 1,
        },
      ]
    }
    return [
      {
        params: params(1_000_000, 100, 10),
        engines: ['tidemark', MAINTAINED, ...LIBRARIES, ...SPARK],
        rounds: 3,
        once: [
          'js-map-copied',
          'lmdb-delta',
          'sqlite',
          'slatedb',
          'spark-rocksdb',
          'spark-rocksdb-changelog',
        ],
      },
      {
        params: params(5_000_000, 50, 5),
        engines: [
          'tidemark',
          MAINTAINED,
          'js-map',
          'lmdb',
          'classic-level',
          'classic-level-delta',
          'spark-hdfs',
        ],
        rounds: 2,
        once: ['lmdb'],
      },
    ]
  },

  oracle(params): Content {
    return contentAfterUpdates(planOf(params))
  },

  async measure({ engine: name, params, directory }: MeasureContext): Promise<Measurement> {
    const engine = await engineByName(name)
    const options = { directory, durability: params.durability }
    await engine.open(options)
    await load(engine, params.keys)

    const { opens, puts, commits } = await runUpdates(engine, planOf(params))
    const batches = opens.map((open, i) => open + puts[i] + commits[i])
    const content = await committedContentOf(engine, options)
    await engine.close()
    return {
      figures: {
        batchMs: median(batches),
        batchWorstMs: quantile(batches, 1),
        openMs: median(opens),
        putsMs: median(puts),
        commitMs: median(commits),
        rowsPerSecond: (Number(params.batchRows) / mean(batches)) * 1000,
      },
      content,
      standsFor: engine.standsFor,
    }
  },
}

function planOf(params: Params): UpdatePlan {
  const warmUp = Number(params.warmUp)
  return {
    keys: params.keys,
    batches: warmUp + Number(params.batches),
    batchRows: Number(params.batchRows),
    warmUp,
  }
}
