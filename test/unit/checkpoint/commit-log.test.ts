import { describe, expect, test } from 'vitest'
import { parseCommitLog, printCommitLog } from '../../../src/checkpoint/commit-log.ts'
import { GOLDEN_NAMES, readGolden } from '../../support/goldens.ts'
import { failure, fromText, text } from '../../../src/testing/stores.ts'

const PATH = 'commits/7'
const parse = (content: string) => parseCommitLog(text(content), PATH)

describe.each(GOLDEN_NAMES.filter((name) => !name.includes('2.1.0')))('%s', (name) => {
  test('every commit log of Spark is understood, and printed as Spark wrote it', () => {
    const logs = [...readGolden(name)].filter(([path]) => /^commits\/\d+$/.test(path))
    expect(logs.length).toBeGreaterThan(0)
    for (const [path, bytes] of logs)
      expect(fromText(printCommitLog(parseCommitLog(bytes, path)))).toBe(fromText(bytes))
  })
})

test.each([
  ['v1', undefined],
  ['v1\n', undefined],
  ['v1\n{}', {}],
  ['v1\n{"nextBatchWatermarkMs":17}', { nextBatchWatermarkMs: 17 }],
  [
    'v2\n{"nextBatchWatermarkMs":0,"stateUniqueIds":{"0":[["a"],["b","c"]]}}',
    { nextBatchWatermarkMs: 0, stateUniqueIds: { 0: [['a'], ['b', 'c']] } },
  ],
])('%j', (content, metadata) => {
  expect(parse(content).metadata).toEqual(metadata)
})

test.each([
  ['an empty file', ''],
  ['cut in the JSON', 'v1\n{"nextBatchWater'],
  ['a watermark that is a text', 'v1\n{"nextBatchWatermarkMs":"0"}'],
  ['ids that are no lists', 'v2\n{"stateUniqueIds":{"0":"a"}}'],
  ['a list', 'v1\n[]'],
])('%s is refused, naming the file', async (_, content) => {
  expect((await failure('TIDEMARK_CORRUPT_FILE', () => parse(content))).message).toContain(PATH)
})

test('what nobody could read again is not printed', () => {
  const entry = { formatVersion: 1, metadata: { nextBatchWatermarkMs: 0.5 } } as const
  expect(() => printCommitLog(entry)).toThrow(RangeError)
  expect(() => printCommitLog({ ...entry, formatVersion: 9 as never, metadata: {} })).toThrow(
    /found v9/,
  )
})

test('a newer format is told from damage', async () => {
  const error = await failure('TIDEMARK_UNKNOWN_FORMAT_VERSION', () => parse('v9\n{}'))
  expect(error.message).toMatch(/v1 or v2, found v9.*commits\/7/)
})
