import { expect, test } from 'vitest'
import { noCompression } from '../../../src/codec/compression-none.ts'
import { compressionContract } from '../../support/contracts/compression.ts'

compressionContract(noCompression, { framed: false })

test('an empty delta, and one that begins with any key length that is allowed, are recognised', () => {
  expect(noCompression.sniff(Uint8Array.of(255, 255, 255, 255))).toBe(true)
  expect(noCompression.sniff(Uint8Array.of(0, 0, 0, 0, 9))).toBe(true)
  expect(noCompression.sniff(Uint8Array.of(0x01, 0, 0, 0, 9))).toBe(true)
  expect(noCompression.sniff(Uint8Array.of(255, 255, 255, 254))).toBe(false)
})
