// How fast is the in-memory map, and how much memory does it take over the raw bytes? 16-byte keys, 32-byte values, batches of 10,000.
//
//   node bench/micro/map.ts [--keys 1000000] [--commits 100]
//
// Prints one JSON line. The rewriting part changes a tenth of all keys per commit with two versions held.

import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { VersionedMap } from '../../src/map/versioned-map.ts'

const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' },
    commits: { type: 'string', default: '100' },
  },
})
const keyCount = Number(values.keys)
const commits = Number(values.commits)
const BATCH = 10_000
const RAW_BYTES = 48

const keyWords = new Uint32Array(4)
const key = new Uint8Array(keyWords.buffer)
const valueWords = new Uint32Array(8)
const value = new Uint8Array(valueWords.buffer)

/** The n-th key: spread out, so that neither map nor cache profits from counting up. */
function setKey(n: number): void {
  const mixed = Math.imul(n ^ (n >>> 15), 0x2c1b3c6d) >>> 0
  keyWords[0] = mixed
  keyWords[1] = n
  keyWords[3] = mixed ^ n
}

/** A number below keyCount, from a small generator (the same in every run). */
let state = 12345
function randomKeyNumber(): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return Math.floor((state / 2 ** 32) * keyCount)
}

function nsPer(count: number, work: () => void): number {
  const start = process.hrtime.bigint()
  work()
  return Math.round(Number(process.hrtime.bigint() - start) / count)
}

const map = new VersionedMap({ hashSeed: new Uint8Array([3, 1, 4, 1, 5, 9, 2, 6]) })

function commitNext(): void {
  const version = map.newestVersion + 1
  map.commit(version)
  while (map.versions.length > 2) map.release(map.versions[0])
}

const load = nsPer(keyCount, () => {
  for (let n = 0; n < keyCount; n += BATCH) {
    map.begin()
    for (let i = n; i < Math.min(n + BATCH, keyCount); i++) {
      setKey(i)
      valueWords[0] = i
      map.put(key, value)
    }
    commitNext()
  }
})
const memoryRatioLoaded = map.memoryUsedBytes / (keyCount * RAW_BYTES)

const samples = Math.min(1_000_000, keyCount)
let sum = 0
const get = nsPer(samples, () => {
  for (let i = 0; i < samples; i++) {
    setKey(randomKeyNumber())
    sum += map.get(key)!.length
  }
})
const getView = nsPer(samples, () => {
  for (let i = 0; i < samples; i++) {
    setKey(randomKeyNumber())
    sum += map.getView(key)!.length
  }
})
const miss = nsPer(samples, () => {
  for (let i = 0; i < samples; i++) {
    setKey(keyCount + i)
    if (map.has(key)) sum++
  }
})
const cursorLengths = nsPer(keyCount, () => {
  const cursor = map.cursor()
  while (cursor.next()) sum += cursor.keyLength + cursor.valueLength
})
const cursorViews = nsPer(keyCount, () => {
  const cursor = map.cursor()
  while (cursor.next()) sum += cursor.key[0] + cursor.value[0]
})

let compactNs = 0
let movedBytes = 0
let memoryRatioMax = 0
let worstCallNs = 0
const changed = Math.floor(keyCount / 10)
const update = nsPer(commits * changed, () => {
  for (let c = 0; c < commits; c++) {
    for (let done = 0; done < changed; done += BATCH) {
      if (done === 0) map.begin()
      for (let i = 0; i < Math.min(BATCH, changed - done); i++) {
        setKey(randomKeyNumber())
        valueWords[0] = i
        map.put(key, value)
      }
    }
    const written = map.transactionBytes
    const start = process.hrtime.bigint()
    commitNext()
    movedBytes += map.compactSlice(2 * written)
    const took = Number(process.hrtime.bigint() - start)
    compactNs += took
    worstCallNs = Math.max(worstCallNs, took)
    memoryRatioMax = Math.max(memoryRatioMax, map.memoryUsedBytes / (keyCount * RAW_BYTES))
  }
})

console.log(
  JSON.stringify({
    node: process.version,
    cpu: cpus()[0]?.model,
    keyCount,
    ns: { load, get, getView, miss, cursorLengths, cursorViews, update },
    ofUpdateCommitNs: Math.round(compactNs / (commits * changed)),
    commitWorstMs: Math.round(worstCallNs / 1e6),
    movedBytes,
    memoryRatio: {
      loaded: Number(memoryRatioLoaded.toFixed(2)),
      afterRewrites: Number((map.memoryUsedBytes / (keyCount * RAW_BYTES)).toFixed(2)),
      highest: Number(memoryRatioMax.toFixed(2)),
    },
    sum,
  }),
)
