import { expect, test } from 'vitest'
import { keyHash } from '../../../src/map/key-hash.ts'
import { KeyWords } from '../../../src/map/key-words.ts'

test('the hash is HalfSipHash-1-3: published vectors for keys of 0 to 9 bytes', () => {
  // From the self-test of the Linux kernel (32-bit hsiphash), key 00 01 02 … 07, input 00 01 02 ….
  const expected = [
    0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6,
    0x577999b1, 0xc839caed,
  ]
  const input = Uint8Array.from({ length: 16 }, (_, i) => i)
  const hashes = expected.map((_, length) => {
    const key = KeyWords.of(input.subarray(0, length))
    return keyHash(0x03020100, 0x07060504, key.words, 0, length) >>> 0
  })
  expect(hashes).toEqual(expected)
})

test('the place of the words does not matter, nor what follows the key', () => {
  const key = KeyWords.of(Uint8Array.of(1, 2, 3, 4, 5))
  const elsewhere = Int32Array.of(-1, key.words[0], key.words[1], -1)
  expect(keyHash(1, 2, elsewhere, 1, 5)).toBe(keyHash(1, 2, key.words, 0, 5))
})
