// The verbs that read in types, in this process: their lines, tables, options and refusals. What the lines say is compared with Spark's own reading in
// test/unit/checkpoint/spark-readings.test.ts.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestFolder, temporaryFolder, writeCheckpoint } from '../../support/checkpoint-folder.ts'
import { linesOf, tidemarkHere } from '../../support/command-line.ts'
import { unpackGolden } from '../../support/goldens.ts'

let golden: Awaited<ReturnType<typeof unpackGolden>>
let own: Awaited<ReturnType<typeof temporaryFolder>>
let before: string[]
beforeAll(async () => {
  golden = await unpackGolden('spark-4.1.4/session-zstd-ck1-p2-md3')
  own = await temporaryFolder()
  await writeCheckpoint(own.path)
  before = [digestFolder(golden.path), digestFolder(own.path)]
})
afterAll(async () => {
  expect([digestFolder(golden.path), digestFolder(own.path)]).toEqual(before)
  await golden[Symbol.asyncDispose]()
  await own[Symbol.asyncDispose]()
})

const parsed = (lines: readonly string[]) =>
  lines.map((line) => JSON.parse(line) as Record<string, unknown>)

test('a batch is the version above it', async () => {
  const batch = await linesOf('rows', golden.path, '--json', '--batch', '4')
  expect(await linesOf('rows', golden.path, '--json', '--version', '5')).toEqual(batch)
  expect(await linesOf('rows', golden.path, '--json', '--version', '4')).not.toEqual(batch)
})

