import { expect, test } from 'vitest'
import { concatBytes, fromHex, toHex } from '../../../src/base/bytes.ts'
import { snappyCompression } from '../../../src/codec/compression-snappy.ts'
import {
  compress,
  compressionContract,
  decompress,
  LIMITS,
  noiseBytes,
} from '../../support/contracts/compression.ts'

compressionContract(snappyCompression, { framed: true })

const HEADER = '82534e41505059000000000100000001'
/** What Spark writes for a version without changes. */
const EMPTY_DELTA = `${HEADER}00000006040cffffffff`
/** One literal byte and a copy that repeats it 64 times, then 35 times. */
const HUNDRED_ZEROS = `${HEADER}000000096400 00fe0100 8a0100`.replaceAll(' ', '')

test('the end marker alone is byte for byte the empty delta of Spark, 26 bytes', async () => {
  expect(toHex(compress(snappyCompression, fromHex('ffffffff')))).toBe(EMPTY_DELTA)
  expect(toHex(await decompress(snappyCompression, fromHex(EMPTY_DELTA)))).toBe('ffffffff')
})

test('a hundred zeros, packed by hand, are read', async () => {
  expect(await decompress(snappyCompression, fromHex(HUNDRED_ZEROS))).toEqual(new Uint8Array(100))
})

test('blocks are 32 KiB, as Spark makes them, and each has its own length in front', () => {
  const packed = compress(snappyCompression, noiseBytes(32_768 + 5))
  const first = new DataView(packed.buffer).getUint32(16)
  expect(toHex(packed.subarray(20, 23))).toBe('808002')
  expect(toHex(packed.subarray(20 + first, 20 + first + 6))).toBe('000000070510')
})

test('blocks of any size are read up to the limit', async () => {
  // Packed, the noise is above the limit and the zeros are far below it.
  for (const plain of [noiseBytes(5_000_000), new Uint8Array(5_000_000)]) {
    const stream = concatBytes([fromHex(HEADER), snappyCompression.encodeBlock(plain)])
    expect(Buffer.compare(await decompress(snappyCompression, stream, 65_536), plain)).toBe(0)
    await expect(
      decompress(snappyCompression, stream, 65_536, { ...LIMITS, blockBytesMax: 1 << 20 }),
    ).rejects.toMatchObject({ code: 'TIDEMARK_CORRUPT_FILE', offset: 16 })
  }
})

/** A header, then a block of the given length and bytes. */
function block(length: string, payload: string): Uint8Array {
  return fromHex(`${HEADER}${length}${payload}`)
}

test.each([
  ['a length of 2^31-1', block('7fffffff', '040cffffffff')],
  ['a length of 2^32-1', block('ffffffff', '040cffffffff')],
  ['a length past the end', block('00000064', '040cffffffff')],
  ['a length of 0', block('00000000', '')],
  ['2^32-1 plain bytes', block('0000000a', 'ffffffff0f0cffffffff')],
  ['2^35-1 plain bytes', block('0000000a', 'ffffffff7f0cffffffff')],
  ['a plain length without an end', block('0000000a', 'ffffffffffffffffffff')],
  ['32 MiB out of 9 bytes', block('00000009', '808080100cffffffff')],
  ['no plain bytes', block('00000001', '00')],
  ['fewer plain bytes than it could ever need', block('00000064', '01'.repeat(100))],
  ['one plain byte more than there are', block('00000006', '050cffffffff')],
  ['one plain byte less than there are', block('00000006', '030cffffffff')],
  ['a copy from before its start', block('00000004', '04 09 04 00'.replaceAll(' ', ''))],
])('a block that claims %s is CORRUPT_FILE at once', async (_, bytes) => {
  await expect(decompress(snappyCompression, bytes)).rejects.toMatchObject({
    code: 'TIDEMARK_CORRUPT_FILE',
    offset: 16,
  })
})

test.each([
  ['of another magic', EMPTY_DELTA.replace('5059', '5058'), 0],
  ['for readers of version 2', EMPTY_DELTA.replace('0000000100000001', '0000000100000002'), 0],
  [
    'for readers of version 2, in the middle',
    `${EMPTY_DELTA}82534e415050590000000001000000020000`,
    26,
  ],
  ['of another magic, in the middle', `${EMPTY_DELTA}82534e4150505901000000010000000100000006`, 26],
])('a header %s is CORRUPT_FILE', async (_, hex, offset) => {
  await expect(decompress(snappyCompression, fromHex(hex))).rejects.toMatchObject({
    code: 'TIDEMARK_CORRUPT_FILE',
    offset,
  })
})

test('a header that says it was written by a newer version for old readers is read', async () => {
  const newer = EMPTY_DELTA.replace('0000000100000001', '0000000700000001')
  expect(toHex(await decompress(snappyCompression, fromHex(newer)))).toBe('ffffffff')
})
