import { constants, createZstdCompress, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { concatBytes, fromHex, toHex } from '../../../src/base/bytes.ts'
import { zstdCompression } from '../../../src/codec/compression-zstd.ts'
import {
  compress,
  compressionContract,
  decompress,
  LIMITS,
  noiseBytes,
  rowLikeBytes,
} from '../../support/contracts/compression.ts'

compressionContract(zstdCompression, { framed: true })

const EMPTY_DELTA = '28b52ffd0048200000ffffffff010000'

test('the end marker alone is byte for byte the empty delta of Spark, 16 bytes', async () => {
  expect(toHex(compress(zstdCompression, fromHex('ffffffff')))).toBe(EMPTY_DELTA)
  expect(toHex(await decompress(zstdCompression, fromHex(EMPTY_DELTA)))).toBe('ffffffff')
})

/** One frame of all bytes, without content size, as a stream writer such as Spark's makes it. */
async function oneFrame(plain: Uint8Array, checksum = false, level = 1): Promise<Uint8Array> {
  const stream = createZstdCompress({
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_checksumFlag]: checksum ? 1 : 0,
    },
  })
  const chunks: Uint8Array[] = []
  stream.on('data', (chunk: Uint8Array) => chunks.push(chunk))
  const ended = new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject))
  for (let at = 0; at < plain.length; at += 100_000) stream.write(plain.subarray(at, at + 100_000))
  stream.end()
  await ended
  return concatBytes(chunks)
}

test.each([false, true])(
  'one huge frame is streamed (checksum: %s), also with frames around it',
  async (checksum) => {
    const plain = rowLikeBytes(9_000_000)
    const small = rowLikeBytes(50)
    const packed = concatBytes([
      compress(zstdCompression, small),
      await oneFrame(plain, checksum),
      compress(zstdCompression, small),
    ])
    const back = await decompress(zstdCompression, packed, 65_536)
    expect(Buffer.compare(back, concatBytes([small, plain, small]))).toBe(0)
  },
)

test.each([1, 19, 20, 21, 22])('what Spark writes at level %i is read', async (level) => {
  const plain = rowLikeBytes(5_000_000)
  // Both ways of decoding: frames that end soon, and those that do not.
  for (const part of [plain.subarray(0, 1000), plain]) {
    const packed = await oneFrame(part, false, level)
    const back = await decompress(zstdCompression, packed, 65_536)
    expect(Buffer.compare(back, part)).toBe(0)
  }
})

test('a huge frame that is cut, damaged or followed by garbage is CORRUPT_FILE', async () => {
  const packed = await oneFrame(noiseBytes(9_000_000), true)
  const corrupt = { code: 'TIDEMARK_CORRUPT_FILE', path: 'f' }
  for (const size of [packed.length - 1, packed.length - 5, packed.length >> 1, packed.length - 4])
    await expect(
      decompress(zstdCompression, packed.subarray(0, size), 65_536),
    ).rejects.toMatchObject(corrupt)
  const damaged = packed.slice()
  damaged[7_000_000] ^= 4
  await expect(decompress(zstdCompression, damaged, 65_536)).rejects.toMatchObject(corrupt)
  const longer = concatBytes([packed, Uint8Array.of(1, 2, 3)])
  await expect(decompress(zstdCompression, longer, 65_536)).rejects.toMatchObject(corrupt)
})

test('a reader that stops in the middle of a huge frame leaves nothing behind', async () => {
  const packed = await oneFrame(rowLikeBytes(9_000_000))
  let released = false
  async function* source() {
    try {
      for (let at = 0; at < packed.length; at += 65_536) yield packed.subarray(at, at + 65_536)
    } finally {
      released = true
    }
  }
  for await (const plain of zstdCompression.decode(source(), LIMITS)) {
    expect(plain.length).toBeGreaterThan(0)
    break
  }
  expect(released).toBe(true)
})

test('a frame that was written at one go, with its content size, is read', async () => {
  const plain = rowLikeBytes(100_000)
  for (const size of [10, 300, 100_000])
    expect(await decompress(zstdCompression, zstdCompressSync(plain.subarray(0, size)))).toEqual(
      plain.subarray(0, size),
    )
})

/** `blocks` RLE blocks of 128 KiB each, four bytes a block: 32,768 times smaller than what they stand for. */
function bomb(blocks: number): Uint8Array {
  const frame = [fromHex('28b52ffd0048')]
  const size = 128 * 1024
  for (let i = 0; i < blocks; i++) {
    const word = (size << 3) | (1 << 1) | (i === blocks - 1 ? 1 : 0)
    frame.push(Uint8Array.of(word & 255, (word >> 8) & 255, (word >> 16) & 255, 0))
  }
  return concatBytes(frame)
}

test('a bomb comes in pieces: 4 GiB out of 128 KiB, never more than a frame at hand', async () => {
  async function* source() {
    yield bomb(32 * 1024)
  }
  let [total, largest] = [0, 0]
  for await (const plain of zstdCompression.decode(source(), LIMITS)) {
    total += plain.length
    largest = Math.max(largest, plain.length)
    if (total > 256 * 1024 * 1024) break
  }
  expect(total).toBeGreaterThan(256 * 1024 * 1024)
  expect(largest).toBeLessThanOrEqual(4 * 1024 * 1024)
})

test.each([
  ['a window of 2 TiB', '28b52ffd00ff200000ffffffff010000'],
  ['a window above the limit', '28b52ffd0089200000ffffffff010000'],
  ['content of 2^64-1 bytes', '28b52ffde0ffffffffffffffff200000ffffffff010000'],
  ['a dictionary', '28b52ffd014801200000ffffffff010000'],
  ['the reserved bit', '28b52ffd0848200000ffffffff010000'],
  ['a block of the reserved type', '28b52ffd0048260000ffffffff010000'],
  ['a block of 2 MiB', '28b52ffd0048f8ffffffffffff010000'],
  ['a block past the end', '28b52ffd0048a00000ffffffff010000'],
  ['another magic', '29b52ffd0048200000ffffffff010000'],
  ['content shorter than its blocks', '28b52ffd2003200000ffffffff010000'],
])('a frame that asks for %s is CORRUPT_FILE', async (_, hex) => {
  await expect(decompress(zstdCompression, fromHex(hex))).rejects.toMatchObject({
    code: 'TIDEMARK_CORRUPT_FILE',
    offset: expect.any(Number) as number,
  })
})
