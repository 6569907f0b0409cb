// Goal: for any history, the arena map answers as a plain Map per version does. Method: random histories of every operation, with few keys
// (so that they meet) or many, in segments so small that every edge of the arena is near, played on both; after every step the newest
// state is compared, and at the end every held version and every open view and cursor. An emptied map gives its memory back; the next one takes it.

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isStateStoreError, StateStoreError } from '../../src/errors.ts'
import { VersionedMap } from '../../src/map/versioned-map.ts'
import type { MapCursor, MapView } from '../../src/map/versioned-map.ts'
import { ModelMap, drain } from '../support/model.ts'
import { sliceOf } from '../support/slices.ts'
import { UsedBuffers } from '../support/used-buffers.ts'

const RUNS = Number(process.env['RUNS'] ?? 300)
const SEED = process.env['SEED']
const PUTS_AT_ONCE_MAX = 60
/** The index shrinks by a few slots with each change. */
const CHANGES_TO_SHRINK = 100
/** Of the smallest index, and of journals. */
const INDEX_BYTES_MIN = 2048

type Step =
  | { do: 'put'; key: number; size: number }
  | { do: 'putMany'; key: number; count: number; size: number }
  | { do: 'load'; key: number; count: number; size: number }
  | { do: 'remove'; key: number }
  | { do: 'removeMany'; key: number; count: number }
  | { do: 'get'; key: number }
  | { do: 'commit'; gap: number }
  | { do: 'abort' }
  | { do: 'release'; which: number }
  | { do: 'rewind'; which: number }
  | { do: 'view'; which: number }
  | { do: 'releaseView'; which: number }
  | { do: 'cursor' }
  | { do: 'viewCursor'; which: number }
  | { do: 'advance'; which: number; rows: number }
  | { do: 'closeCursor'; which: number }
  | { do: 'compact'; bytes: number }
  | { do: 'reclaim' }

function keyOf(n: number): Uint8Array {
  // Keys of 0 to a few hundred bytes, distinct by construction.
  if (n === 0) return new Uint8Array(0)
  const key = Buffer.alloc(2 + (n % 7) * (n % 11 === 0 ? 40 : 2))
  key.writeUInt16BE(n)
  return key
}

function valueOf(step: number, size: number): Uint8Array {
  const value = new Uint8Array(size)
  for (let i = 0; i < size; i++) value[i] = step + i * 7
  return value
}

const size = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 60 }) },
  { weight: 3, arbitrary: fc.constant(24) },
  { weight: 1, arbitrary: fc.integer({ min: 200, max: 1200 }) },
)

function stepsOf({ keysMax, loadRowsMax }: Shape): fc.Arbitrary<Step[]> {
  const key = fc.integer({ min: 0, max: keysMax })
  const which = fc.nat(20)
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 14, arbitrary: fc.record({ do: fc.constant('put' as const), key, size }) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('putMany' as const),
        key,
        count: fc.integer({ min: 1, max: PUTS_AT_ONCE_MAX }),
        size,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('load' as const),
        key,
        count: fc.integer({ min: 1, max: loadRowsMax }),
        size,
      }),
    },
    { weight: 7, arbitrary: fc.record({ do: fc.constant('remove' as const), key }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('removeMany' as const),
        key,
        count: fc.integer({ min: 1, max: 80 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('get' as const), key }) },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('commit' as const),
        gap: fc.integer({ min: 1, max: 3 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('abort' as const) }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('release' as const), which }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('rewind' as const), which }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('view' as const), which }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('releaseView' as const), which }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('cursor' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('viewCursor' as const), which }) },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('advance' as const), which, rows: fc.nat(30) }),
    },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('closeCursor' as const), which }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('reclaim' as const) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('compact' as const),
        bytes: fc.integer({ min: 1, max: 4000 }),
      }),
    },
  )
  return fc.array(step, { minLength: 1, maxLength: 120, size: 'max' })
}

