// What does a storage cost? Commits of small batches by 1, 8 and 64 partitions at once, and the opening of 800 stores, on local disk, on HDFS
// and on S3.
//
//   commit   each commit beside one bare creation and move of a file of the same size (on S3 one bare PUT), in turns, through the same file manager
//   open     800 stores that were left open are taken over, in the same process but with nothing of theirs in memory: claim, fence, list, load
//
// In the end every store is read back from the storage and must hold what was committed.
//
// Requests are HTTP requests as Node's own diagnostics channel sees them leave; on HDFS the creation of a file is two (NameNode, then DataNode); on S3
// a commit is a PUT and a LIST.

import { setImmediate as turn } from 'node:timers/promises'
import { type StateStore, type StateStoreProvider, StateStores } from '../src/index.ts'
import { bareWrites } from './backends/bare-writes.ts'
import { RequestCount } from './backends/request-count.ts'
import { type BenchStorage, startStorage } from './backends/storages.ts'
import { median, nowMs, quantile } from './harness/figures.ts'
import { inParallel } from './harness/in-parallel.ts'
import type { MeasureContext, Measurement, Missing, Params, Question } from './harness/question.ts'
import { type Content, ContentSum, RowBatch } from './harness/workload.ts'

const STORAGES = ['local', 'hdfs', 's3']
const BATCH_ROWS = 100
const PARTITIONS = [1, 8, 64]
/** What each store of the phase open holds. */
const KEY = Buffer.from('key')
const VALUE = Buffer.from('value')
/** Stores that are read back. */
const READ_AT_ONCE = 8
/** More deltas than any case commits. */
const SNAPSHOT_AT_DELTAS = 1000
/** Of 48 bytes a row, before compression, and the trailer: about what a delta of BATCH_ROWS has. */
const BARE_FILE_BYTES = 5_000

export const backends: Question = {
  name: 'backends',
  title: 'Commits and opens on each storage',

  cases(quick) {
    const commit = (partitions: number): Params => ({
      keys: 0,
      durability: 'os',
      phase: 'commit',
      partitions,
      batchRows: BATCH_ROWS,
      commits: quick ? 2 : Math.max(10, 200 / partitions),
    })
    const open: Params = {
      keys: 0,
      durability: 'os',
      phase: 'open',
      stores: quick ? 8 : 800,
      atOnce: 32,
    }
    const rounds = quick ? 1 : 2
    return [...(quick ? [2] : PARTITIONS).map(commit), open].map((params) => ({
      params,
      engines: STORAGES,
      rounds,
    }))
  },

  oracle(params): Content {
    const sum = new ContentSum()
    if (params.phase === 'commit') {
      for (let partition = 0; partition < Number(params.partitions); partition++) {
        for (let round = 0; round <= Number(params.commits); round++) {
          for (let i = 0; i < BATCH_ROWS; i++) sum.addRow(round * BATCH_ROWS + i, round)
        }
      }
    } else {
      for (let store = 0; store < Number(params.stores); store++) sum.add(KEY, VALUE)
    }
    return sum.content()
  },

  async measure({ engine, params, directory }: MeasureContext): Promise<Measurement | Missing> {
    const storage = await startStorage(engine, directory)
    if ('missing' in storage) return storage
    try {
      return params.phase === 'commit'
        ? await measureCommits(storage, params)
        : await measureOpens(storage, params)
    } finally {
      await storage.end()
    }
  },
}

async function measureCommits(
  { location, files }: BenchStorage,
  params: Params,
): Promise<Measurement> {
  const partitions = Number(params.partitions)
  const commits = Number(params.commits)
  const stores = await openStores(location)
  const providers = providersOf(stores, partitions)
  const bare = await bareWrites(files, partitions, BARE_FILE_BYTES)
  const rows = new RowBatch(BATCH_ROWS)
  const requests = new RequestCount()
  const commitMs: number[] = []
  const bareMs: number[] = []
  let elapsedMs = 0
  let commitRequests = 0
  // The first round claims the stores.
  for (let round = 0; round <= commits; round++) {
    for (let i = 0; i < BATCH_ROWS; i++) rows.set(i, round * BATCH_ROWS + i, round)
    const open = await Promise.all(providers.map((provider) => provider.getStore()))
    for (const store of open)
      for (let i = 0; i < BATCH_ROWS; i++) store.put(rows.keys[i], rows.values[i])
    await turn()
    const isWarm = round > 0
    requests.begin()
    const started = nowMs()
    await Promise.all(
      open.map(async (store) => {
        const before = nowMs()
        await store.commit()
        if (isWarm) commitMs.push(nowMs() - before)
      }),
    )
    if (isWarm) elapsedMs += nowMs() - started
    if (isWarm) commitRequests += requests.end()
    const times = await bare.next()
    if (isWarm) bareMs.push(...times)
  }
  await stores.close()
  requests.close()
  const bareP50Ms = median(bareMs)
  const commitP50Ms = median(commitMs)
  const figures = {
    commitP50Ms,
    commitP99Ms: quantile(commitMs, 0.99),
    commitsPerSecond: (commitMs.length / elapsedMs) * 1000,
    requestsPerCommit: commitRequests / commitMs.length,
    bareWriteP50Ms: bareP50Ms,
    commitByBareRatio: commitP50Ms / bareP50Ms,
  }
  return { figures, content: await storedContent(location, partitions) }
}

/** Read back by stores that have nothing in memory. */
async function storedContent(location: string, count: number): Promise<Content> {
  const stores = await openStores(location)
  const sum = new ContentSum()
  await inParallel(providersOf(stores, count), READ_AT_ONCE, async (provider) => {
    addRows(sum, await provider.getStore())
  })
  await stores.close()
  return sum.content()
}

function addRows(sum: ContentSum, store: StateStore): void {
  const cursor = store.cursor()
  while (cursor.next()) sum.add(cursor.key, cursor.value)
}

async function measureOpens({ location }: BenchStorage, params: Params): Promise<Measurement> {
  const count = Number(params.stores)
  const atOnce = Number(params.atOnce)
  const former = await openStores(location)
  await inParallel(providersOf(former, count), atOnce, async (provider) => {
    const store = await provider.getStore()
    store.put(KEY, VALUE)
    await store.commit()
  })
  const stores = await openStores(location)
  const requests = new RequestCount()
  const openMs: number[] = []
  const opened: StateStore[] = []
  const started = nowMs()
  await inParallel(providersOf(stores, count), atOnce, async (provider) => {
    const before = nowMs()
    const store = await provider.getStore()
    openMs.push(nowMs() - before)
    opened.push(store)
    if (store.version !== 1) throw new Error(`Expected version 1, found ${store.version}`)
  })
  const allMs = nowMs() - started
  const figures = {
    allStoresMs: allMs,
    openP50Ms: median(openMs),
    openP99Ms: quantile(openMs, 0.99),
    requestsPerOpen: requests.end() / count,
  }
  requests.close()
  const sum = new ContentSum()
  for (const store of opened) addRows(sum, store)
  await former.close().catch(() => undefined) // It was fenced.
  await stores.close()
  return { figures, content: sum.content() }
}

async function openStores(location: string): Promise<StateStores> {
  return await StateStores.open(location, {
    durability: 'os',
    maintenanceIntervalMs: 0,
    // Requests of snapshots would count as those of commits.
    forceSnapshotAtDeltas: SNAPSHOT_AT_DELTAS,
  })
}

function providersOf(stores: StateStores, count: number): StateStoreProvider[] {
  return Array.from({ length: count }, (_, partitionId) =>
    stores.provider({ operatorId: 0, partitionId }),
  )
}
