// Checkpoints of Spark that are not as they should be: each is refused with an error that names the file and what was expected, found by
// `verify` too, and left as it is.

import { copyFile, cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openCheckpoint } from '../../../src/checkpoint/checkpoint.ts'
import { parseCommitLog } from '../../../src/checkpoint/commit-log.ts'
import type { FindingKind } from '../../../src/checkpoint/finding.ts'
import { parseOffsetLog } from '../../../src/checkpoint/offset-log.ts'
import { parseOperatorMetadata } from '../../../src/checkpoint/operator-metadata.ts'
import { parseQueryMetadata } from '../../../src/checkpoint/query-metadata.ts'
import type { ChangesSelection } from '../../../src/checkpoint/read-changes.ts'
import type { AtVersion } from '../../../src/checkpoint/read-plan.ts'
import type { RowsSelection } from '../../../src/checkpoint/read-rows.ts'
import { parseSchemaFile, printSchemaFile } from '../../../src/checkpoint/schema-file.ts'
import { verifyCheckpoint } from '../../../src/checkpoint/verify.ts'
import type { ErrorCode } from '../../../src/errors.ts'
import { StateStores } from '../../../src/index.ts'
import { bytes, digestFolder } from '../../support/checkpoint-folder.ts'
import { tidemarkHere } from '../../support/command-line.ts'
import { goldenForEachTest } from '../../support/golden-for-each-test.ts'
import { failure } from '../../../src/testing/stores.ts'

const SCHEMA = 'state/0/0/_metadata/schema'
const METADATA = 'state/0/_metadata/metadata'

const folder = goldenForEachTest('../spark-readings/two-operators')
const at = (path: string) => join(folder.path, path)
const change = async (path: string, edit: (text: string) => string) =>
  writeFile(at(path), edit(await readFile(at(path), 'latin1')), 'latin1')

async function read(selection: RowsSelection = {}): Promise<number> {
  await using checkpoint = await openCheckpoint(folder.path)
  let count = 0
  for await (const _ of checkpoint.rows(selection)) count++
  return count
}

async function readDifferences(from: AtVersion, to: AtVersion): Promise<number> {
  await using checkpoint = await openCheckpoint(folder.path)
  let count = 0
  for await (const _ of checkpoint.differences({ from, to, operatorId: 1, partition: 0 })) count++
  return count
}

async function readChanges(selection: ChangesSelection): Promise<number> {
  await using checkpoint = await openCheckpoint(folder.path)
  let count = 0
  for await (const _ of checkpoint.changes(selection)) count++
  return count
}

/** Reading rows fails with `code` and a message that has all `words`; nothing is written. */
async function expectRefused(code: ErrorCode, ...words: (string | RegExp)[]): Promise<void> {
  const before = digestFolder(folder.path)
  const error = await failure(code, () => read({ operatorId: 0 }))
  for (const word of words) expect(error.message).toMatch(word)
  const {
    stdout,
    stderr,
    code: exit,
  } = await tidemarkHere('rows', folder.path, '--json', '--operator', '0')
  expect({ stdout, exit }).toEqual({ stdout: '', exit: 1 })
  expect(stderr).toContain(code)
  expect(digestFolder(folder.path)).toBe(before)
}

async function expectFound(kind: FindingKind, path: string): Promise<void> {
  const findings = await verifyCheckpoint(folder.path)
  expect(findings.map((finding) => `${finding.kind} ${finding.path}`)).toContain(`${kind} ${path}`)
}

test('as it is, it is read, and nothing is wrong with it', async () => {
  expect(await read()).toBeGreaterThan(4)
  expect(await verifyCheckpoint(folder.path)).toEqual([])
})

