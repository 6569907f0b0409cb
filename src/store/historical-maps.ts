// HistoricalMaps — versions that are no longer in memory, each loaded into a map of its own while somebody reads it. Bounded, and counted.

import { StateStoreError } from '../errors.ts'
import type { MapView, VersionedMap } from '../map/versioned-map.ts'
import type { Recovered } from './recovery.ts'
import type { VersionInfo } from './version-info.ts'

interface HistoricalMap {
  readonly loading: Promise<Recovered>
  loaded: VersionedMap | undefined
  readers: number
}

export class HistoricalMaps {
  readonly #max: number
  readonly #maps = new Map<number, HistoricalMap>()
  /** Rewound or superseded while read: nobody new may join them. */
  #detached = 0

  constructor(max: number) {
    this.#max = max
  }

  get count(): number {
    return this.#maps.size + this.#detached
  }

  /** Bytes of the maps that newcomers may still join. */
  get memoryUsedBytes(): number {
    let bytes = 0
    for (const map of this.#maps.values()) bytes += map.loaded?.memoryUsedBytes ?? 0
    return bytes
  }

  /** Opens `version`, loading it unless somebody is reading it already. MEMORY_LIMIT if too many are open. */
  async open(
    version: number,
    load: () => Promise<Recovered>,
  ): Promise<{ info: VersionInfo; view: MapView; release: () => void }> {
    const map = this.#maps.get(version) ?? this.#start(version, load)
    map.readers++
    const leave = (): void => this.#leave(version, map)
    try {
      const { map: loaded, info } = await map.loading
      map.loaded = loaded
      const view = loaded.view(info.version)
      if (view === undefined) throw new Error('A loaded map holds its version')
      return { info, view, release: leave }
    } catch (error) {
      leave()
      throw error
    }
  }

  /** Versions from `version` on are about to mean something else: readers keep what they have, newcomers load anew. */
  detachFrom(version: number): void {
    for (const known of this.#maps.keys()) {
      if (known < version) continue
      this.#maps.delete(known)
      this.#detached++
    }
  }

  #start(version: number, load: () => Promise<Recovered>): HistoricalMap {
    if (this.count >= this.#max) {
      throw new StateStoreError(
        'TIDEMARK_MEMORY_LIMIT',
        `Version ${version} is not in memory, and ${this.count} such versions are open for reading already (historicalMapsMax: ${this.#max}); release one first`,
        { version },
      )
    }
    const map: HistoricalMap = { loading: load(), loaded: undefined, readers: 0 }
    this.#maps.set(version, map)
    return map
  }

  #leave(version: number, map: HistoricalMap): void {
    map.readers--
    if (map.readers > 0) return
    if (this.#maps.get(version) === map) this.#maps.delete(version)
    else this.#detached--
  }
}
