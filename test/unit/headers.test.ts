// A file that is more than a glance says at its top what it is for; so somebody new reads the tops and knows where to go.

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const SRC = join(import.meta.dirname, '../../src')

/** Lines that are taken in at a glance. */
const GLANCE_LINES_MAX = 40

test('every longer file of src begins with a comment', () => {
  const files = globSync('**/*.ts', { cwd: SRC })
  expect(files.length).toBeGreaterThan(100)
  const silent = files.filter((file) => {
    const text = readFileSync(join(SRC, file), 'utf8')
    return text.split('\n').length > GLANCE_LINES_MAX && !/^(#!.*\n)?\/\/ /.test(text)
  })
  expect(silent).toEqual([])
})
