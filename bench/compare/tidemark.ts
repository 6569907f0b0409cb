// tidemark as the questions take it: they ask for its snapshots themselves, so it runs without maintenance, or with that of its defaults, which
// writes a snapshot beside the batches as soon as 50 deltas follow the last one.

import { noBytes } from '../../src/base/byte-slice.ts'
import { StateStores } from '../../src/index.ts'
import { OpenStore } from '../../src/store/open-store.ts'
import type { StateStore, StateStoreOptions, StateStoreProvider } from '../../src/index.ts'
import type { Engine, EngineOptions } from '../harness/engine.ts'

/** More than any question commits: without maintenance, no snapshot is written that was not asked for; nor are Spark's. */
const NEVER = 1_000_000

const WITHOUT_MAINTENANCE: StateStoreOptions = {
  maintenanceIntervalMs: 0,
  minDeltasForSnapshot: 1,
  forceSnapshotAtDeltas: NEVER,
}

export class TidemarkEngine implements Engine {
  readonly standsFor: string
  readonly #options: StateStoreOptions
  #stores: StateStores | undefined
  #provider!: StateStoreProvider
  #store!: StateStore
  #version = 0
  readonly #slice = noBytes()

  constructor(options: StateStoreOptions = {}, maintenance: 'none' | 'default' = 'none') {
    this.#options = maintenance === 'none' ? { ...WITHOUT_MAINTENANCE, ...options } : options
    this.standsFor =
      maintenance === 'none'
        ? 'runs without its maintenance: snapshots and cleaning cost it nothing here, while the compactions of LevelDB and SlateDB and the checkpoints of SQLite are in their times'
        : 'runs with the maintenance of its defaults: a round a minute, and a snapshot as soon as 50 deltas follow the last one'
  }

  async open({ directory, durability }: EngineOptions): Promise<void> {
    this.#stores = await StateStores.open(directory, {
      durability,
      ...this.#options,
    })
    this.#provider = this.#stores.provider({ operatorId: 0, partitionId: 0 })
    this.#version = await this.#provider.latestVersion()
  }

  get provider(): StateStoreProvider {
    return this.#provider
  }

  async begin(): Promise<void> {
    this.#store = await this.#provider.getStore(this.#version)
  }

  put(key: Buffer, value: Buffer): void {
    this.#store.put(key, value)
  }

  remove(key: Buffer): void {
    this.#store.remove(key)
  }

  getView(key: Buffer): Uint8Array | undefined {
    return this.#store.getView(key)
  }

  getSlice(key: Buffer): boolean {
    return this.#store.getSlice(key, this.#slice)
  }

  get(key: Buffer): Uint8Array | undefined {
    return this.#store.get(key)
  }

  getViews(keys: readonly Buffer[]): readonly (Uint8Array | undefined)[] {
    return this.#store.getViews(keys)
  }

  getMany(keys: readonly Buffer[]): readonly (Uint8Array | undefined)[] {
    return this.#store.getMany(keys)
  }

  scan(visit: (key: Uint8Array, value: Uint8Array) => void): void {
    const cursor = this.#store.cursor()
    while (cursor.next()) visit(cursor.key, cursor.value)
  }

  scanSlices(
    visit: (key: Uint8Array, keyAt: number, value: Uint8Array, valueAt: number) => void,
  ): void {
    const cursor = this.#store.cursor()
    const key = noBytes()
    const value = this.#slice
    while (cursor.next()) {
      cursor.keySlice(key)
      cursor.valueSlice(value)
      visit(key.bytes, key.offset, value.bytes, value.offset)
    }
  }

  scanCopies(visit: (key: Uint8Array, value: Uint8Array) => void): void {
    for (const [key, value] of this.#store.entries()) visit(key, value)
  }

  range(start: Buffer, rows: number, visit: (key: Uint8Array, value: Uint8Array) => void): void {
    let left = rows
    for (const [key, value] of this.#store.getRange(start)) {
      if (left-- === 0) break
      visit(key, value)
    }
  }

  async settle(): Promise<void> {
    if (this.#store instanceof OpenStore) await this.#store.delta?.settle()
  }

  async commit(): Promise<void> {
    this.#version = await this.#store.commit()
  }

  async snapshot(): Promise<void> {
    await this.#provider.doMaintenance()
  }

  memoryUsedBytes(): number {
    return this.#provider.metrics.memoryUsedBytes
  }

  plainBytes(): number {
    return this.#provider.metrics.customMetrics.stateOnCurrentVersionSizeBytes
  }

  async close(): Promise<void> {
    await this.#stores?.close()
  }
}
