// Writes docs/benchmarks.md, docs/benchmarks/*.svg and the README's figures from bench/results/ (npm run bench:report).

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { benchmarkFiles } from './document.ts'
import { withFigures } from './readme.ts'
import { Results } from './results.ts'

const ROOT = join(import.meta.dirname, '..', '..')

const README = join(ROOT, 'README.md')

const results = Results.read(join(ROOT, 'bench', 'results'))
const files = benchmarkFiles(results)
// Plots of what is no longer measured go.
await rm(join(ROOT, 'docs', 'benchmarks'), { recursive: true, force: true })
for (const { path, text } of files) {
  await mkdir(dirname(join(ROOT, path)), { recursive: true })
  await writeFile(join(ROOT, path), text)
}
await writeFile(README, withFigures(await readFile(README, 'utf8'), results))
