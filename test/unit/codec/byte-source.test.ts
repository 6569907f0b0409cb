import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { concatBytes } from '../../../src/base/bytes.ts'
import { ByteSource } from '../../../src/codec/byte-source.ts'

async function* streamOf(chunks: Uint8Array[]) {
  yield* chunks
}

test('any sequence of takes gives the bytes of the stream in order, with the right offsets', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 20 }),
      fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 30 }),
      async (chunks, counts) => {
        const whole = concatBytes(chunks)
        const source = new ByteSource(streamOf(chunks))
        let at = 0
        for (const count of counts) {
          const enough = await source.fill(count)
          expect(enough).toBe(at + count <= whole.length)
          expect(source.has(count)).toBe(enough)
          expect(source.offset).toBe(at)
          if (!enough) {
            expect(source.available).toBe(whole.length - at)
            continue
          }
          expect(source.peek(count)).toEqual(whole.subarray(at, at + count))
          expect(source.take(count)).toEqual(whole.subarray(at, at + count))
          at += count
        }
      },
    ),
  )
})

test('of a chunk whose first bytes belong to what came before, the rest is not copied', async () => {
  const [first, second] = [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6, 7)]
  const source = new ByteSource(streamOf([first, second]))
  await source.fill(2)
  source.take(2)
  await source.fill(2)
  expect(source.take(2)).toEqual(Uint8Array.of(3, 4))
  await source.fill(3)
  expect(source.take(3).buffer).toBe(second.buffer)
})

test('bytes that lie whole in a chunk are not copied', async () => {
  const chunk = Uint8Array.of(1, 2, 3, 4, 5)
  const source = new ByteSource(streamOf([chunk]))
  await source.fill(2)
  source.take(2)
  expect(source.take(2).buffer).toBe(chunk.buffer)
})
