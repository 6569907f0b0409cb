// The contract on both maps, and what only the arena map promises: memory, limits, what open readers do to it.

import { describe, expect, test } from 'vitest'
import type { VersionedMap } from '../../../src/map/versioned-map.ts'
import type { RowWords } from '../../../src/base/row-words.ts'
import { commitNext, newMap, numberKey, putMany } from '../../support/arena-map.ts'
import { bytes, commitRows, versionedMapContract } from '../../support/contracts/versioned-map.ts'
import { ModelMap, drain } from '../../support/model.ts'

describe('the oracle', () => versionedMapContract(() => new ModelMap()))
describe('the arena map', () => versionedMapContract(() => newMap()))
describe('the arena map in tiny segments', () =>
  versionedMapContract(() => newMap({ segmentBytesMax: 64 })))

describe('sizes', () => {
  test.each([0, 1, 47, 48, 49, 4078, 4094, 4095, 4096, 70_000])('a key of %i bytes', (size) => {
    const map = newMap({ segmentBytesMax: 4096 })
    const key = new Uint8Array(size).fill(7)
    map.begin()
    map.put(key, bytes('value'))
    map.commit(1)
    expect(map.get(key)).toEqual(bytes('value'))
    map.begin()
    expect(map.remove(key)).toBe(true)
    map.abort()
    expect(map.get(key)).toEqual(bytes('value'))
  })

  test.each([0, 48, 49, 4096, 1_048_572, 1_048_573, 1_048_574, 1_048_575, 1_048_576, 5_000_000])(
    'a value of %i bytes, replaced by a short one and back',
    (size) => {
      const map = newMap()
      const value = new Uint8Array(size).fill(7)
      value[size - 1] = 9
      map.begin()
      map.put(bytes('k'), value)
      expect(map.get(bytes('k'))).toEqual(value)
      map.put(bytes('k'), bytes('short'))
      expect(map.get(bytes('k'))).toEqual(bytes('short'))
      map.put(bytes('k'), value)
      map.commit(1)
      const cursor = map.cursor()
      cursor.next()
      expect(cursor.valueLength).toBe(size)
      expect(Buffer.compare(cursor.value, value)).toBe(0)
    },
  )

  test('a large value that is removed in the transaction that put it over another', () => {
    const map = newMap()
    commitNext(map, () => map.put(bytes('k'), bytes('short')))
    map.begin()
    map.put(bytes('k'), new Uint8Array(2 ** 20))
    expect(map.remove(bytes('k'))).toBe(true)
    expect([map.has(bytes('k')), map.keyCount, map.plainBytes]).toEqual([false, 0, 0])
    map.abort()
    expect(map.get(bytes('k'))).toEqual(bytes('short'))
  })
})