test('rows in a table, under a heading for each store, with a count at the end', async () => {
  const lines = await linesOf('rows', golden.path, '--batch', '4')
  const json = await linesOf('rows', golden.path, '--json', '--batch', '4')
  expect(lines[0]).toBe('Store 0/0/default at version 5')
  expect(lines[1]).toMatch(/^key +value$/)
  expect(lines[2]).toMatch(
    /^\{"k":"","sessionStartTime":"2024-01-01T00:00:27\.093Z"\} +\{"session_window":/,
  )
  expect(lines).toContain('Store 0/1/default at version 5')
  expect(lines.at(-1)).toBe(`${json.length} rows`)
})

test('rows as bytes', async () => {
  const [first] = parsed(await linesOf('rows', golden.path, '--json', '--hex', '--batch', '4'))
  expect(Object.keys(first)).toEqual(['p', 'k', 'v'])
})

describe('diff', () => {
  test('two batches: what has to be done to the first to get the second', async () => {
    const read = async (batch: string) => {
      const rows = parsed(await linesOf('rows', golden.path, '--json', '--batch', batch))
      return new Map(rows.map(({ p, key, value }) => [JSON.stringify([p, key]), value]))
    }
    const state = await read('30')
    const lines = await linesOf('diff', golden.path, '--json', '--batch', '30', '--batch', '32')
    const types = new Set<unknown>()
    for (const { type, p, key, before: was, after, ...rest } of parsed(lines)) {
      const id = JSON.stringify([p, key])
      expect(rest).toEqual({})
      expect(was).toEqual(state.get(id) ?? null)
      types.add(type)
      if (after === null) state.delete(id)
      else state.set(id, after)
    }
    expect(types).toEqual(new Set(['added', 'removed', 'changed']))
    expect(state).toEqual(await read('32'))
    const people = await linesOf('diff', golden.path, '--batch', '30', '--batch', '32')
    expect(people.at(-1)).toBe(`${lines.length} differences`)
  })

  test('the same twice: nothing', async () => {
    expect(
      await linesOf('diff', golden.path, '--json', '--version', '9', '--version', '9'),
    ).toEqual([])
  })

  test('of our own, in hex, from nothing', async () => {
    const args = ['--version', '0', '--version', '1', '--json', '--store', 'left']
    expect(parsed(await linesOf('diff', own.path, ...args))).toMatchObject([
      { type: 'added', p: 0, k: hex('count'), before: null, after: '0001' },
      { type: 'added', p: 0, k: hex('key-1'), before: null },
    ])
  })
})

describe('changes', () => {
  test('of our own, in hex, up to the newest version', async () => {
    const lines = parsed(
      await linesOf('changes', own.path, '--json', '--store', 'left', '--from', '4'),
    )
    expect(lines).toEqual([
      { batch: 4, type: 'update', p: 0, k: hex('count'), v: '0005' },
      { batch: 4, type: 'delete', p: 0, k: hex('key-2'), v: null },
      { batch: 4, type: 'update', p: 0, k: hex('key-5'), v: hex('value 5 of 0') },
      { batch: 5, type: 'update', p: 0, k: hex('count'), v: '0006' },
      { batch: 5, type: 'delete', p: 0, k: hex('key-3'), v: null },
      { batch: 5, type: 'update', p: 0, k: hex('key-6'), v: hex('value 6 of 0') },
    ])
  })

  test('in a table', async () => {
    const lines = await linesOf('changes', golden.path, '--from', '32', '--to', '32')
    expect(lines[0]).toBe('Store 0/0/default, batch 32')
    expect(lines[2]).toMatch(/^(update|delete) +\{/)
    expect(lines.at(-1)).toMatch(/^\d+ changes$/)
  })
})

describe('info', () => {
  test('tells query, operators, batches and what is committed to people', async () => {
    const lines = await linesOf('info', golden.path)
    expect(lines.slice(1, 4)).toEqual([
      expect.stringMatching(/^query [0-9a-f-]{36}$/),
      'operator 0 sessionWindowStateStoreSaveExec: default (2 partitions, prefix of 1)',
      'batches 0 to 32, committed up to 32',
    ])
    expect(lines[4]).toMatch(/^watermark of batch 32: 2024-01-01T.*Z \(\d+ ms\)$/)
    expect(lines).toContain('offset of batch 32, source 0: {"logOffset":31}')
  })

  test('and to programs, each line with its kind', async () => {
    const lines = parsed(await linesOf('info', golden.path, '--json'))
    expect(new Set(lines.map(({ kind }) => kind))).toEqual(
      new Set(['query', 'operator', 'batch', 'store']),
    )
    const batches = lines.filter(({ kind }) => kind === 'batch')
    expect(batches.length).toBe(33)
    expect(batches.at(-1)).toMatchObject({
      batchId: 32,
      committed: true,
      offsets: [{ offset: '{"logOffset":31}' }],
    })
  })
})

test('verify takes a batch', async () => {
  const [line] = await linesOf('verify', golden.path, '--batch', '4')
  expect(line).toBe('2 stores verified: 0 errors, 0 warnings')
  expect((await tidemarkHere('verify', golden.path, '--batch', '99')).code).toBe(1)
})

test.each([
  ['a batch and a version', ['rows', 'x', '--batch', '1', '--version', '2'], /both/],
  [
    'two batches where one is read',
    ['rows', 'x', '--batch', '1', '--batch', '2'],
    /at most once, got it 2/,
  ],
  ['one batch where two are compared', ['diff', 'x', '--batch', '1'], /twice/],
  [
    'three batches',
    ['diff', 'x', '--batch', '1', '--batch', '2', '--batch', '3'],
    /at most 2 times/,
  ],
  ['changes from nowhere', ['changes', 'x'], /--from/],
  ['a batch that is no number', ['rows', 'x', '--batch', '1e3'], /--batch to be a whole number/],
  ['a side that is none', ['rows', 'x', '--join-side', 'middle'], /left or right/],
  ['an option of another verb', ['info', 'x', '--batch', '1'], /--batch is not an option/],
])('%s: exit code 2, a line on stderr, nothing on stdout', async (_, args, words) => {
  const { code, stdout, stderr } = await tidemarkHere(...args)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(words)
})

test('every verb has its help', async () => {
  for (const verb of ['info', 'rows', 'changes', 'diff', 'verify']) {
    const [first] = await linesOf(verb, '--help')
    expect(first).toBe(`Usage: tidemark ${verb} <checkpoint> [options]`)
  }
})

function hex(text: string): string {
  return Buffer.from(text).toString('hex')
}
