import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import type { ReadStateStore, StateStore, StateStoreProvider } from '../../../src/index.ts'
import type { MapCursor, VersionedMap } from '../../../src/map/versioned-map.ts'
import { InstalledVersions } from '../../../src/store/installed-versions.ts'
import type { Recovered } from '../../../src/store/recovery.ts'
import type { VersionInfo } from '../../../src/store/version-info.ts'
import { commitRows, openProvider, readRows, rowsOf } from '../../../src/testing/stores.ts'
import { commitNext, newMap, numberKey, putMany } from '../../support/arena-map.ts'
import { drain } from '../../support/model.ts'

/** More than is moved after one commit: about 1 MB of rows, scattered over ten times as much. */
function shrunkMap(): VersionedMap {
  const map = newMap({ segmentBytesMax: 64 * 1024 })
  const keys = 160_000
  commitNext(map, () => putMany(map, 0, keys, 32))
  commitNext(map, () => {
    for (let n = 0; n < keys; n++) if (n % 10 !== 0) map.remove(numberKey(n))
  })
  commitNext(map, () => undefined)
  commitNext(map, () => undefined)
  return map
}

function holding(map: VersionedMap): InstalledVersions {
  const installed = new InstalledVersions()
  // Only these are looked at.
  const info = { version: map.newestVersion } as VersionInfo
  installed.adopt({ map, info, warm: false } as Recovered)
  return installed
}

/** A clock that calls `atTurn` whenever the event loop is to turn. */
function turningClock(atTurn: () => void) {
  return { ...systemClock, turn: async () => atTurn() }
}

test('a commit is followed by compaction within bounds, in turns of the event loop', async () => {
  const map = shrunkMap()
  const rows = drain(map.cursor())
  const installed = holding(map)
  const usedBytes = map.memoryUsedBytes
  let turns = 0
  const clock = turningClock(() => turns++)
  await installed.tidy(1e9, clock)
  // Four times 64 KiB.
  expect(turns).toBe(3)
  let commits = 1
  for (let before = 0; before !== turns; commits++) {
    before = turns
    await installed.tidy(1e9, clock)
  }
  expect(commits).toBeGreaterThan(3)
  expect(map.memoryUsedBytes).toBeLessThan(usedBytes / 2)
  expect(drain(map.cursor())).toEqual(rows)
})

test('removals that nobody looks back at any more leave the map in turns of the event loop', async () => {
  const map = newMap()
  const keys = 10_000
  commitNext(map, () => putMany(map, 0, keys, 32))
  commitNext(map, () => {
    for (let n = 0; n < keys; n++) map.remove(numberKey(n))
  })
  const installed = holding(map)
  installed.install({ version: map.newestVersion } as VersionInfo, 1)
  let turns = 0
  await installed.tidy(
    0,
    turningClock(() => turns++),
  )
  expect(turns).toBeGreaterThan(2)
  expect(map.reclaim()).toBe(false)
})

test('a reader that lets go of many removals in between has them taken out first, and compaction goes on', async () => {
  const map = shrunkMap()
  const rows = drain(map.cursor())
  const usedBytes = map.memoryUsedBytes
  const view = map.view(map.newestVersion)!
  commitNext(map, () => {
    for (let n = 25_000; n < 160_000; n += 10) map.remove(numberKey(n))
  })
  const installed = holding(map)
  installed.install({ version: map.newestVersion } as VersionInfo, 1)
  let turns = 0
  const clock = turningClock(() => {
    if (++turns === 1) expect(drain(view.cursor())).toEqual(rows)
    if (turns === 2) view.release()
  })
  await installed.tidy(1e9, clock)
  // Between four slices, and for the 13,500 removals less the 2,048 that went with the view.
  expect(turns).toBe(3 + 5)
  expect(map.reclaim()).toBe(false)
  expect(map.memoryUsedBytes).toBeLessThan(usedBytes)
  expect(drain(map.cursor())).toHaveLength(2_500)
})

