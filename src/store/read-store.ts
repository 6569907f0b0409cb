// ReadStore — one version of a store, pinned in memory until it is released. Needs no lease and writes nothing.

import { StateStoreError } from '../errors.ts'
import type { MapReader, MapView } from '../map/versioned-map.ts'
import type { StateStoreMetrics } from './metrics.ts'
import type { ReadStateStore } from './state-store.ts'
import { type ResolvedStoreId, storeIdText } from './store-id.ts'
import { StoreReader } from './store-reader.ts'
import type { VersionInfo } from './version-info.ts'

export interface ReadStoreParts {
  readonly id: ResolvedStoreId
  readonly info: VersionInfo
  readonly location: string
  readonly view: MapView
  readonly metrics: () => StateStoreMetrics
  /** Called once, when the store is released. */
  readonly released: () => void
}

export class ReadStore extends StoreReader implements ReadStateStore {
  readonly #parts: ReadStoreParts
  #open = true

  constructor(parts: ReadStoreParts) {
    super(parts.id, parts.info, parts.location)
    this.#parts = parts
  }

  get metrics(): StateStoreMetrics {
    return this.#parts.metrics()
  }

  // eslint-disable-next-line typescript/require-await -- asynchronous so that a remote reader may have something to wait for
  async release(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    this.#parts.view.release()
    this.#parts.released()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }

  protected reader(verb: string): MapReader {
    if (this.#open) return this.#parts.view
    throw new StateStoreError(
      'TIDEMARK_STORE_FINISHED',
      `Cannot ${verb} after already released; open version ${this.version} of ${storeIdText(this.id)} again`,
      { storeId: storeIdText(this.id), version: this.version },
    )
  }
}
