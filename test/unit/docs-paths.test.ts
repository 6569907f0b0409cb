// The README and the docs name files of the source: each of them is there.

import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const documents = ['README.md', ...globSync('docs/**/*.md', { cwd: ROOT })].sort()

describe.each(documents)('%s', (document) => {
  const text = readFileSync(join(ROOT, document), 'utf8')

  test('names only source files that exist', () => {
    const named = text.match(/(?<![\w/])(?:src|test|bench|docs)\/[\w./-]*\w/g) ?? []
    const missing = named.filter((path) => !existsSync(join(ROOT, path)))
    expect(missing).toEqual([])
  })

  test('links only to files that exist', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(
      (match) => match[1],
    )
    const missing = links.filter((path) => !existsSync(join(ROOT, dirname(document), path)))
    expect(missing).toEqual([])
  })
})
