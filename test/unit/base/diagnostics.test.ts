import { channel } from 'node:diagnostics_channel'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CHANNELS, publishStep, type Step } from '../../../src/base/diagnostics.ts'

test('a step reaches those who listen on its channel, and nobody else', () => {
  const seen: unknown[] = []
  const listener = (message: unknown) => void seen.push(message)
  channel(CHANNELS.open).subscribe(listener)
  publishStep('open', { storeId: '0/0/default', version: 1 })
  publishStep('abort', { storeId: '0/0/default', version: 1 })
  channel(CHANNELS.open).unsubscribe(listener)
  publishStep('open', { storeId: '0/0/default', version: 2 })
  expect(seen).toEqual([{ storeId: '0/0/default', version: 1 }])
})

test('every step of the table is published by somebody', () => {
  const src = join(import.meta.dirname, '../../../src')
  const code = globSync('**/*.ts', { cwd: src })
    .map((path) => readFileSync(join(src, path), 'utf8'))
    .join('\n')
  const silent = (Object.keys(CHANNELS) as Step[]).filter(
    (step) => !code.includes(`publishStep('${step}'`),
  )
  expect(silent).toEqual([])
})