describe('memory', () => {
  test('a transaction tells how much it has written, removals included, whatever came before it', () => {
    const map = newMap()
    expect(map.transactionBytes).toBe(0)
    commitNext(map, () => putMany(map, 0, 100, 32))
    expect(map.transactionBytes).toBe(0)
    commitNext(map, () => {
      expect(map.transactionBytes).toBe(0)
      putMany(map, 0, 10, 32)
      expect(map.transactionBytes).toBe(10 * 64)
      map.remove(numberKey(50))
      expect(map.transactionBytes).toBe(10 * 64 + 32)
    })
    map.begin()
    putMany(map, 0, 1, 5 * 2 ** 20)
    expect(map.transactionBytes).toBe(5 * 2 ** 20 + 40)
    map.abort()
    expect(map.transactionBytes).toBe(0)
  })

  test('a jumbo record that a short value takes the place of is not kept whole', () => {
    const map = newMap()
    for (let n = 0; n < 5; n++) {
      commitNext(map, () => {
        map.put(numberKey(n), new Uint8Array(8 * 2 ** 20))
        expect(map.has(numberKey(n))).toBe(true)
        map.put(numberKey(n), new Uint8Array(2 ** 20))
      })
    }
    commitNext(map, () => undefined)
    commitNext(map, () => undefined)
    expect(map.memoryUsedBytes).toBeLessThan(20 * 2 ** 20)
  })

  test('a jumbo record goes back to the system when its version is released', () => {
    const map = newMap({ segmentBytesMax: 4096 })
    commitNext(map, () => map.put(bytes('small'), bytes('1')))
    const before = map.memoryUsedBytes
    commitNext(map, () => map.put(bytes('big'), new Uint8Array(1_000_000)))
    expect(map.memoryUsedBytes).toBeGreaterThan(before + 1_000_000)
    commitNext(map, () => map.put(bytes('big'), bytes('small now')))
    expect(map.memoryUsedBytes).toBeGreaterThan(before + 1_000_000)
    commitNext(map, () => undefined)
    expect(map.memoryUsedBytes).toBeLessThan(before + 1_000)
  })

  test('a jumbo record of an aborted transaction goes back at once', () => {
    const map = newMap({ segmentBytesMax: 4096 })
    commitNext(map, () => map.put(bytes('small'), bytes('1')))
    const before = map.memoryUsedBytes
    map.begin()
    map.put(bytes('big'), new Uint8Array(1_000_000))
    map.abort()
    expect(map.memoryUsedBytes).toBe(before)
  })

  test('rewriting a tenth of the keys a hundred times stays within 2.2 times the raw bytes', () => {
    const map = newMap({ segmentBytesMax: 64 * 1024 })
    const keys = 40_000
    commitNext(map, () => putMany(map, 0, keys, 32))
    let highest = 0
    for (let round = 1; round <= 100; round++) {
      const written = commitNext(map, () => {
        for (let i = 0; i < keys / 10; i++) {
          map.put(numberKey((round * 7919 + i * 104_729) % keys), new Uint8Array(32).fill(round))
        }
      })
      map.compactSlice(2 * written)
      highest = Math.max(highest, map.memoryUsedBytes)
    }
    expect(map.keyCount).toBe(keys)
    expect(highest / (keys * 48)).toBeLessThan(2.2)
  })

  test('values of changing sizes do not let the map grow for ever', () => {
    const map = newMap({ segmentBytesMax: 64 * 1024 })
    let highest = 0
    let plain = 0
    for (let round = 1; round <= 150; round++) {
      const written = commitNext(map, () => {
        for (let n = 0; n < 500; n++) {
          const size = (n * 31 + round * 17) % 300
          map.put(numberKey((n * 13 + round) % 2_000), new Uint8Array(size))
        }
      })
      map.compactSlice(2 * written)
      highest = Math.max(highest, map.memoryUsedBytes)
      plain = Math.max(plain, map.plainBytes)
    }
    expect(highest / plain).toBeLessThan(2.6)
  })

  test('a state that shrank gives its memory back, a slice at a time, and keeps its rows', () => {
    const map = newMap({ segmentBytesMax: 16 * 1024 })
    commitNext(map, () => putMany(map, 0, 20_000, 32))
    const full = map.memoryUsedBytes
    commitNext(map, () => {
      for (let n = 0; n < 20_000; n++) if (n % 10 !== 0) map.remove(numberKey(n))
    })
    commitNext(map, () => undefined)
    commitNext(map, () => undefined)
    const expected = drain(map.cursor())
    let slices = 0
    for (let moved = 1; moved > 0; slices++) {
      moved = map.compactSlice(1_000)
      expect(moved).toBeLessThan(1_100)
    }
    expect(slices).toBeGreaterThan(10)
    expect(drain(map.cursor())).toEqual(expected)
    const found = Array.from({ length: 20_000 }, (_, n) => map.has(numberKey(n)))
    expect(found.every((has, n) => has === (n % 10 === 0))).toBe(true)
    // The index gives way as well, with the changes that follow.
    for (let i = 0; i < 5; i++) {
      commitNext(map, () => putMany(map, 0, 4_000, 32))
      commitNext(map, () => {
        for (let n = 0; n < 4_000; n++) if (n % 10 !== 0) map.remove(numberKey(n))
      })
    }
    map.compactSlice(1e9)
    expect(map.memoryUsedBytes).toBeLessThan(full / 2)
  })

  describe('removals are walked to a stretch at a time', () => {
    /** Versions 1 and 2: keys, and none. */
    function removedMap(recordsReclaimedMax: number) {
      const map = newMap({ segmentBytesMax: 4096, recordsReclaimedMax })
      map.begin()
      putMany(map, 0, 3_000, 32)
      map.commit(1)
      map.begin()
      for (let n = 0; n < 3_000; n++) map.remove(numberKey(n))
      map.commit(2)
      map.release(0)
      return map
    }

    function expectNothingLeft(map: VersionedMap): void {
      for (let i = 0; i < 4; i++) {
        commitNext(map, () => {
          for (let n = 0; n < 3_000; n++) map.put(numberKey(9_999), bytes(`${n}`))
        })
      }
      map.compactSlice(1e9)
      expect(map.keyCount).toBe(1)
      expect(map.memoryUsedBytes).toBeLessThan(32 * 1024)
    }

    test('until reclaim() says that nothing is left', () => {
      const map = removedMap(1)
      map.release(1)
      let stretches = 1
      for (let isMore = true; isMore; stretches++) isMore = map.reclaim()
      expect(stretches).toBe(3_000)
      expect(map.reclaim()).toBe(false)
      expectNothingLeft(map)
    })

    test('and a transaction is begun once all are gone', () => {
      const map = removedMap(500)
      map.release(1)
      map.begin()
      expect(map.reclaim()).toBe(false)
      map.abort()
      expect(map.reclaim()).toBe(false)
      expectNothingLeft(map)
    })

    test('and those that come back by a rewind are found', () => {
      const map = removedMap(1000)
      map.begin()
      putMany(map, 0, 3_000, 32)
      map.commit(3)
      map.release(1)
      expect(map.rewindTo(2)).toBe(true)
      expectNothingLeft(map)
    })

    test('and those that come back by an abort, which a reader had held until then', () => {
      const map = removedMap(1000)
      const view = map.view(1)!
      map.release(1)
      map.begin()
      putMany(map, 0, 3_000, 32)
      map.put(numberKey(3_000), bytes('so that they are linked'))
      expect(map.has(numberKey(0))).toBe(true)
      view.release()
      map.abort()
      expectNothingLeft(map)
    })

    test('and what they had replaced is not moved before all are gone', () => {
      const map = newMap({ segmentBytesMax: 4096, recordsReclaimedMax: 100 })
      commitNext(map, () => putMany(map, 0, 1_000, 32))
      commitNext(map, () => {
        for (let n = 0; n < 1_000; n++) if (n % 4 !== 0) map.remove(numberKey(n))
      })
      commitNext(map, () => undefined)
      const view = map.view(map.newestVersion)!
      commitNext(map, () => {
        for (let n = 0; n < 1_000; n += 4) map.remove(numberKey(n))
      })
      commitNext(map, () => undefined)
      expect(map.compactSlice(1)).toBeGreaterThan(0)
      view.release()
      expect(map.compactSlice(1e9)).toBe(0)
      expect(map.reclaim()).toBe(true)
      while (map.reclaim()) continue
      expectNothingLeft(map)
    })
  })

  test('compaction moves records that an older held version still sees, and rewind finds them', () => {
    const map = newMap({ segmentBytesMax: 4096 })
    map.begin()
    putMany(map, 0, 1_000, 32, 1)
    map.commit(1)
    map.release(0)
    // Most keys go, and old versions with them: the segments of version 1 are nearly empty.
    map.begin()
    for (let n = 0; n < 1_000; n++) if (n % 8 !== 0) map.remove(numberKey(n))
    map.commit(2)
    map.release(1)
    // What is left there is replaced by version 3, and still seen by version 2.
    map.begin()
    for (let n = 0; n < 1_000; n += 16) map.put(numberKey(n), new Uint8Array(32).fill(3))
    map.commit(3)
    const view = map.view(2)!
    const before = drain(view.cursor())
    expect(map.compactSlice(1e9)).toBeGreaterThan(4_000)
    expect(drain(view.cursor())).toEqual(before)
    for (let n = 0; n < 1_000; n += 8) expect(view.get(numberKey(n))![0]).toBe(1)
    view.release()
    expect(map.rewindTo(2)).toBe(true)
    expect(drain(map.cursor())).toEqual(before)
    expect(map.get(numberKey(16))![0]).toBe(1)
  })

  test('what a transaction wrote and replaced stays its own while a cursor opened in it is open', () => {
    const map = newMap({ segmentBytesMax: 4096 })
    map.begin()
    for (let n = 0; n < 200; n++) {
      // The first is replaced by the second, the third takes the second's place: some space is free, and some looks it.
      for (const size of [27, 35, 4]) putMany(map, n, n + 1, size)
    }
    const cursor = map.cursor()
    map.remove(numberKey(0))
    map.commit(1)
    map.release(0)
    const before = drain(map.cursor())
    // Nobody but the journal of version 1 knows where the shorter values lay; no removal may be written there.
    map.begin()
    for (let n = 1; n < 200; n++) map.remove(numberKey(n))
    cursor.close()
    const view = map.view(1)!
    for (let n = 1; n < 200; n++) expect(view.get(numberKey(n))?.length).toBe(4)
    map.abort()
    expect(drain(map.cursor())).toEqual(before)
  })

  test('every removal leaves the map once nobody looks back at it', () => {
    const map = newMap({ segmentBytesMax: 4096 })
    commitNext(map, () => putMany(map, 0, 10_000, 32))
    commitNext(map, () => {
      for (let n = 0; n < 10_000; n++) map.remove(numberKey(n))
    })
    // The index shrinks as the map is used.
    for (let i = 0; i < 10_000; i++) commitNext(map, () => putMany(map, 0, 1, 8))
    map.compactSlice(1e9)
    expect(map.memoryUsedBytes).toBeLessThan(10_000)
  })

  test('removals that a transaction had put keys over leave the map when it is aborted, too', () => {
    const map = newMap({ segmentBytesMax: 4096 })
    commitNext(map, () => putMany(map, 0, 10_000, 32))
    commitNext(map, () => {
      for (let n = 0; n < 10_000; n++) map.remove(numberKey(n))
    })
    map.begin()
    putMany(map, 0, 10_000, 32)
    // Here the removals would have gone, were they still the last word on their keys.
    map.release(1)
    map.abort()
    // The index shrinks as the map is used.
    for (let i = 0; i < 10_000; i++) commitNext(map, () => putMany(map, 0, 1, 8))
    map.compactSlice(1e9)
    expect(map.memoryUsedBytes).toBeLessThan(50_000)
  })

  test('nothing is moved under an open cursor or in a transaction', () => {
    const map = newMap({ segmentBytesMax: 4096 })
    commitNext(map, () => putMany(map, 0, 1_000, 32))
    commitNext(map, () => {
      for (let n = 0; n < 1_000; n++) if (n % 8 !== 0) map.remove(numberKey(n))
    })
    commitNext(map, () => undefined)
    commitNext(map, () => undefined)
    const cursor = map.cursor()
    expect(map.compactSlice(1e9)).toBe(0)
    cursor.close()
    map.begin()
    const inside = [map.cursor(), map.cursor()]
    expect(map.compactSlice(1e9)).toBe(0)
    map.abort()
    // The abort finished those cursors; closing one of them is not counted a second time.
    expect(map.pinCount).toBe(0)
    inside[0].close()
    const other = map.cursor()
    expect(map.compactSlice(1e9)).toBe(0)
    other.close()
    expect(map.compactSlice(1e9)).toBeGreaterThan(0)
  })

  test('the limit refuses a put and a remove before anything has changed', () => {
    const map = newMap({ memoryBytesMax: 100_000, segmentBytesMax: 4096 })
    map.begin()
    let count = 0
    const fill = (): void => {
      for (; ; count++) map.put(numberKey(count), new Uint8Array(32))
    }
    expect(fill).toThrow(expect.objectContaining({ code: 'TIDEMARK_MEMORY_LIMIT' }) as Error)
    expect(map.memoryUsedBytes).toBeLessThanOrEqual(100_000)
    expect(map.keyCount).toBe(count)
    expect(drain(map.cursor())).toHaveLength(count)
    expect(map.has(numberKey(count))).toBe(false)
    map.commit(1)
    expect(map.view(1)!.keyCount).toBe(count)
    map.begin()
    expect(() => map.remove(numberKey(0))).toThrow(
      expect.objectContaining({ code: 'TIDEMARK_MEMORY_LIMIT' }) as Error,
    )
    expect([map.keyCount, map.has(numberKey(0))]).toEqual([count, true])
    map.abort()
    expect(map.keyCount).toBe(count)
  })

  test('eight hundred small maps are cheap', () => {
    const map = newMap()
    expect(map.memoryUsedBytes).toBeLessThan(1_024)
    commitNext(map, () => putMany(map, 0, 10, 32))
    expect(map.memoryUsedBytes).toBeLessThan(20_000)
  })

  test('looking into the map after every write uses up no sequences', () => {
    const map = newMap({ segmentBytesMax: 1024 })
    commitRows(map, 1, { a: '1', b: '1' })
    map.begin()
    for (let i = 0; i < 50; i++) {
      map.put(bytes('a'), bytes(`value ${i}`))
      map.cursor().close()
      if (i % 3 === 0) map.remove(bytes('b'))
      map.cursor().close()
      if (i % 3 === 1) map.put(bytes('b'), bytes(`${i}`))
      map.put(bytes(`n${i % 4}`), bytes('n'))
    }
    map.remove(bytes('b'))
    map.commit(2)
    expect(map.view(1)!.get(bytes('b'))).toEqual(bytes('1'))
    expect(map.rewindTo(1)).toBe(true)
    expect(drain(map.cursor())).toEqual(['61=31', '62=31'])
  })
})

