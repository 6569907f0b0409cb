// StoreReader — the reading half that open stores and read stores share: arguments checked, then straight to the map.

import type { ByteSlice } from '../base/byte-slice.ts'
import { StateStoreError } from '../errors.ts'
import { copyProgress } from '../format/progress.ts'
import * as stream from '../format/record-stream.ts'
import { scanAll, scanPrefix, scanRange } from '../map/ordered-scan.ts'
import type { MapReader } from '../map/versioned-map.ts'
import type { StateStoreMetrics } from './metrics.ts'
import type { Entry, StateReader, StoreCursor } from './state-store.ts'
import { type ResolvedStoreId, storeIdText } from './store-id.ts'
import type { VersionInfo } from './version-info.ts'

// PERF: an imported constant is looked up at each use, one of the module itself is not (docs/decisions/0026-hot-functions-are-written-for-few-instructions.md).
const { KEY_BYTES_MAX } = stream

export abstract class StoreReader implements StateReader {
  readonly id: ResolvedStoreId
  /** What is known of the version that was opened. */
  protected readonly info: VersionInfo
  readonly #location: string

  constructor(id: ResolvedStoreId, info: VersionInfo, location: string) {
    this.id = id
    this.info = info
    this.#location = location
  }

  /** The map to read from, or STORE_FINISHED naming the `verb` that was tried. */
  protected abstract reader(verb: string): MapReader

  abstract get metrics(): StateStoreMetrics

  get version(): number {
    return this.info.version
  }

  get foreign(): boolean {
    return this.info.foreign
  }

  get progress(): unknown {
    if (this.info.foreign) {
      throw new StateStoreError(
        'TIDEMARK_PROGRESS_UNKNOWN',
        `Version ${this.version} of ${storeIdText(this.id)} was written without a trailer, by another engine or with \`trailer: false\`, so its progress is unknown`,
        { storeId: storeIdText(this.id), version: this.version },
      )
    }
    return this.info.progress === undefined ? undefined : copyProgress(this.info.progress)
  }

  get(key: Uint8Array): Uint8Array | undefined {
    checkKey(key)
    return this.reader('get').get(key)
  }

  getView(key: Uint8Array): Uint8Array | undefined {
    checkKey(key)
    return this.reader('get').getView(key)
  }

  getMany(keys: readonly Uint8Array[]): (Uint8Array | undefined)[] {
    checkKeys(keys)
    return this.reader('get').getMany(keys)
  }

  getViews(keys: readonly Uint8Array[]): (Uint8Array | undefined)[] {
    checkKeys(keys)
    return this.reader('get').getViews(keys)
  }

  getSlice(key: Uint8Array, into: ByteSlice): boolean {
    checkKey(key)
    return this.reader('get').getSlice(key, into)
  }

  has(key: Uint8Array): boolean {
    checkKey(key)
    return this.reader('get').has(key)
  }

  entries(): IterableIterator<Entry> {
    return scanAll(this.reader('iterate'))
  }

  cursor(): StoreCursor {
    return this.reader('iterate').cursor()
  }

  prefixScan(prefix: Uint8Array): IterableIterator<Entry> {
    checkKey(prefix, 'prefix')
    return scanPrefix(this.reader('iterate'), prefix)
  }

  getRange(start?: Uint8Array, end?: Uint8Array): IterableIterator<Entry> {
    if (start !== undefined) checkKey(start, 'start')
    if (end !== undefined) checkKey(end, 'end')
    return scanRange(this.reader('getRange'), start, end)
  }

  /** SPARK: the text that its logs and messages show. */
  toString(): string {
    return `HDFSStateStore[id=(op=${this.id.operatorId},part=${this.id.partitionId}),dir=${this.#location}]`
  }
}

/** Throws TypeError unless `key` is a Uint8Array, RangeError if it is too long. */
export function checkKey(key: unknown, name = 'key'): asserts key is Uint8Array {
  if (!(key instanceof Uint8Array)) throw notBytes(name, key)
  if (key.length > KEY_BYTES_MAX) {
    throw new RangeError(
      `Expected \`${name}\` to have at most ${KEY_BYTES_MAX} bytes, got ${key.length}`,
    )
  }
}

function checkKeys(keys: readonly unknown[]): void {
  if (!Array.isArray(keys)) {
    throw new TypeError(`Expected \`keys\` to be an array of Uint8Arrays, got ${typeof keys}`)
  }
  for (const key of keys) checkKey(key, 'a key of keys')
}

/** The TypeError for an argument that is no Uint8Array. */
export function notBytes(name: string, value: unknown): TypeError {
  const found = value === null ? 'null' : typeof value
  return new TypeError(`Expected \`${name}\` to be a Uint8Array, got ${found}`)
}
