// A stream job end to end, with a checkpoint each batch: how many rows a second, and how long does a checkpoint take? Two jobs, in bench/stream/:
//
//   flights   docs/examples/flights: three million flights, deduplicated, then aggregated by route
//   bids      after Nexmark: three million bids, counted per auction and window, windows dropped at the watermark
//
// Timed is the whole job, source in memory to last checkpoint, what runs in the background included. All have the same input, the same batches and
// the same durability. js-map-json keeps plain objects and writes them all at each checkpoint; the others keep bytes, js-map-delta in a JS Map too, with
// the delta files of tidemark.

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { median, nowMs, quantile } from './harness/figures.ts'
import { PARTITIONS } from '../docs/examples/flights/routing.ts'
import type { Durability } from '../src/index.ts'
import type { MeasureContext, Measurement, Params, Question } from './harness/question.ts'
import type { Content } from './harness/workload.ts'
import { BidsOnBytes, BidsOnMap, bidsOracle } from './stream/bids-job.ts'
import { BidSource } from './stream/bid-source.ts'
import type { BytesState } from './stream/bytes-state.ts'
import { FlightColumns } from './stream/flight-columns.ts'
import { FlightsOnBytes, FlightsOnMap, flightsOracle } from './stream/flights-job.ts'
import type { EventSource, StreamJob } from './stream/job.ts'

type JobName = 'flights' | 'bids'

const ENGINES = ['tidemark', 'lmdb', 'classic-level', 'js-map-delta', 'js-map-json']
const ROWS = 3_000_000
const BATCH_ROWS = 30_000
/** Whatever the file system's own are. */
const STAT_BLOCK_BYTES = 512

export const stream: Question = {
  name: 'stream',
  title: 'A stream job end to end, a checkpoint each batch',

  cases(quick) {
    const params = (job: JobName, durability: Durability): Params => ({
      keys: 0,
      durability,
      job,
      rows: quick ? 8_000 : ROWS,
      batchRows: quick ? 2_000 : BATCH_ROWS,
      // Of event time: three million make ten windows, and eight thousand a few.
      ...(job === 'bids' && { bidsPerSecond: quick ? 100 : 10_000 }),
    })
    return [
      {
        params: params('flights', 'os'),
        engines: ENGINES,
        rounds: quick ? 1 : 2,
        once: ['classic-level', 'js-map-json'],
      },
      {
        params: params('flights', 'fsync'),
        engines: ENGINES,
        rounds: 1,
      },
      {
        params: params('bids', 'os'),
        engines: ENGINES,
        rounds: quick ? 1 : 2,
        once: ['classic-level', 'js-map-json'],
      },
    ]
  },

  oracle(params): Content | Promise<Content> {
    const { job, rows, batchRows } = params
    if (job === 'flights') return flightsOracle(Number(rows))
    return bidsOracle(bidSourceOf(params), Number(rows), Number(batchRows))
  },

  async measure(context: MeasureContext): Promise<Measurement> {
    const { engine, params } = context
    const state =
      engine === 'js-map-json' ? undefined : await bytesStateOf(engine, params.job as JobName)
    if (params.job === 'flights') {
      const source = await FlightColumns.load(Number(params.rows))
      return await run(context, source, state ? new FlightsOnBytes(state) : new FlightsOnMap())
    }
    return await run(context, bidSourceOf(params), state ? new BidsOnBytes(state) : new BidsOnMap())
  },
}

function bidSourceOf({ bidsPerSecond }: Params): BidSource {
  return new BidSource(Number(bidsPerSecond))
}

/** Loaded on demand: an engine's process holds that engine alone. */
async function bytesStateOf(engine: string, job: JobName): Promise<BytesState> {
  switch (engine) {
    case 'tidemark':
      return new (await import('./stream/bytes-state-tidemark.ts')).TidemarkBytesState(
        job === 'flights' ? PARTITIONS : 1,
      )
    case 'lmdb':
      return new (await import('./stream/bytes-state-lmdb.ts')).LmdbBytesState()
    case 'js-map-delta':
      return new (await import('./stream/bytes-state-js-map.ts')).JsMapBytesState()
    case 'classic-level':
      return new (await import('./stream/bytes-state-classic-level.ts')).ClassicLevelBytesState()
    default:
      throw new RangeError(`Expected one of ${ENGINES.join(', ')}, got ${engine}`)
  }
}

async function run<Event>(
  { params, directory }: MeasureContext,
  source: EventSource<Event>,
  job: StreamJob<Event>,
): Promise<Measurement> {
  const rows = Number(params.rows)
  const batchRows = Number(params.batchRows)
  const commits: number[] = []
  await job.open({ directory, durability: params.durability })

  const started = nowMs()
  for (let row = 0; row < rows; row += batchRows) {
    const end = Math.min(row + batchRows, rows)
    commits.push(await job.batch(source.read(row, end), end))
  }
  const jobMs = nowMs() - started

  // What a restart would find.
  await job.close()
  await job.open({ directory, durability: params.durability })
  const content = await job.content()
  await job.close()
  return {
    figures: {
      rowsPerSecond: (rows / jobMs) * 1000,
      jobMs,
      commitP50Ms: median(commits),
      commitP99Ms: quantile(commits, 0.99),
      checkpointBytes: await sizeOf(directory),
    },
    content,
    standsFor: job.standsFor,
  }
}

/** All files in it: what lies there in the end, not what was written. Of a file with holes, as lmdb's map is, what is allocated. */
async function sizeOf(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const sizes = await Promise.all(
    files.map(async (file) => {
      const { size, blocks } = await stat(join(file.parentPath, file.name))
      return Math.min(size, blocks * STAT_BLOCK_BYTES)
    }),
  )
  return sizes.reduce((total, size) => total + size, 0)
}
