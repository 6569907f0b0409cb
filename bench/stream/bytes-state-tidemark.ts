// One store per operator, as the others have one map or database, or the four of docs/examples/flights: there a row's store is told by its key. All are
// opened at one version and committed together, the position with each. Snapshots and cleaning run meanwhile.

import {
  type ByteSlice,
  type StateStore,
  StateStores,
  type StateStoreProvider,
} from '../../src/index.ts'
import { partitionOf, PARTITIONS } from '../../docs/examples/flights/routing.ts'
import type { EngineOptions } from '../harness/engine.ts'
import { nowMs } from '../harness/figures.ts'
import type { BytesState, Expired, KeyedState, StateBatch } from './bytes-state.ts'

/** As in the demo: a job of a minute should pay for its maintenance. */
const MAINTENANCE_INTERVAL_MS = 2_000
const BATCHES_RETAINED_MIN = 30

export class TidemarkBytesState implements BytesState {
  readonly standsFor: string
  readonly #storesPerOperator: number
  #stores!: StateStores
  #providers: StateStoreProvider[][] = []
  #version = 0

  constructor(storesPerOperator: 1 | typeof PARTITIONS) {
    this.#storesPerOperator = storesPerOperator
    const stores = storesPerOperator === 1 ? 'one store' : `${storesPerOperator} stores`
    this.standsFor = `${stores} per operator; maintenance every 2 s, ${BATCHES_RETAINED_MIN} versions kept`
  }

  async open({
    directory,
    durability,
    operators,
  }: EngineOptions & { readonly operators: number }): Promise<void> {
    this.#stores = await StateStores.open(directory, {
      durability,
      maintenanceIntervalMs: MAINTENANCE_INTERVAL_MS,
      minBatchesToRetain: BATCHES_RETAINED_MIN,
    })
    this.#providers = Array.from({ length: operators }, (_, operatorId) =>
      Array.from({ length: this.#storesPerOperator }, (__, partitionId) =>
        this.#stores.provider({ operatorId, partitionId }),
      ),
    )
    const versions = await Promise.all(
      this.#providers.flat().map((provider) => provider.latestVersion()),
    )
    this.#version = Math.min(...versions)
  }

  async run({ expired, position, apply }: StateBatch): Promise<number> {
    const operators = await Promise.all(
      this.#providers.map((providers) =>
        Promise.all(providers.map((provider) => provider.getStore(this.#version))),
      ),
    )
    if (expired !== undefined) evict(operators[0], expired)
    apply(operators.map((stores) => new PartitionedState(stores)))
    const applied = nowMs()
    const commit = { progress: { position }, committedThrough: this.#version }
    await Promise.all(operators.flat().map((store) => store.commit(commit)))
    this.#version++
    return nowMs() - applied
  }

  async scan(operator: number, visit: (key: Uint8Array, value: Uint8Array) => void): Promise<void> {
    for (const provider of this.#providers[operator]) {
      await using store = await provider.getReadStore(this.#version)
      const cursor = store.cursor()
      while (cursor.next()) visit(cursor.key, cursor.value)
    }
  }

  async close(): Promise<void> {
    await this.#stores.close()
  }
}

/** The stores are not sorted: every row is looked at. */
function evict(stores: readonly StateStore[], expired: Expired): void {
  for (const store of stores) {
    const cursor = store.cursor()
    while (cursor.next()) {
      const { key } = cursor
      if (!expired.includes(key)) continue
      expired.emit(key, cursor.value)
      store.remove(key)
    }
  }
}

class PartitionedState implements KeyedState {
  readonly #stores: readonly StateStore[]

  constructor(stores: readonly StateStore[]) {
    this.#stores = stores
  }

  has(key: Uint8Array): boolean {
    return this.#storeOf(key).has(key)
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#storeOf(key).getView(key)
  }

  getSlice(key: Uint8Array, into: ByteSlice): boolean {
    return this.#storeOf(key).getSlice(key, into)
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#storeOf(key).put(key, value)
  }

  #storeOf(key: Uint8Array): StateStore {
    return this.#stores[this.#stores.length === 1 ? 0 : partitionOf(key)]
  }
}
