import { expect, test } from 'vitest'
import { fromHex } from '../../../../src/base/bytes.ts'
import { decodeUtf8 } from '../../../../src/codec/unsafe-row/utf8.ts'
import { recordedTexts } from '../../../support/unsafe-rows.ts'

test('bytes that are no UTF-8 read as Java reads them', () => {
  const texts = recordedTexts()
  expect(texts.length).toBe(1000)
  for (const [hex, text] of texts) {
    const bytes = fromHex(hex)
    expect([hex, decodeUtf8(bytes, 0, bytes.length)]).toEqual([hex, text])
  }
})

test('an encoded surrogate is one mistake, not three', () => {
  expect(decodeUtf8(fromHex('61eda08062'), 0, 5)).toBe('a\ufffdb')
})

test('U+FFFD itself and a byte order mark are text', () => {
  expect(decodeUtf8(fromHex('efbbbfefbfbd'), 0, 6)).toBe('\ufeff\ufffd')
})
