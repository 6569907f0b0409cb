import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  canonicalProgress,
  copyProgress,
  PROGRESS_BYTES_MAX,
  PROGRESS_DEPTH_MAX,
} from '../../../src/format/progress.ts'

test('the canonical form does not depend on the order of keys', () => {
  expect(canonicalProgress({ b: 1, a: [true, null, 'é'], '': 1e21 })).toBe(
    '{"":1e+21,"a":[true,null,"é"],"b":1}',
  )
  expect(canonicalProgress({ a: 1, b: 2 })).toBe(canonicalProgress({ b: 2, a: 1 }))
  expect(canonicalProgress(null)).toBe('null')
})

test('whatever JSON can say makes the round trip', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      expect(copyProgress(value)).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})

test('a key named __proto__ is a key like any other', () => {
  const progress: unknown = JSON.parse('{"__proto__":{"polluted":1},"constructor":2,"toString":3}')
  expect(canonicalProgress(progress)).toBe(
    '{"__proto__":{"polluted":1},"constructor":2,"toString":3}',
  )
  const copy = copyProgress(progress)
  expect(Object.hasOwn(copy as object, '__proto__')).toBe(true)
  expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
})

test('what holds one object along very many paths is refused as too large, at once', () => {
  let progress: unknown = 1
  for (let depth = 0; depth < 60; depth++) progress = [progress, progress]
  expect(() => canonicalProgress(progress)).toThrow(RangeError)
})

class Offsets {
  partition = 1
}
const cyclic: { self?: unknown } = {}
cyclic.self = [cyclic]

test.each<[string, unknown, string]>([
  ['undefined', undefined, '`progress`'],
  ['undefined inside', { a: { b: undefined } }, '`progress.a.b`'],
  ['a function', { a: [() => 1] }, '`progress.a[0]`'],
  ['a bigint', { offset: 1n }, '`progress.offset`'],
  ['a symbol', [Symbol('x')], '`progress[0]`'],
  ['a symbol key', { [Symbol('x')]: 1 }, '`progress`'],
  ['NaN', { a: NaN }, '`progress.a`'],
  ['Infinity', [1, -Infinity], '`progress[1]`'],
  ['a Date', { at: new Date(0) }, '`progress.at`'],
  ['a Map', new Map(), '`progress`'],
  ['a class', { o: new Offsets() }, '`progress.o`'],
  ['bytes', { o: new Uint8Array(2) }, '`progress.o`'],
  ['a toJSON of its own', { toJSON: () => 1 }, '`progress.toJSON`'],
  ['a hole', [, 1], '`progress[0]`'], // oxlint-disable-line no-sparse-arrays
  ['a cycle', cyclic, '`progress.self[0]`'],
  ['a lone surrogate', { a: 'x\ud800' }, '`progress.a`'],
  ['a lone surrogate in a key', { 'x\udc00': 1 }, '`progress`'],
])('%s is a TypeError that names the path', (_, value, path) => {
  expect(() => canonicalProgress(value)).toThrow(TypeError)
  expect(() => canonicalProgress(value)).toThrow(path)
})

test('the same object twice is no cycle', () => {
  const shared = { a: 1 }
  expect(canonicalProgress([shared, shared])).toBe('[{"a":1},{"a":1}]')
})

test('depth and size have limits, and just below them it works', () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)])
  expect(canonicalProgress(nested(PROGRESS_DEPTH_MAX))).toHaveLength(2 * PROGRESS_DEPTH_MAX + 1)
  expect(() => canonicalProgress(nested(PROGRESS_DEPTH_MAX + 1))).toThrow(RangeError)
  expect(() => canonicalProgress(nested(5000))).toThrow(RangeError)
  expect(canonicalProgress('x'.repeat(PROGRESS_BYTES_MAX - 2))).toHaveLength(PROGRESS_BYTES_MAX)
  expect(() => canonicalProgress('x'.repeat(PROGRESS_BYTES_MAX - 1))).toThrow(RangeError)
  expect(() => canonicalProgress('é'.repeat(PROGRESS_BYTES_MAX / 2))).toThrow(RangeError)
})