test('a small commit is followed by as much as it is worth, without a turn', async () => {
  const map = shrunkMap()
  const usedBytes = map.memoryUsedBytes
  let turns = 0
  await holding(map).tidy(
    0,
    turningClock(() => turns++),
  )
  expect(turns).toBe(0)
  expect(map.memoryUsedBytes).toBeLessThan(usedBytes)
})

test('a cursor that is opened in between ends it, and so does the end of the map', async () => {
  const map = shrunkMap()
  const rows = drain(map.cursor())
  const cursors: MapCursor[] = []
  await holding(map).tidy(
    1e9,
    turningClock(() => cursors.push(map.cursor())),
  )
  expect(cursors.map(drain)).toEqual([rows])
  cursors[0].close()
  const installed = holding(map)
  await installed.tidy(
    1e9,
    turningClock(() => installed.drop()),
  )
  expect(installed.newest).toBeUndefined()
})

test('a store that shrank gives its memory back with the commits that follow', async () => {
  await using opened = await openProvider()
  const { provider } = opened
  const keys = 200_000
  const commit = async (change: (store: StateStore) => void) => {
    const store = await provider.getStore()
    change(store)
    await store.commit()
  }
  await commit((store) => {
    for (let n = 0; n < keys; n++) store.put(numberKey(n), new Uint8Array(32))
  })
  const fullBytes = provider.metrics.memoryUsedBytes
  await commit((store) => {
    for (let n = 0; n < keys; n++) if (n % 10 !== 0) store.remove(numberKey(n))
  })
  for (let i = 0; i < 20; i++) await commit((store) => store.put(numberKey(i), new Uint8Array(32)))
  expect(provider.metrics.memoryUsedBytes).toBeLessThan(fullBytes * 0.7)
})

/** More than is walked to in ten turns. */
const MANY_REMOVALS = 25_000

/** A store of many rows, and in the next version of none of them. */
async function emptied(
  provider: StateStoreProvider,
  between: () => Promise<unknown>,
): Promise<void> {
  const full = await provider.getStore()
  for (let n = 0; n < MANY_REMOVALS; n++) full.put(numberKey(n), new Uint8Array(8))
  await full.commit()
  await between()
  const empty = await provider.getStore()
  for (let n = 0; n < MANY_REMOVALS; n++) empty.remove(numberKey(n))
  await empty.commit()
}

test('removals that a reader lets go of between two batches leave the map in turns, before the store is open', async () => {
  let turns = 0
  const clock = turningClock(() => turns++)
  await using opened = await openProvider({ clock, maxBatchesToRetainInMemory: 1 })
  const { provider } = opened
  let reader: ReadStateStore | undefined
  await emptied(provider, async () => (reader = await provider.getReadStore()))
  await reader?.release()
  turns = 0
  await (await provider.getStore()).abort()
  expect(turns).toBeGreaterThan(10)
})

test('removals that a reader lets go of leave the map in turns before a version in memory is gone back to', async () => {
  let turns = 0
  const clock = turningClock(() => turns++)
  await using opened = await openProvider({ clock })
  const { provider } = opened
  let reader: ReadStateStore | undefined
  await emptied(provider, async () => (reader = await provider.getReadStore()))
  for (const a of ['1', '2', '3']) await commitRows(provider, { a })
  await reader?.release()
  turns = 0
  const store = await provider.getStore((await provider.latestVersion()) - 1)
  expect(turns).toBeGreaterThan(5)
  expect(rowsOf(store)).toEqual({ a: '2' })
  await store.abort()
})

test('removals that a reader lets go of between two loads leave the map in turns', async () => {
  let turns = 0
  const clock = turningClock(() => turns++)
  await using writer = await openProvider()
  const options = { clock, maxBatchesToRetainInMemory: 1 }
  await using follower = await openProvider(options, writer.files)
  let reader: ReadStateStore | undefined
  await emptied(writer.provider, async () => (reader = await follower.provider.getReadStore()))
  await (await follower.provider.getReadStore()).release()
  await reader?.release()
  await commitRows(writer.provider, { a: '1' })
  turns = 0
  expect(await readRows(follower.provider)).toEqual({ a: '1' })
  expect(turns).toBeGreaterThan(10)
})
