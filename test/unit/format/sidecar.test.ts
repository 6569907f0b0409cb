import { expect, test } from 'vitest'
import { fromHex } from '../../../src/base/bytes.ts'
import { crc32c } from '../../../src/base/checksum.ts'
import { decodeSidecar, encodeSidecar, verifySidecar } from '../../../src/format/sidecar.ts'

/** The empty lz4 delta of Spark, whose checksum is known from Spark itself. */
const MAIN = fromHex(
  '4c5a34426c6f636b150400000004000000db804d08ffffffff4c5a34426c6f636b15000000000000000000000000',
)
const TEXT =
  '{"algorithm":"CRC32C","value":1094531963,"mainFileSize":46,"timestampMs":1769580000000,"creator":{"executorId":"","taskInfo":""}}'
const bytesOf = (text: string) => new TextEncoder().encode(text)
const ACTUAL = { path: '1.delta.crc', sizeBytes: MAIN.length, crc: crc32c(MAIN) }

test('the text has the five fields of Spark, in its order', () => {
  const bytes = encodeSidecar({ crc: crc32c(MAIN), sizeBytes: 46, timestampMs: 1769580000000 })
  expect(new TextDecoder().decode(bytes)).toBe(TEXT)
})

test('a checksum above 2^31 is written as a negative number, as Java does', () => {
  const bytes = encodeSidecar({ crc: 0xe3069283, sizeBytes: 9, timestampMs: 1.5 })
  expect(JSON.parse(new TextDecoder().decode(bytes))).toMatchObject({
    value: -486108541,
    timestampMs: 1,
  })
  expect(decodeSidecar(bytes, 'f').crc).toBe(0xe3069283)
})

test('what Spark writes is read, also in another order, with more fields, and unsigned', () => {
  verifySidecar(bytesOf(TEXT), ACTUAL)
  verifySidecar(
    bytesOf(
      '{"creator":{"x":1},"more":true,"timestampMs":0,"mainFileSize":46,"value":1094531963,"algorithm":"CRC32C"}',
    ),
    ACTUAL,
  )
  const unsigned = TEXT.replace('1094531963', String(0xe3069283))
  verifySidecar(bytesOf(unsigned), { ...ACTUAL, crc: 0xe3069283 })
})

test.each([
  ['another checksum', { crc: 1 }],
  ['another size', { sizeBytes: 45 }],
])('a file with %s is CORRUPT_FILE', (_, actual) => {
  expect(() => verifySidecar(bytesOf(TEXT), { ...ACTUAL, ...actual })).toThrow(
    expect.objectContaining({ code: 'TIDEMARK_CORRUPT_FILE', path: '1.delta.crc' }),
  )
})

test.each([
  ['nothing', ''],
  ['no JSON', '{"algorithm"'],
  ['no object', '"CRC32C"'],
  ['null', 'null'],
  ['no algorithm', TEXT.replace('algorithm', 'x')],
  ['no value', TEXT.replace('value', 'x')],
  ['no mainFileSize', TEXT.replace('mainFileSize', 'x')],
  ['no timestampMs', TEXT.replace('timestampMs', 'x')],
  ['no creator', TEXT.replace('creator', 'x')],
  ['a value of 2^32', TEXT.replace('1094531963', '4294967296')],
  ['a text for a value', TEXT.replace('1094531963', '"1094531963"')],
  ['a negative size', TEXT.replace('46', '-46')],
])('a sidecar that holds %s is CORRUPT_FILE', (_, text) => {
  expect(() => decodeSidecar(bytesOf(text), 'f')).toThrow(
    expect.objectContaining({ code: 'TIDEMARK_CORRUPT_FILE' }),
  )
})

test('another algorithm is UNSUPPORTED, by name', () => {
  expect(() => decodeSidecar(bytesOf(TEXT.replace('CRC32C', 'MD5')), 'f')).toThrow(
    expect.objectContaining({
      code: 'TIDEMARK_UNSUPPORTED',
      message: expect.stringContaining('MD5') as string,
    }),
  )
})