describe('the schema', () => {
  test('missing', async () => {
    await rm(at(SCHEMA))
    await expectRefused('TIDEMARK_CHECKPOINT_NOT_FOUND', SCHEMA, /schema.*found nothing.*--hex/)
    await expectFound('damaged-metadata', SCHEMA)
    expect((await tidemarkHere('rows', folder.path, '--json', '--hex')).code).toBe(0)
  })

  test('of a newer version', async () => {
    await change(SCHEMA, (text) => text.replace('v2', 'v9'))
    await expectRefused('TIDEMARK_UNKNOWN_FORMAT_VERSION', SCHEMA, /v1 or v2 or v3, found v9/)
    await expectFound('damaged-metadata', SCHEMA)
  })

  test('cut', async () => {
    await change(SCHEMA, (text) => text.slice(0, 60))
    await expectRefused('TIDEMARK_CORRUPT_FILE', SCHEMA, /cut/)
    await expectFound('damaged-metadata', SCHEMA)
  })

  test('of a type that is not known', async () => {
    await writeSchema((json) => json.replace('"timestamp"', '"timestamq"'))
    await expectRefused('TIDEMARK_UNSUPPORTED', SCHEMA, /timestamq/)
  })

  test('with a field more than the rows have', async () => {
    const field = '{"name":"more","type":"long","nullable":true,"metadata":{}}'
    await writeSchema((json) => json.replace('"fields":[', `"fields":[${field},`))
    await expectRefused(
      'TIDEMARK_CORRUPT_FILE',
      SCHEMA,
      /record \d+ of state\/0\/\d\/\d\.(delta|snapshot)/,
    )
    expect(await wrongRows()).toMatch(/^state\/0\/\d\/\d\.delta$/)
  })

  test('with a field less than the rows have', async () => {
    const other = 'state/1/0/_metadata/schema'
    const schema = parseSchemaFile(new Uint8Array(await readFile(at(other))), other)
    const [family] = schema.families
    const key = JSON.parse(family.keySchemaJson) as { fields: unknown[] }
    for (const at of [0, 1]) {
      const keySchemaJson = JSON.stringify({ ...key, fields: key.fields.toSpliced(at, 1) })
      const edited = { ...schema, families: [{ ...family, keySchemaJson }] }
      await writeFile(join(folder.path, other), printSchemaFile(edited))
      const error = await failure('TIDEMARK_CORRUPT_FILE', () => read({ operatorId: 1 }))
      expect(error.message).toMatch(/_metadata\/schema\. Expected 1 fields.*record \d+ of state\/1/)
    }
  })

  test('with a type that the rows are not of', async () => {
    await writeSchema((json) => json.replace('"timestamp"', '"boolean"'))
    await expectRefused('TIDEMARK_CORRUPT_FILE', SCHEMA, /"?window"?/, /record \d+ of state/)
    expect(await wrongRows()).toMatch(/\.delta$/)
    const error = await failure('TIDEMARK_CORRUPT_FILE', () =>
      readChanges({ from: 0, operatorId: 0 }),
    )
    expect(error.message).toMatch(/record 0 of state\/0\/\d\/\d\.delta/)
  })

  async function writeSchema(edit: (json: string) => string): Promise<void> {
    const schema = parseSchemaFile(new Uint8Array(await readFile(at(SCHEMA))), SCHEMA)
    const [family] = schema.families
    const keySchemaJson = edit(family.keySchemaJson)
    expect(keySchemaJson).not.toBe(family.keySchemaJson)
    await writeFile(
      at(SCHEMA),
      printSchemaFile({ ...schema, families: [{ ...family, keySchemaJson }] }),
    )
  }

  const wrongRows = async () => {
    const findings = await verifyCheckpoint(folder.path)
    expect(findings.every(({ kind }) => kind === 'wrong-row')).toBe(true)
    return findings[0].path
  }
})

describe('the offset log', () => {
  test.each([10, 200, -5])('cut at %i', async (size) => {
    await change('offsets/2', (text) => text.slice(0, size))
    await expectRefused('TIDEMARK_CORRUPT_FILE', 'offsets/2', /Expected/)
  })

  test('of a newer version', async () => {
    await change('offsets/2', (text) => text.replace('v1', 'v9'))
    await expectRefused('TIDEMARK_UNKNOWN_FORMAT_VERSION', 'offsets/2', /v1 or v2, found v9/)
  })

  test('cut in an older batch: batches and info tell, rows do not need it', async () => {
    await change('offsets/1', (text) => text.slice(0, 99))
    expect(await read()).toBeGreaterThan(0)
    await using checkpoint = await openCheckpoint(folder.path)
    const error = await failure('TIDEMARK_CORRUPT_FILE', () => checkpoint.batches())
    expect(error.message).toContain('offsets/1')
    await expectFound('damaged-metadata', 'offsets/1')
    const info = await tidemarkHere('info', folder.path)
    expect(info.code).toBe(1)
    expect(info.stdout).toMatch(/problem: TIDEMARK_CORRUPT_FILE .*offsets\/1/)
    expect(info.stdout).toContain('default')
  })
})

test('a commit log of a newer version, or cut, is told with its name', async () => {
  await change('commits/2', (text) => text.replace('v1', 'v9'))
  await expectFound('damaged-metadata', 'commits/2')
  await change('commits/1', (text) => text.slice(0, 9))
  await expectFound('damaged-metadata', 'commits/1')
})

