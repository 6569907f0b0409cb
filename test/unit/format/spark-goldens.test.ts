// Every checkpoint of real Spark, read at byte level: each version is rebuilt twice, from its newest snapshot and from
// the deltas alone, and the newest is compared with the rows that Spark itself reads.
//
// The golden named `rowchecksum` has no row checksums: Spark 4.1.4 ignored the setting (its offset log does not record it either).

import { describe, expect, test } from 'vitest'
import { crc32c } from '../../../src/base/checksum.ts'
import { toHex } from '../../../src/base/bytes.ts'
import { classifyFiles, sidecarName } from '../../../src/format/file-names.ts'
import { decodeSidecar, encodeSidecar, verifySidecar } from '../../../src/format/sidecar.ts'
import {
  GOLDEN_NAMES,
  type GoldenStore,
  goldenRows,
  goldenStores,
  readGolden,
} from '../../support/goldens.ts'
import { readRows } from '../../support/state-files.ts'
import { sourceOf } from '../../../src/testing/source-of.ts'

interface StoreListing {
  store: GoldenStore
  deltas: number[]
  snapshots: number[]
}

function listing(store: GoldenStore): StoreListing {
  const entries = [...store.files].map(([name, bytes]) => ({
    name,
    type: 'file' as const,
    sizeBytes: bytes.length,
  }))
  const { deltas, snapshots } = classifyFiles(entries)
  const sorted = (versions: Iterable<number>) => [...versions].sort((a, b) => a - b)
  return { store, deltas: sorted(deltas.keys()), snapshots: sorted(snapshots.keys()) }
}

function optionsFor(name: string, store: GoldenStore) {
  return {
    store: [store.operatorId, store.partitionId, store.storeName] as const,
    floorValues: name.includes('version-2.1'),
  }
}

/** Applies a file of `store` to `rows`. */
async function apply(
  name: string,
  store: GoldenStore,
  version: number,
  kind: 'delta' | 'snapshot',
  rows: Map<string, string>,
): Promise<void> {
  const file = `${version}.${kind}`
  const bytes = store.files.get(file)
  if (bytes === undefined) throw new Error(`${store.directory}/${file} is not there`)
  const source = sourceOf(bytes, `${store.directory}/${file}`)
  const read = await readRows(source, { ...optionsFor(name, store), kind, version })
  expect(read.content.trailer).toBeUndefined()
  for (const [key, value] of read.rows) {
    if (value === undefined) rows.delete(toHex(key))
    else rows.set(toHex(key), toHex(value))
  }
}

async function rebuild(
  name: string,
  { store, snapshots }: StoreListing,
  version: number,
  from: 'snapshot' | 'deltas',
): Promise<string[]> {
  const rows = new Map<string, string>()
  const base = from === 'deltas' ? 0 : (snapshots.findLast((at) => at <= version) ?? 0)
  if (base > 0) await apply(name, store, base, 'snapshot', rows)
  for (let at = base + 1; at <= version; at++) await apply(name, store, at, 'delta', rows)
  return [...rows].map(([key, value]) => `${key}=${value}`).sort()
}

test('the fixtures are all there', () => {
  expect(GOLDEN_NAMES.length).toBeGreaterThanOrEqual(18)
  expect(GOLDEN_NAMES.filter((name) => goldenRows(name) !== undefined).length).toBe(14)
})

describe.each(GOLDEN_NAMES)('%s', (name) => {
  const stores = goldenStores(readGolden(name)).map(listing)

  test('the rows of the newest version are those that Spark reads', async () => {
    const expected = goldenRows(name)
    let rowsSeen = 0
    for (const listed of stores) {
      const { operatorId, partitionId, storeName } = listed.store
      const newest = expected?.version ?? Math.max(...listed.deltas)
      const rows = await rebuild(name, listed, newest, 'snapshot')
      expect(await rebuild(name, listed, newest, 'deltas')).toEqual(rows)
      rowsSeen += rows.length
      if (expected !== undefined)
        expect(rows).toEqual(expected.rows.get(`${operatorId}/${partitionId}/${storeName}`) ?? [])
    }
    expect(rowsSeen).toBeGreaterThan(0)
    if (expected !== undefined)
      expect(rowsSeen).toBe([...expected.rows.values()].reduce((sum, rows) => sum + rows.length, 0))
  })

  test('every snapshot holds what the deltas below it add up to', async () => {
    for (const listed of stores) {
      const rows = new Map<string, string>()
      for (const version of listed.deltas) {
        await apply(name, listed.store, version, 'delta', rows)
        if (!listed.snapshots.includes(version)) continue
        const snapshot = new Map<string, string>()
        await apply(name, listed.store, version, 'snapshot', snapshot)
        expect(Object.fromEntries(snapshot)).toEqual(Object.fromEntries(rows))
      }
    }
  })

  test('every sidecar is right about its file, and ours has the same fields in the same order', () => {
    let sidecars = 0
    for (const { store } of stores) {
      for (const [file, bytes] of store.files) {
        const sidecar = store.files.get(sidecarName(file))
        if (sidecar === undefined || file.startsWith('.')) continue
        const crc = crc32c(bytes)
        verifySidecar(sidecar, { path: file, sizeBytes: bytes.length, crc })
        const { timestampMs } = decodeSidecar(sidecar, file)
        const ours = encodeSidecar({ crc, sizeBytes: bytes.length, timestampMs })
        const anonymous = Buffer.from(sidecar)
          .toString()
          .replace(/"creator":\{.*\}\}$/, '"creator":{"executorId":"","taskInfo":""}}')
        expect(Buffer.from(ours).toString()).toBe(anonymous)
        sidecars++
      }
    }
    expect(sidecars > 0).toBe(name.includes('-ck1-'))
  })
})

describe('values that Spark before 2.3 wrote four bytes too long', () => {
  const [store] = goldenStores(readGolden('checkpoint-version-2.1.0')).filter(
    ({ directory }) => directory === 'state/0/1',
  )
  const bytes = store.files.get('1.delta') ?? new Uint8Array(0)
  const valueSizes = async (floorValues: boolean) => {
    const options = { store: [0, 1, 'default'] as const, version: 1, floorValues }
    const { rows } = await readRows(bytes, options)
    return [...new Set(rows.map(([, value]) => value?.length))]
  }

  test('come as they are without floorValues', async () => {
    expect(await valueSizes(false)).toEqual([28])
  })

  test('are floored to a multiple of 8 with floorValues', async () => {
    expect(await valueSizes(true)).toEqual([24])
  })
})

test('rows of a store with row checksums are refused as damaged where checksums are configured and there are none', async () => {
  const [{ store }] = goldenStores(readGolden('spark-4.1.4/agg-lz4-ck1-p4-md10')).map(listing)
  const bytes = store.files.get('1.delta') ?? new Uint8Array(0)
  const options = { store: [0, store.partitionId, 'default'] as const, version: 1 }
  await expect(readRows(bytes, { ...options, rowChecksums: true })).rejects.toMatchObject({
    code: 'TIDEMARK_CORRUPT_FILE',
    message: expect.stringContaining('row checksum') as string,
  })
})
