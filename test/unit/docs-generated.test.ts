import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { generateDocuments } from '../../docs/generate.ts'
import { CHANNELS } from '../../src/base/diagnostics.ts'
import { ERROR_CODES } from '../../src/errors.ts'
import { DEFAULT_OPTIONS } from '../../src/store/options.ts'
import { openProvider } from '../../src/testing/stores.ts'

const ROOT = join(import.meta.dirname, '../..')
const documents = await generateDocuments()

for (const { path, text } of documents) {
  test(`${path} is what npm run docs makes`, () => {
    expect(readFileSync(join(ROOT, path), 'utf8')).toBe(text)
  })
}

test('every code, option, metric and channel has its line, with words', async () => {
  const [errors, options, metrics] = documents.map(({ text }) => text)
  for (const code of Object.keys(ERROR_CODES)) expect(errors).toMatch(`| \`${code}\` |`)
  for (const name of Object.keys(DEFAULT_OPTIONS)) {
    const line = options.split('\n').find((other) => other.startsWith(`| \`${name}\` |`))
    expect(line, name).toMatch(/Default.{3,}\|$/)
  }
  for (const name of ['socketsMax', 'delegationToken', 'partSizeBytes', 'endpoint'])
    expect(options).toMatch(new RegExp(`^\\| \`${name}\` \\| .{20,} \\|$`, 'm'))
  await using opened = await openProvider()
  const {
    customMetrics,
    latencies: _,
    instanceMetrics: _instance,
    ...plain
  } = opened.provider.metrics
  for (const name of [...Object.keys({ ...customMetrics, ...plain }), ...Object.values(CHANNELS)])
    expect(metrics).toMatch(new RegExp(`^\\| \`${name}\` \\| .{10,} \\|$`, 'm'))
})
