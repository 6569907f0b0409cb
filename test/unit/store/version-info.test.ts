import { expect, test } from 'vitest'
import { EMPTY_VERSION, foreignInfo, isOlderStamp } from '../../../src/store/version-info.ts'

test('stamps are ordered by generation, then by sequence, and none is older than itself', () => {
  expect(isOlderStamp([1, 9], [2, 1])).toBe(true)
  expect(isOlderStamp([2, 1], [1, 9])).toBe(false)
  expect(isOlderStamp([2, 1], [2, 2])).toBe(true)
  expect(isOlderStamp([2, 2], [2, 2])).toBe(false)
})

test('version 0 is nobody’s: no progress, no stamp, and not foreign', () => {
  expect(EMPTY_VERSION).toMatchObject({ version: 0, foreign: false, stamp: undefined })
  expect(Object.isFrozen(EMPTY_VERSION)).toBe(true)
})

test('a foreign version begins a chain, and keeps what was declared final below it', () => {
  expect(foreignInfo(3, 'ab', 2)).toMatchObject({
    version: 3,
    parent: EMPTY_VERSION.id,
    foreign: true,
    committedThrough: 2,
  })
})
