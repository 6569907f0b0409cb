import { describe, expect, test } from 'vitest'
import { parseOffsetLog, printOffsetLog } from '../../../src/checkpoint/offset-log.ts'
import { GOLDEN_NAMES, readGolden } from '../../support/goldens.ts'
import { failure, fromText, text } from '../../../src/testing/stores.ts'

const PATH = 'offsets/7'
const METADATA = '{"batchWatermarkMs":5,"batchTimestampMs":1719290655102,"conf":{"a.b":"1"}}'
const parse = (content: string) => parseOffsetLog(text(content), PATH)

describe.each(GOLDEN_NAMES)('%s', (name) => {
  test('every offset log of Spark is understood, and printed as Spark wrote it', () => {
    const logs = [...readGolden(name)].filter(([path]) => /^offsets\/\d+$/.test(path))
    expect(logs.length).toBeGreaterThan(0)
    for (const [path, bytes] of logs) {
      const entry = parseOffsetLog(bytes, path)
      expect(entry.sources.length).toBeGreaterThan(0)
      expect(fromText(printOffsetLog(entry))).toBe(fromText(bytes))
    }
  })
})

test('format 1: metadata, and an offset for each source, or none', () => {
  expect(parse(`v1\n${METADATA}\n{"logOffset":3}\n-`)).toEqual({
    formatVersion: 1,
    metadata: {
      batchWatermarkMs: 5,
      batchTimestampMs: 1719290655102,
      conf: { 'a.b': '1' },
    },
    sources: [{ offset: '{"logOffset":3}' }, { offset: undefined }],
  })
  expect(parse('v1\n\n0').metadata).toBeUndefined()
})

test('format 2: offsets by source id, and fields that are not known are kept', () => {
  const content =
    'v2\n{"batchWatermarkMs":0,"batchTimestampMs":1,"conf":{},"later":[1]}\n0:{"a":"b:c"}\nkafka:-'
  const entry = parse(content)
  expect(entry.sources).toEqual([
    { sourceId: '0', offset: '{"a":"b:c"}' },
    { sourceId: 'kafka', offset: undefined },
  ])
  expect(fromText(printOffsetLog(entry))).toBe(content)
})

test.each([
  ['an empty file', ''],
  ['a header alone', 'v1'],
  ['cut in the metadata', `v1\n${METADATA.slice(0, -9)}`],
  ['cut behind the metadata', `v1\n${METADATA}`],
  ['cut before the offset', `v1\n${METADATA}\n`],
  ['cut in the offset', `v1\n${METADATA}\n{"logOffset":`],
  ['no header', `${METADATA}\n0`],
  ['a header that is no number', `vx\n${METADATA}\n0`],
  ['metadata that is a list', 'v1\n[]\n0'],
  ['a watermark that is a text', 'v1\n{"batchWatermarkMs":"0","batchTimestampMs":1}\n0'],
  [
    'settings that are no texts',
    'v1\n{"batchWatermarkMs":0,"batchTimestampMs":1,"conf":{"a":1}}\n0',
  ],
  ['format 2 without source ids', `v2\n${METADATA}\n{}`],
])('%s is refused, naming the file', async (_, content) => {
  const error = await failure('TIDEMARK_CORRUPT_FILE', () => parse(content))
  expect(error).toMatchObject({ path: PATH })
  expect(error.message).toContain(PATH)
  expect(error.message).toMatch(/^Expected /)
})

test('a truncation at any byte is refused, or leaves offsets that the sources wrote', () => {
  const whole = `v1\n${METADATA}\n{"logOffset":31}`
  for (let size = 0; size < whole.length; size++)
    expect(() => parse(whole.slice(0, size))).toThrow(PATH)
})

test.each<[string, object]>([
  ['no source', { sources: [] }],
  ['an offset of two lines', { sources: [{ offset: '1\n2' }] }],
  ['an offset of no text', { sources: [{ offset: '' }] }],
  ['a source without id in format 2', { formatVersion: 2, sources: [{ offset: '0' }] }],
  ['a format that is not known', { formatVersion: 3 }],
  ['settings that are no texts', { metadata: { conf: { a: 1 } } }],
  ['a watermark below 0', { metadata: { batchWatermarkMs: -1 } }],
])('%s is not printed, because nobody could read it', (_, part) => {
  const entry = { formatVersion: 1 as const, metadata: undefined, sources: [{ offset: '0' }] }
  expect(() => printOffsetLog({ ...entry, ...part })).toThrow(RangeError)
  expect(parseOffsetLog(printOffsetLog(entry), PATH)).toEqual(entry)
})

test('what is no bytes at all is the mistake of the caller', () => {
  expect(() => parseOffsetLog('v1' as never, PATH)).toThrow(
    /`bytes` to be a Uint8Array, got string/,
  )
})

test('bytes that are no text are refused', async () => {
  await failure('TIDEMARK_CORRUPT_FILE', () =>
    parseOffsetLog(Uint8Array.of(0x76, 0x31, 0xff), PATH),
  )
})

test('a newer format is told from damage', async () => {
  const error = await failure('TIDEMARK_UNKNOWN_FORMAT_VERSION', () => parse(`v9\n${METADATA}\n0`))
  expect(error.message).toMatch(/v1 or v2, found v9.*offsets\/7/)
})
