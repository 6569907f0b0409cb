// HistoricalMaps — versions that are no longer in memory, each loaded into a map of its own while somebody reads it. Bounded, and counted.

import { untilAborted } from '../base/until-aborted.ts'
import { StateStoreError } from '../errors.ts'
import type { MapView } from '../map/versioned-map.ts'
import type { Recovered } from './recovery.ts'
import type { VersionInfo } from './version-info.ts'

interface HistoricalMap {
  readonly loading: Promise<Recovered>
  /** Stops the load once nobody waits for it any more. */
  readonly stopping: AbortController
  loaded: Recovered | undefined
  readers: number
}

export interface HistoricalRequest {
  /** Stops the wait of this caller; others who wait for the same load go on. */
  readonly signal?: AbortSignal | undefined
  /** Whether a map that is loaded already still holds what the files do. Default: it does. */
  readonly isCurrent?: (info: VersionInfo) => boolean
}

export class HistoricalMaps {
  readonly #max: number
  readonly #maps = new Map<number, HistoricalMap>()
  readonly #loads = new Set<Promise<Recovered>>()
  /** Rewound or superseded while read: nobody new may join them. */
  readonly #detached = new Set<HistoricalMap>()
  #readers = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Those who read one of them, or wait for it. */
  get readerCount(): number {
    return this.#readers
  }

  get count(): number {
    return this.#maps.size + this.#detached.size
  }

  get memoryUsedBytes(): number {
    let bytes = 0
    for (const map of [...this.#maps.values(), ...this.#detached])
      bytes += map.loaded?.map.memoryUsedBytes ?? 0
    return bytes
  }

  /** Opens `version`, loading it unless somebody is reading it already. MEMORY_LIMIT if too many are open. */
  async open(
    version: number,
    load: (signal: AbortSignal) => Promise<Recovered>,
    request: HistoricalRequest = {},
  ): Promise<{ info: VersionInfo; view: MapView; release: () => void }> {
    for (;;) {
      request.signal?.throwIfAborted()
      const joined = this.#joinable(version, request)
      const map = joined ?? this.#start(version, load)
      map.readers++
      this.#readers++
      const leave = (): void => this.#leave(version, map)
      try {
        map.loaded = await untilAborted(map.loading, request.signal)
      } catch (error) {
        leave()
        throw error
      }
      const { map: loaded, info } = map.loaded
      // A load that others began may have read the files before they became what this caller knows of.
      if (joined === undefined || request.isCurrent?.(info) !== false) {
        return { info, view: loaded.view(info.version)!, release: leave }
      }
      if (this.#maps.get(version) === map) this.#detach(version)
      leave()
    }
  }

  /** Resolves when no load is under way. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#loads)
  }

  /** Versions from `version` on are about to mean something else: readers keep what they have, newcomers load anew. */
  detachFrom(version: number): void {
    for (const known of this.#maps.keys()) if (known >= version) this.#detach(known)
  }

  #detach(version: number): void {
    const map = this.#maps.get(version)
    if (map !== undefined) this.#detached.add(map)
    this.#maps.delete(version)
  }

  #joinable(version: number, { isCurrent }: HistoricalRequest): HistoricalMap | undefined {
    const info = this.#maps.get(version)?.loaded?.info
    if (info !== undefined && isCurrent?.(info) === false) this.#detach(version)
    return this.#maps.get(version)
  }

  #start(version: number, load: (signal: AbortSignal) => Promise<Recovered>): HistoricalMap {
    if (this.count >= this.#max) {
      throw new StateStoreError(
        'TIDEMARK_MEMORY_LIMIT',
        `Version ${version} is not in memory, and ${this.count} such versions are open for reading already (historicalMapsMax: ${this.#max}); release one first`,
        { version },
      )
    }
    const stopping = new AbortController()
    const loading = load(stopping.signal)
    this.#loads.add(loading)
    const ended = () => void this.#loads.delete(loading)
    // It may fail when nobody waits for it any more.
    loading.then(ended, ended)
    const map: HistoricalMap = { loading, stopping, loaded: undefined, readers: 0 }
    this.#maps.set(version, map)
    return map
  }

  #leave(version: number, map: HistoricalMap): void {
    map.readers--
    this.#readers--
    if (map.readers > 0) return
    map.stopping.abort()
    if (!this.#detached.delete(map)) this.#maps.delete(version)
    map.loaded?.map.retire()
  }
}
