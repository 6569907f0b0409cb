// The contract of every framing (src/codec/compression.ts): what goes in comes out, however the stream is cut into chunks; whatever is wrong
// is a CORRUPT_FILE with an offset; no length is believed.

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concatBytes } from '../../../src/base/bytes.ts'
import type { Compression, DecompressOptions } from '../../../src/codec/compression.ts'
import { isStateStoreError } from '../../../src/errors.ts'

export const LIMITS: DecompressOptions = { blockBytesMax: 32 * 1024 * 1024, path: 'f' }

/** `plain` as one whole stream, in full blocks as the state file writer makes them. */
export function compress(compression: Compression, plain: Uint8Array): Uint8Array {
  const chunks = [compression.begin()]
  for (let at = 0; at < plain.length; at += compression.blockBytes)
    chunks.push(compression.encodeBlock(plain.subarray(at, at + compression.blockBytes)))
  chunks.push(compression.end())
  return concatBytes(chunks.filter((chunk) => chunk !== undefined))
}

/** What a stream decodes to, given in chunks of `chunkBytes`: Buffers, each of which is overwritten when the next is asked for. */
export async function decompress(
  compression: Compression,
  packed: Uint8Array,
  chunkBytes = Math.max(packed.length, 1),
  limits = LIMITS,
): Promise<Uint8Array> {
  async function* chunks() {
    for (let at = 0; at < packed.length; at += chunkBytes) {
      const chunk = Buffer.from(packed.subarray(at, at + chunkBytes))
      yield chunk
      chunk.fill(0xee)
    }
  }
  const plain: Uint8Array[] = []
  for await (const chunk of compression.decode(chunks(), limits)) plain.push(new Uint8Array(chunk))
  return concatBytes(plain)
}

/** Bytes that compress about as well as rows do: words from a small vocabulary, some noise. */
export function rowLikeBytes(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size)
  let state = seed
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    bytes[i] = i % 48 < 20 ? i % 48 : i % 5 === 0 ? state >>> 24 : 7
  }
  return bytes
}

export function noiseBytes(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size)
  let state = seed
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

export interface CompressionContractOptions {
  /** Whether a cut stream, or bytes behind its end, are noticed: `none` has no framing that could tell. */
  readonly framed: boolean
}

export function compressionContract(
  compression: Compression,
  { framed }: CompressionContractOptions,
): void {
  const { blockBytes, name } = compression

  describe(`the contract of a compression, kept by ${name}`, () => {
    test.each([
      1,
      4,
      100,
      blockBytes - 1,
      blockBytes,
      blockBytes + 1,
      5 * blockBytes + 77,
      3_000_000,
    ])('%i plain bytes make the round trip, rows and noise', async (size) => {
      for (const plain of [rowLikeBytes(size), noiseBytes(size), new Uint8Array(size)]) {
        const back = await decompress(compression, compress(compression, plain))
        expect(Buffer.compare(back, plain)).toBe(0)
      }
    })

    test('a decoded chunk leaves no memory behind, or that of the next', async () => {
      const packed = compress(compression, rowLikeBytes(3 * blockBytes))
      async function* source() {
        yield packed
      }
      const chunks: Uint8Array[] = []
      for await (const chunk of compression.decode(source(), LIMITS)) chunks.push(chunk)
      const left = new Set(chunks.filter(({ length }) => length > 0).map(({ buffer }) => buffer))
      expect(left.size).toBeLessThanOrEqual(1)
    })

    test('any bytes make the round trip, however the stream is cut into chunks', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.uint8Array({ minLength: 1, maxLength: 5000 }),
          fc.integer({ min: 1, max: 40 }),
          fc.integer({ min: 1, max: 3000 }),
          async (bytes, times, chunkBytes) => {
            const plain = concatBytes(Array.from({ length: times }, () => bytes))
            const back = await decompress(compression, compress(compression, plain), chunkBytes)
            expect(Buffer.compare(back, plain)).toBe(0)
          },
        ),
        { numRuns: 60 },
      )
    })

    test('a block does not hold on to the plain bytes it was made of', async () => {
      const plain = rowLikeBytes(1000)
      const begin = compression.begin() ?? new Uint8Array(0)
      const packed = compression.encodeBlock(plain)
      const end = compression.end() ?? new Uint8Array(0)
      const original = plain.slice()
      plain.fill(255)
      const back = await decompress(compression, concatBytes([begin, packed, end]))
      expect(Buffer.compare(back, original)).toBe(0)
    })

    test('its own streams are recognised by their first 16 bytes', () => {
      expect(
        compression.sniff(compress(compression, Uint8Array.of(0, 0, 0, 4)).subarray(0, 16)),
      ).toBe(true)
      expect(compression.sniff(new TextEncoder().encode('something else..'))).toBe(false)
      expect(compression.sniff(new Uint8Array(0))).toBe(false)
    })

    test('a source that fails passes its error through, and is let go of when the reader stops', async () => {
      const packed = compress(compression, noiseBytes(4 * blockBytes))
      let released = false
      async function* source(failAt: number) {
        try {
          for (let at = 0; at < packed.length; at += 1000) {
            if (at >= failAt) throw new Error('the disk is gone')
            yield packed.subarray(at, at + 1000)
          }
        } finally {
          released = true
        }
      }
      const drain = async (failAt: number, chunksMax: number) => {
        let chunks = 0
        for await (const _ of compression.decode(source(failAt), LIMITS))
          if (++chunks >= chunksMax) break
      }
      await expect(drain(2 * blockBytes, Infinity)).rejects.toThrow('the disk is gone')
      released = false
      await drain(Infinity, 1)
      expect(released).toBe(true)
    })

    if (framed) {
      test('a stream that is cut anywhere but at a frame is CORRUPT_FILE with the offset', async () => {
        const packed = compress(compression, rowLikeBytes(300))
        for (let size = 1; size < packed.length; size++) {
          await expect(decompress(compression, packed.subarray(0, size))).rejects.toMatchObject({
            code: 'TIDEMARK_CORRUPT_FILE',
            path: 'f',
            offset: expect.any(Number) as number,
          })
        }
      })

      test('bytes behind the end of a stream are CORRUPT_FILE', async () => {
        const packed = compress(compression, rowLikeBytes(300))
        for (const tail of [[0], [1, 2, 3], noiseBytes(10), noiseBytes(100), new Uint8Array(50)]) {
          const longer = concatBytes([packed, Uint8Array.from(tail)])
          await expect(decompress(compression, longer)).rejects.toMatchObject({
            code: 'TIDEMARK_CORRUPT_FILE',
          })
        }
      })
    }

    test('streams in a row decode to their bytes in a row', async () => {
      const packed = compress(compression, rowLikeBytes(70_000))
      const back = await decompress(compression, concatBytes([packed, packed, packed]), 999)
      const plain = rowLikeBytes(70_000)
      expect(Buffer.compare(back, concatBytes([plain, plain, plain]))).toBe(0)
    })

    test('every single flipped bit is either CORRUPT_FILE or harmless to the process', async () => {
      const plain = rowLikeBytes(200)
      const packed = compress(compression, plain)
      for (let bit = 0; bit < packed.length * 8; bit++) {
        const damaged = packed.slice()
        damaged[bit >> 3] ^= 1 << (bit & 7)
        try {
          const back = await decompress(compression, damaged)
          expect(back.length).toBeLessThan(1024 * 1024)
        } catch (error) {
          if (!isStateStoreError(error, 'TIDEMARK_CORRUPT_FILE')) throw error
        }
      }
    })
  })
}
