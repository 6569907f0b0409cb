import { expect, test } from 'vitest'
import { concatBytes, fromHex, toHex } from '../../../src/base/bytes.ts'
import { xxh32 } from '../../../src/base/checksum.ts'
import { lz4Compression } from '../../../src/codec/compression-lz4.ts'
import {
  compress,
  compressionContract,
  decompress,
  LIMITS,
  noiseBytes,
  rowLikeBytes,
} from '../../support/contracts/compression.ts'

compressionContract(lz4Compression, { framed: true })

const MAGIC = '4c5a34426c6f636b'
const END_BLOCK = `${MAGIC}15000000000000000000000000`
/** What Spark writes for a version without changes. */
const EMPTY_DELTA = `${MAGIC}150400000004000000db804d08ffffffff${END_BLOCK}`
const HUNDRED_ZEROS = `${MAGIC}250b00000064000000eaa0f6071f0001004b500000000000${END_BLOCK}`

test('the end marker alone is byte for byte the empty delta of Spark, 46 bytes', () => {
  expect(toHex(compress(lz4Compression, fromHex('ffffffff')))).toBe(EMPTY_DELTA)
})

test('the vectors of lz4-java decode', async () => {
  expect(toHex(await decompress(lz4Compression, fromHex(EMPTY_DELTA)))).toBe('ffffffff')
  expect(await decompress(lz4Compression, fromHex(HUNDRED_ZEROS))).toEqual(new Uint8Array(100))
})

test('a block that does not become smaller is kept raw, one that does is not', () => {
  expect(lz4Compression.encodeBlock(noiseBytes(1000))[8]).toBe(0x15)
  expect(lz4Compression.encodeBlock(rowLikeBytes(1000))[8]).toBe(0x25)
})

test('blocks of any level up to 32 MiB are read, unless the limit is lower', async () => {
  const plain = new Uint8Array(32 * 1024 * 1024)
  plain.set(noiseBytes(1000))
  const stream = concatBytes([rawBlock(0x1f, plain), fromHex(END_BLOCK)])
  expect(Buffer.compare(await decompress(lz4Compression, stream, 1 << 20), plain)).toBe(0)
  await expect(
    decompress(lz4Compression, stream, 1 << 20, { ...LIMITS, blockBytesMax: 1 << 20 }),
  ).rejects.toMatchObject({ code: 'TIDEMARK_CORRUPT_FILE', offset: 0 })
})

/** A raw block with a right checksum. */
function rawBlock(token: number, plain: Uint8Array): Uint8Array {
  const header = Buffer.alloc(21)
  header.write('LZ4Block')
  header[8] = token
  header.writeUInt32LE(plain.length, 9)
  header.writeUInt32LE(plain.length, 13)
  header.writeUInt32LE(xxh32(plain, 0x9747b28c) & 0x0fffffff, 17)
  return concatBytes([header, plain])
}

/** The hundred zeros with header fields put over those of the first block. */
function forged(fields: { token?: number; packed?: number; plain?: number; checksum?: number }) {
  const bytes = Buffer.from(HUNDRED_ZEROS, 'hex')
  if (fields.token !== undefined) bytes[8] = fields.token
  if (fields.packed !== undefined) bytes.writeUInt32LE(fields.packed, 9)
  if (fields.plain !== undefined) bytes.writeUInt32LE(fields.plain, 13)
  if (fields.checksum !== undefined) bytes.writeUInt32LE(fields.checksum, 17)
  return new Uint8Array(bytes)
}

test.each([
  ['a plain length of 2^31-1', { plain: 0x7fffffff }],
  ['a plain length of 2^32-1', { plain: 0xffffffff }],
  ['a plain length of 2^31-1 at the highest level', { token: 0x2f, plain: 0x7fffffff }],
  ['32 MiB out of 11 bytes', { token: 0x2f, plain: 32 * 1024 * 1024 }],
  ['the most that the level allows out of 11 bytes', { plain: 32 * 1024 }],
  ['one plain byte more than there are', { plain: 101 }],
  ['one plain byte less than there are', { plain: 99 }],
  ['no plain bytes at all', { plain: 0 }],
  ['more than the level allows', { token: 0x20, plain: 1025 }],
  ['a packed length of 2^32-1', { packed: 0xffffffff }],
  ['a packed length of 2^31-1', { packed: 0x7fffffff }],
  ['a packed length past the end of the stream', { packed: 100 }],
  ['a packed length of 0', { packed: 0 }],
  ['a raw block of two lengths', { token: 0x15 }],
  ['an unknown method', { token: 0x35 }],
  ['another checksum', { checksum: 1 }],
  ['a checksum with its top bits set', { checksum: 0xf7f6a0ea }],
])('a block that claims %s is CORRUPT_FILE at once', async (_, fields) => {
  await expect(decompress(lz4Compression, forged(fields))).rejects.toMatchObject({
    code: 'TIDEMARK_CORRUPT_FILE',
    offset: 0,
  })
})

test('a block says the least level that allows its size, and up to 32 KiB that of Spark', async () => {
  for (const [size, level] of [
    [1, 5],
    [32 * 1024, 5],
    [32 * 1024 + 1, 6],
    [64 * 1024, 6],
  ] as const) {
    for (const block of [new Uint8Array(size), noiseBytes(size)]) {
      expect(lz4Compression.encodeBlock(block)[8] & 0x0f).toBe(level)
      const stream = concatBytes([lz4Compression.encodeBlock(block), lz4Compression.end()!])
      expect(Buffer.compare(await decompress(lz4Compression, stream), block)).toBe(0)
    }
  }
})

test('a stream without its end block is cut, although lz4-java takes it', async () => {
  const packed = fromHex(EMPTY_DELTA)
  await expect(decompress(lz4Compression, packed.subarray(0, 25))).rejects.toMatchObject({
    code: 'TIDEMARK_CORRUPT_FILE',
    offset: 25,
  })
})
