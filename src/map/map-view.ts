// What can be asked of a state, and the view that asks it of a pinned version. A view holds a pin and a sequence, nothing else: the map answers.

import type { ByteSlice } from '../base/byte-slice.ts'
import { StateStoreError } from '../errors.ts'
import type { MapCursor } from './map-cursor.ts'
import type { Pin } from './pin-table.ts'

/** What can be asked of a state, be it the newest (the map itself) or a pinned version (MapView). */
export interface MapReader {
  /** A copy of the value, the caller's to keep; undefined if there is none. */
  get(key: Uint8Array): Uint8Array | undefined
  /** A view of the value, valid until the next call that changes the map. */
  getView(key: Uint8Array): Uint8Array | undefined
  /** get() for each key, in their order: in a large state several times as fast. */
  getMany(keys: readonly Uint8Array[]): (Uint8Array | undefined)[]
  /** getView() for each key, in their order. */
  getViews(keys: readonly Uint8Array[]): (Uint8Array | undefined)[]
  /** Where the value lies, valid as long as a view of it; false, and `into` as it was, if there is none. Nothing is allocated. */
  getSlice(key: Uint8Array, into: ByteSlice): boolean
  has(key: Uint8Array): boolean
  /** All rows as of now; later changes do not show. Close it, or read it to its end: it holds memory and keeps compaction off. */
  cursor(): MapCursor
  /** Keys this reader sees. */
  readonly keyCount: number
  /** Sum of the bytes of all keys and values this reader sees. */
  readonly plainBytes: number
}

/** A version, pinned: it stays readable while later versions are committed and after it was released. */
export interface MapView extends MapReader {
  readonly version: number
  /** Unpins. May be called again; every other call then throws TIDEMARK_STORE_FINISHED. */
  release(): void
}

/** A version the map holds. */
export interface VersionEntry {
  readonly version: number
  readonly sequence: number
  readonly keyCount: number
  readonly plainBytes: number
}

/** What a view asks of its map. */
export interface ViewSource {
  get(key: Uint8Array, sequence: number): Uint8Array | undefined
  getView(key: Uint8Array, sequence: number): Uint8Array | undefined
  getMany(keys: readonly Uint8Array[], sequence: number): (Uint8Array | undefined)[]
  getViews(keys: readonly Uint8Array[], sequence: number): (Uint8Array | undefined)[]
  getSlice(key: Uint8Array, into: ByteSlice, sequence: number): boolean
  has(key: Uint8Array, sequence: number): boolean
  cursor(sequence: number): MapCursor
  release(pin: Pin): void
}

export class PinnedView implements MapView {
  readonly version: number
  readonly keyCount: number
  readonly plainBytes: number
  #sequence: number
  #pin: Pin | undefined
  #source: ViewSource

  constructor(entry: VersionEntry, pin: Pin, source: ViewSource) {
    this.version = entry.version
    this.keyCount = entry.keyCount
    this.plainBytes = entry.plainBytes
    this.#sequence = entry.sequence
    this.#pin = pin
    this.#source = source
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#open().get(key, this.#sequence)
  }

  getView(key: Uint8Array): Uint8Array | undefined {
    return this.#open().getView(key, this.#sequence)
  }

  getMany(keys: readonly Uint8Array[]): (Uint8Array | undefined)[] {
    return this.#open().getMany(keys, this.#sequence)
  }

  getViews(keys: readonly Uint8Array[]): (Uint8Array | undefined)[] {
    return this.#open().getViews(keys, this.#sequence)
  }

  getSlice(key: Uint8Array, into: ByteSlice): boolean {
    return this.#open().getSlice(key, into, this.#sequence)
  }

  has(key: Uint8Array): boolean {
    return this.#open().has(key, this.#sequence)
  }

  cursor(): MapCursor {
    return this.#open().cursor(this.#sequence)
  }

  release(): void {
    const pin = this.#pin
    if (pin === undefined) return
    this.#pin = undefined
    this.#source.release(pin)
  }

  #open(): ViewSource {
    if (this.#pin === undefined) {
      throw new StateStoreError(
        'TIDEMARK_STORE_FINISHED',
        `The view of version ${this.version} was released; open a new one`,
      )
    }
    return this.#source
  }
}
