import { expect, test } from 'vitest'
import { fromHex } from '../../../src/base/bytes.ts'
import {
  COMPRESSIONS,
  compressionOf,
  isCompressionName,
  sniffCompression,
} from '../../../src/codec/compressions.ts'
import { compress } from '../../support/contracts/compression.ts'

test('each framing is recognised as itself and as no other', () => {
  for (const compression of Object.values(COMPRESSIONS)) {
    for (const plain of ['ffffffff', '00000000000000', '00ffffffaabb']) {
      const head = compress(compression, fromHex(plain)).subarray(0, 16)
      expect(sniffCompression(head)).toBe(compression)
      const claimants = Object.values(COMPRESSIONS).filter((other) => other.sniff(head))
      expect(claimants).toEqual([compression])
    }
  }
})

test('bytes that begin like no framing are none', () => {
  expect(sniffCompression(new TextEncoder().encode('<html>'))).toBeUndefined()
  expect(sniffCompression(new Uint8Array(0))).toBeUndefined()
})

test('a codec is found by its name, and only by one of ours', () => {
  expect(compressionOf('zstd').name).toBe('zstd')
  expect(isCompressionName('lz4')).toBe(true)
  for (const name of ['gzip', 'LZ4', '', 'toString', '__proto__', undefined, 3])
    expect(isCompressionName(name)).toBe(false)
})