test.each(['commits/2', 'offsets/2'])(
  'a folder or a link in place of %s does not pass for no entry',
  async (path) => {
    for (const put of [() => mkdir(at(path)), () => symlink(at('metadata'), at(path))]) {
      await rm(at(path), { recursive: true })
      await put()
      await expectRefused('TIDEMARK_CORRUPT_FILE', path)
      await expectFound('damaged-metadata', path)
    }
  },
)

test('the id of the query cut', async () => {
  await change('metadata', (text) => text.slice(0, 12))
  await expectFound('damaged-metadata', 'metadata')
})

describe('folders', () => {
  test('a partition missing', async () => {
    await rm(at('state/0/1'), { recursive: true })
    await expectRefused(
      'TIDEMARK_CORRUPT_FILE',
      METADATA,
      /partitions 0 to 1.*found no 1.*state\/0\/1/,
    )
    await expectFound('wrong-folders', 'state/0/1')
    expect(await read({ operatorId: 0, partitionId: 0 })).toBe(0)
    expect(await read({ operatorId: 1 })).toBeGreaterThan(0)
  })

  test('a partition too many', async () => {
    await cp(at('state/0/1'), at('state/0/2'), { recursive: true })
    await expectRefused(
      'TIDEMARK_CORRUPT_FILE',
      METADATA,
      /partitions 0 to 1.*found also 2.*state\/0\/2/,
    )
    await expectFound('wrong-folders', 'state/0/2')
  })

  test('a store that the metadata names and nobody has', async () => {
    await change(METADATA, (text) => text.replace('"default"', '"left"'))
    await expectRefused('TIDEMARK_CORRUPT_FILE', METADATA, /store left.*the store is not there/)
    await expectFound('wrong-folders', 'state/0/0/left')
    await expectFound('wrong-folders', 'state/0/0')
  })

  test('a store that the metadata does not name', async () => {
    await mkdir(at('state/0/0/right'))
    await rename(at('state/0/0/1.delta'), at('state/0/0/right/1.delta'))
    await expectRefused(
      'TIDEMARK_CORRUPT_FILE',
      METADATA,
      /to be default.*found right.*state\/0\/0\/right/,
    )
    await expectFound('wrong-folders', 'state/0/0/right')
  })

  test.each([
    [
      'of a newer version',
      (text: string) => text.replace('v1', 'v9'),
      'TIDEMARK_UNKNOWN_FORMAT_VERSION',
    ],
    ['cut', (text: string) => text.slice(0, 50), 'TIDEMARK_CORRUPT_FILE'],
    [
      'of another operator',
      (text: string) => text.replace('"operatorId":0', '"operatorId":7'),
      'TIDEMARK_CORRUPT_FILE',
    ],
  ] as const)('operator metadata %s', async (_, edit, code) => {
    await change(METADATA, edit)
    await expectRefused(code, METADATA)
    await expectFound('damaged-metadata', METADATA)
  })
})

describe('files in another codec than the query is set to', () => {
  test('by the offset log', async () => {
    await change('offsets/2', (text) =>
      text.replace('codec":"lz4"', 'codec":"org.apache.spark.io.ZStdCompressionCodec"'),
    )
    await expectRefused(
      'TIDEMARK_CORRUPT_FILE',
      'offsets/2',
      /compressed with zstd.*found one compressed with lz4.*state\/0\/0\/3\.delta/,
    )
    await expectFound('wrong-codec', 'state/0/0/1.delta')
  })

  test('by a writer that was not told', async () => {
    {
      const options = { compression: 'snappy', floorValues: true, durability: 'os' } as const
      await using stores = await StateStores.open(folder.path, options)
      await (await stores.provider({ operatorId: 0, partitionId: 0 }).getStore()).commit()
    }
    const error = await failure('TIDEMARK_CORRUPT_FILE', () =>
      read({ version: 4, operatorId: 0, partitionId: 0 }),
    )
    expect(error.message).toMatch(/compressed with lz4.*found one compressed with snappy.*4\.delta/)
    await expectFound('wrong-codec', 'state/0/0/4.delta')
  })

  test('on either side of a comparison', async () => {
    {
      const options = { compression: 'snappy', floorValues: true, durability: 'os' } as const
      await using stores = await StateStores.open(folder.path, options)
      await (await stores.provider({ operatorId: 1, partitionId: 0 }).getStore()).commit()
    }
    expect(await readDifferences({ version: 1 }, { version: 3 })).toBeGreaterThan(0)
    for (const [from, to] of [
      [3, 4],
      [4, 3],
    ]) {
      const error = await failure('TIDEMARK_CORRUPT_FILE', () =>
        readDifferences({ version: from }, { version: to }),
      )
      expect(error.message).toMatch(
        /with lz4.*found one compressed with snappy.*state\/1\/0\/4\.delta/,
      )
    }
    const diff = ['--version', '3', '--version', '4', '--operator', '1', '--partition', '0']
    const cli = await tidemarkHere('diff', folder.path, '--json', ...diff)
    expect(cli).toMatchObject({ code: 1, stdout: '' })
    expect(cli.stderr).toContain('state/1/0/4.delta')
    expect((await tidemarkHere('diff', folder.path, '--json', '--hex', ...diff)).code).toBe(0)
  })
})

