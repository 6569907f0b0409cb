// ReaderStores — the engine under the readers of a checkpoint: each reader gets StateStores of its own, and all end with the checkpoint.
//
// A provider ends what it has handed out when it closes, and holds only a few old versions at a time; readers that shared one would end, or
// starve, each other. The price is that two readers of one version hold it twice. How many there are at once is the caller's choice.

import { StateStores } from '../coordinator/state-stores.ts'
import { StateStoreError } from '../errors.ts'
import type { CheckpointFileManager } from '../files/file-manager.ts'
import type { RowSettings } from './spark-settings.ts'

/** What one reader has of the engine, until it disposes of it. */
export interface OpenedStores extends AsyncDisposable {
  readonly stores: StateStores
}

export class ReaderStores implements AsyncDisposable {
  readonly #files: CheckpointFileManager
  readonly #settings: RowSettings
  readonly #open = new Set<StateStores>()
  #isClosed = false

  constructor(files: CheckpointFileManager, settings: RowSettings) {
    this.#files = files
    this.#settings = settings
  }

  /** For one reader, over `files` if it is to see others than the checkpoint's. Throws as StateStores.open, and PROVIDER_CLOSED after close(). */
  async open(files: CheckpointFileManager = this.#files): Promise<OpenedStores> {
    this.#checkOpen()
    const stores = await StateStores.open(files, {
      readOnly: true,
      maintenanceIntervalMs: 0,
      ...this.#settings,
    })
    // Closed meanwhile: nothing is held yet, so there is nothing to let go.
    this.#checkOpen()
    this.#open.add(stores)
    return {
      stores,
      [Symbol.asyncDispose]: async () => {
        this.#open.delete(stores)
        await stores.close()
      },
    }
  }

  /** Ends all readers and lets their memory go. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#open].map((stores) => stores.close()))
    this.#open.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #checkOpen(): void {
    if (!this.#isClosed) return
    throw new StateStoreError(
      'TIDEMARK_PROVIDER_CLOSED',
      `The checkpoint ${this.#files.location} was closed; open it again`,
    )
  }
}
