import { expect, test } from 'vitest'
import { Arena } from '../../../src/map/arena.ts'
import { MemoryBudget } from '../../../src/map/memory-budget.ts'
import { DEAD, SUPERSEDED_BY } from '../../../src/map/record-layout.ts'
import { recordUnits } from '../../../src/map/record.ts'
import { NO_SPARE_BUFFERS } from '../../../src/map/spare-buffers.ts'

const KEY_BYTES = 8

function newArena(segmentBytesMax: number, bytesMax = Infinity): Arena {
  return new Arena(new MemoryBudget(bytesMax), NO_SPARE_BUFFERS, segmentBytesMax)
}

function add(arena: Arena, valueBytes: number): number {
  const ref = arena.append(1, 0, KEY_BYTES, valueBytes)
  checkWalk(arena)
  return ref
}

/** Walks every segment and compares what is alive with the count. */
function checkWalk(arena: Arena): void {
  for (const segment of arena.segments) {
    if (segment === undefined) continue
    const words = arena.words[segment.slot]
    let live = 0
    let unit = 0
    while (unit < segment.units) {
      const units = recordUnits(words, unit * 2)
      expect(units).toBeGreaterThan(0)
      if (words[unit * 2 + SUPERSEDED_BY] !== DEAD) live += units
      unit += units
    }
    expect(unit).toBe(segment.units)
    expect(live).toBe(segment.liveUnits)
  }
}

test('segments double from small ones up to the largest', () => {
  const arena = newArena(64 * 1024)
  for (let i = 0; i < 400; i++) arena.append(1, 0, KEY_BYTES, 1000)
  const sizes = arena.segments.flatMap((segment) => (segment ? [segment.units * 8] : []))
  expect(sizes.slice(0, 5)).toEqual([16384, 16384, 32768, 65536, 65536])
})

test('freed neighbours are merged and written to again', () => {
  const arena = newArena(1024)
  const refs = Array.from({ length: 16 }, () => add(arena, 40))
  expect(arena.allocatedUnits).toBe(128)
  for (const at of [3, 5, 4, 6]) arena.free(refs[at])
  checkWalk(arena)
  // Four spans of 64 bytes: one record of 256, and no new segment.
  const big = add(arena, 232)
  expect(big).toBe(refs[3])
  expect(arena.allocatedUnits).toBe(128)
})

test('a span of a single unit is left over and merged later', () => {
  const arena = newArena(1024)
  const refs = Array.from({ length: 16 }, () => add(arena, 40))
  for (const at of [2, 3, 4, 5]) arena.free(refs[at])
  expect(add(arena, 40 + 56 + 64 * 2)).toBe(refs[2])
  checkWalk(arena)
  arena.free(refs[6])
  arena.free(refs[8])
  arena.free(refs[9])
  arena.free(refs[10])
  expect(add(arena, 40 + 128)).toBe(refs[8])
  expect(arena.allocatedUnits).toBe(128)
})

test('what was replaced at or below the floor is free without having been freed', () => {
  const arena = newArena(1024)
  const refs = Array.from({ length: 16 }, () => add(arena, 40))
  for (const [i, ref] of refs.slice(4, 8).entries()) {
    arena.words[ref >>> arena.unitBits][((ref & arena.unitMask) << 1) + SUPERSEDED_BY] = 5 + i
  }
  arena.floor = 6
  arena.giveBack(refs[0] >>> arena.unitBits, 16)
  expect(arena.append(9, 0, KEY_BYTES, 40)).toBe(refs[4])
  expect(arena.append(9, 0, KEY_BYTES, 40)).toBe(refs[5])
  expect(arena.append(9, 0, KEY_BYTES, 40)).not.toBe(refs[6])
})

test('overwriting in place needs the room there is, and gives back the rest', () => {
  const arena = newArena(1024)
  const ref = add(arena, 40)
  expect(arena.overwrite(ref, new Uint8Array(41))).toBe(false)
  expect(arena.overwrite(ref, new Uint8Array(3))).toBe(true)
  checkWalk(arena)
  expect(arena.overwrite(ref, undefined)).toBe(true)
  checkWalk(arena)
  expect(arena.segments[1]!.liveUnits).toBe(3)
})

test('a record that changes to the long form of its lengths is not overwritten in place', () => {
  const arena = newArena(4 * 1024 * 1024)
  const ref = add(arena, 1_100_000)
  expect(arena.overwrite(ref, new Uint8Array(10))).toBe(false)
})

test('memory counted is memory allocated, through growth, jumbo records and release', () => {
  const budget = new MemoryBudget(Infinity)
  const arena = new Arena(budget, NO_SPARE_BUFFERS, 4096)
  const allocated = (): number => arena.bytes.reduce((sum, bytes) => sum + bytes.byteLength, 0)
  const refs = Array.from({ length: 200 }, (_, i) =>
    arena.append(1, 0, KEY_BYTES, i % 20 === 0 ? 10_000 : 100),
  )
  expect(budget.usedBytes).toBe(allocated())
  for (const ref of refs) arena.free(ref)
  expect(budget.usedBytes).toBe(allocated())
  for (const segment of arena.segments) {
    if (segment !== undefined && segment !== arena.writingTo) arena.releaseSegment(segment)
  }
  expect(budget.usedBytes).toBe(allocated())
  expect(budget.usedBytes).toBe(4096)
})

test('at the memory limit the last holes are used before anything is refused', () => {
  const arena = newArena(1024, 2048)
  const refs = Array.from({ length: 32 }, () => add(arena, 40))
  expect(refs.every((ref) => ref !== 0)).toBe(true)
  expect(add(arena, 40)).toBe(0)
  arena.free(refs[20])
  expect(add(arena, 200)).toBe(0)
  expect(add(arena, 40)).toBe(refs[20])
  expect(add(arena, 40)).toBe(0)
})
