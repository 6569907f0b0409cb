// Puts that are written and not linked yet: nobody can tell, whatever reads, writes or ends the transaction next.

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toHex } from '../../../src/base/bytes.ts'
import { READ_AHEAD_KEYS } from '../../../src/map/read-ahead.ts'
import type { VersionedMap } from '../../../src/map/versioned-map.ts'
import { commitNext, newMap, numberKey } from '../../support/arena-map.ts'
import { bytes } from '../../support/contracts/versioned-map.ts'
import { drain } from '../../support/model.ts'

describe('puts that wait to be linked', () => {
  const row = (n: number) => Uint8Array.of(n, n >> 8, 7)
  const keyCounts = [
    1,
    2,
    READ_AHEAD_KEYS - 1,
    READ_AHEAD_KEYS,
    READ_AHEAD_KEYS + 1,
    3 * READ_AHEAD_KEYS + 5,
  ]

  test.each(keyCounts)('%i of them are seen by every kind of read', (count) => {
    for (const read of ['get', 'has', 'cursor', 'keyCount', 'plainBytes'] as const) {
      const map = newMap()
      commitNext(map, () => map.put(row(0), row(9)))
      map.begin()
      for (let n = 0; n < count; n++) map.put(row(n), row(n + 1))
      if (read === 'get') expect(map.get(row(count - 1))).toEqual(row(count))
      if (read === 'has') expect(map.has(row(count - 1))).toBe(true)
      if (read === 'cursor') expect(drain(map.cursor()).length).toBe(count)
      if (read === 'keyCount') expect(map.keyCount).toBe(count)
      if (read === 'plainBytes') expect(map.plainBytes).toBe(count * 6)
    }
  })

  test('the last of several puts of one key wins, whatever their sizes, and the key counts once', () => {
    const map = newMap()
    map.begin()
    const sizes = [3, 30, 0, 8, 8, 100, 2]
    for (const size of sizes) map.put(row(1), new Uint8Array(size).fill(size))
    map.commit(1)
    expect(map.get(row(1))).toEqual(Uint8Array.of(2, 2))
    expect([map.keyCount, map.plainBytes]).toEqual([1, 5])
  })

  test('a key removed in between comes back with the put after it', () => {
    const map = newMap()
    map.begin()
    map.put(row(1), row(1))
    map.commit(1)
    map.begin()
    map.put(row(1), row(2))
    expect(map.remove(row(1))).toBe(true)
    map.put(row(1), row(3))
    map.put(row(2), row(4))
    expect([map.keyCount, map.get(row(1))]).toEqual([2, row(3)])
    map.abort()
    expect([map.keyCount, map.get(row(1))]).toEqual([1, row(1)])
  })

  test('abort takes back those that were never linked', () => {
    const map = newMap()
    map.begin()
    for (let n = 0; n < 5; n++) map.put(row(n), row(n))
    map.abort()
    expect([map.keyCount, drain(map.cursor()).length, map.has(row(3))]).toEqual([0, 0, false])
    map.begin()
    map.put(row(3), row(4))
    map.commit(1)
    expect(map.get(row(3))).toEqual(row(4))
  })

  test('what was put before the memory limit was hit stays; what hit it left nothing', () => {
    const map = newMap({ memoryBytesMax: 40_000, segmentBytesMax: 1024 })
    map.begin()
    let put = 0
    expect(() => {
      for (; put < 10_000; put++) map.put(row(put), new Uint8Array(20))
    }).toThrow('raise memoryBytesMax')
    expect([map.keyCount, drain(map.cursor()).length]).toEqual([put, put])
    map.commit(1)
    for (let n = 0; n < put; n++) expect(map.has(row(n))).toBe(true)
    expect(map.has(row(put))).toBe(false)
  })

  test('a row that is put again and again does not take new space each time', () => {
    const map = newMap()
    map.begin()
    for (let n = 0; n < 300_000; n++) map.put(row(1), new Uint8Array(32).fill(n))
    expect(map.memoryUsedBytes).toBeLessThan(9 * 1024 * 1024)
  })

  test('a row that is read and put again and again takes the same space', () => {
    const map = newMap()
    map.begin()
    const putAgain = (times: number) => {
      for (let n = 0; n < times; n++) {
        map.get(row(1))
        map.put(row(1), new Uint8Array(32).fill(n))
      }
    }
    // Room is made for a group of changes.
    putAgain(100)
    const before = map.memoryUsedBytes
    putAgain(50_000)
    expect(map.memoryUsedBytes).toBe(before)
    expect(map.get(row(1))![0]).toBe(49_999 & 0xff)
  })
})

