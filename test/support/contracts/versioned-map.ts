// What every multi-version map must do, be it the arena map or the oracle. What only the arena has (memory, compaction, the hash) is in
// test/unit/map.

import { describe, expect, test } from 'vitest'
import { noBytes } from '../../../src/base/byte-slice.ts'
import { compareBytes } from '../../../src/base/bytes.ts'
import { StateStoreError } from '../../../src/errors.ts'
import { scanAll, scanPrefix, scanRange } from '../../../src/map/ordered-scan.ts'
import type { MapReader, MapView } from '../../../src/map/versioned-map.ts'
import { drain } from '../model.ts'
import { sliceOf } from '../slices.ts'

/** The part of VersionedMap that the contract is about. */
export interface ContractMap extends MapReader {
  begin(): void
  put(key: Uint8Array, value: Uint8Array): void
  remove(key: Uint8Array): boolean
  commit(version: number): void
  abort(): void
  readonly inTransaction: boolean
  readonly versions: readonly number[]
  readonly newestVersion: number
  release(version: number): void
  rewindTo(version: number): boolean
  view(version: number): MapView | undefined
  readonly pinCount: number
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function text(value: Uint8Array | undefined): string | undefined {
  return value && new TextDecoder().decode(value)
}

/** Commits `changes` as `version`; a value of null removes. */
export function commitRows(
  map: ContractMap,
  version: number,
  changes: Record<string, string | null>,
): void {
  map.begin()
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) map.remove(bytes(key))
    else map.put(bytes(key), bytes(value))
  }
  map.commit(version)
}

function rowsOf(reader: MapReader): Record<string, string> {
  return Object.fromEntries([...scanRange(reader)].map(([k, v]) => [text(k)!, text(v)!]))
}

const FINISHED = expect.objectContaining({ code: 'TIDEMARK_STORE_FINISHED' }) as StateStoreError

export function versionedMapContract(create: () => ContractMap): void {
  readingAndWriting(create)
  versions(create)
  cursors(create)
  scans(create)
}

