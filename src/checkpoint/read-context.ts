// What all readers of a checkpoint share: its files, the engine over them, and what is known of its rows.

import { StateStoreError } from '../errors.ts'
import type { CheckpointFileManager } from '../files/file-manager.ts'
import { type ResolvedStoreId, storeIdText } from '../store/store-id.ts'
import type { ReaderStores } from './reader-stores.ts'
import type { RowSettings } from './spark-settings.ts'
import type { CheckedSelection } from './store-selection.ts'
import { readStoreSchema } from './store-schema.ts'
import { type JoinSide, StoredRows } from './stored-rows.ts'

export interface ReadContext {
  readonly files: CheckpointFileManager
  readonly readers: ReaderStores
  readonly settings: RowSettings
}

/** The schemas of stores, each read once. Throws as readStoreSchema. */
export class SchemaCache {
  readonly #files: CheckpointFileManager
  readonly #batchId: number | undefined
  readonly #joinSide: JoinSide | undefined
  readonly #known = new Map<string, StoredRows>()

  constructor(
    files: CheckpointFileManager,
    options: { batchId?: number | undefined; joinSide?: JoinSide | undefined } = {},
  ) {
    this.#files = files
    this.#batchId = options.batchId
    this.#joinSide = options.joinSide
  }

  async of(store: Pick<ResolvedStoreId, 'operatorId' | 'storeName'>): Promise<StoredRows> {
    const name = `${store.operatorId}/${store.storeName}`
    let rows = this.#known.get(name)
    if (rows === undefined) {
      rows = new StoredRows(
        await readStoreSchema(this.#files, store, this.#batchId),
        this.#joinSide,
      )
      this.#known.set(name, rows)
    }
    return rows
  }
}

/** The error for a selection that names something and matches nothing. */
export function noSuchStore(
  location: string,
  selection: CheckedSelection,
  stores: readonly ResolvedStoreId[],
): StateStoreError {
  const { operatorId = '*', partitionId = '*', storeName = '*' } = selection
  const [first, last] = [stores.at(0), stores.at(-1)]
  const there =
    first === undefined || last === undefined
      ? 'none'
      : `${stores.length}, from ${storeIdText(first)} to ${storeIdText(last)}`
  return new StateStoreError(
    'TIDEMARK_CHECKPOINT_NOT_FOUND',
    `Expected a store ${operatorId}/${partitionId}/${storeName} (operator/partition/name) in ${location}, found none; the stores there are ${there}`,
    { path: location },
  )
}
