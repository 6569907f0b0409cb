// What is refused for want of memory has changed nothing, and nothing is refused for which there is memory somewhere.

import { expect, test } from 'vitest'
import { isStateStoreError } from '../../../src/errors.ts'
import type { VersionedMap } from '../../../src/map/versioned-map.ts'
import { commitNext, newMap, numberKey, putMany } from '../../support/arena-map.ts'

/** How many times `change` can be done, 0 first. */
function countUntilRefused(change: (n: number) => void): number {
  for (let n = 0; ; n++) {
    try {
      change(n)
    } catch (error) {
      if (!isStateStoreError(error, 'TIDEMARK_MEMORY_LIMIT')) throw error
      return n
    }
  }
}

function numbersIn(map: VersionedMap): number[] {
  const numbers: number[] = []
  for (const cursor = map.cursor(); cursor.next();) numbers.push(cursor.key[0])
  return numbers.sort((a, b) => a - b)
}

/** Spare memory that stands for a system that has only small buffers while it is short. */
function systemMemory() {
  const system = { isShort: false }
  const take = (bytes: number): undefined => {
    if (system.isShort && bytes > 512) throw new RangeError('Array buffer allocation failed')
  }
  return { system, spare: { take, give: () => undefined } }
}

test.each(['limit', 'system'])(
  'after a refusal records are written where a walk over the arena meets them (%s)',
  (by) => {
    const { system, spare } = systemMemory()
    const limit = by === 'limit' ? { memoryBytesMax: 512 + 1024 + 600 } : { spare }
    const map = newMap({ segmentBytesMax: 1024, ...limit })
    const key = (n: number) => Uint8Array.of(n, 0, 0, 0)
    const put = (n: number, size = 44) => map.put(key(n), new Uint8Array(size).fill(n))
    const commitNewest = (change: () => void) => {
      map.begin()
      change()
      map.commit(map.newestVersion + 1)
      map.release(map.versions[0])
    }
    commitNewest(() => {
      for (let n = 0; n < 15; n++) put(n)
    })
    commitNewest(() => [3, 5].forEach((n) => map.remove(key(n))))
    // Goes where 3 was; the traces of the removals after it where 5 was, so that the hole ends where 6 lies.
    commitNewest(() => put(20))
    commitNewest(() => [4, 6].forEach((n) => map.remove(key(n))))
    map.begin()
    system.isShort = true
    expect(countUntilRefused(() => put(22, 600))).toBe(0)
    const memoryUsedBytes = map.memoryUsedBytes
    expect(countUntilRefused(() => put(22, 600))).toBe(0)
    expect(map.memoryUsedBytes).toBe(memoryUsedBytes)
    put(23)
    expect(numbersIn(map)).toContain(23)
    put(24, 108)
    put(25)
    expect([23, 24, 25].map((n) => map.get(key(n))?.[0])).toEqual([23, 24, 25])
    map.commit(map.newestVersion + 1)
    expect(numbersIn(map)).toHaveLength(map.keyCount)
  },
)

test.each([64, 552, 1101])('a load finds room for as many rows as puts do, in %i KiB', (kib) => {
  const options = { memoryBytesMax: kib * 1024 }
  const [putting, loading] = [newMap(options), newMap(options)]
  putting.begin()
  loading.begin()
  const row = new DataView(new ArrayBuffer(204))
  const [key, value] = [new Uint8Array(row.buffer, 0, 4), new Uint8Array(row.buffer, 4)]
  const puts = countUntilRefused((n) => {
    row.setInt32(0, n)
    putting.put(key, value)
  })
  const loads = countUntilRefused((n) => {
    row.setInt32(0, n)
    loading.putAt(row, 0, 4, 4, 200)
  })
  expect(loads).toBe(puts)
  expect(loading.keyCount).toBe(puts)
})

test('a removal in a load finds the room that waiting puts hold', () => {
  const row = new DataView(new ArrayBuffer(216))
  const keys = Array.from({ length: 40 }, (_, n) => numberKey(n))
  // An index of 1 MiB, four lanes of 32 KiB, and 64 KiB of records, which end somewhere here, with a put or with a removal.
  for (let rows = 240; rows < 290; rows++) {
    const map = newMap({ memoryBytesMax: (1024 + 128 + 64 + 10) * 1024, expectedKeys: 90_000 })
    commitNext(map, () => putMany(map, 0, keys.length, 100))
    map.begin()
    for (let n = 0; n < rows; n++) {
      // Each key twice: the second is looked up when it is linked, and is too long for the place of the first.
      row.setInt32(8, 1_000 + (n >> 1))
      map.putAt(row, 0, 16, 16, n % 2 === 0 ? 192 : 200)
    }
    for (const key of keys) expect(map.remove(key)).toBe(true)
    expect(map.keyCount).toBe(Math.ceil(rows / 2))
    expect(keys.some((key) => map.has(key))).toBe(false)
    for (let n = 0; n < rows / 2; n++) expect(map.has(numberKey(1_000 + n))).toBe(true)
  }
})

test('the free space of a segment half evacuated is used before anything is refused', () => {
  const rowsThatFit = (compacts: boolean) => {
    const map = newMap({ segmentBytesMax: 64 * 1024, memoryBytesMax: 700 * 1024 })
    commitNext(map, () => putMany(map, 0, 2_000, 200))
    commitNext(map, () => {
      for (let n = 0; n < 2_000; n++) if (n % 4 !== 0) map.remove(numberKey(n))
    })
    commitNext(map, () => undefined)
    commitNext(map, () => undefined)
    if (compacts) expect(map.compactSlice(1)).toBeGreaterThan(0)
    map.begin()
    return countUntilRefused((n) => map.put(numberKey(5_000 + n), new Uint8Array(200)))
  }
  expect(rowsThatFit(true)).toBeGreaterThanOrEqual(rowsThatFit(false))
})

test('a load goes on where the system has no memory for lanes', () => {
  const { system, spare } = systemMemory()
  const map = newMap({ spare })
  commitNext(map, () => putMany(map, 0, 1_000, 20))
  map.begin()
  system.isShort = true
  const row = new DataView(new ArrayBuffer(24))
  expect(
    countUntilRefused((n) => {
      row.setInt32(0, 5_000 + n)
      map.putAt(row, 0, 4, 4, 20)
    }),
  ).toBeGreaterThan(0)
  map.abort()
  expect(map.keyCount).toBe(1_000)
})