function readingAndWriting(create: () => ContractMap): void {
  describe('reading and writing', () => {
    test('a new map holds version 0, which is empty', () => {
      const map = create()
      expect(map.versions).toEqual([0])
      expect(map.newestVersion).toBe(0)
      expect([map.keyCount, map.plainBytes, map.pinCount]).toEqual([0, 0, 0])
      expect(map.get(bytes('a'))).toBeUndefined()
      expect(map.cursor().next()).toBe(false)
    })

    test('what a transaction wrote is read back at once, and counted', () => {
      const map = create()
      map.begin()
      map.put(bytes('a'), bytes('one'))
      map.put(bytes('a'), bytes('twelve'))
      map.put(bytes('b'), bytes(''))
      expect(text(map.get(bytes('a')))).toBe('twelve')
      expect(text(map.getView(bytes('b')))).toBe('')
      expect(map.has(bytes('c'))).toBe(false)
      expect([map.keyCount, map.plainBytes]).toEqual([2, 8])
    })

    test('many keys are read as each alone, in their order, in the newest state and in an older one', () => {
      const map = create()
      const keys = Array.from({ length: 50 }, (_, n) => bytes(`k${n}`))
      commitRows(map, 1, Object.fromEntries(keys.map((key, n) => [text(key), `${n}`])))
      const old = map.view(1)!
      commitRows(map, 2, { k3: null, k4: 'four', new: 'n' })
      const asked = [...keys, bytes('new'), bytes('never'), keys[4]]
      for (const reader of [map, old]) {
        const alone = asked.map((key) => reader.get(key))
        expect(reader.getMany(asked)).toEqual(alone)
        expect(reader.getViews(asked)).toEqual(alone)
        expect(asked.map((key) => sliceOf(reader, key))).toEqual(alone)
      }
      expect([text(map.getMany(asked)[4]), text(old.getViews(asked)[4])]).toEqual(['four', '4'])
      old.release()
    })

    test('the empty key and the empty value are a row like any other', () => {
      const map = create()
      commitRows(map, 1, { '': '' })
      expect(map.get(bytes(''))).toEqual(new Uint8Array(0))
      expect(map.keyCount).toBe(1)
      commitRows(map, 2, { '': null })
      expect(map.has(bytes(''))).toBe(false)
    })

    test('removing a key says whether it was there', () => {
      const map = create()
      commitRows(map, 1, { a: '1' })
      map.begin()
      expect(map.remove(bytes('a'))).toBe(true)
      expect(map.remove(bytes('a'))).toBe(false)
      expect(map.remove(bytes('never'))).toBe(false)
      expect(map.has(bytes('a'))).toBe(false)
      map.put(bytes('a'), bytes('again, and longer'))
      expect(map.remove(bytes('a'))).toBe(true)
      map.commit(2)
      expect(map.keyCount).toBe(0)
      expect(text(map.view(1)!.get(bytes('a')))).toBe('1')
    })

    test('put copies: the caller may reuse its buffers', () => {
      const map = create()
      const [key, value] = [bytes('k'), bytes('value')]
      map.begin()
      map.put(key, value)
      key.fill(0)
      value.fill(0)
      expect(text(map.get(bytes('k')))).toBe('value')
    })

    test('get copies: what the caller does to it stays with the caller', () => {
      const map = create()
      commitRows(map, 1, { k: 'value' })
      map.get(bytes('k'))!.fill(0)
      expect(text(map.get(bytes('k')))).toBe('value')
    })

    test('keys and values may be parts of larger buffers', () => {
      const map = create()
      const whole = Buffer.from('xxkeyvaluexx')
      map.begin()
      map.put(whole.subarray(2, 5), whole.subarray(5, 10))
      expect(text(map.get(bytes('key')))).toBe('value')
    })

    test('abort takes back everything since begin', () => {
      const map = create()
      commitRows(map, 1, { keep: '1', change: '2', drop: '3' })
      map.begin()
      map.put(bytes('change'), bytes('longer than before'))
      map.put(bytes('change'), bytes('s'))
      map.remove(bytes('drop'))
      map.put(bytes('new'), bytes('4'))
      map.abort()
      expect(map.inTransaction).toBe(false)
      expect(rowsOf(map)).toEqual({ keep: '1', change: '2', drop: '3' })
      expect([map.keyCount, map.plainBytes]).toEqual([3, 17])
      commitRows(map, 2, { new: '5' })
      expect(map.keyCount).toBe(4)
    })
  })
}

function versions(create: () => ContractMap): void {
  describe('versions', () => {
    test('every held version reads as it was committed', () => {
      const map = create()
      commitRows(map, 1, { a: '1', b: '1' })
      commitRows(map, 2, { a: '2', b: null })
      commitRows(map, 7, { c: '7' })
      expect(map.versions).toEqual([0, 1, 2, 7])
      const seen = [0, 1, 2, 7].map((version) => rowsOf(map.view(version)!))
      expect(seen).toEqual([{}, { a: '1', b: '1' }, { a: '2' }, { a: '2', c: '7' }])
      expect(map.view(3)).toBeUndefined()
    })

    test('a pinned view outlives the release of its version and many commits', () => {
      const map = create()
      commitRows(map, 1, { a: '1', gone: 'x' })
      const view = map.view(1)!
      for (let version = 2; version < 40; version++) {
        commitRows(map, version, { a: `v${version}`, gone: version % 2 === 0 ? null : 'y' })
        map.release(map.versions[0])
      }
      expect(rowsOf(view)).toEqual({ a: '1', gone: 'x' })
      expect([view.version, view.keyCount, view.plainBytes]).toEqual([1, 2, 7])
      expect(map.pinCount).toBe(1)
      view.release()
      view.release()
      expect(map.pinCount).toBe(0)
      expect(() => view.get(bytes('a'))).toThrow(FINISHED)
    })

    test('a view does not see the open transaction', () => {
      const map = create()
      commitRows(map, 1, { a: '1' })
      map.begin()
      map.put(bytes('a'), bytes('2'))
      expect(text(map.view(1)!.get(bytes('a')))).toBe('1')
    })

    test('rewind makes an older version the newest again', () => {
      const map = create()
      commitRows(map, 1, { a: '1', b: '1' })
      commitRows(map, 2, { a: '2', b: null, c: '2' })
      commitRows(map, 3, { a: null, b: '3' })
      expect(map.rewindTo(1)).toBe(true)
      expect(map.versions).toEqual([0, 1])
      expect(rowsOf(map)).toEqual({ a: '1', b: '1' })
      expect([map.keyCount, map.plainBytes]).toEqual([2, 4])
      commitRows(map, 2, { a: 'other' })
      expect(rowsOf(map)).toEqual({ a: 'other', b: '1' })
      expect(rowsOf(map.view(1)!)).toEqual({ a: '1', b: '1' })
    })

    test('rewind is refused while a reader holds what it would undo', () => {
      const map = create()
      commitRows(map, 1, { a: '1' })
      commitRows(map, 2, { a: '2' })
      const below = map.view(1)!
      const above = map.view(2)!
      expect(map.rewindTo(1)).toBe(false)
      expect(text(map.get(bytes('a')))).toBe('2')
      above.release()
      expect(map.rewindTo(1)).toBe(true)
      commitRows(map, 2, { a: 'other' })
      expect(text(below.get(bytes('a')))).toBe('1')
    })

    test('rewind to a version that is not held is refused', () => {
      const map = create()
      commitRows(map, 1, { a: '1' })
      expect(map.rewindTo(9)).toBe(false)
      expect(map.versions).toEqual([0, 1])
    })

    test('a key that was removed and written again reads right in every version', () => {
      const map = create()
      for (let version = 1; version <= 6; version++) {
        commitRows(map, version, { k: version % 2 === 1 ? `v${version}` : null })
      }
      const seen = [1, 2, 3, 4, 5, 6].map((version) => text(map.view(version)!.get(bytes('k'))))
      expect(seen).toEqual(['v1', undefined, 'v3', undefined, 'v5', undefined])
    })
  })
}