test('changes that the sidecar of their delta contradicts are not handed on', async () => {
  await copyFile(at('state/0/1/1.delta'), at('state/0/0/1.delta'))
  const reads = [
    () => readChanges({ from: 0, operatorId: 0 }),
    async () => {
      await using checkpoint = await openCheckpoint(folder.path)
      for await (const _ of checkpoint.rawChanges({ from: 0, operatorId: 0 })) continue
    },
  ]
  for (const read of reads) {
    const error = await failure('TIDEMARK_CORRUPT_FILE', read)
    expect(error.message).toMatch(/sidecar.*state\/0\/0\/1\.delta\.crc/)
  }
})

test('a damaged row is named with its file, record and field', async () => {
  {
    await using stores = await StateStores.open(folder.path, {
      floorValues: true,
      durability: 'os',
    })
    const store = await stores.provider({ operatorId: 1, partitionId: 0 }).getStore()
    store.put(bytes('0123456789abcdef01234567'), bytes('x'.repeat(16)))
    const [[key]] = [...store.entries()]
    store.put(key, bytes('12345678'))
    await store.commit()
  }
  const error = await failure('TIDEMARK_CORRUPT_FILE', () =>
    read({ version: 4, operatorId: 1, partitionId: 0 }),
  )
  const place = { storeId: '1/0/default', version: 4, path: 'state/1/0/4.delta' }
  const words = /state\/1\/0\/_metadata\/schema.*record [01] of state\/1\/0\/4\.delta/s
  expect(error).toMatchObject(place)
  expect(error.message).toMatch(words)
  // A comparison has it on one side, whichever that is.
  for (const [from, to] of [
    [3, 4],
    [4, 3],
  ]) {
    const same = await failure('TIDEMARK_CORRUPT_FILE', () =>
      readDifferences({ version: from }, { version: to }),
    )
    expect(same).toMatchObject(place)
    expect(same.message).toMatch(words)
  }
})

test.each(['1.zip', '2_0b9d2a3c-1111-4222-8333-444455556666.changelog'])(
  'a RocksDB checkpoint is named as such: %s',
  async (name) => {
    await rm(at('state/0/0'), { recursive: true })
    await mkdir(at('state/0/0'))
    await writeFile(at(`state/0/0/${name}`), 'x')
    for (const verb of ['info', 'rows', 'verify', 'changes', 'diff']) {
      const more =
        verb === 'changes'
          ? ['--from', '0']
          : verb === 'diff'
            ? ['--batch', '0', '--batch', '1']
            : []
      const { code, stdout, stderr } = await tidemarkHere(verb, folder.path, '--json', ...more)
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(/RocksDB.*state\/0\/0\/.*TIDEMARK_UNSUPPORTED/)
    }
  },
)

