import * as fc from 'fast-check'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SortedLines } from '../../../src/files/sorted-lines.ts'
import { temporaryFolder } from '../../support/checkpoint-folder.ts'
import { failure } from '../../../src/testing/stores.ts'

const byBytes = (lines: readonly string[]) =>
  [...lines].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))

test('lines come in the order of their bytes, however many runs they were written in', async () => {
  await using folder = await temporaryFolder()
  const line = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\n'))
  fc.assert(
    fc.property(fc.array(line), fc.integer({ min: 1, max: 2000 }), (lines, runBytesMax) => {
      using sorter = new SortedLines({ runBytesMax, folder: folder.path })
      for (const each of lines) sorter.add(each)
      expect([...sorter.sorted()]).toEqual(byBytes(lines))
      expect(readdirSync(folder.path)).toEqual([])
    }),
  )
})

test('characters beyond 16 bits come behind those of 16, as their code points do', () => {
  using sorter = new SortedLines()
  for (const line of ['\u{1f600}', '\uff5e', 'z', '']) sorter.add(line)
  expect([...sorter.sorted()]).toEqual(['', 'z', '\uff5e', '\u{1f600}'])
})

test('more runs than are merged at once, and lines longer than a piece of a run', async () => {
  await using folder = await temporaryFolder()
  using sorter = new SortedLines({ runBytesMax: 1, folder: folder.path })
  const lines = Array.from({ length: 300 }, (_, i) => `${(i * 7919) % 300}`)
  lines.push('x'.repeat(200_000), 'x'.repeat(199_999))
  for (const line of lines) sorter.add(line)
  expect([...sorter.sorted()]).toEqual(byBytes(lines))
})

test('however many runs there are, a line is written once a level', async () => {
  await using folder = await temporaryFolder()
  using sorter = new SortedLines({ runBytesMax: 1, folder: folder.path })
  // Each line is a run: 64 x 64 of them make one of level 2, and one more is left.
  const lines = Array.from({ length: 64 * 64 + 1 }, (_, i) => `${(i * 7919) % 10_000}`)
  for (const line of lines) sorter.add(line)
  expect([...sorter.sorted()]).toEqual(byBytes(lines))
  const bytesOnce = lines.reduce((sum, line) => sum + line.length + 1, 0)
  expect(sorter.fileBytes).toBeLessThanOrEqual(3 * bytesOnce)
})

test('a folder that takes no file is told as such', async () => {
  await using folder = await temporaryFolder()
  const gone = join(folder.path, 'gone')
  using sorter = new SortedLines({ runBytesMax: 1, folder: gone })
  const error = await failure('TIDEMARK_STORAGE_UNAVAILABLE', () => sorter.add('x'))
  expect(error.message).toContain(gone)
})
