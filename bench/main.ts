// The bench suite's command line.
//
//   npm run bench                                     every question, results into bench/results/
//   npm run bench -- <question> [--quick] [--json FILE] [--engines a,b] [--keys N]

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine } from './harness/machine.ts'
import { questionByName, QUESTIONS } from './harness/questions.ts'
import { RULES } from './harness/question.ts'
import { runQuestion } from './harness/run-question.ts'
import type { QuestionResult } from './report/results.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    engines: { type: 'string' },
    keys: { type: 'string' },
  },
})

const questions = positionals.length === 0 ? QUESTIONS : positionals.map(questionByName)
const isWhole = !values.quick && values.engines === undefined && values.keys === undefined
const machine = await describeMachine()
const directory = await mkdtemp(join(tmpdir(), 'tidemark-bench-'))
const results: unknown[] = []
// A signal ends the engine that is running; the folders then go as they do in the end.
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stop.abort(new Error(`Ended by ${signal}`)))
}
try {
  for (const question of questions) {
    const started = performance.now()
    const cases = await runQuestion(question, {
      quick: values.quick,
      directory,
      say: (line) => console.error(line),
      engines: values.engines?.split(','),
      keys: values.keys === undefined ? undefined : Number(values.keys),
      signal: stop.signal,
    })
    const seconds = Math.round((performance.now() - started) / 100) / 10
    console.error(`${question.name}: ${seconds} s`)
    const { name, title } = question
    const result: QuestionResult = { question: name, title, rules: RULES, machine, seconds, cases }
    results.push(result)
    if (isWhole) await save(join(import.meta.dirname, 'results', `${name}.json`), result)
  }
} finally {
  await rm(directory, { recursive: true, force: true, maxRetries: 3 })
}
if (values.json !== undefined) await save(values.json, results)

async function save(path: string, result: unknown): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, JSON.stringify(result, null, 2) + '\n')
}