function cursors(create: () => ContractMap): void {
  describe('cursors', () => {
    test('writing while iterating changes nothing of what the cursor shows', () => {
      const map = create()
      map.begin()
      for (let i = 0; i < 100; i++) map.put(bytes(`key${i}`), bytes(`${i}`))
      const expected = drain(map.cursor())
      const cursor = map.cursor()
      const shown: string[] = []
      while (cursor.next()) {
        const key = text(cursor.key)!
        shown.push(
          `${Buffer.from(cursor.key).toString('hex')}=${Buffer.from(cursor.value).toString('hex')}`,
        )
        map.put(bytes(key), bytes('changed'))
        map.put(bytes(`new ${key}`), bytes('n'))
        map.remove(bytes(`key${shown.length % 100}`))
      }
      expect(shown.sort()).toEqual(expected.sort())
      expect(map.pinCount).toBe(0)
    })

    test('a cursor opened in a transaction goes on after its commit', () => {
      const map = create()
      map.begin()
      map.put(bytes('a'), bytes('1'))
      const cursor = map.cursor()
      map.put(bytes('a'), bytes('2'))
      map.put(bytes('b'), bytes('2'))
      map.commit(1)
      commitRows(map, 2, { a: '3' })
      map.release(0)
      map.release(1)
      expect(drain(cursor)).toEqual(['61=31'])
    })

    test('a cursor opened in a transaction is finished by its abort', () => {
      const map = create()
      commitRows(map, 1, { a: '1', b: '1' })
      const before = map.cursor()
      map.begin()
      const unused = map.cursor()
      map.put(bytes('a'), bytes('2'))
      const cursor = map.cursor()
      expect(cursor.next()).toBe(true)
      map.abort()
      expect(() => cursor.next()).toThrow(FINISHED)
      expect(() => cursor.value).toThrow(FINISHED)
      expect(() => cursor.valueSlice(noBytes())).toThrow(FINISHED)
      expect(() => unused.next()).toThrow(FINISHED)
      cursor.close()
      expect(drain(before)).toEqual(['61=31', '62=31'])
      expect(map.pinCount).toBe(0)
    })

    test('lengths are there without a view, and nothing is before the first row', () => {
      const map = create()
      commitRows(map, 1, { abc: 'defgh' })
      const cursor = map.cursor()
      expect(() => cursor.key).toThrow(FINISHED)
      expect(() => cursor.keySlice(noBytes())).toThrow(FINISHED)
      cursor.next()
      expect([cursor.keyLength, cursor.valueLength]).toEqual([3, 5])
      expect(map.pinCount).toBe(1)
      cursor.close()
      cursor.close()
      expect(cursor.next()).toBe(false)
      expect(map.pinCount).toBe(0)
    })

    test('rows a view shows stay while it is released under a cursor', () => {
      const map = create()
      commitRows(map, 1, { a: '1' })
      const view = map.view(1)!
      const cursor = view.cursor()
      view.release()
      commitRows(map, 2, { a: '2' })
      commitRows(map, 3, { a: '3' })
      map.release(0)
      map.release(1)
      map.release(2)
      expect(drain(cursor)).toEqual(['61=31'])
    })
  })
}

