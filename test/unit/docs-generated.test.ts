import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { generateDocuments } from '../../docs/generate.ts'
import { ERROR_CODES } from '../../src/errors.ts'
import { DEFAULT_OPTIONS } from '../../src/store/options.ts'

const ROOT = join(import.meta.dirname, '../..')
const documents = await generateDocuments()

for (const { path, text } of documents) {
  test(`${path} is what npm run docs makes`, () => {
    expect(readFileSync(join(ROOT, path), 'utf8')).toBe(text)
  })
}

test('every code and every option has its line, with words', () => {
  const [errors, options] = documents.map(({ text }) => text)
  for (const code of Object.keys(ERROR_CODES)) expect(errors).toMatch(`| \`${code}\` |`)
  for (const name of Object.keys(DEFAULT_OPTIONS)) {
    const line = options.split('\n').find((other) => other.startsWith(`| \`${name}\` |`))
    expect(line, name).toMatch(/Default.{3,}\|$/)
  }
})
