import { expect, test } from 'vitest'
import { Arena } from '../../../src/map/arena.ts'
import { HashIndex } from '../../../src/map/hash-index.ts'
import { KeyHash } from '../../../src/map/key-hash.ts'
import { KeyWords, writeKey } from '../../../src/map/key-words.ts'
import { MemoryBudget } from '../../../src/map/memory-budget.ts'
import { NO_SPARE_BUFFERS } from '../../../src/map/spare-buffers.ts'

const SEED = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8])
const HASH = new KeyHash(SEED)
const HASH_OF_AN_ATTACKER = new KeyHash(new Uint8Array(8))
const VALUE_BYTES = 4

const keys = new Map<number, KeyWords>()

function key(n: number): KeyWords {
  const known = keys.get(n)
  if (known !== undefined) return known
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, n)
  const made = KeyWords.of(bytes)
  keys.set(n, made)
  return made
}

function hashOf(n: number): number {
  return HASH.of(key(n).words, 0, key(n).length)
}

class Bed {
  readonly budget = new MemoryBudget(Infinity)
  readonly arena = new Arena(this.budget, NO_SPARE_BUFFERS, 1024 * 1024)
  readonly index: HashIndex
  readonly known = new Map<number, number>()

  constructor(expectedKeys = 0) {
    this.index = new HashIndex(this.arena, this.budget, NO_SPARE_BUFFERS, SEED, expectedKeys)
  }

  add(n: number): void {
    expect(this.index.reserve()).toBe(true)
    const hash = hashOf(n)
    expect(this.index.locate(hash, key(n))).toBe(0)
    const ref = this.arena.append(1, 0, key(n).length, VALUE_BYTES)
    const words = this.arena.words[ref >>> this.arena.unitBits]
    writeKey(words, this.arena.appendedKeyWord, key(n))
    this.index.insertLocated(hash, ref)
    this.known.set(n, ref)
  }

  remove(n: number): void {
    this.index.reserve()
    expect(this.index.locate(hashOf(n), key(n))).toBe(this.known.get(n))
    this.index.removeLocated()
    this.known.delete(n)
  }

  checkAll(): void {
    expect(this.index.count).toBe(this.known.size)
    const heads = new Int32Array(1)
    for (const [n, ref] of this.known) {
      const hash = hashOf(n)
      const found = this.index.locate(hash, key(n))
      if (found !== ref) expect.fail(`key ${n}: expected reference ${ref}, got ${found}`)
      const read = this.index.find(hash, key(n))
      if (read !== ref) expect.fail(`key ${n}: expected to read reference ${ref}, got ${read}`)
      // No two of these keys have one hash.
      this.index.peek(Int32Array.of(0, hash), 1, 2, heads)
      const peeked = heads[0]
      if (peeked !== ref) expect.fail(`key ${n}: expected to read ahead at ${ref}, got ${peeked}`)
    }
  }
}

test('every key is found at every moment of growth and of shrinking', () => {
  const bed = new Bed()
  for (let n = 0; n < 1_200; n++) {
    bed.add(n)
    bed.checkAll()
  }
  for (let n = 0; n < 1_190; n++) {
    bed.remove(n)
    if (n % 4 === 0) bed.checkAll()
    expect(bed.index.locate(hashOf(n), key(n))).toBe(0)
    expect(bed.index.find(hashOf(n), key(n))).toBe(0)
  }
  bed.checkAll()
})

test('keys with one home, at the end of the table, wrap around and survive growth and removal', () => {
  // Keys picked with the seed known: their home is the last slot of the smallest table (upper 6 bits set) or close to it.
  const picked: number[] = []
  for (let n = 0; picked.length < 90; n++) {
    if (HASH.of(key(n).words, 0, 4) >>> 26 >= 62) picked.push(n)
  }
  const bed = new Bed()
  for (const n of picked) {
    bed.add(n)
    bed.checkAll()
  }
  for (const n of picked.filter((_, i) => i % 2 === 0)) {
    bed.remove(n)
    bed.checkAll()
  }
  for (const n of picked.filter((_, i) => i % 2 === 0)) {
    bed.add(n)
    bed.checkAll()
  }
})

test('changes go on in both tables while one grows', () => {
  const bed = new Bed()
  let next = 0
  let oldest = 0
  for (let round = 0; round < 4_000; round++) {
    bed.add(next++)
    if (round % 3 !== 0) bed.remove(oldest++)
    if (round % 50 === 0) bed.checkAll()
  }
  bed.checkAll()
})

test('a state that is replaced for ever needs no more table: removals leave nothing behind', () => {
  const bed = new Bed()
  for (let n = 0; n < 500; n++) bed.add(n)
  for (let n = 0; n < 2_000; n++) {
    bed.add(n + 500)
    bed.remove(n)
  }
  const arenaBytes = bed.arena.allocatedUnits * 8
  expect(bed.budget.usedBytes - arenaBytes).toBeLessThanOrEqual(2048 * 8)
  bed.checkAll()
})

test('keys that collide without the seed, or under another, are found in few probes under this one', () => {
  // An attacker who knows the algorithm but not the seed picks keys whose hash under another seed shares its upper 8 bits.
  const homes = new Set<number>()
  let picked = 0
  for (let n = 0; picked < 400; n++) {
    if (HASH_OF_AN_ATTACKER.of(key(n).words, 0, 4) >>> 24 !== 0x5a) continue
    picked++
    homes.add(HASH.of(key(n).words, 0, 4) >>> 24)
  }
  // 400 balls in 256 bins: 202 are hit on average.
  expect(homes.size).toBeGreaterThan(170)
})

test('expectedKeys sizes the table once', () => {
  const bed = new Bed(10_000)
  const before = bed.budget.usedBytes - bed.arena.allocatedUnits * 8
  for (let n = 0; n < 10_000; n++) bed.add(n)
  expect(bed.budget.usedBytes - bed.arena.allocatedUnits * 8).toBe(before)
  bed.checkAll()
})
