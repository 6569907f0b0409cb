// Writes docs/benchmarks.md and docs/benchmarks/*.svg from bench/results/ (npm run bench:report).

import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { benchmarkFiles } from './document.ts'
import { Results } from './results.ts'

const ROOT = join(import.meta.dirname, '..', '..')

const files = benchmarkFiles(Results.read(join(ROOT, 'bench', 'results')))
// Plots of what is no longer measured go.
await rm(join(ROOT, 'docs', 'benchmarks'), { recursive: true, force: true })
for (const { path, text } of files) {
  await mkdir(dirname(join(ROOT, path)), { recursive: true })
  await writeFile(join(ROOT, path), text)
}
