// A small checkpoint in a folder of the real disk, written through the public API, for tests that damage it or look at it from outside.

import { createHash } from 'node:crypto'
import { globSync, lstatSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StateStores, type StateStoreOptions, type StoreId } from '../../src/index.ts'

export const STORE_IDS: readonly StoreId[] = [
  { operatorId: 0, partitionId: 0 },
  { operatorId: 0, partitionId: 1 },
  { operatorId: 1, partitionId: 0, storeName: 'left' },
]

/** An empty folder, to be disposed of. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'tidemark-checkpoint-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Six versions of three stores; snapshots of 3 and 6. Version v puts `key-v`, removes `key-(v-3)` and changes `count`. */
export async function writeCheckpoint(path: string, options: StateStoreOptions = {}) {
  await using stores = await StateStores.open(path, {
    minDeltasForSnapshot: 2,
    maintenanceIntervalMs: 0,
    durability: 'os',
    owner: 'the test',
    ...options,
  })
  for (const id of STORE_IDS) await writeVersions(stores, id, 1, 6)
}

export async function writeVersions(stores: StateStores, id: StoreId, from: number, to: number) {
  const provider = stores.provider(id)
  for (let version = from; version <= to; version++) {
    const store = await provider.getStore(version - 1)
    store.put(bytes(`key-${version}`), bytes(`value ${version} of ${id.partitionId}`))
    store.put(bytes('count'), Uint8Array.of(0, version))
    if (version > 3) store.remove(bytes(`key-${version - 3}`))
    await store.commit({ progress: { offset: version * 10 } })
    await provider.doMaintenance()
  }
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** A hash of every name, type, size, time of change and content below `path`. */
export function digestFolder(path: string): string {
  const hash = createHash('sha256')
  for (const name of globSync(['**/*', '**/.*'], { cwd: path }).sort()) {
    const status = lstatSync(join(path, name))
    hash.update(`${name} ${status.mode} ${status.size} ${status.mtimeMs}\n`)
    if (status.isFile()) hash.update(readFileSync(join(path, name)))
  }
  return hash.digest('hex')
}