interface Shape {
  readonly keysMax: number
  /** Rows of a load: of many a wide group is made, and put in order. */
  readonly loadRowsMax: number
  readonly segmentBytesMax: number
  readonly expectedKeys?: number
  /** Few, so that journals are half reclaimed most of the time. */
  readonly recordsReclaimedMax?: number
  /** So low that changes are refused: then nothing may have changed. */
  readonly memoryBytesMax?: number
}

/** Each map begins with what the maps before it have left. */
const used = new UsedBuffers()

/** Plays one history on both maps. */
class Duel {
  readonly map: VersionedMap
  readonly model = new ModelMap()
  readonly views: [MapView, MapView][] = []
  readonly cursors: [MapCursor, MapCursor, Map<string, string>][] = []
  #shape: Shape
  #step = 0

  constructor(shape: Shape, hashSeed: Uint8Array) {
    this.#shape = shape
    const { expectedKeys = 0, recordsReclaimedMax = Infinity, memoryBytesMax = 2 ** 30 } = shape
    const sizes = { segmentBytesMax: shape.segmentBytesMax, expectedKeys, recordsReclaimedMax }
    this.map = new VersionedMap({ hashSeed, ...sizes, memoryBytesMax, spare: used })
  }

  play(step: Step): void {
    this.#step++
    this.#apply(step)
    expect(this.map.keyCount).toBe(this.model.keyCount)
    expect(this.map.plainBytes).toBe(this.model.plainBytes)
    expect(this.map.versions).toEqual(this.model.versions)
    expect(this.map.newestVersion).toBe(this.model.newestVersion)
    expect(this.map.inTransaction).toBe(this.model.inTransaction)
    expect(this.map.pinCount).toBe(this.model.pinCount)
  }

  compareAll(): void {
    expect(drain(this.map.cursor())).toEqual(drain(this.model.cursor()))
    for (const [key, value] of this.model.rows.values()) expectSame(this.map.get(key), value)
    for (const version of this.model.versions) this.#compareViews(version)
    for (const [ours, theirs] of this.views) {
      expect(drain(ours.cursor())).toEqual(drain(theirs.cursor()))
      const keys = Array.from({ length: 40 }, (_, n) => keyOf(n))
      ours.getMany(keys).forEach((value, n) => expectSame(value, theirs.getView(keys[n])))
      for (const key of keys) {
        expectSame(ours.get(key), theirs.getView(key))
        expectSame(sliceOf(ours, key), theirs.getView(key))
      }
      expect([ours.keyCount, ours.plainBytes]).toEqual([theirs.keyCount, theirs.plainBytes])
    }
    while (this.cursors.length > 0) {
      this.#advance(0, Infinity)
      this.cursors.shift()
    }
  }

  /** Lets go of everything: what is left over then is lost space. */
  emptyAll(): void {
    const { map } = this
    for (const [ours] of this.views) ours.release()
    if (map.inTransaction) map.abort()
    if (this.#shape.memoryBytesMax !== undefined) return this.#retire()
    map.begin()
    const keys: Uint8Array[] = []
    for (const cursor = map.cursor(); cursor.next();) keys.push(cursor.key.slice())
    for (const key of keys) map.remove(key)
    map.commit(map.newestVersion + 1)
    for (let i = 0; i < CHANGES_TO_SHRINK; i++) {
      while (map.versions.length > 1) map.release(map.versions[0])
      map.begin()
      map.put(keyOf(1), keyOf(1))
      map.commit(map.newestVersion + 1)
    }
    while (map.reclaim()) continue
    map.compactSlice(Infinity)
    expect([map.keyCount, map.pinCount]).toEqual([1, 0])
    expect(map.memoryUsedBytes).toBeLessThan(
      this.#shape.segmentBytesMax * 2 + INDEX_BYTES_MIN + (this.#shape.expectedKeys ?? 0) * 32,
    )
    this.#retire()
  }

  #retire(): void {
    this.map.retire()
    expect(this.map.memoryUsedBytes).toBe(0)
  }

