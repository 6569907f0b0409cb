// The command as a person has it: a child process on src/cli/main.ts, its output, its exit code, and a checkpoint that it leaves alone.

import { constants } from 'node:buffer'
import { execFile, spawn } from 'node:child_process'
import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Output } from '../../../src/cli/output.ts'
import { StateStores } from '../../../src/index.ts'
import {
  bytes,
  digestFolder,
  temporaryFolder,
  writeCheckpoint,
} from '../../support/checkpoint-folder.ts'
import { GOLDEN_NAMES, goldenRows, unpackGolden } from '../../support/goldens.ts'

const MAIN = join(import.meta.dirname, '../../../src/cli/main.ts')

interface Result {
  code: number
  stdout: string
  stderr: string
}

function tidemark(...args: string[]): Promise<Result> {
  return new Promise((resolve) => {
    const options = { maxBuffer: 64 * 1024 * 1024, env: { ...process.env, NO_COLOR: '1' } }
    execFile(process.execPath, [MAIN, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

function jsonLines(text: string): Record<string, unknown>[] {
  const lines = text.split('\n')
  expect(lines.pop()).toBe('')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('help and usage', () => {
  test('--help lists the verbs, and each verb has its own', async () => {
    const whole = await tidemark('--help')
    expect(whole).toMatchObject({ code: 0, stderr: '' })
    for (const verb of ['info', 'rows', 'verify']) {
      expect(whole.stdout).toContain(verb)
      const one = await tidemark(verb, '--help')
      expect(one).toMatchObject({ code: 0, stderr: '' })
      expect(one.stdout).toContain(`Usage: tidemark ${verb} <checkpoint>`)
      expect(one.stdout).toContain('--operator <n>')
    }
  })

  test.each([
    ['no verb', [], 'Expected a verb'],
    ['an unknown verb', ['frobnicate', 'x'], 'frobnicate'],
    ['no checkpoint', ['info'], 'Expected the path of a checkpoint'],
    ['two checkpoints', ['info', 'a', 'b'], 'got also "b"'],
    ['an unknown option', ['rows', 'a', '--frobnicate'], 'frobnicate'],
    ['an option of another verb', ['info', 'a', '--version', '3'], '--version'],
    ['a number that is none', ['rows', 'a', '--partition', 'one'], '--partition'],
    ['a negative version', ['rows', 'a', '--version=-1'], '--version'],
    ['an option without its value', ['rows', 'a', '--operator'], '--operator'],
    ['an empty path', ['rows', ''], 'path of a checkpoint'],
    ['an option twice', ['rows', 'a', '--partition', '0', '--partition', '1'], '--partition'],
  ])('%s: exit code 2, a line on stderr, nothing on stdout', async (_, args, text) => {
    const result = await tidemark(...args)
    expect(result).toMatchObject({ code: 2, stdout: '' })
    expect(result.stderr).toContain(text)
    expect(result.stderr).toContain('--help')
  })

  test('what is no checkpoint: exit code 1 and the code of the error', async () => {
    await using folder = await temporaryFolder()
    for (const verb of ['info', 'rows', 'verify']) {
      const result = await tidemark(verb, join(folder.path, 'nowhere'), '--json')
      expect(result).toMatchObject({ code: 1, stdout: '' })
      expect(result.stderr).toMatch(/nothing there.*TIDEMARK_CHECKPOINT_NOT_FOUND/)
    }
  })
})

test('what is no place on this machine: exit code 1 and the code of the error', async () => {
  for (const url of ['file://host/checkpoint', 'file:///tmp/a%2Fb']) {
    const result = await tidemark('info', url)
    expect(result).toMatchObject({ code: 1, stdout: '' })
    expect(result.stderr).toMatch(/file: URL of this machine.*TIDEMARK_INVALID_OPTIONS/)
  }
})

describe('on a fresh checkpoint', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let before = ''
  beforeAll(async () => {
    folder = await temporaryFolder()
    await writeCheckpoint(folder.path)
    before = digestFolder(folder.path)
    // As far as the test's user is bound by it at all.
    await chmod(join(folder.path, 'state/0/0'), 0o555)
    await chmod(folder.path, 0o555)
  })
  afterAll(async () => {
    await chmod(folder.path, 0o755)
    await chmod(join(folder.path, 'state/0/0'), 0o755)
    expect(digestFolder(folder.path)).toBe(before)
    await folder[Symbol.asyncDispose]()
  })

  test('info tells the stores to people', async () => {
    const { code, stdout, stderr } = await tidemark('info', folder.path)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const lines = stdout.split('\n')
    expect(lines[0]).toBe(`Checkpoint ${folder.path}`)
    expect(lines.slice(2, 5).map((line) => line.trim().split(/\s+/).slice(0, 7))).toEqual([
      ['0', '0', 'default', '1-6', '4', '0', 'lz4'],
      ['0', '1', 'default', '1-6', '4', '0', 'lz4'],
      ['1', '0', 'left', '1-6', '4', '0', 'lz4'],
    ])
    expect(stdout).toContain('the test on ')
    expect(stdout).toContain('progress of 1/0/left at version 6: {"offset":60}')
  })

  test('info --json tells them to programs', async () => {
    const { code, stdout } = await tidemark('info', folder.path, '--json', '--store', 'left')
    expect(code).toBe(0)
    expect(jsonLines(stdout)).toMatchObject([
      {
        operatorId: 1,
        partitionId: 0,
        storeName: 'left',
        newestVersion: 6,
        progress: { offset: 60 },
      },
    ])
  })

  test('rows --json of one store has p, k and v, sorted by partition and key, at the version asked for', async () => {
    const { code, stdout, stderr } = await tidemark(
      'rows',
      folder.path,
      '--json',
      '--operator',
      '0',
      '--version',
      '1',
    )
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const hex = (text: string) => Buffer.from(text).toString('hex')
    expect(stdout).toBe(
      [0, 1]
        .flatMap((p) => [
          `{"p":${p},"k":"${hex('count')}","v":"0001"}\n`,
          `{"p":${p},"k":"${hex('key-1')}","v":"${hex(`value 1 of ${p}`)}"}\n`,
        ])
        .join(''),
    )
  })

  test('rows --json of several stores says whose each row is', async () => {
    const { stdout } = await tidemark('rows', folder.path, '--json')
    const lines = jsonLines(stdout)
    expect(lines.length).toBe(12)
    expect(lines.map(({ o, s, p }) => `${String(o)}/${String(p)}/${String(s)}`)).toEqual([
      ...Array.from({ length: 4 }, () => '0/0/default'),
      ...Array.from({ length: 4 }, () => '0/1/default'),
      ...Array.from({ length: 4 }, () => '1/0/left'),
    ])
  })

  test('rows shows hex, and text only where it is printable', async () => {
    const { code, stdout } = await tidemark('rows', folder.path, '--partition', '1')
    expect(code).toBe(0)
    const lines = stdout.split('\n')
    expect(lines[0]).toBe('Store 0/1/default at version 6')
    expect(lines[2]).toMatch(/^636f756e74\s+count\s+0006$/)
    expect(lines[3]).toMatch(/^6b65792d34\s+key-4\s+[0-9a-f]+\s+value 4 of 1$/)
    expect(lines.at(-2)).toBe('4 rows')
  })

  test('a version or store that is not there: exit code 1, nothing on stdout', async () => {
    const version = await tidemark('rows', folder.path, '--json', '--version', '77')
    expect(version).toMatchObject({ code: 1, stdout: '' })
    expect(version.stderr).toContain('TIDEMARK_VERSION_NOT_FOUND')
    const store = await tidemark('rows', folder.path, '--store', 'right')
    expect(store).toMatchObject({ code: 1, stdout: '' })
    expect(store.stderr).toContain('TIDEMARK_CHECKPOINT_NOT_FOUND')
  })

  test('verify finds nothing', async () => {
    expect(await tidemark('verify', folder.path)).toEqual({
      code: 0,
      stdout: '3 stores verified: 0 errors, 0 warnings\n',
      stderr: '',
    })
    expect(await tidemark('verify', folder.path, '--json')).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    })
  })
})

test('verify lists everything that is wrong with file and offset, exits with 1 and changes nothing', async () => {
  await using folder = await temporaryFolder()
  await writeCheckpoint(folder.path, { checksumFiles: true })
  const path = (name: string) => join(folder.path, 'state', name)
  const flip = async (name: string) => {
    const content = await readFile(path(name))
    content[40] ^= 1
    await writeFile(path(name), content)
  }
  await flip('0/0/2.delta')
  await flip('0/0/6.snapshot')
  await rm(path('0/1/5.delta'))
  await copyFile(path('1/0/left/1.delta.crc'), path('1/0/left/4.delta.crc'))
  await copyFile(path('0/1/3.delta'), path('1/0/left/3.delta'))
  await writeFile(path('0/1/\u001b[31mx.tmp'), '')
  await mkdir(path('0/x'))
  const before = digestFolder(folder.path)
  const people = await tidemark('verify', folder.path)
  expect(people).toMatchObject({ code: 1, stderr: '' })
  for (const expected of [
    /^error damaged-file: state\/0\/0\/2\.delta, offset \d+$/m,
    /^error damaged-file: state\/0\/0\/6\.snapshot, offset \d+$/m,
    /^error missing-file: state\/0\/1\/5\.delta$/m,
    /^error wrong-file: state\/1\/0\/left\/3\.delta, offset 0$/m,
    /^error stale-sidecar: state\/1\/0\/left\/4\.delta\.crc, offset 0$/m,
    /^warning foreign: state\/0\/1\/\\u\{1b\}\[31mx\.tmp, offset 0$|^warning foreign: state\/0\/1\/\\u\{1b\}\[31mx\.tmp$/m,
    /^warning foreign: state\/0\/x$/m,
  ])
    expect(people.stdout).toMatch(expected)
  expect(people.stdout).not.toContain('\u001b')
  const programs = await tidemark('verify', folder.path, '--json')
  expect(programs.code).toBe(1)
  const findings = jsonLines(programs.stdout)
  expect(findings.length).toBeGreaterThanOrEqual(7)
  for (const { severity, offset, kind } of findings)
    if (severity === 'error' && kind !== 'missing-file') expect(offset).toEqual(expect.any(Number))
  expect((await tidemark('info', folder.path)).code).toBe(0)
  expect(digestFolder(folder.path)).toBe(before)
}, 30_000)

test('info of a store whose chain is broken says so and shows the others', async () => {
  await using folder = await temporaryFolder()
  await writeCheckpoint(folder.path)
  await rm(join(folder.path, 'state/0/0/6.snapshot'))
  await rm(join(folder.path, 'state/0/0/5.delta'))
  const { code, stdout } = await tidemark('info', folder.path)
  expect(code).toBe(1)
  expect(stdout).toContain('problem of 0/0/default: TIDEMARK_BROKEN_CHAIN')
  expect(stdout).toContain('progress of 0/1/default at version 6')
})

test("rows --hex --json of Spark's checkpoint are the lines of its golden file", async () => {
  const name = 'spark-4.1.4/agg-lz4-ck1-p4-md10'
  expect(GOLDEN_NAMES).toContain(name)
  await using golden = await unpackGolden(name)
  const expected = goldenRows(name)
  const args = ['rows', golden.path, '--json', '--hex', '--version', String(expected?.version)]
  const { code, stdout } = await tidemark(...args)
  expect(code).toBe(0)
  const lines = jsonLines(stdout)
  expect(new Set(lines.map((line) => Object.keys(line).join()))).toEqual(new Set(['p,k,v']))
  const found = lines.map(({ p, k, v }) => `${String(p)} ${String(k)}=${String(v)}`).sort()
  const rows = [...(expected?.rows ?? [])].flatMap(([id, some]) =>
    some.map((row) => `${id.split('/')[1]} ${row}`),
  )
  expect(found).toEqual(rows.sort())
})

test('a reader that goes away early is no error', async () => {
  await using folder = await temporaryFolder()
  {
    await using stores = await StateStores.open(folder.path, { durability: 'os' })
    const store = await stores.provider({ operatorId: 0, partitionId: 0 }).getStore()
    for (let i = 0; i < 20_000; i++) store.put(bytes(`key ${i}`), bytes(`${i}`))
    await store.commit()
  }
  const child = spawn(process.execPath, [MAIN, 'rows', folder.path, '--json'])
  let stderr = ''
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  child.stdout.once('data', () => child.stdout.destroy())
  const code = await new Promise((resolve) => child.on('close', resolve))
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})

test('a row that no line of text can hold: exit code 1, what it is, and what came before it', async () => {
  await using folder = await temporaryFolder()
  const { MAX_STRING_LENGTH } = constants
  {
    await using stores = await StateStores.open(folder.path, { durability: 'os' })
    const provider = stores.provider({ operatorId: 0, partitionId: 0 })
    // The second in hex is none too long, but its line is.
    for (const size of [MAX_STRING_LENGTH / 2 + 1, MAX_STRING_LENGTH / 2 - 4]) {
      const store = await provider.getStore()
      store.put(bytes('a'), bytes('1'))
      store.put(bytes('b'), new Uint8Array(size))
      await store.commit()
    }
  }
  for (const version of ['1', '2']) {
    const found = await tidemark('rows', folder.path, '--json', '--version', version)
    expect(found).toEqual({
      code: 1,
      stdout: '{"p":0,"k":"61","v":"31"}\n',
      stderr: `tidemark: A row makes more text than the ${MAX_STRING_LENGTH} characters that a line can have; the library has it as bytes (rawRows, rawChanges, rawDifferences) [TIDEMARK_UNSUPPORTED]\n`,
    })
  }
})

test('a line that is as long as text can be goes out by itself', async () => {
  const sizes: number[] = []
  const stream = new Writable({
    decodeStrings: false,
    write(piece: string, _encoding, done) {
      sizes.push(piece.length)
      done()
    },
  })
  const output = new Output(stream)
  await output.line('short')
  await output.line('x'.repeat(constants.MAX_STRING_LENGTH - 1))
  await output.flush()
  expect(sizes).toEqual([6, constants.MAX_STRING_LENGTH])
})
