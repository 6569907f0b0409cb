import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import type { VersionedMap } from '../../../src/map/versioned-map.ts'
import { InstalledVersions } from '../../../src/store/installed-versions.ts'
import type { Recovered } from '../../../src/store/recovery.ts'
import type { VersionInfo } from '../../../src/store/version-info.ts'
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
  await installed.compact(1e9, clock)
  expect(turns).toBe(1)
  let commits = 1
  for (let before = 0; before !== turns; commits++) {
    before = turns
    await installed.compact(1e9, clock)
  }
  // 256 KB after each.
  expect(commits).toBeGreaterThan(3)
  expect(map.memoryUsedBytes).toBeLessThan(usedBytes / 2)
  expect(drain(map.cursor())).toEqual(rows)
})

test('a small commit is followed by as much as it is worth, without a turn', async () => {
  const map = shrunkMap()
  const usedBytes = map.memoryUsedBytes
  let turns = 0
  await holding(map).compact(
    0,
    turningClock(() => turns++),
  )
  expect(turns).toBe(0)
  expect(map.memoryUsedBytes).toBeLessThan(usedBytes)
})

test('a cursor that is opened in between ends it, and so does the end of the map', async () => {
  const map = shrunkMap()
  const rows = drain(map.cursor())
  const cursor = map.cursor()
  await holding(map).compact(
    1e9,
    turningClock(() => undefined),
  )
  cursor.close()
  let opened = map.cursor()
  opened.close()
  await holding(map).compact(
    1e9,
    turningClock(() => (opened = map.cursor())),
  )
  expect(drain(opened)).toEqual(rows)
  const installed = holding(map)
  await installed.compact(
    1e9,
    turningClock(() => installed.drop()),
  )
  expect(installed.newest).toBeUndefined()
})
