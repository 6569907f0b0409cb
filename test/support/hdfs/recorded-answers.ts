// What a real HDFS answered to the probe (test/fixtures/webhdfs-answers.json): written by the tests against the real one when
// TIDEMARK_RECORD=1, and what both the real and the fake one must go on answering.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Exchange } from './probe.ts'

const FILE = join(import.meta.dirname, '../../fixtures/webhdfs-answers.json')

/** How many names a page of LISTSTATUS_BATCH holds where the probe is asked. */
export const PROBE_PAGE_SIZE = 10

export interface RecordedAnswers {
  /** Of one NameNode. */
  readonly alone: readonly Exchange[]
  /** Of the standby of a pair. */
  readonly standby: readonly Exchange[]
}

export const RECORDING = process.env['TIDEMARK_RECORD'] === '1'

export async function readRecordedAnswers(): Promise<RecordedAnswers> {
  return JSON.parse(await readFile(FILE, 'utf8')) as RecordedAnswers
}

/** One exchange a line, so that a difference is one line. */
export async function recordAnswers(part: Partial<RecordedAnswers>): Promise<void> {
  const before = await readRecordedAnswers().catch(() => ({ alone: [], standby: [] }))
  const parts = Object.entries({ ...before, ...part }).map(
    ([name, exchanges]) =>
      `"${name}":[\n${exchanges.map((exchange) => JSON.stringify(exchange)).join(',\n')}\n]`,
  )
  await writeFile(FILE, `{${parts.join(',\n')}}\n`)
}
