// Goal: what a person sees after `npm run demo` is true: the job survives its kills, a wrong row never passes, nothing is left running.
// Method: the demo runs as they would run it, at a small size; what it must refuse is put in front of it.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { planKills } from '../../docs/examples/flights/kill-plan.ts'
import { Differences, RowComparison } from '../../docs/examples/flights/row-comparison.ts'
import { StateStores } from '../../src/index.ts'
import { ensureBuilt, projectFolder } from '../support/built-package.ts'

const demo = join(projectFolder, 'docs/examples/flights/demo.ts')
const PATIENCE_MS = 60_000
let folder: string

beforeAll(async () => {
  await ensureBuilt()
  folder = await mkdtemp(join(tmpdir(), 'tidemark-test-flights-'))
}, 120_000)

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

interface Ended {
  code: number | string
  out: string
  err: string
}

function runDemo(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [demo, ...args], { timeout: PATIENCE_MS }, (error, out, err) => {
      resolve({ code: error ? (error.code ?? error.signal ?? 'failed') : 0, out, err })
    })
  })
}

describe('a run of 60,000 flights', { timeout: PATIENCE_MS }, () => {
  const checkpoint = () => join(folder, 'checkpoint')
  const args = () => ['--rows', '60000', '--seed', '7', '--checkpoint', checkpoint()]

  test('is killed twice, goes on each time, and ends with the rows of the batch computation', async () => {
    const { code, out, err } = await runDemo(...args())
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(out).toMatch(/seed 7\n/)
    expect(out).toMatch(/kill 1: SIGKILL in batch \d+/)
    expect(out).toMatch(/kill 2: SIGKILL in batch \d+/)
    expect(out.match(/^started again: /gm)).toHaveLength(2)
    expect(out).toMatch(/100 % {2}60,000 of 60,000 rows/)
    expect(out).toMatch(/Verified in .* row for row/)
    expect(out).toMatch(/59,9\d\d flights \(\d+ duplicates dropped\)/)
    expect(out).toMatch(/^rows +60,000 in [\d.]+ s, [\d,]+ rows\/s/m)
    expect(out).toMatch(/^commits +[\d,]+, latency p50 [\d.]+ ms, p99 [\d.]+ ms$/m)
    expect(out).toMatch(/^versions +newest 100/m)
    expect(out).toMatch(/^deltas +\d+ files, [\d.]+ MB/m)
    expect(out).toMatch(/routes now \(version 100\)/)
    expect(out).toMatch(/routes 10 versions ago \(version 90\)/)
    expect(out.match(/^ {2}[A-Z]{3} → [A-Z]{3} .* min late$/gm)).toHaveLength(10)
    expect(out).toContain(`The checkpoint is in ${checkpoint()}`)
    expect(out).not.toContain('\r') // The bar is for terminals.
  })

  test('may be run again on its checkpoint: there is nothing left to do, and it is verified again', async () => {
    const { code, out } = await runDemo(...args())
    expect(code).toBe(0)
    expect(out).toMatch(/went on at batch 100/)
    expect(out).toMatch(/Verified/)
    expect(out).not.toMatch(/^kill \d/m)
  })

  test('does not pass once a single row of the checkpoint says something else', async () => {
    const stores = await StateStores.open(checkpoint())
    const store = await stores.provider({ operatorId: 1, partitionId: 2 }).getStore()
    const { done, value: row } = store.entries().next()
    expect(done).toBe(false)
    const [key, value] = row!
    value[3] ^= 1 // The lowest bit of the count.
    store.put(key, value)
    await store.commit({ progress: store.progress })
    await stores.close()

    const { code, out, err } = await runDemo(...args())
    expect(code).toBe(1)
    expect(out).not.toMatch(/Verified/)
    expect(err).toMatch(/WRONG: 2 differences/)
    expect(err).toMatch(/routes, partition 2: .* found version 101/)
    expect(err).toMatch(
      /routes, partition 2: [A-Z]{3}-[A-Z]{3}: expected \d+ flights,.* found \d+ /,
    )
  })
})

