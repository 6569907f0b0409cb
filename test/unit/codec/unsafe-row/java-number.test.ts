import { describe, expect, test } from 'vitest'
import { fromHex } from '../../../../src/base/bytes.ts'
import { printJavaDouble, printJavaFloat } from '../../../../src/codec/unsafe-row/java-number.ts'
import { recordedNumbers } from '../../../support/unsafe-rows.ts'

function viewOf(hex: string): DataView {
  return new DataView(fromHex(hex).buffer)
}

test('doubles as Java 17 prints them: 2,000 awkward ones', () => {
  const { doubles } = recordedNumbers()
  expect(doubles.length).toBeGreaterThan(2000)
  for (const [hex, text] of doubles)
    expect([hex, printJavaDouble(viewOf(hex).getFloat64(0))]).toEqual([hex, text])
})

test('floats as Java 17 prints them: 1,000 awkward ones, also where its arithmetic overflows', () => {
  const { floats } = recordedNumbers()
  expect(floats.length).toBeGreaterThan(1000)
  for (const [hex, text] of floats)
    expect([hex, printJavaFloat(viewOf(hex).getFloat32(0))]).toEqual([hex, text])
})

describe('the point and the exponent', () => {
  test.each([
    [0, '0.0'],
    [-0, '-0.0'],
    [1, '1.0'],
    [9_999_999, '9999999.0'],
    [10_000_000, '1.0E7'],
    [12_345_678.9, '1.23456789E7'],
    [0.001, '0.001'],
    [0.00099, '9.9E-4'],
    [NaN, 'NaN'],
    [-Infinity, '-Infinity'],
    [Number.MAX_VALUE, '1.7976931348623157E308'],
    [Number.MIN_VALUE, '4.9E-324'],
  ])('%s is %s', (value, text) => {
    expect(printJavaDouble(value)).toBe(text)
  })

  test('where the shortest text would be another', () => {
    expect(printJavaDouble(2e23)).toBe('1.9999999999999998E23')
    expect(printJavaFloat(2 ** 83)).toBe('9.6714065E24')
  })
})
