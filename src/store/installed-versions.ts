// InstalledVersions — the versions of a store that are in memory: one multi-version map, and what is known of each version in it.

import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { FileStatus } from '../files/file-manager.ts'
import type { StoreFiles } from '../format/file-names.ts'
import type { MapView, VersionedMap } from '../map/versioned-map.ts'
import type { Recovered, WarmStart } from './recovery.ts'
import type { VersionInfo } from './version-info.ts'

/** Bytes a commit may move for each byte it wrote, so that the cost of compaction stays in proportion to the changes. */
const COMPACTION_FACTOR = 2
const COMPACTION_BYTES_MIN = 64 * 1024
/** And no more in one commit, however large. */
const COMPACTION_BYTES_MAX = 256 * 1024
/** Moved in one turn of the event loop: some 1,000 small records, one to two milliseconds. */
const COMPACTION_SLICE_BYTES = 64 * 1024

export class InstalledVersions {
  #map: VersionedMap | undefined
  #loadedFrom: StoreFiles<FileStatus> | undefined
  readonly #infos = new Map<number, VersionInfo>()
  /** Maps that another one took the place of while somebody was reading them. */
  #replaced: VersionedMap[] = []

  get memoryUsedBytes(): number {
    return this.#held.reduce((bytes, map) => bytes + map.memoryUsedBytes, 0)
  }

  get pinCount(): number {
    return this.#held.reduce((pins, map) => pins + map.pinCount, 0)
  }

  get keyCount(): number {
    return this.#map?.keyCount ?? 0
  }

  get plainBytes(): number {
    return this.#map?.plainBytes ?? 0
  }

  /** All maps that hold memory. */
  get #held(): readonly VersionedMap[] {
    const replaced = this.#replaced.filter((map) => map.pinCount > 0)
    return this.#map === undefined ? replaced : [...replaced, this.#map]
  }

  /** The files that the last load found, where it ended at a version without trailer: nothing else tells whether that one is still the same. */
  get loadedFrom(): StoreFiles<FileStatus> | undefined {
    return this.#loadedFrom
  }

  /** The newest version in memory, if any. */
  get newest(): WarmStart | undefined {
    if (this.#map === undefined) return undefined
    const info = this.#infos.get(this.#map.newestVersion)
    assert(info !== undefined, 'every installed version has its info')
    return { map: this.#map, info, loadedFrom: this.#loadedFrom }
  }

  info(version: number): VersionInfo | undefined {
    return this.#infos.get(version)
  }

  /** Pins a version in memory; undefined if it is not there. */
  view(version: number): MapView | undefined {
    return this.#infos.has(version) ? this.#map?.view(version) : undefined
  }

  /** Takes over what a load has built. Readers of an earlier map keep it for as long as they need. */
  adopt(recovered: Recovered): void {
    if (!recovered.warm) {
      this.drop()
      this.#map = recovered.map
    }
    this.#loadedFrom = recovered.info.foreign ? recovered.files : undefined
    this.#infos.set(recovered.info.version, recovered.info)
  }

  /** A version was committed in the map. */
  install(info: VersionInfo, versionsMax: number): void {
    assert(this.#map?.newestVersion === info.version, 'the map holds what is installed')
    this.#infos.set(info.version, info)
    this.retain(versionsMax)
  }

  /** Frees what became invisible, in turns of the event loop: a reader may have let go of a great deal. */
  async reclaim(clock: Clock): Promise<void> {
    while (this.#map?.reclaim()) await clock.turn()
  }

  /**
   * After a commit that appended so much: frees what became invisible, and moves records out of segments that are mostly free, in turns of the event
   * loop. The caller promises that no transaction is begun meanwhile.
   */
  async tidy(appendedBytes: number, clock: Clock): Promise<void> {
    let left = Math.min(
      appendedBytes * COMPACTION_FACTOR + COMPACTION_BYTES_MIN,
      COMPACTION_BYTES_MAX,
    )
    for (;;) {
      // Before each slice: a reader may have let go of more.
      await this.reclaim(clock)
      const moved = this.#map?.compactSlice(Math.min(left, COMPACTION_SLICE_BYTES)) ?? 0
      left -= moved
      if (moved === 0 || left <= 0) return
      await clock.turn()
    }
  }

  /** Lets go of all but the newest `versionsMax` versions; readers that have pinned one keep it. */
  retain(versionsMax: number): void {
    const map = this.#map
    if (map === undefined) return
    if (versionsMax === 0) {
      this.drop()
      return
    }
    for (const version of map.versions.slice(0, -versionsMax)) {
      map.release(version)
      this.#infos.delete(version)
    }
  }

  /** Makes `version` the newest in memory by undoing what lies above it. False if it is not in memory, or a reader needs what would go. */
  rewindTo(version: number): boolean {
    const map = this.#map
    if (map === undefined || !this.#infos.has(version) || !map.rewindTo(version)) return false
    for (const known of this.#infos.keys()) if (known > version) this.#infos.delete(known)
    return true
  }

  drop(): void {
    this.#map?.retire()
    this.#replaced = this.#held.filter((map) => map.pinCount > 0)
    this.#map = undefined
    this.#loadedFrom = undefined
    this.#infos.clear()
  }
}
