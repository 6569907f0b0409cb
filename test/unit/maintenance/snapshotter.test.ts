import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { writeSnapshotRows } from '../../../src/maintenance/snapshotter.ts'
import type { SnapshotTicket } from '../../../src/store/maintainable.ts'
import type { StagedStateFile } from '../../../src/store/staged-state-file.ts'
import { VersionedMap } from '../../../src/map/versioned-map.ts'

const SLICE_MS = 4

/** A clock that goes on by `stepMs` each time it is read, and notes the rests. */
function steppingClock(stepMs: number) {
  let nowMs = 0
  const rests: number[] = []
  const clock = {
    ...systemClock,
    elapsedMs: () => (nowMs += stepMs),
    turn: async (restMs = 0) => {
      rests.push(restMs)
      nowMs += restMs
      await Promise.resolve()
    },
  }
  return { clock, rests }
}

function ticketFor(rows: number): {
  ticket: SnapshotTicket
  put: () => number
  drains: () => number
} {
  const map = new VersionedMap({ hashSeed: new Uint8Array(8) })
  map.begin()
  for (let n = 0; n < rows; n++) map.put(Uint8Array.of(n, n >> 8), new Uint8Array(1))
  map.commit(1)
  let put = 0
  let drains = 0
  const file = {
    putRow: () => put++,
    drain: async () => {
      drains++
      await Promise.resolve()
    },
  }
  const ticket: SnapshotTicket = {
    view: map.view(1)!,
    // Only these two are called; what they do is staged-state-file's test.
    file: file as unknown as StagedStateFile,
    signal: new AbortController().signal,
  }
  return { ticket, put: () => put, drains: () => drains }
}

test('a snapshot rests five times as long as it has worked, and drains before', async () => {
  const { clock, rests } = steppingClock(2)
  const { ticket, put, drains } = ticketFor(10_000)
  await writeSnapshotRows(ticket, SLICE_MS, clock)
  expect(put()).toBe(10_000)
  expect(rests.length).toBeGreaterThan(10)
  expect(drains()).toBe(rests.length)
  // Two looks of 2 ms end a slice, a third tells how long it was (6 ms), a fourth when the rest begins (8 ms).
  expect(new Set(rests)).toEqual(new Set([6 * 6 - 8]))
})

test('a state that fits into one slice never rests', async () => {
  const { clock, rests } = steppingClock(0)
  const { ticket, put } = ticketFor(10_000)
  await writeSnapshotRows(ticket, SLICE_MS, clock)
  expect([put(), rests]).toEqual([10_000, []])
})
