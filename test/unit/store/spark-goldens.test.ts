// Checkpoints that real Spark wrote, opened as stores: the rows that Spark reads, and a commit on top of them.

import { describe, expect, test } from 'vitest'
import { StateStores } from '../../../src/coordinator/state-stores.ts'
import { toHex } from '../../../src/base/bytes.ts'
import type { StateStoreProvider } from '../../../src/store/provider.ts'
import {
  GOLDEN_NAMES,
  goldenRows,
  goldenStores,
  readGolden,
  unpackGolden,
} from '../../support/goldens.ts'
import { QUIET, text } from '../../../src/testing/stores.ts'

async function hexRows(provider: StateStoreProvider, version?: number): Promise<string[]> {
  await using store = await provider.getReadStore(version)
  return [...store.entries()].map(([key, value]) => `${toHex(key)}=${toHex(value)}`).sort()
}

describe.each(GOLDEN_NAMES)('%s', (name) => {
  test('opens, holds the rows that Spark reads, and goes on with a commit', async () => {
    await using golden = await unpackGolden(name)
    const options = { ...QUIET, floorValues: name.includes('2.1.0') }
    const expected = goldenRows(name)
    const ids = goldenStores(readGolden(name)).slice(0, 2)
    {
      await using stores = await StateStores.open(golden.path, options)
      for (const id of ids) {
        const provider = stores.provider(id)
        const store = await provider.getStore()
        expect(store.foreign).toBe(true)
        const before = await hexRows(provider)
        const mine = expected?.rows.get(`${id.operatorId}/${id.partitionId}/${id.storeName}`)
        if (expected !== undefined && (expected.version ?? store.version) === store.version)
          expect(before).toEqual(mine ?? [])
        store.put(text('tidemark'), text('was here'))
        await store.commit({ progress: { batch: store.version } })
      }
    }
    await using again = await StateStores.open(golden.path, options)
    for (const id of ids) {
      const provider = again.provider(id)
      await using read = await provider.getReadStore()
      expect(read.progress).toEqual({ batch: read.version - 1 })
      const row = `${toHex(text('tidemark'))}=${toHex(text('was here'))}`
      const before = await hexRows(provider, read.version - 1)
      expect(await hexRows(provider)).toEqual([...before, row].sort())
    }
  })
})