  #compareViews(version: number): void {
    const ours = this.map.view(version)!
    const theirs = this.model.view(version)!
    expect(drain(ours.cursor())).toEqual(drain(theirs.cursor()))
    expect([ours.keyCount, ours.plainBytes]).toEqual([theirs.keyCount, theirs.plainBytes])
    // Cursors go by the segments, look-ups by the index and the chains behind it.
    const keys = Array.from({ length: this.#shape.keysMax + PUTS_AT_ONCE_MAX }, (_, n) => keyOf(n))
    ours.getViews(keys).forEach((value, n) => expectSame(value, theirs.getView(keys[n])))
    ours.release()
    theirs.release()
  }

  #apply(step: Step): void {
    const { map, model } = this
    switch (step.do) {
      case 'put':
        return this.#put(step.key, step.size)
      case 'putMany':
        for (let i = 0; i < step.count; i++) this.#put(step.key + i, step.size)
        return
      case 'load':
        for (let i = 0; i < step.count; i++) {
          // Some keys come back at once, some later; now and then a removal, a read or a plain put comes between.
          const n = (step.key + (i % 3 === 0 ? i >> 3 : i >> 1)) % (this.#shape.keysMax + 1)
          if (i % 29 === 5) this.#remove(n)
          if (i % 31 === 1) expectSame(map.get(keyOf(n)), model.get(keyOf(n)))
          if (i % 4 === 3) this.#put(n, (step.size + i) % 64)
          else this.#putAt(n, (step.size + i) % 64)
        }
        return
      case 'remove':
        return this.#remove(step.key)
      case 'removeMany':
        for (let i = 0; i < step.count; i++) this.#remove(step.key + i)
        return
      case 'get': {
        const key = keyOf(step.key)
        expect(map.get(key)).toEqual(model.get(key))
        expect(map.has(key)).toBe(model.has(key))
        return
      }
      case 'commit': {
        this.#begin()
        const version = map.newestVersion + step.gap
        map.commit(version)
        model.commit(version)
        return
      }
      case 'abort':
        if (!map.inTransaction) return
        map.abort()
        model.abort()
        return
      case 'release': {
        const versions = map.versions
        if (versions.length < 2) return
        const version = versions[step.which % (versions.length - 1)]
        map.release(version)
        model.release(version)
        return
      }
      case 'rewind': {
        if (map.inTransaction) return
        const version = map.versions[step.which % map.versions.length]
        expect(map.rewindTo(version)).toBe(model.rewindTo(version))
        return
      }
      case 'view': {
        const version = map.versions[step.which % map.versions.length]
        this.views.push([map.view(version)!, model.view(version)!])
        return
      }
      case 'releaseView': {
        const [pair] = this.views.splice(step.which % (this.views.length + 1), 1)
        pair?.[0].release()
        pair?.[1].release()
        return
      }
      case 'cursor':
        this.cursors.push([map.cursor(), model.cursor(), new Map()])
        return
      case 'viewCursor': {
        const pair = this.views[step.which % (this.views.length + 1)]
        if (pair) this.cursors.push([pair[0].cursor(), pair[1].cursor(), new Map()])
        return
      }
      case 'advance':
        this.#advance(step.which, step.rows)
        return
      case 'closeCursor': {
        const [pair] = this.cursors.splice(step.which % (this.cursors.length + 1), 1)
        pair?.[0].close()
        pair?.[1].close()
        return
      }
      case 'compact':
        map.compactSlice(step.bytes)
        return
      case 'reclaim':
        map.reclaim()
    }
  }

  #begin(): void {
    if (this.map.inTransaction) return
    this.map.begin()
    this.model.begin()
  }

