import { describe, expect, test } from 'vitest'
import type { VersionedMap } from '../../../src/map/versioned-map.ts'
import { commitNext, newMap, numberKey, putMany } from '../../support/arena-map.ts'
import { drain } from '../../support/model.ts'
import { UsedBuffers } from '../../support/used-buffers.ts'

function loaded(spare: UsedBuffers, size: number): VersionedMap {
  const map = newMap({ spare, expectedKeys: 2000 })
  commitNext(map, () => putMany(map, 0, 2000, size))
  return map
}

describe('a map that is retired', () => {
  test('leaves all its memory to the next one, which holds its own rows', () => {
    const spare = new UsedBuffers()
    const map = loaded(spare, 32)
    const { memoryUsedBytes } = map
    map.retire()
    expect(spare.bytes).toBeGreaterThan(memoryUsedBytes * 0.9)
    expect([map.memoryUsedBytes, map.keyCount, map.plainBytes]).toEqual([0, 0, 0])
    const next = loaded(spare, 20)
    expect(spare.taken).toBeGreaterThan(2)
    expect(drain(next.cursor())).toEqual(drain(loaded(new UsedBuffers(), 20).cursor()))
  })

  test('keeps it while a view or a cursor is open, and leaves it with the last of them', () => {
    const spare = new UsedBuffers()
    const map = loaded(spare, 32)
    const rows = drain(map.cursor())
    const view = map.view(1)!
    const cursor = view.cursor()
    map.retire()
    expect(drain(view.cursor())).toEqual(rows)
    view.release()
    expect(spare.bytes).toBe(0)
    expect(drain(cursor)).toEqual(rows)
    expect(spare.bytes).toBeGreaterThan(0)
  })

  test('what somebody kept of getView() is empty then, and never shows rows of another map', () => {
    const spare = new UsedBuffers()
    const map = loaded(spare, 32)
    const kept = map.getView(numberKey(7))!
    map.retire()
    loaded(spare, 32)
    expect(kept.length).toBe(0)
  })

  test('in the midst of growing leaves its memory as well', () => {
    const spare = new UsedBuffers()
    const map = newMap({ spare })
    // Two keys more than three quarters of a table of 1,024 slots.
    commitNext(map, () => putMany(map, 0, 770, 8))
    map.retire()
    expect(map.memoryUsedBytes).toBe(0)
  })

  test('before it was ever written leaves what it had taken', () => {
    const spare = new UsedBuffers()
    loaded(spare, 8).retire()
    const { bytes } = spare
    const map = newMap({ spare, expectedKeys: 2000 })
    expect([map.keyCount, map.get(numberKey(1))]).toEqual([0, undefined])
    map.retire()
    expect([map.memoryUsedBytes, spare.bytes]).toEqual([0, bytes])
  })

  test('within a transaction leaves it when that is taken back', () => {
    const spare = new UsedBuffers()
    const map = loaded(spare, 32)
    map.begin()
    putMany(map, 0, 10, 32)
    map.retire()
    expect(spare.bytes).toBe(0)
    map.abort()
    expect(map.memoryUsedBytes).toBe(0)
    expect(spare.bytes).toBeGreaterThan(0)
  })

  test('is not written any more', () => {
    const map = loaded(new UsedBuffers(), 8)
    map.retire()
    expect(() => map.begin()).toThrow('retired')
  })
})
