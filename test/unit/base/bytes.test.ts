import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bytesEqual,
  compareBytes,
  concatBytes,
  fromHex,
  joinBytes,
  release,
  startsWithBytes,
  toHex,
} from '../../../src/base/bytes.ts'

const bytes = (...values: number[]) => new Uint8Array(values)

test('order is that of unsigned bytes, a prefix first', () => {
  const sorted = [bytes(), bytes(0), bytes(0, 0), bytes(0x7f), bytes(0x80), bytes(0xff)]
  expect([...sorted].reverse().sort(compareBytes)).toEqual(sorted)
})

test('equality and prefixes look at content, in views of larger buffers too', () => {
  const large = bytes(9, 1, 2, 3, 9)
  expect(bytesEqual(large.subarray(1, 4), bytes(1, 2, 3))).toBe(true)
  expect(bytesEqual(bytes(1), bytes(1, 2))).toBe(false)
  expect(startsWithBytes(large, bytes(9, 1))).toBe(true)
  expect(startsWithBytes(large, bytes())).toBe(true)
  expect(startsWithBytes(bytes(9), bytes(9, 1))).toBe(false)
})

test('concatBytes makes a new array', () => {
  const part = bytes(1)
  const whole = concatBytes([part, bytes(), bytes(2, 3)])
  part[0] = 7
  expect(whole).toEqual(bytes(1, 2, 3))
})

describe('hex', () => {
  test('round trip, of views too', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(5), (array, skip) => {
        const view = array.subarray(skip)
        expect(fromHex(toHex(view))).toEqual(view.slice())
      }),
    )
  })

  test('anything but pairs of digits is a RangeError', () => {
    for (const wrong of ['a', 'zz', '0x00', ' 00', '00 '])
      expect(() => fromHex(wrong), wrong).toThrow(RangeError)
    expect(fromHex('FFfe')).toEqual(bytes(255, 254))
  })
})

test('memory is given back unless something else lies in it', () => {
  const [whole, large] = [new Uint8Array(100), new Uint8Array(100)]
  const part = large.subarray(0, 99)
  const shared = new Uint8Array(new SharedArrayBuffer(100))
  for (const each of [whole, part, shared]) release(each)
  expect([whole, part, shared].map(({ length }) => length)).toEqual([0, 99, 100])
  release(whole)
})

test('joined chunks are used up, and one alone stays what it is', () => {
  const chunks = [bytes(1, 2), bytes(3)]
  expect(joinBytes(chunks)).toEqual(bytes(1, 2, 3))
  expect(chunks.map(({ length }) => length)).toEqual([0, 0])
  const one = bytes(4)
  expect(joinBytes([one])).toBe(one)
  expect(one).toEqual(bytes(4))
})