  #put(n: number, size: number): void {
    this.#begin()
    const value = valueOf(this.#step, size)
    if (this.#isRefused(() => this.map.put(keyOf(n), value))) return
    this.model.put(keyOf(n), value)
  }

  #putAt(n: number, size: number): void {
    this.#begin()
    const [key, value] = [keyOf(n), valueOf(this.#step, size)]
    const source = new DataView(Uint8Array.from([...key, ...value]).buffer)
    if (this.#isRefused(() => this.map.putAt(source, 0, key.length, key.length, size))) return
    this.model.put(key, value)
  }

  #remove(n: number): void {
    this.#begin()
    let was = false
    if (this.#isRefused(() => (was = this.map.remove(keyOf(n))))) return
    expect(was).toBe(this.model.remove(keyOf(n)))
  }

  #isRefused(change: () => void): boolean {
    try {
      change()
      return false
    } catch (error) {
      if (!isStateStoreError(error, 'TIDEMARK_MEMORY_LIMIT')) throw error
      expect(this.#shape.memoryBytesMax).toBeDefined()
      return true
    }
  }

  /** Reads on; at the end of the cursor what both have shown must be equal, and no row may come twice. */
  #advance(which: number, rows: number): void {
    const entry = this.cursors[which % (this.cursors.length + 1)]
    if (entry === undefined) return
    const [ours, theirs, seen] = entry
    for (let i = 0; i < rows; i++) {
      const [a, b] = [tryNext(ours), tryNext(theirs)]
      expect(a).toBe(b)
      if (a !== true) {
        if (a === false)
          expect(new Set(seen.values())).toEqual(seen.size ? new Set(['']) : new Set())
        return
      }
      tick(seen, `${hex(ours.key)}=${hex(ours.value)}`, 'ours')
      tick(seen, `${hex(theirs.key)}=${hex(theirs.value)}`, 'theirs')
      expect(ours.keyLength).toBe(ours.key.length)
      expect(ours.valueLength).toBe(ours.value.length)
    }
  }
}

/** As toEqual, without its cost where they are equal. */
function expectSame(ours: Uint8Array | undefined, theirs: Uint8Array | undefined): void {
  if (ours !== undefined && theirs !== undefined && Buffer.compare(ours, theirs) === 0) return
  expect(ours).toEqual(theirs)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** Notes who has shown a row; '' once both have. */
function tick(seen: Map<string, string>, row: string, who: string): void {
  const before = seen.get(row)
  expect(before, `row ${row} comes once`).not.toBe(who)
  expect(before, `row ${row} comes once`).not.toBe('')
  seen.set(row, before === undefined ? who : '')
}

function tryNext(cursor: MapCursor): boolean | string {
  try {
    return cursor.next()
  } catch (error) {
    if (error instanceof StateStoreError) return error.code
    throw error
  }
}

/** RUNS may ask for far more histories than a usual run plays. */
const LONG = { timeout: 3_600_000 }

function check(shape: Shape, runs: number): void {
  fc.assert(
    fc.property(stepsOf(shape), fc.uint8Array({ minLength: 8, maxLength: 8 }), (steps, seed) => {
      const duel = new Duel(shape, seed)
      for (const [i, step] of steps.entries()) {
        duel.play(step)
        if (i % 16 === 15) duel.compareAll()
      }
      duel.compareAll()
      duel.emptyAll()
    }),
    { numRuns: runs, ...(SEED !== undefined && { seed: Number(SEED) }) },
  )
}

test('few keys, tiny segments: every history equals a plain Map per version', LONG, () => {
  check({ keysMax: 12, loadRowsMax: 60, segmentBytesMax: 256, recordsReclaimedMax: 2 }, RUNS)
})

test('hundreds of keys, small segments: every history equals a plain Map per version', LONG, () => {
  check({ keysMax: 400, loadRowsMax: 60, segmentBytesMax: 2048, recordsReclaimedMax: 5 }, RUNS)
})

test('usual segments: every history equals a plain Map per version', LONG, () => {
  check({ keysMax: 100, loadRowsMax: 60, segmentBytesMax: 4 * 1024 * 1024 }, RUNS / 4)
})

test('large loads: every history equals a plain Map per version', LONG, () => {
  const shape = { keysMax: 3000, loadRowsMax: 6000, segmentBytesMax: 4096, expectedKeys: 8000 }
  check(shape, RUNS / 20)
})

test('little memory: a refused change changes nothing', LONG, () => {
  const few = { keysMax: 60, loadRowsMax: 60, segmentBytesMax: 1024, recordsReclaimedMax: 2 }
  check({ ...few, memoryBytesMax: 6 * 1024 }, RUNS)
  check({ ...few, keysMax: 400, loadRowsMax: 400, memoryBytesMax: 70 * 1024 }, RUNS / 4)
})
