import { expect, test } from 'vitest'
import { VersionedMap } from '../../../src/map/versioned-map.ts'
import { HistoricalMaps } from '../../../src/store/historical-maps.ts'
import type { Recovered } from '../../../src/store/recovery.ts'
import { EMPTY_VERSION } from '../../../src/store/version-info.ts'
import { failure, text } from '../../../src/testing/stores.ts'

function loaded(version: number): Recovered {
  const map = new VersionedMap({ hashSeed: new Uint8Array(8) })
  map.begin()
  map.put(text('version'), text(String(version)))
  map.commit(version)
  return { map, info: { ...EMPTY_VERSION, version } } as unknown as Recovered
}

test('readers of one version share one load, and the map goes with the last of them', async () => {
  const maps = new HistoricalMaps(1)
  let loads = 0
  const load = async () => {
    loads++
    return loaded(3)
  }
  const [a, b] = await Promise.all([maps.open(3, load), maps.open(3, load)])
  expect([loads, maps.count]).toEqual([1, 1])
  expect(maps.memoryUsedBytes).toBeGreaterThan(0)
  a.release()
  expect(b.view.get(text('version'))).toEqual(text('3'))
  b.release()
  expect([maps.count, maps.memoryUsedBytes]).toEqual([0, 0])
})

test('a load that fails fails all who waited for it, and takes no place', async () => {
  const maps = new HistoricalMaps(1)
  const boom = new Error('boom')
  const load = async (): Promise<Recovered> => {
    throw boom
  }
  const outcomes = await Promise.allSettled([maps.open(1, load), maps.open(1, load)])
  expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected'])
  expect(maps.count).toBe(0)
  const next = await maps.open(1, async () => loaded(1))
  next.release()
})

test('a version that means something else now is loaded anew, while its readers keep what they have, and count', async () => {
  const maps = new HistoricalMaps(2)
  const old = await maps.open(3, async () => loaded(30))
  maps.detachFrom(3)
  const fresh = await maps.open(3, async () => loaded(31))
  expect(old.view.get(text('version'))).toEqual(text('30'))
  expect(fresh.view.get(text('version'))).toEqual(text('31'))
  expect(maps.count).toBe(2)
  await failure('TIDEMARK_MEMORY_LIMIT', () => maps.open(4, async () => loaded(4)))
  old.release()
  fresh.release()
  expect(maps.count).toBe(0)
})

test('versions below a rewind stay shared', async () => {
  const maps = new HistoricalMaps(2)
  const a = await maps.open(2, async () => loaded(2))
  maps.detachFrom(3)
  const b = await maps.open(2, async () => {
    throw new Error('should not load')
  })
  a.release()
  b.release()
  expect(maps.count).toBe(0)
})

test('a limit of 0 refuses every one', async () => {
  const maps = new HistoricalMaps(0)
  await failure('TIDEMARK_MEMORY_LIMIT', () => maps.open(1, async () => loaded(1)))
})

test('who joins a load that read the files too early loads anew, and whoever began it keeps what it has', async () => {
  const maps = new HistoricalMaps(2)
  const early = Promise.withResolvers<Recovered>()
  const first = maps.open(3, () => early.promise)
  const isCurrent = ({ version }: { version: number }): boolean => version === 31
  const second = maps.open(3, async () => loaded(31), { isCurrent })
  early.resolve(loaded(30))
  const [a, b] = await Promise.all([first, second])
  expect(a.view.get(text('version'))).toEqual(text('30'))
  expect(b.view.get(text('version'))).toEqual(text('31'))
  a.release()
  b.release()
  expect([maps.count, maps.readerCount]).toEqual([0, 0])
})
