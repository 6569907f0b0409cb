import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { fromHex } from '../../../../src/base/bytes.ts'
import { decodeRow } from '../../../../src/codec/unsafe-row/decode-row.ts'
import type { VariantValue } from '../../../../src/codec/unsafe-row/spark-value.ts'
import { variantToJson } from '../../../../src/codec/unsafe-row/variant-json.ts'
import { isStateStoreError } from '../../../../src/errors.ts'
import { recordedRows } from '../../../support/unsafe-rows.ts'

const isRefusal = expect.toSatisfy((error) =>
  isStateStoreError(error, 'TIDEMARK_CORRUPT_FILE', 'TIDEMARK_UNSUPPORTED'),
)

const EMPTY_METADATA = '010000'

function variantOf(value: string, metadata = EMPTY_METADATA): VariantValue {
  return { value: fromHex(value.replaceAll(' ', '')), metadata: fromHex(metadata) }
}

const recorded = recordedRows()
  .filter(({ schema }) => schema.fields.length === 1 && schema.fields[0].type.kind === 'variant')
  .map(({ schema, bytes, json }) => ({ variant: decodeRow(schema, bytes)[0], json }))
  .filter((row): row is { variant: VariantValue; json: string } => row.variant !== null)

test('variants print as Spark prints them', () => {
  expect(recorded.length).toBeGreaterThan(30)
  for (const { variant, json } of recorded) expect(`{"c0":${variantToJson(variant)}}`).toBe(json)
})

test('a UUID, which SQL cannot make', () => {
  expect(variantToJson(variantOf('50 12345678123456781234567812345678'))).toBe(
    '"12345678-1234-5678-1234-567812345678"',
  )
})

test('decimals of as many digits as their size takes', () => {
  expect(variantToJson(variantOf('20 00 ffc99a3b'))).toBe('999999999')
  expect(variantToJson(variantOf('24 12 01009c584c491ff2'))).toMatch(/^-0\.99999/)
})

describe('what cannot be is refused', () => {
  test.each([
    ['nothing', '', EMPTY_METADATA],
    ['metadata of nothing', '00', ''],
    ['metadata of another version', '00', '020000'],
    ['a cut integer', '14 0100', EMPTY_METADATA],
    ['a cut string', '40 ffffffff 61', EMPTY_METADATA],
    ['a short string beyond the end', '0d 6161', EMPTY_METADATA],
    ['a count beyond the end', '13 ffffffff 00', EMPTY_METADATA],
    ['an element beyond the end', '03 01 09 00 00', EMPTY_METADATA],
    ['a key that is not there', '02 01 00 00 01 00', EMPTY_METADATA],
    ['a key beyond its metadata', '02 01 00 00 01 00', '010100ff'],
    ['a decimal of 4 bytes with 10 digits', '20 00 00ca9a3b', EMPTY_METADATA],
    ['a decimal of 8 bytes with 19 digits', '24 00 000064a7b3b6e00d', EMPTY_METADATA],
    ['a decimal of 16 bytes with 39 digits', '28 00 0000000040228a097ac4865aa84c3b4b', EMPTY_METADATA], // prettier-ignore
    ['a decimal of 4 bytes with 10 digits behind the point', '20 0a 01000000', EMPTY_METADATA],
    ['elements over each other', '03 02 00 00 01 0c01', EMPTY_METADATA],
  ])('%s', (_name, value, metadata) => {
    expect(() => variantToJson(variantOf(value, metadata))).toThrow(
      expect.objectContaining({ code: 'TIDEMARK_CORRUPT_FILE' }),
    )
  })

  test('a type that is not known', () => {
    expect(() => variantToJson(variantOf('fc'))).toThrow(/type 63/)
  })

  test('arrays that nest too deep', () => {
    // Each array has one element, which begins right behind its own header.
    expect(() => variantToJson(variantOf('03010000'.repeat(2000) + '00'))).toThrow(/deep/)
  })

  test('a long name that many fields share, printed without end', () => {
    const nameBytes = 0xffff
    const metadata = Buffer.alloc(1 + 3 * 2 + nameBytes, 'x')
    // Offsets of 2 bytes, 1 name, from 0 to its end.
    metadata.set(fromHex('4101000000ffff'))
    const fields = 2000
    const value = Buffer.alloc(5 + fields + (fields + 1) + fields)
    value.writeUInt8(0x42)
    value.writeUInt32LE(fields, 1)
    expect(() => variantToJson({ value, metadata })).toThrow(/characters of text/)
  })
})

test('damaged variants print or are refused', () => {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    byte: fc.nat(255),
  })
  fc.assert(
    fc.property(
      fc.constantFrom(...recorded),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      ({ variant }, changes, inValue) => {
        const damaged = {
          value: new Uint8Array(variant.value),
          metadata: new Uint8Array(variant.metadata),
        }
        const target = inValue ? damaged.value : damaged.metadata
        for (const { at, byte } of changes) target[Math.floor(at * target.length)] = byte
        try {
          expect(typeof variantToJson(damaged)).toBe('string')
        } catch (error) {
          expect(error).toEqual(isRefusal)
        }
      },
    ),
    { numRuns: 1000 },
  )
})
