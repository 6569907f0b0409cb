// The stream job, as a user of tidemark writes one. Two operators of four partitions each, so eight state stores:
//
//   operator 0   drops flights seen before: same date, origin, destination and delay      flight key → nothing
//   operator 1   keeps count, sum and maximum of the delays and the last flight by route   route key → RouteStats
//
// Batch b opens every store at version b, reads the rows that follow the position found there, applies them, and commits version b + 1 of every
// store with the position behind the batch as `progress`: state and position change in one file, or not at all.
//
// After a crash some stores may hold the batch that was being committed and others not. All of them are opened at the smallest version, and the
// batch runs again on exactly what it ran on before, so operator 1 gets the same input as the first time. A store that had committed it makes the
// same changes to the same parent: the engine sees that the version is there already and writes nothing. Nothing is counted twice, nothing is lost.
// That needs a source that gives the same rows for the same positions, and a batch that ends where it ended before, whatever `batchRows` is now: a
// store that is ahead tells where.

import type { CommitOptions, StateStore, StateStoreProvider, StateStores } from 'tidemark'
import {
  decodeRouteStats,
  type Flight,
  FlightKeyEncoder,
  RouteKeyEncoder,
  type RouteStats,
  RouteStatsEncoder,
} from './flight.ts'
import type { FlightSource } from './input.ts'
import type { JobEvent } from './job-event.ts'
import { partitionOf, PARTITIONS } from './routing.ts'

export const DEDUPLICATION = 0
export const ROUTES = 1

/** Committed with every version. No clock in it: a batch that runs again must commit the same. */
export interface Progress {
  /** The first row of the source that is not in this version. */
  row: number
}

export interface JobOptions {
  stores: StateStores
  source: FlightSource
  /** Stop behind this row of the source. */
  rows: number
  batchRows: number
  report: (event: JobEvent) => void
}

export async function runJob({ stores, source, rows, batchRows, report }: JobOptions) {
  const providers = providersOf(stores)
  const versions = await Promise.all(providers.map((provider) => provider.latestVersion()))
  const firstBatch = Math.min(...versions)
  const aheadCount = versions.filter((version) => version > firstBatch).length
  report({ type: 'started', batch: firstBatch, aheadCount, storeCount: providers.length })
  const ahead = providers.find((_, i) => versions[i] > firstBatch)
  let replayEnd = ahead && (await rowAt(ahead, firstBatch + 1))

  for (let batch = firstBatch; ; batch++) {
    report({ type: 'phase', batch, phase: 'open' })
    const open = await Promise.all(providers.map((provider) => provider.getStore(batch)))
    const row = positionOf(open)
    if (row > rows) throw new RangeError(`The checkpoint is at row ${row}, past ${rows}`)

    const end = replayEnd ?? Math.min(row + batchRows, rows)
    if (end > rows)
      throw new RangeError(`The batch that runs again ends at row ${end}, past ${rows}`)
    replayEnd = undefined
    const flights = await source.read(row, end)
    if (flights.length === 0) {
      await Promise.all(open.map((store) => store.abort()))
      return
    }
    report({ type: 'phase', batch, phase: 'apply' })
    const deduplication = open.slice(0, PARTITIONS)
    const routes = open.slice(PARTITIONS)
    apply(flights, deduplication, routes)

    const progress: Progress = { row: row + flights.length }
    // Every store holds version `batch`, or this batch could not have begun: nobody will ever ask to undo it.
    const commit = { progress, committedThrough: batch }
    report({ type: 'phase', batch, phase: 'commit deduplication' })
    const commitMs = await commitAll(deduplication, commit)
    report({ type: 'phase', batch, phase: 'commit routes' })
    commitMs.push(...(await commitAll(routes, commit)))
    report({ type: 'committed', batch, row: progress.row, rowCount: flights.length, commitMs })
  }
}

/** The eight stores: those of the deduplication first, each in the order of its partitions. */
export function providersOf(stores: StateStores): StateStoreProvider[] {
  return [DEDUPLICATION, ROUTES].flatMap((operatorId) =>
    Array.from({ length: PARTITIONS }, (_, partitionId) =>
      stores.provider({ operatorId, partitionId }),
    ),
  )
}

/** The row up to which a version of a store goes. */
async function rowAt(provider: StateStoreProvider, version: number): Promise<number> {
  const store = await provider.getReadStore(version)
  try {
    return (store.progress as Progress).row
  } finally {
    await store.release()
  }
}

/** Where the source goes on. It is what the stores say: the job remembers nothing elsewhere. */
function positionOf(open: readonly StateStore[]): number {
  const rows = open.map((store) => (store.progress as Progress | undefined)?.row ?? 0)
  // Cannot happen unless somebody else wrote here: version b holds the first b batches in every store.
  if (rows.some((row) => row !== rows[0])) {
    throw new Error(`Expected all stores at one source position, found rows ${rows.join(', ')}`)
  }
  return rows[0]
}

/** Runs the batch through both operators, flight by flight in the order of arrival. */
function apply(
  flights: readonly Flight[],
  deduplication: readonly StateStore[],
  routes: readonly StateStore[],
): void {
  const flightKeys = new FlightKeyEncoder()
  const routeKeys = new RouteKeyEncoder()
  const statsEncoder = new RouteStatsEncoder()

  for (const flight of flights) {
    const flightKey = flightKeys.encode(flight)
    const seen = deduplication[partitionOf(flightKey)]
    if (seen.has(flightKey)) continue
    seen.put(flightKey, NOTHING)

    const routeKey = routeKeys.encode(flight)
    const store = routes[partitionOf(routeKey)]
    const value = store.getView(routeKey)
    const stats = withFlight(value && decodeRouteStats(value), flight)
    store.put(routeKey, statsEncoder.encode(stats))
  }
}

const NOTHING = new Uint8Array(0)

/** What the job keeps of a route, once a flight more has come. */
export function withFlight(stats: RouteStats | undefined, flight: Flight): RouteStats {
  return {
    count: (stats?.count ?? 0) + 1,
    sumDelays: (stats?.sumDelays ?? 0) + flight.delay,
    maxDelay: Math.max(stats?.maxDelay ?? flight.delay, flight.delay),
    lastMinute: flight.minute,
    lastDelay: flight.delay,
    lastDistance: flight.distance,
  }
}

/** Commits the stores of one operator at once. Returns how long each took, milliseconds. */
async function commitAll(stores: readonly StateStore[], options: CommitOptions): Promise<number[]> {
  const startMs = performance.now()
  return await Promise.all(
    stores.map(async (store) => {
      await store.commit(options)
      return performance.now() - startMs
    }),
  )
}
