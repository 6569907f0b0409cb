// Arena maps, and rows for them.

import { VersionedMap } from '../../src/map/versioned-map.ts'
import type { VersionedMapOptions } from '../../src/map/versioned-map.ts'

const SEED = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8])

export function newMap(options: Partial<VersionedMapOptions> = {}): VersionedMap {
  return new VersionedMap({ hashSeed: SEED, ...options })
}

export function numberKey(n: number): Uint8Array {
  const key = Buffer.alloc(16)
  key.writeUInt32BE(n, 8)
  return key
}

/** Puts the keys from `start` to `end` with values of `size` bytes, filled with `fill`. */
export function putMany(
  map: VersionedMap,
  start: number,
  end: number,
  size: number,
  fill = 1,
): void {
  const value = new Uint8Array(size).fill(fill)
  for (let n = start; n < end; n++) map.put(numberKey(n), value)
}

/** Commits the next version after `work`, holding two. */
export function commitNext(map: VersionedMap, work: () => void): number {
  map.begin()
  work()
  const written = map.transactionBytes
  map.commit(map.newestVersion + 1)
  while (map.versions.length > 2) map.release(map.versions[0])
  while (map.reclaim()) continue
  return written
}
