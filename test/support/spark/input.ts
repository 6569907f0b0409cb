// Input of the streaming queries: JSON files of rows {k, v, ts}, one a batch, the same in every run.

import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Shape } from './spark.ts'

const KEYS = [
  '',
  'a',
  'k1',
  'k2',
  'eight ch',
  'Ångström é',
  '😀 emoji',
  'x'.repeat(300),
  ...Array.from({ length: 16 }, (_, i) => `key-${i}`),
]

const ROWS_PER_FILE = 25
const START_MS = Date.UTC(2024, 0, 1)
const FILE_MS = 10_000

/**
 * Writes files `from` to `from + count - 1`. Event time goes on by ten seconds a file and reaches ten seconds beyond; a key is heard of in about every
 * third file, so that watermarks drop state.
 */
export async function writeInput(
  folder: string,
  shape: Shape,
  from: number,
  count: number,
): Promise<void> {
  const parts = shape === 'join' ? ['left', 'right'] : ['.']
  for (const [salt, part] of parts.entries()) {
    await mkdir(join(folder, part), { recursive: true })
    for (let file = from; file < from + count; file++) {
      const path = join(folder, part, `${file}.json`)
      await writeFile(path, `${rows(file, salt).join('\n')}\n`)
      // Spark takes files in the order of their times.
      const seconds = START_MS / 1000 + file
      await utimes(path, seconds, seconds)
    }
  }
}

function rows(file: number, salt: number): string[] {
  let state = (file * 7919 + salt * 104_729 + 1) >>> 0
  const next = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state >>> 8) % below
  }
  return Array.from({ length: ROWS_PER_FILE }, () => {
    const k = KEYS[(next(KEYS.length / 3) * 3 + file) % KEYS.length]
    const ts = new Date(START_MS + file * FILE_MS + next(2 * FILE_MS)).toISOString()
    return JSON.stringify({ k, v: next(20) - 5, ts })
  })
}
