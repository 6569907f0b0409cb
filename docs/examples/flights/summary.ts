// What a person sees at the end: what the job cost, what lies on disk, and the answer it was written for, now and ten versions ago.

import type { CheckpointFileManager, StateStores } from 'tidemark'
import { decodeRouteKey, decodeRouteStats } from './flight.ts'
import type { JobRunner } from './job-runner.ts'
import { ROUTES } from './job.ts'
import { grouped } from './progress-display.ts'
import { PARTITIONS } from './routing.ts'

const ROUTES_SHOWN = 5
/** The mean of fewer flights says little about a route. */
const ROUTE_FLIGHTS_MIN = 20
const VERSIONS_BACK = 10

export function showRun(run: JobRunner): void {
  if (run.rowCount === 0) {
    print('rows', 'none were left to do')
    return
  }
  const seconds = run.elapsedMs / 1000
  const rate = grouped(Math.round(run.rowCount / seconds))
  const commits = run.commitMs.toSorted((a, b) => a - b)
  const [p50, p99] = [50, 99].map((percent) => percentile(commits, percent).toFixed(1))
  print(
    'rows',
    `${grouped(run.rowCount)} in ${seconds.toFixed(1)} s, ${rate} rows/s, restarts included`,
  )
  print('kills', `${run.killCount}; ${run.replayedCount} of the batches had to run again`)
  print(
    'recognised',
    `${run.aheadCount} stores had committed such a batch, and did not take it twice`,
  )
  print('commits', `${grouped(commits.length)}, latency p50 ${p50} ms, p99 ${p99} ms`)
}

/** The nearest-rank percentile of numbers in rising order. */
function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1]
}

/** Counts the files that hold state: <version>.delta and <version>.snapshot below state/. */
export async function showFiles(files: CheckpointFileManager, version: number): Promise<void> {
  const sizes: Record<string, number[]> = { delta: [], snapshot: [] }
  let oldest = version
  const folders = ['state']
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const { name, type, sizeBytes } of (await files.list(folder)) ?? []) {
      if (type === 'directory') folders.push(`${folder}/${name}`)
      const file = /^(\d+)\.(delta|snapshot)$/.exec(name)
      if (!file) continue
      sizes[file[2]].push(sizeBytes)
      oldest = Math.min(oldest, Number(file[1]))
    }
  }
  print('versions', `newest ${version}, one per batch and store; files go back to ${oldest}`)
  print('deltas', sizesText(sizes.delta))
  print('snapshots', sizesText(sizes.snapshot))
}

function sizesText(sizes: readonly number[]): string {
  if (sizes.length === 0) return 'none'
  const total = sizes.reduce((sum, size) => sum + size, 0)
  return `${grouped(sizes.length)} files, ${megabytes(total)}, ${megabytes(Math.max(...sizes))} the largest`
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`
}

export async function showDelays(stores: StateStores, version: number): Promise<void> {
  const before = Math.max(1, version - VERSIONS_BACK)
  await showDelaysAt(stores, version, `now (version ${version})`)
  if (before < version) {
    await showDelaysAt(stores, before, `${version - before} versions ago (version ${before})`)
  }
}

async function showDelaysAt(stores: StateStores, version: number, when: string): Promise<void> {
  console.log(
    `\nThe most delayed routes ${when}, mean delay of at least ${ROUTE_FLIGHTS_MIN} flights:`,
  )
  for (const { route, mean, count, max } of await mostDelayed(stores, version)) {
    const columns = [
      route,
      mean.toFixed(1).padStart(7),
      String(count).padStart(7),
      String(max).padStart(6),
    ]
    console.log(
      `  ${columns[0]}${columns[1]} min${columns[2]} flights, the worst${columns[3]} min late`,
    )
  }
}

async function mostDelayed(stores: StateStores, version: number) {
  const routes: { route: string; mean: number; count: number; max: number }[] = []
  for (let partitionId = 0; partitionId < PARTITIONS; partitionId++) {
    const store = await stores.provider({ operatorId: ROUTES, partitionId }).getReadStore(version)
    for (const [key, value] of store.entries()) {
      const { origin, destination } = decodeRouteKey(key)
      const { count, sumDelays, maxDelay } = decodeRouteStats(value)
      if (count < ROUTE_FLIGHTS_MIN) continue
      routes.push({
        route: `${origin} → ${destination}`,
        mean: sumDelays / count,
        count,
        max: maxDelay,
      })
    }
    await store.release()
  }
  return routes.sort((a, b) => b.mean - a.mean).slice(0, ROUTES_SHOWN)
}

export function print(label: string, text: string): void {
  console.log(`${label.padEnd(12)}${text}`)
}