function scans(create: () => ContractMap): void {
  describe('ordered scans', () => {
    function sample(): ContractMap {
      const map = create()
      map.begin()
      for (const key of [[1], [1, 0], [1, 255], [2], [127], [128], [255], []]) {
        map.put(Uint8Array.from(key), Uint8Array.from(key))
      }
      return map
    }
    const keys = (rows: Iterable<[Uint8Array, Uint8Array]>): number[][] =>
      [...rows].map(([key]) => [...key])

    test('a range is sorted by unsigned bytes, start inclusive, end exclusive, either open', () => {
      const map = sample()
      const all = [[], [1], [1, 0], [1, 255], [2], [127], [128], [255]]
      expect(keys(scanRange(map))).toEqual(all)
      expect(keys(scanRange(map, Uint8Array.of(1, 0), Uint8Array.of(128)))).toEqual(all.slice(2, 6))
      expect(keys(scanRange(map, Uint8Array.of(128)))).toEqual(all.slice(6))
      expect(keys(scanRange(map, undefined, Uint8Array.of(1, 0)))).toEqual(all.slice(0, 2))
      expect(keys(scanRange(map, Uint8Array.of(3), Uint8Array.of(2)))).toEqual([])
    })

    test('a range of many rows of all sizes is sorted, and may be left after a few', () => {
      const map = create()
      const expected: [Uint8Array, Uint8Array][] = []
      map.begin()
      for (let n = 0; n < 2_000; n++) {
        // Neighbours are far apart, and keys of different lengths share beginnings.
        const key = Buffer.from(String((n * 7919) % 2_000))
        const value = new Uint8Array(n % 500 === 0 ? 100_000 : n % 50).fill(n)
        map.put(key, value)
        expected.push([new Uint8Array(key), value])
      }
      expected.sort(([a], [b]) => compareBytes(a, b))
      expect([...scanRange(map)]).toEqual(expected)
      const rows = scanRange(map)
      const few = expected.slice(0, 3)
      expect(few.map(() => rows.next().value as unknown)).toEqual(few)
    })

    test('a prefix takes the key that equals it; the empty one takes all', () => {
      const map = sample()
      expect(keys(scanPrefix(map, Uint8Array.of(1)))).toEqual([[1], [1, 0], [1, 255]])
      expect(keys(scanPrefix(map, new Uint8Array(0)))).toHaveLength(8)
      expect(keys(scanPrefix(map, Uint8Array.of(9)))).toEqual([])
    })

    test('scans are frozen at the call, not at the first next()', () => {
      const map = sample()
      const scanned = [scanPrefix(map, Uint8Array.of(2)), scanAll(map), scanRange(map)]
      map.put(Uint8Array.of(2), bytes('later'))
      map.remove(Uint8Array.of(1))
      const [prefix, all, range] = scanned.map((rows) => [...rows])
      expect(prefix).toEqual([[Uint8Array.of(2), Uint8Array.of(2)]])
      expect(all).toHaveLength(8)
      expect(range).toHaveLength(8)
      expect(map.pinCount).toBe(0)
    })

    test('leaving a loop early, or before its first step, lets go of the rows', () => {
      const map = sample()
      for (const [key] of scanAll(map)) {
        expect(key.length).toBeLessThan(3)
        break
      }
      scanAll(map).return!()
      expect(map.pinCount).toBe(0)
    })
  })
}
