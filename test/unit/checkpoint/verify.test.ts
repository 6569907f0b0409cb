// Each test damages one thing in a small checkpoint on the real disk and expects exactly the findings that name it: no more, so that one
// damaged file is not a flood, and no fewer.

import { copyFile, cp, mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { verifyCheckpoint } from '../../../src/checkpoint/verify.ts'
import { StateStores } from '../../../src/index.ts'
import {
  bytes,
  digestFolder,
  temporaryFolder,
  writeCheckpoint,
  writeVersions,
} from '../../support/checkpoint-folder.ts'

const DIRECTORY = 'state/0/0'

/** Writes a checkpoint, lets `damage` have its way with it, and returns what is found, as `severity kind path version offset`. */
async function findingsAfter(
  damage: (root: string) => Promise<unknown>,
  write: (root: string) => Promise<unknown> = writeCheckpoint,
) {
  await using folder = await temporaryFolder()
  await write(folder.path)
  await damage(folder.path)
  const before = digestFolder(folder.path)
  const findings = await verifyCheckpoint(folder.path)
  expect(digestFolder(folder.path)).toBe(before)
  return findings
}

const file = (root: string, name: string) => join(root, DIRECTORY, name)

async function flip(path: string, at: number) {
  const content = await readFile(path)
  content[at] ^= 0x10
  await writeFile(path, content)
}

test.each(['lz4', 'snappy', 'zstd', 'lzf', 'none'] as const)(
  'nothing is wrong with what the engine writes: %s',
  async (compression) => {
    const write = (root: string) => writeCheckpoint(root, { compression, checksumFiles: true })
    expect(await findingsAfter(async () => undefined, write)).toEqual([])
  },
)

test('nothing is wrong with files of row checksums and without trailers', async () => {
  await using folder = await temporaryFolder()
  await using stores = await StateStores.open(folder.path, { rowChecksums: true, trailer: false })
  const provider = stores.provider({ operatorId: 0, partitionId: 0 })
  for (let version = 1; version <= 3; version++) {
    const store = await provider.getStore()
    store.put(bytes(`k${version}`), bytes('v'))
    await store.commit()
  }
  expect(await verifyCheckpoint(folder.path, { rowChecksums: true })).toEqual([])
})

describe('damage', () => {
  test('a flipped bit in a delta is one error, with file, version and offset', async () => {
    const findings = await findingsAfter((root) => flip(file(root, '4.delta'), 40))
    expect(new Set(findings.map(({ path }) => path))).toEqual(new Set([`${DIRECTORY}/4.delta`]))
    expect(findings[0]).toMatchObject({
      severity: 'error',
      kind: 'damaged-file',
      code: 'TIDEMARK_CORRUPT_FILE',
      storeId: '0/0/default',
      version: 4,
      offset: expect.any(Number) as number,
    })
  })

  test('every bit of a small delta and of a small snapshot is watched over', async () => {
    await using folder = await temporaryFolder()
    await using stores = await StateStores.open(folder.path, { minDeltasForSnapshot: 1 })
    await writeVersions(stores, { operatorId: 0, partitionId: 0 }, 1, 2)
    for (const name of ['1.delta', '2.delta', '2.snapshot']) {
      const path = file(folder.path, name)
      const whole = await readFile(path)
      for (let at = 0; at < whole.length; at++) {
        const damaged = Buffer.from(whole)
        damaged[at] ^= 1 << (at % 8)
        await writeFile(path, damaged)
        const findings = await verifyCheckpoint(folder.path)
        expect(
          findings.some((f) => f.severity === 'error' && f.path.endsWith(name)),
          `${name} ${at}`,
        ).toBe(true)
      }
      await writeFile(path, whole)
    }
    expect(await verifyCheckpoint(folder.path)).toEqual([])
  })

  test('a cut file, an empty file and a folder in its place', async () => {
    const findings = await findingsAfter(async (root) => {
      await truncate(file(root, '1.delta'), 30)
      await truncate(file(root, '4.delta'), 0)
      await rm(file(root, '6.delta'))
      await mkdir(file(root, '6.delta'))
    })
    expect(findings.map(({ kind, path, version }) => [kind, path, version])).toEqual([
      ['damaged-file', `${DIRECTORY}/1.delta`, 1],
      ['damaged-file', `${DIRECTORY}/4.delta`, 4],
      ['damaged-file', `${DIRECTORY}/6.delta`, 6],
    ])
  })

  test('a missing delta is named, with the versions it costs', async () => {
    const findings = await findingsAfter((root) => rm(file(root, '4.delta')))
    expect(findings).toEqual([
      expect.objectContaining({
        severity: 'error',
        kind: 'missing-file',
        code: 'TIDEMARK_BROKEN_CHAIN',
        path: `${DIRECTORY}/4.delta`,
        version: 4,
        message: expect.stringContaining('versions 4 to 5') as string,
      }),
    ])
  })

  test('a missing delta at the start is named', async () => {
    const findings = await findingsAfter(async (root) => {
      for (const name of ['1.delta', '3.snapshot', '6.snapshot']) await rm(file(root, name))
    })
    expect(findings.map(({ kind, path }) => [kind, path])).toEqual([
      ['missing-file', `${DIRECTORY}/1.delta`],
    ])
  })

  test('a damaged snapshot, though the deltas could rebuild it', async () => {
    const findings = await findingsAfter((root) => flip(file(root, '3.snapshot'), 50))
    expect(findings.length).toBeGreaterThan(0)
    for (const finding of findings)
      expect(finding).toMatchObject({ severity: 'error', path: `${DIRECTORY}/3.snapshot` })
  })

  test('after a damaged delta the versions above the next snapshot are still checked', async () => {
    const findings = await findingsAfter(async (root) => {
      await flip(file(root, '2.delta'), 40)
      await flip(file(root, '5.delta'), 40)
    })
    expect([...new Set(findings.map(({ path }) => path))]).toEqual([
      `${DIRECTORY}/2.delta`,
      `${DIRECTORY}/5.delta`,
    ])
  })
})

describe('whole files in the wrong place', () => {
  test("another partition's file, and another version's", async () => {
    const findings = await findingsAfter(async (root) => {
      await copyFile(join(root, 'state/0/1/2.delta'), file(root, '2.delta'))
      await copyFile(file(root, '5.delta'), file(root, '6.delta'))
    })
    expect(
      findings.map(({ severity, kind, path, offset }) => [severity, kind, path, offset]),
    ).toEqual([
      ['error', 'wrong-file', `${DIRECTORY}/2.delta`, 0],
      ['error', 'wrong-file', `${DIRECTORY}/6.delta`, 0],
    ])
    expect(findings[0].message).toContain('0/1/default')
  })

  test('a snapshot of another history', async () => {
    const findings = await findingsAfter(async (root) => {
      await using other = await temporaryFolder()
      await using stores = await StateStores.open(other.path, { minDeltasForSnapshot: 2 })
      const id = { operatorId: 0, partitionId: 0 }
      const provider = stores.provider(id)
      for (let version = 1; version <= 3; version++) {
        await (await provider.getStore()).commit()
        await provider.doMaintenance()
      }
      await copyFile(file(other.path, '3.snapshot'), file(root, '3.snapshot'))
    })
    expect(findings.map(({ kind, path }) => [kind, path])).toEqual([
      ['wrong-snapshot', `${DIRECTORY}/3.snapshot`],
    ])
  })

  test('a snapshot without trailer that is not what the deltas add up to', async () => {
    await using folder = await temporaryFolder()
    await using stores = await StateStores.open(folder.path, {
      trailer: false,
      minDeltasForSnapshot: 1,
    })
    const provider = stores.provider({ operatorId: 0, partitionId: 0 })
    for (let version = 1; version <= 4; version++) {
      const store = await provider.getStore()
      store.put(bytes(`k${version}`), bytes('v'))
      await store.commit()
      await provider.doMaintenance()
    }
    expect(await verifyCheckpoint(folder.path)).toEqual([])
    await copyFile(file(folder.path, '2.snapshot'), file(folder.path, '4.snapshot'))
    const findings = await verifyCheckpoint(folder.path)
    expect(findings.map(({ kind, path }) => [kind, path])).toEqual([
      ['wrong-snapshot', `${DIRECTORY}/4.snapshot`],
    ])
    expect(findings[0].message).toContain('lacks 2')
  })
})

describe('chains', () => {
  /** Two histories: `mine` is rewound to version 4 and written anew; `old` holds 5 and 6 of the first one. */
  const rewind = async (root: string, old: string) => {
    await cp(root, old, { recursive: true })
    await using stores = await StateStores.open(root, { maintenanceIntervalMs: 0 })
    const store = await stores
      .provider({ operatorId: 0, partitionId: 0 })
      .getStore(4, { rewind: 'allow' })
    store.put(bytes('other'), bytes('history'))
    await store.commit()
  }

  test('an orphan is named as such, and is only a warning', async () => {
    await using old = await temporaryFolder()
    const findings = await findingsAfter(async (root) => {
      await rewind(root, old.path)
      await copyFile(file(old.path, '6.delta'), file(root, '6.delta'))
    })
    expect(findings.map(({ severity, kind, path }) => [severity, kind, path])).toEqual([
      ['warning', 'orphan', `${DIRECTORY}/6.delta`],
    ])
  })

  test('an orphan with a snapshot of its own is an error: it could be taken for the newest version', async () => {
    await using old = await temporaryFolder()
    const findings = await findingsAfter(async (root) => {
      await rewind(root, old.path)
      for (const name of ['6.delta', '6.snapshot'])
        await copyFile(file(old.path, name), file(root, name))
    })
    expect(findings.map(({ severity, kind, path }) => [severity, kind, path])).toEqual([
      ['warning', 'orphan', `${DIRECTORY}/6.delta`],
      ['error', 'orphan', `${DIRECTORY}/6.snapshot`],
    ])
  })

  test('a delta made on another history, and younger than what is below it, breaks the chain', async () => {
    await using other = await temporaryFolder()
    const findings = await findingsAfter(async (root) => {
      const id = { operatorId: 0, partitionId: 0 }
      for (const version of [0, 0, 1, 2, 3, 4]) {
        // A new claim each time: its stamps end up above those of the checkpoint.
        await using stores = await StateStores.open(other.path, { durability: 'os' })
        const store = await stores.provider(id).getStore(version)
        await store.commit()
      }
      await copyFile(file(other.path, '5.delta'), file(root, '5.delta'))
    })
    expect(findings.map(({ severity, kind, path, code }) => [severity, kind, path, code])).toEqual([
      ['error', 'broken-chain', `${DIRECTORY}/5.delta`, 'TIDEMARK_BROKEN_CHAIN'],
    ])
  })
})

describe('sidecars', () => {
  const write = (root: string) => writeCheckpoint(root, { checksumFiles: true })

  test('stale ones and those that are none are errors, those without a file are leftovers', async () => {
    const findings = await findingsAfter(async (root) => {
      await copyFile(file(root, '1.delta.crc'), file(root, '2.delta.crc'))
      await writeFile(file(root, '3.snapshot.crc'), '{}')
      await copyFile(file(root, '1.delta.crc'), file(root, '9.delta.crc'))
    }, write)
    expect(findings.map(({ severity, kind, path }) => [severity, kind, path])).toEqual([
      ['error', 'stale-sidecar', `${DIRECTORY}/2.delta.crc`],
      ['error', 'stale-sidecar', `${DIRECTORY}/3.snapshot.crc`],
      ['warning', 'leftover', `${DIRECTORY}/9.delta.crc`],
    ])
  })
})

describe('what does not belong', () => {
  test('foreign files, links and what dead writers left are warnings', async () => {
    const findings = await findingsAfter(async (root) => {
      for (const name of ['.DS_Store', 'foo.delta', '007.delta', 'x.tmp'])
        await writeFile(file(root, name), 'x')
      await writeFile(join(root, 'state/1/0/left/5.zip'), 'x')
      await symlink('/', join(root, 'state/0/5'))
      await mkdir(join(root, '_tidemark/staging/0/0/default/.fenced-1-ab'), { recursive: true })
      await mkdir(join(root, '_tidemark/staging/0/0/default/0000000000000001'))
      await writeFile(join(root, '_tidemark/staging/0/0/default/0000000000000001/t'), 'x')
    })
    expect(findings.every(({ severity }) => severity === 'warning')).toBe(true)
    expect(findings.map(({ kind, path }) => `${kind} ${path}`).sort()).toEqual([
      'foreign state/0/0/.DS_Store',
      'foreign state/0/0/007.delta',
      'foreign state/0/0/foo.delta',
      'foreign state/0/0/x.tmp',
      'foreign state/0/5',
      'foreign state/1/0/left/5.zip',
      'leftover _tidemark/staging/0/0/default/.fenced-1-ab',
      'leftover _tidemark/staging/0/0/default/0000000000000001/t',
    ])
  })

  test('deltas that an interrupted cleaning left below the base are one warning', async () => {
    const findings = await findingsAfter((root) => rm(file(root, '1.delta')))
    expect(findings.map(({ severity, kind, path }) => [severity, kind, path])).toEqual([
      ['warning', 'leftover', `${DIRECTORY}/2.delta`],
    ])
  })
})

test('orphans need not be whole', async () => {
  const findings = await findingsAfter(async (root) => {
    const left = await Promise.all(
      ['4.delta', '6.delta'].map(async (name) => [name, await readFile(file(root, name))] as const),
    )
    await using stores = await StateStores.open(root, { maintenanceIntervalMs: 0 })
    const id = { operatorId: 0, partitionId: 0 }
    const store = await stores.provider(id).getStore(2, { rewind: 'allow' })
    store.put(bytes('another'), bytes('history'))
    await store.commit()
    for (const [name, content] of left) await writeFile(file(root, name), content)
  })
  expect(findings.map(({ severity, kind, path }) => [severity, kind, path])).toEqual([
    ['warning', 'orphan', `${DIRECTORY}/4.delta`],
    ['warning', 'orphan', `${DIRECTORY}/6.delta`],
  ])
})

test('a version can be chosen: what lies above it is not looked at', async () => {
  await using folder = await temporaryFolder()
  await writeCheckpoint(folder.path)
  await flip(file(folder.path, '5.delta'), 40)
  expect(await verifyCheckpoint(folder.path, { version: 4 })).toEqual([])
  const missing = await verifyCheckpoint(folder.path, { version: 9, operatorId: 1 })
  expect(missing).toMatchObject([{ code: 'TIDEMARK_VERSION_NOT_FOUND', storeId: '1/0/left' }])
})
