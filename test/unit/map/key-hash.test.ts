import { expect, test } from 'vitest'
import { halfSipHash, KeyHash } from '../../../src/map/key-hash.ts'
import { KeyWords } from '../../../src/map/key-words.ts'

const SEED = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7)
/** One that is short, and one that is not. */
const LENGTHS = [13, 77]

function hashOf(hash: KeyHash, bytes: Uint8Array): number {
  const key = KeyWords.of(bytes)
  return hash.of(key.words, 0, key.length)
}

/** The 32-bit number as a key of four bytes. */
function keyOf(n: number): Uint8Array {
  return new Uint8Array(Int32Array.of(n).buffer)
}

test('HalfSipHash-1-3: published vectors for keys of 0 to 9 bytes', () => {
  // From the self-test of the Linux kernel (32-bit hsiphash), key 00 01 02 … 07, input 00 01 02 ….
  const expected = [
    0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6,
    0x577999b1, 0xc839caed,
  ]
  const input = Uint8Array.from({ length: 16 }, (_, i) => i)
  const hashes = expected.map((_, length) => {
    const key = KeyWords.of(input.subarray(0, length))
    return halfSipHash(0x03020100, 0x07060504, key.words, 0, length) >>> 0
  })
  expect(hashes).toEqual(expected)
})

test.each(LENGTHS)(
  'the place of the words does not matter, nor what follows (%d bytes)',
  (size) => {
    const hash = new KeyHash(SEED)
    const key = KeyWords.of(Uint8Array.from({ length: size }, (_, i) => i * 7))
    const elsewhere = new Int32Array(key.words.length + 2).fill(-1)
    elsewhere.set(key.words.subarray(0, Math.ceil(size / 4)), 1)
    expect(hash.of(elsewhere, 1, size)).toBe(hash.of(key.words, 0, size))
  },
)

test.each(LENGTHS)('every bit of a key and every seed count (%d bytes)', (size) => {
  const bytes = Uint8Array.from({ length: size }, (_, i) => i * 7)
  const hash = new KeyHash(SEED)
  const hashes = [hashOf(hash, bytes), hashOf(new KeyHash(new Uint8Array(8)), bytes)]
  for (let bit = 0; bit < size * 8; bit++) {
    bytes[bit >> 3] ^= 1 << (bit & 7)
    hashes.push(hashOf(hash, bytes))
    bytes[bit >> 3] ^= 1 << (bit & 7)
  }
  expect(new Set(hashes).size).toBe(hashes.length)
})

test('a key that is taken over is hashed as it lies there, at any length and place', () => {
  const hash = new KeyHash(SEED)
  for (let length = 0; length <= 100; length++) {
    const memory = Uint8Array.from({ length: length + 5 }, (_, i) => (i * 151) ^ (length * 29))
    const bytes = memory.subarray(length % 3, (length % 3) + length)
    const taken = new Int32Array(30).fill(-1)
    const at = length % 4
    const set = KeyWords.of(bytes)
    expect(hash.take(bytes, taken, at), `${length} bytes`).toBe(hash.of(set.words, 0, length))
    const count = Math.ceil(length / 4)
    expect(taken.subarray(at, at + count)).toEqual(set.words.subarray(0, count))
    expect(taken.subarray(at + count).every((word) => word === -1)).toBe(true)
  }
})

test('zeros of different lengths are different keys', () => {
  const hash = new KeyHash(SEED)
  const hashes = Array.from({ length: 100 }, (_, length) => hashOf(hash, new Uint8Array(length)))
  expect(new Set(hashes).size).toBe(100)
})

// Sets of keys that a multiplication by one factor modulo 2^32 would put close together: they differ in their upper bits only, or are in a row. Home slots
// of 2^16 keys in 2^17 are counted; 51,600 are hit on average by chance, with a deviation of about 120.
test.each([
  ['in a row', (n: number) => keyOf(n)],
  ['in steps of 2^16', (n: number) => keyOf(n << 16)],
  [
    'whose halves differ in their upper eight bits',
    (n: number) => keyOf(((n & 0xff00) << 16) | ((n & 0xff) << 8)),
  ],
  ['whose words differ in their uppermost bit', (n: number) => upperBits(n)],
])('keys %s are spread as by chance, under any seed', (_, key) => {
  for (let seed = 0; seed < 8; seed++) {
    const hash = new KeyHash(Uint8Array.from(SEED, (byte) => byte * 31 + seed))
    const homes = new Set<number>()
    for (let n = 0; n < 2 ** 16; n++) homes.add(hashOf(hash, key(n)) >>> 15)
    expect(homes.size, `seed ${seed}`).toBeGreaterThan(50_900)
  }
})

/** 16 words, each 0 or 2^31. */
function upperBits(n: number): Uint8Array {
  return new Uint8Array(Int32Array.from({ length: 16 }, (_, i) => ((n >>> i) & 1) << 31).buffer)
}