describe('the comparison', () => {
  const compare = (found: [string, string][]) => {
    const differences = new Differences()
    const expected = new Map(
      Object.entries({ 'LAS-PHL': '2 flights', 'ATL-SAV': '1 flight', x: '' }),
    )
    const comparison = new RowComparison('routes', expected, differences)
    for (const [key, value] of found) comparison.add('partition 0', key, value)
    comparison.finish()
    return differences
  }
  const right: [string, string][] = [
    ['ATL-SAV', '1 flight'],
    ['x', ''],
    ['LAS-PHL', '2 flights'],
  ]

  test('finds nothing where all is as expected, in any order', () => {
    expect(compare(right)).toEqual({ count: 0, lines: [] })
  })

  test('reports a wrong value, a missing row, a row too many and a row found twice', () => {
    expect(compare([...right.slice(1), ['ATL-SAV', '3 flights']]).lines).toEqual([
      'partition 0: ATL-SAV: expected 1 flight, found 3 flights',
    ])
    expect(compare(right.slice(0, 2)).lines).toEqual([
      'routes: LAS-PHL: expected 2 flights, found no such row',
    ])
    expect(compare([...right, ['RIC-ORF', '']]).lines).toEqual([
      'partition 0: RIC-ORF: expected no such row, found the row',
    ])
    expect(compare([...right, right[0]]).count).toBe(1)
  })
})

test('the same seed gives the same kills, others give others, all of them within the run', () => {
  expect(planKills(7, 100)).toEqual(planKills(7, 100))
  const plans = Array.from({ length: 50 }, (_, seed) => planKills(seed, 100))
  expect(new Set(plans.map((plan) => JSON.stringify(plan))).size).toBeGreaterThan(45)
  for (const [first, second] of plans) {
    expect(first.batch).toBeGreaterThanOrEqual(10)
    expect(second.batch).toBeGreaterThanOrEqual(first.batch)
    expect(second.batch).toBeLessThan(90)
  }
})

describe('a wrong command line', { timeout: PATIENCE_MS }, () => {
  test.each([
    [['--rows', '0'], /--rows to be a whole number, 1 to 3000000, got "0"/],
    [['--rows', '3000001'], /--rows to be/],
    [['--rows', '1e3'], /--rows to be/],
    [['--batch-rows', '-5'], /batch-rows/],
    [['--seed', 'x'], /--seed to be/],
    [['--faster'], /--faster/],
    [['file.parquet'], /file\.parquet/],
  ])('%j is refused with exit code 2 and the usage', async (args, message) => {
    const { code, out, err } = await runDemo(...args)
    expect(code).toBe(2)
    expect(err).toMatch(message)
    expect(err).toMatch(/^Usage: npm run demo/m)
    expect(out).toBe('')
  })

  test('a folder that holds something else is left alone', async () => {
    const other = await mkdtemp(join(folder, 'other-'))
    await writeFile(join(other, 'thesis.txt'), 'mine')
    const { code, err } = await runDemo('--checkpoint', other)
    expect(code).toBe(2)
    expect(err).toMatch(/holds other things than a checkpoint/)
    expect(await readdir(other)).toEqual(['thesis.txt'])
  })
})

// /proc tells who a process's children are.
describe.skipIf(!existsSync('/proc/self/task'))(
  'no process is left',
  { timeout: PATIENCE_MS },
  () => {
    test.each(['SIGINT', 'SIGKILL'] as const)('when the demo gets %s', async (signal) => {
      const args = ['--rows', '200000', '--checkpoint', join(folder, signal)]
      const child = spawn(process.execPath, [demo, ...args])
      const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
      const job = await childOnce(child, /%/)
      child.kill(signal)
      expect(await closed).toBe(signal === 'SIGINT' ? 130 : null)
      await gone(job)
    })
  },
)

/** The process id of the child of `parent`, once `parent` has written what `pattern` matches. */
async function childOnce(parent: ChildProcess, pattern: RegExp): Promise<number> {
  await new Promise<void>((resolve) => {
    parent.stdout!.on('data', (chunk) => pattern.test(String(chunk)) && resolve())
  })
  const children = readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8')
  expect(children).toMatch(/^\d+ $/)
  return Number(children)
}

/** Resolves when there is no such process; the test's time limit is the only one. */
async function gone(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`)) await delay(5)
}
