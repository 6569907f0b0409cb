import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  fitsPrecision,
  minimalBytes,
  parseDecimal,
  printDecimal,
  printJavaDecimal,
} from '../../../../src/codec/unsafe-row/decimal.ts'
import { toHex } from '../../../../src/base/bytes.ts'

const unscaledNumbers = fc.bigInt({ min: -(10n ** 38n), max: 10n ** 38n })

test('what is printed plainly is parsed back, at any scale', () => {
  fc.assert(
    fc.property(unscaledNumbers, fc.integer({ min: -5, max: 38 }), (unscaled, scale) => {
      expect(parseDecimal(printDecimal(unscaled, scale), scale)).toBe(unscaled)
    }),
  )
})

describe('as Java prints', () => {
  test.each([
    [0n, 0, '0'],
    [0n, 2, '0.00'],
    [0n, 6, '0.000000'],
    [0n, 7, '0E-7'],
    [0n, 18, '0E-18'],
    [1n, 6, '0.000001'],
    [1n, 7, '1E-7'],
    [-123n, 9, '-1.23E-7'],
    [123n, 8, '0.00000123'],
    [-7_401_500n, 2, '-74015.00'],
    [15n, -2, '1.5E+3'],
    [1n, -2, '1E+2'],
    [0n, -3, '0E+3'],
  ])('%d at scale %d is %s', (unscaled, scale, text) => {
    expect(printJavaDecimal(unscaled, scale)).toBe(text)
  })
})

test('digits that the scale cannot hold are not dropped', () => {
  expect(parseDecimal('1.20', 1)).toBe(12n)
  expect(parseDecimal('1.25', 1)).toBeUndefined()
  expect(parseDecimal('1500', -2)).toBe(15n)
  expect(parseDecimal('1550', -2)).toBeUndefined()
  for (const text of ['', '-', '.5', '5.', '1e3', ' 1', '+1', 'NaN', '0x1', '1'.repeat(100)])
    expect([text, parseDecimal(text, 2)]).toEqual([text, undefined])
})

test('precision counts the digits of the unscaled number', () => {
  expect(fitsPrecision(999n, 3)).toBe(true)
  expect(fitsPrecision(-1000n, 3)).toBe(false)
  expect(fitsPrecision(10n ** 38n - 1n, 38)).toBe(true)
})

test.each([
  [0n, '00'],
  [127n, '7f'],
  [128n, '0080'],
  [-128n, '80'],
  [-129n, 'ff7f'],
  [2n ** 63n, '008000000000000000'],
])('%d in the fewest bytes is %s', (value, hex) => {
  expect(toHex(minimalBytes(value))).toBe(hex)
})
