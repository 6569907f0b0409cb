import { expect, test } from 'vitest'
import { createXxh64, crc32c, xxh32, xxh64 } from '../../../src/base/checksum.ts'

const text = (value: string) => new Uint8Array(Buffer.from(value))

test('CRC32C gives its check value, whole and in pieces', () => {
  expect(crc32c(text('123456789'))).toBe(0xe3069283)
  expect(crc32c(text('6789'), crc32c(text('12345')))).toBe(0xe3069283)
  expect(crc32c(text(''))).toBe(0)
})

test('xxHash32 gives the published values, unsigned', () => {
  expect(xxh32(text(''), 0)).toBe(0x02cc5d05)
  expect(xxh32(text('abc'), 0)).toBe(0x32d153ff)
})

test('XXH64 gives the published values, whole and running', () => {
  expect(xxh64(text(''))).toBe(0xef46db3751d8e999n)
  expect(xxh64(text('abc'))).toBe(0x44bc2cf5ad770999n)
  const running = createXxh64()
  running.update(text('a'))
  running.update(text('bc'))
  expect(running.digest()).toBe(0x44bc2cf5ad770999n)
})