/** A log that writes down what it hears as lines of hex. */
function lines() {
  const heard: string[] = []
  const hex = (words: Int32Array, word: number, length: number): string =>
    Buffer.from(words.buffer, words.byteOffset + word * 4, length).toString('hex')
  const putRow = ({ words, keyWord, keyLength, valueWord, valueLength }: RowWords): void =>
    void heard.push(`${hex(words, keyWord, keyLength)}=${hex(words, valueWord, valueLength)}`)
  return { heard, putRow }
}

describe('the log of a transaction', () => {
  test.each([24, 80, 1000])('hears of a put over a removal of a key of %i bytes', (length) => {
    // The longer two have a segment of their own.
    const map = newMap({ segmentBytesMax: 64 })
    const key = new Uint8Array(length).fill(7)
    commitNext(map, () => map.put(key, Uint8Array.of(1)))
    const log = lines()
    map.begin(log)
    map.remove(key)
    expect(map.getView(numberKey(1))).toBeUndefined()
    map.put(key, new Uint8Array(0))
    expect(log.heard).toEqual([`${'07'.repeat(length)}=`])
    expect(map.get(key)).toEqual(new Uint8Array(0))
  })

  test('hears of every put once and in order, of those of one key as well, whatever is done between', () => {
    const map = newMap()
    const log = lines()
    const expected: string[] = []
    const put = (key: number, ...value: number[]): void => {
      map.put(Uint8Array.of(key), Uint8Array.from(value))
      expected.push(`${hex2(key)}=${value.map(hex2).join('')}`)
    }
    map.begin(log)
    // More than wait together, the same keys again among them, longer and shorter.
    for (let i = 0; i < 100; i++) put(i % 7, ...Array.from({ length: i % 5 }, () => i))
    map.remove(Uint8Array.of(3))
    expect(log.heard).toEqual(expected)
    put(3, 1)
    map.logPuts()
    expect(log.heard).toEqual(expected)
    // Behind a read, over what this transaction has written: in its place, and where it does not fit.
    for (const size of [1, 0, 9]) {
      map.get(Uint8Array.of(3))
      put(3, ...Array.from({ length: size }, () => 7))
    }
    put(4)
    drain(map.cursor())
    put(4, 4)
    put(4, 5)
    map.commit(1)
    expect(log.heard).toEqual(expected)
    map.begin()
    map.put(Uint8Array.of(1), Uint8Array.of(1))
    map.commit(2)
    expect(log.heard).toEqual(expected)
  })

  test('hears no more once the transaction is aborted', () => {
    const map = newMap()
    const log = lines()
    map.begin(log)
    map.put(Uint8Array.of(1), Uint8Array.of(1))
    map.abort()
    expect(log.heard).toEqual([])
  })
})

function hex2(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}
