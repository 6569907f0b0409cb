// The example in README.md runs as it stands, twice: the second time it goes on from the checkpoint the first has left.

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensureBuilt, projectFolder } from '../support/built-package.ts'

const run = promisify(execFile)
// Within the project, so that it finds the package by its own name.
const cache = join(projectFolder, '.cache')
let folder: string
let script: string

beforeAll(async () => {
  await ensureBuilt()
  folder = await mkdtemp(join(tmpdir(), 'tidemark-readme-'))
  const readme = await readFile(join(projectFolder, 'README.md'), 'utf8')
  const examples = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1])
  expect(examples).toHaveLength(1)
  await mkdir(cache, { recursive: true })
  script = join(await mkdtemp(join(cache, 'readme-')), 'example.ts')
  await writeFile(script, examples[0])
}, 120_000)

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await rm(join(script, '..'), { recursive: true, force: true })
})

test('the example of the README runs, and goes on where it stopped', async () => {
  for (const expected of [
    'version 1: tide was seen 2 times, next offset 3',
    'version 2: tide was seen 4 times, next offset 6',
  ]) {
    const { stdout } = await run(process.execPath, [script], { cwd: folder })
    expect(stdout.trim()).toBe(expected)
  }
})