describe('putAt', () => {
  test('puts what put() puts, wherever it lies', () => {
    const rows = fc.array(
      fc.tuple(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ maxLength: 70 }), fc.nat(7)),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(rows, (each) => {
        const one = newMap()
        const other = newMap()
        one.begin()
        other.begin()
        for (const [key, value, gap] of each) {
          one.put(key, value)
          const source = new Uint8Array(gap + key.length + value.length)
          source.set(key, gap)
          source.set(value, gap + key.length)
          const view = new DataView(source.buffer)
          other.putAt(view, gap, key.length, gap + key.length, value.length)
        }
        one.commit(1)
        other.commit(1)
        expect(drain(other.cursor())).toEqual(drain(one.cursor()))
        for (const [key] of each) expect(other.get(key)).toEqual(one.get(key))
      }),
    )
  })

  test('and put() take turns with reads, and the last of them wins', () => {
    const map = newMap()
    const [key, other] = [numberKey(1), numberKey(2)]
    const putAt = (value: Uint8Array) =>
      map.putAt(viewOf(key, value), 0, key.length, key.length, value.length)
    map.begin()
    map.put(key, bytes('first'))
    for (const read of [
      () => map.get(other),
      () => map.remove(other),
      () => map.getMany([other]),
    ]) {
      read()
      putAt(bytes('1st'))
      map.put(key, bytes('2nd'))
      expect(map.get(key)).toEqual(bytes('2nd'))
      map.put(key, bytes('3rd'))
      putAt(bytes('4th'))
      expect(map.get(key)).toEqual(bytes('4th'))
    }
  })

  test('a load of many rows, many of them of the same keys, holds what a Map holds; abort takes it back', () => {
    const rows = 50_000
    const map = newMap()
    commitNext(map, () => {
      for (let n = 0; n < 5000; n += 3) map.put(numberKey(n), new Uint8Array(3))
    })
    const before = [map.keyCount, map.plainBytes, drain(map.cursor()).sort()]
    const expected = new Map(drain(map.cursor()).map((row) => row.split('=') as [string, string]))
    const load = () => {
      for (let n = 0; n < rows; n++) {
        // Some keys come back, soon or late, with values that fit in place or do not.
        const key = numberKey(n % 7 === 0 ? n >> 1 : n % 5 === 0 ? n - 1 : n)
        const value = new Uint8Array((n % 5) * 4).fill(n)
        if (n % 100 === 0) map.put(key, value)
        else map.putAt(viewOf(key, value), 0, key.length, key.length, value.length)
        expected.set(toHex(key), toHex(value))
      }
    }

    map.begin()
    load()
    map.abort()
    expect([map.keyCount, map.plainBytes, drain(map.cursor()).sort()]).toEqual(before)

    map.begin()
    load()
    map.commit(2)
    expect(map.keyCount).toBe(expected.size)
    const bytesOf = (row: [string, string]) => (row[0].length + row[1].length) / 2
    const plainBytes = [...expected].reduce((sum, row) => sum + bytesOf(row), 0)
    expect(map.plainBytes).toBe(plainBytes)
    expect(drain(map.cursor()).sort()).toEqual([...expected].map((row) => row.join('=')).sort())
    for (const [key, value] of expected) {
      const found = map.getView(Buffer.from(key, 'hex'))
      if (found === undefined || toHex(found) !== value) expect.fail(`${key}: ${value}`)
    }
  })

  test('settle() links what waits, some at a time, whatever comes between', () => {
    const map = newMap({ expectedKeys: 300_000 })
    const rows = 20_000
    const value = new Uint8Array(8)
    map.begin()
    let turns = 0
    for (let n = 0; n < rows; n++) {
      const key = numberKey(n)
      map.putAt(viewOf(key, value), 0, key.length, key.length, value.length)
    }
    for (let n = 0; map.settle(); n += 2) {
      turns++
      expect(map.remove(numberKey(n))).toBe(true)
      map.put(numberKey(n + 1), new Uint8Array(40))
    }
    expect(turns).toBeGreaterThan(2)
    map.commit(1)
    expect([map.keyCount, map.plainBytes]).toEqual([
      rows - turns,
      (rows - turns) * (16 + 8) + turns * 32,
    ])
    expect(map.settle()).toBe(false)
  })

  test('a load for which memory just suffices does without what would put its rows in order', () => {
    const load = (memoryBytesMax: number) => {
      const map = newMap({ memoryBytesMax, segmentBytesMax: 4096 })
      map.begin()
      for (let n = 0; n < 2000; n++)
        map.putAt(viewOf(numberKey(n), new Uint8Array(8)), 0, 16, 16, 8)
      map.commit(1)
      return map
    }
    const { memoryUsedBytes } = load(Infinity)
    // While the index grows both tables are there.
    const tight = load(memoryUsedBytes + 20_000)
    expect(drain(tight.cursor()).length).toBe(2000)
  })

  test('a load returns the memory it took to put rows in order', () => {
    const used = (put: (map: VersionedMap, key: Uint8Array) => void) => {
      const map = newMap()
      commitNext(map, () => {
        for (let n = 0; n < 60_000; n++) put(map, numberKey(n))
      })
      return map.memoryUsedBytes
    }
    const value = new Uint8Array(8)
    expect(used((map, key) => map.putAt(viewOf(key, value), 0, 16, 16, 8))).toBe(
      used((map, key) => map.put(key, value)),
    )
  })
})

function viewOf(key: Uint8Array, value: Uint8Array): DataView {
  return new DataView(Uint8Array.from([...key, ...value]).buffer)
}
