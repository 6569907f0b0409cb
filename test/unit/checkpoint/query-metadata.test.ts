import { expect, test } from 'vitest'
import { parseQueryMetadata, printQueryMetadata } from '../../../src/checkpoint/query-metadata.ts'
import { GOLDEN_NAMES, readGolden } from '../../support/goldens.ts'
import { failure, fromText, text } from '../../../src/testing/stores.ts'

test.each(GOLDEN_NAMES)('%s: read, and printed as Spark wrote it', (name) => {
  const bytes = readGolden(name).get('metadata')!
  const metadata = parseQueryMetadata(bytes, 'metadata')
  expect(metadata.id).toMatch(/^[0-9a-f-]{36}$/)
  expect(fromText(printQueryMetadata(metadata))).toBe(fromText(bytes))
})

test('an id that is no text is not printed', () => {
  expect(() => printQueryMetadata({} as never)).toThrow(RangeError)
})

test.each(['', '{', '[]', '{}', '{"id":1}'])('%j is refused, naming the file', async (content) => {
  const error = await failure('TIDEMARK_CORRUPT_FILE', () =>
    parseQueryMetadata(text(content), 'metadata'),
  )
  expect(error.message).toContain('(metadata')
})