describe('selections that mean nothing', () => {
  test.each<[string, RowsSelection, ErrorCode, RegExp]>([
    ['an operator that is not there', { operatorId: 9 }, 'TIDEMARK_CHECKPOINT_NOT_FOUND', /9\/\*/],
    ['a store that is not there', { storeName: 'left' }, 'TIDEMARK_CHECKPOINT_NOT_FOUND', /left/],
    ['a partition that is not there', { partitionId: 7 }, 'TIDEMARK_CHECKPOINT_NOT_FOUND', /7/],
    ['a batch that is not there', { batchId: 77 }, 'TIDEMARK_VERSION_NOT_FOUND', /78/],
    [
      'a side of no join',
      { joinSide: 'left' },
      'TIDEMARK_INVALID_OPTIONS',
      /symmetricHashJoin.*dedupe/,
    ],
    [
      'a side and a store',
      { joinSide: 'left', storeName: 'a' },
      'TIDEMARK_INVALID_OPTIONS',
      /both/,
    ],
    ['a batch and a version', { batchId: 1, version: 2 }, 'TIDEMARK_INVALID_OPTIONS', /both/],
    [
      'a snapshot without its partition',
      { snapshotBatchId: 1 },
      'TIDEMARK_INVALID_OPTIONS',
      /`partition` together/,
    ],
    [
      'a snapshot that is not there',
      { snapshotBatchId: 1, partitionId: 0, operatorId: 0 },
      'TIDEMARK_VERSION_NOT_FOUND',
      /2\.snapshot.*found no snapshots/,
    ],
    [
      'a snapshot above the batch',
      { snapshotBatchId: 2, batchId: 1, partitionId: 0, operatorId: 0 },
      'TIDEMARK_INVALID_OPTIONS',
      /at most.*1, got 2/,
    ],
  ])('%s', async (_, selection, code, words) => {
    expect((await failure(code, () => read(selection))).message).toMatch(words)
  })

  test('changes of batches that are not there, or backwards', async () => {
    const gone = await failure('TIDEMARK_VERSION_NOT_FOUND', () => readChanges({ from: 1, to: 9 }))
    expect(gone.message).toMatch(/4\.delta.*batch 3.*from 1 to 3/)
    await failure('TIDEMARK_INVALID_OPTIONS', () => readChanges({ from: 2, to: 1 }))
    await expect(readChanges({ from: -1 })).rejects.toThrow(RangeError)
  })

  test('no batch committed', async () => {
    await rm(at('commits'), { recursive: true })
    const error = await failure('TIDEMARK_VERSION_NOT_FOUND', () => read())
    expect(error.message).toMatch(/committed batch in commits, found none/)
    expect(await read({ batchId: 2 })).toBeGreaterThan(0)
  })

  test('versions of the last committed batch that are gone from a store', async () => {
    expect(await verifyCheckpoint(folder.path)).toEqual([])
    for (const name of ['3.delta', '3.delta.crc']) await rm(at(`state/0/0/${name}`))
    const findings = await verifyCheckpoint(folder.path)
    expect(findings.map(({ severity, kind, path }) => [severity, kind, path])).toEqual([
      ['error', 'missing-file', 'state/0/0/3.delta'],
    ])
  })

  test('a batch below the last committed one is not to be run again', async () => {
    await rm(at('commits/1'))
    const info = await tidemarkHere('info', folder.path)
    expect(info.stdout).toContain('committed up to 2')
    expect(info.stdout).not.toContain('to be run again')
  })

  test('what is not committed is not shown unless it is asked for', async () => {
    const all = await read()
    await rm(at('commits/2'))
    expect(await read()).not.toBe(all)
    expect(await read({ batchId: 2 })).toBe(all)
    const info = await tidemarkHere('info', folder.path)
    expect(info.stdout).toContain('not committed, and to be run again: batch 2')
    expect(info.stdout).toContain('stores hold versions above 2, up to 3')
  })
})

describe('JSON that nests deep where something else should be', () => {
  const deep = '['.repeat(50_000) + ']'.repeat(50_000)
  const parse = (text: string) => new Uint8Array(Buffer.from(text))
  test.each<[string, () => unknown]>([
    ['offset log', () => parseOffsetLog(parse(`v1\n{"batchWatermarkMs":${deep}}\n0`), 'offsets/0')],
    ['offset log, conf', () => parseOffsetLog(parse(`v1\n{"conf":{"a":${deep}}}\n0`), 'offsets/0')],
    [
      'commit log',
      () => parseCommitLog(parse(`v1\n{"nextBatchWatermarkMs":${deep}}`), 'commits/0'),
    ],
    ['unique ids', () => parseCommitLog(parse(`v2\n{"stateUniqueIds":${deep}}`), 'commits/0')],
    ['query metadata', () => parseQueryMetadata(parse(`{"id":${deep}}`), 'metadata')],
    ['operator metadata', () => parseOperatorMetadata(parse(`v1\n{"operatorInfo":${deep}}`), 'm')],
  ])('%s', async (_name, call) => {
    await failure('TIDEMARK_CORRUPT_FILE', call)
  })

  test('the command says so, and not that it was used wrongly', async () => {
    await writeFile(at('metadata'), `{"id":${deep}}`)
    const { code, stderr, stdout } = await tidemarkHere('verify', folder.path)
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(stdout).toContain('damaged-metadata')
  })
})
