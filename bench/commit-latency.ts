// Does a small commit stay small when the state is large? 1,000 updates of random keys a commit, against states from 10,000 to 10 M keys.
//
// Per commit: the open of the last version, the 1,000 puts, and the commit() call with its published delta. No engine writes a snapshot
// meanwhile (tidemark's and Spark's are theirs to write at another time; the question `interference` is about them).
// However large the state, so many commits lie behind the first that is timed, those of the load among them: code is as compiled at 10,000 keys as at
// 10 M. Between the load and the first commit the disk is given time to take what the load has left (every file is synced), for all engines.
// 'fsync' only where it means something: Spark's HDFS provider does not sync what it writes to a local disk.

import { engineByName } from './compare/engines.ts'
import { committedContentOf } from './harness/content-of.ts'
import { median, quantile } from './harness/figures.ts'
import { load, LOAD_BATCH_ROWS } from './harness/load.ts'
import type { Case, MeasureContext, Measurement, Params, Question } from './harness/question.ts'
import { settleDisk } from './harness/settle-disk.ts'
import { contentAfterUpdates, runUpdates, type UpdatePlan } from './harness/update-batches.ts'
import type { Content } from './harness/workload.ts'

const CHANGES = 1000
/** Of the load and the warm-up together. */
const COMMITS_BEFORE = 120

const LIBRARIES = ['lmdb', 'classic-level', 'sqlite']
/** Once at all sizes: the first is what the last is measured by. */
const OTHERS = [...LIBRARIES, 'spark-hdfs', 'spark-rocksdb-changelog']
const EVERYONE = ['tidemark', ...OTHERS]

export const commitLatency: Question = {
  name: 'commit-latency',
  title: '1,000 updates a commit: open, puts and commit() against the size of the state',

  cases(quick) {
    const params = (
      keys: number,
      durability: 'os' | 'fsync',
      commits: number,
      before = COMMITS_BEFORE,
    ): Params => {
      const warmUp = before - Math.ceil(keys / LOAD_BATCH_ROWS)
      return { keys, durability, changes: CHANGES, commits, warmUp }
    }
    if (quick) {
      return [
        {
          params: params(10_000, 'os', 10, 3),
          engines: ['tidemark', ...LIBRARIES],
          rounds: 1,
        },
        { params: params(10_000, 'fsync', 10, 3), engines: ['tidemark', 'sqlite'], rounds: 1 },
      ]
    }
    const cases: Case[] = []
    for (const keys of [10_000, 100_000, 1_000_000]) {
      cases.push({
        params: params(keys, 'os', 100),
        engines: EVERYONE,
        rounds: 3,
        once: OTHERS,
      })
    }
    for (const keys of [10_000, 1_000_000]) {
      const engines = ['tidemark', ...LIBRARIES]
      cases.push({ params: params(keys, 'fsync', 100), engines, rounds: 2, once: LIBRARIES })
    }
    // Spark copies the whole map at each open: fewer commits, and once.
    for (const keys of [5_000_000, 10_000_000]) {
      const engines = ['tidemark', 'spark-hdfs']
      cases.push({
        params: params(keys, 'os', 40),
        engines,
        rounds: 3,
        once: OTHERS,
      })
    }
    return cases
  },

  oracle(params): Content {
    return contentAfterUpdates(planOf(params))
  },

  async measure({ engine: name, params, directory }: MeasureContext): Promise<Measurement> {
    const engine = await engineByName(name)
    const options = { directory, durability: params.durability }
    await engine.open(options)
    await load(engine, params.keys)
    await settleDisk(directory)
    const { opens, puts, commits } = await runUpdates(engine, planOf(params))
    const content = await committedContentOf(engine, options)
    await engine.close()
    return {
      figures: {
        ...quantiles('open', opens),
        ...quantiles('puts', puts),
        ...quantiles('commit', commits),
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
    batches: warmUp + Number(params.commits),
    batchRows: Number(params.changes),
    warmUp,
  }
}

function quantiles(name: string, samples: readonly number[]): Record<string, number> {
  return {
    [`${name}P50Ms`]: median(samples),
    [`${name}P99Ms`]: quantile(samples, 0.99),
    [`${name}WorstMs`]: quantile(samples, 1),
  }
}
