import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { basicOperations } from '../../../bench/basic-operations.ts'
import { runQuestion } from '../../../bench/harness/run-question.ts'

let directory = ''

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-bench-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

/** Asks `engine`, of which there is none: its process ends with an error. */
async function ask(engine: string, said: string[]) {
  const params = { keys: 10, durability: 'os' as const, batchRows: 10, rounds: 1, changes: 0 }
  const question = {
    ...basicOperations,
    cases: () => [{ params, engines: [engine], rounds: 2 }],
  }
  return runQuestion(question, { quick: true, directory, say: (line) => said.push(line) })
}

test('a rival that fails runs once more, and is then left out with the reason', async () => {
  const said: string[] = []
  const [result] = await ask('nobody', said)
  expect(said.filter((line) => line.includes('engine-process.ts'))).toHaveLength(2)
  expect(result.engines).toEqual([
    {
      engine: 'nobody',
      figures: {},
      versions: {},
      skipped: expect.stringContaining('it failed: '),
    },
  ])
})

test('our own failure ends the run', async () => {
  const said: string[] = []
  await expect(ask('tidemark-nobody', said)).rejects.toThrow('ended with 1')
})
