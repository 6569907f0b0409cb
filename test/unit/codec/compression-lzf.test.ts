import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { concatBytes, fromHex, toHex } from '../../../src/base/bytes.ts'
import { lzfCompression } from '../../../src/codec/compression-lzf.ts'
import { isStateStoreError } from '../../../src/errors.ts'
import {
  compress,
  compressionContract,
  decompress,
  LIMITS,
  noiseBytes,
  rowLikeBytes,
} from '../../support/contracts/compression.ts'

compressionContract(lzfCompression, { framed: true })

/** What Spark writes for a version without changes. */
const EMPTY_DELTA = '5a56000004ffffffff'

test('the end marker alone is byte for byte the empty delta of Spark, 9 bytes', async () => {
  expect(toHex(compress(lzfCompression, fromHex('ffffffff')))).toBe(EMPTY_DELTA)
  expect(toHex(await decompress(lzfCompression, fromHex(EMPTY_DELTA)))).toBe('ffffffff')
})

/** A compressed chunk. */
function chunk(plainBytes: number, packed: string): Uint8Array {
  const bytes = fromHex(packed.replaceAll(' ', ''))
  const header = Buffer.from('5a560100000000', 'hex')
  header.writeUInt16BE(bytes.length, 3)
  header.writeUInt16BE(plainBytes, 5)
  return concatBytes([header, bytes])
}

test.each([
  ['a literal run', 3, '02 616263', 'abc'],
  ['a short reference into what it writes itself', 9, '00 61 c0 00', 'a'.repeat(9)],
  ['a long reference', 265, '00 61 e0 ff 00', 'a'.repeat(265)],
  ['the shortest reference of the long kind', 10, '00 61 e0 00 00', 'a'.repeat(10)],
  ['a reference to two bytes back', 6, '01 6162 40 01', 'ababab'],
])('%s is read as the format has it', async (_, plainBytes, packed, plain) => {
  const back = await decompress(lzfCompression, chunk(plainBytes, packed))
  expect(Buffer.from(back).toString()).toBe(plain)
})

test('a reference reaches back 8192 bytes, and no further when written', async () => {
  const motif = noiseBytes(200, 7)
  // Zeros behind it, so that the chunk is worth compressing at all.
  const packed = (gap: number, last: Uint8Array) => {
    const plain = concatBytes([motif, noiseBytes(gap - 200, 99), last, new Uint8Array(5000)])
    return { plain, packed: compress(lzfCompression, plain) }
  }
  for (const gap of [8191, 8192, 8193, 20_000]) {
    const again = packed(gap, motif)
    expect(Buffer.compare(await decompress(lzfCompression, again.packed), again.plain)).toBe(0)
    const saved = packed(gap, noiseBytes(200, 8)).packed.length - again.packed.length
    expect(saved > 150).toBe(gap <= 8192)
  }
})

test('a chunk that saves less than its longer header costs is kept raw', () => {
  expect(lzfCompression.encodeBlock(noiseBytes(1000))[2]).toBe(0)
  expect(lzfCompression.encodeBlock(new Uint8Array(15))[2]).toBe(0)
  expect(lzfCompression.encodeBlock(new Uint8Array(16))[2]).toBe(1)
  expect(lzfCompression.encodeBlock(rowLikeBytes(1000))[2]).toBe(1)
  for (let size = 1; size < 300; size++)
    expect(lzfCompression.encodeBlock(rowLikeBytes(size)).length).toBeLessThanOrEqual(size + 5)
})

test.each([
  ['no plain bytes, raw', fromHex('5a560000000000')],
  ['no plain bytes, compressed', fromHex('5a5601000200000061')],
  ['no packed bytes', fromHex('5a5601000000ff')],
  ['more than its packed bytes can stand for', chunk(65_535, '00 61')],
  ['a length past the end', fromHex('5a560000ff00')],
  ['a packed length past the end', fromHex('5a560100ff00100061')],
  ['one plain byte more than there are', chunk(4, '02 616263')],
  ['one plain byte less than there are', chunk(2, '02 616263')],
  ['one plain byte less than a reference writes', chunk(8, '00 61 c0 00')],
  ['a literal run past its end', chunk(4, '03 616263')],
  ['a reference before its start', chunk(4, '00 61 20 01')],
  ['a reference at its very start', chunk(3, '20 00')],
  ['a cut reference', chunk(4, '00 61 20')],
  ['a cut long reference', chunk(20, '00 61 e0 05')],
  ['an unknown type', fromHex('5a56020004ffffffff')],
  ['other first bytes', fromHex('5a57000004ffffffff')],
])('a chunk that has %s is CORRUPT_FILE', async (_, bytes) => {
  await expect(decompress(lzfCompression, bytes)).rejects.toMatchObject({
    code: 'TIDEMARK_CORRUPT_FILE',
    offset: 0,
  })
})

test('a chunk larger than the limit is CORRUPT_FILE', async () => {
  const packed = compress(lzfCompression, rowLikeBytes(2000))
  await expect(
    decompress(lzfCompression, packed, 100, { ...LIMITS, blockBytesMax: 1000 }),
  ).rejects.toMatchObject({ code: 'TIDEMARK_CORRUPT_FILE', offset: 0 })
})

test('any packed bytes are either what they claim or CORRUPT_FILE', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.integer({ min: 1, max: 65_535 }),
      async (packed, plainBytes) => {
        try {
          const back = await decompress(lzfCompression, chunk(plainBytes, toHex(packed)))
          expect(back.length).toBe(plainBytes)
        } catch (error) {
          if (!isStateStoreError(error, 'TIDEMARK_CORRUPT_FILE')) throw error
        }
      },
    ),
    { numRuns: 2000 },
  )
})
