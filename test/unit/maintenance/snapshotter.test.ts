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

function ticketFor(
  rows: number,
  valueBytes = 1,
): {
  ticket: SnapshotTicket
  put: () => number
  drains: () => number
  stopping: AbortController
} {
  const map = new VersionedMap({ hashSeed: new Uint8Array(8) })
  map.begin()
  for (let n = 0; n < rows; n++) map.put(Uint8Array.of(n, n >> 8), new Uint8Array(valueBytes))
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
  const stopping = new AbortController()
  const ticket: SnapshotTicket = {
    view: map.view(1)!,
    // Only these two are called; what they do is staged-state-file's test.
    file: file as unknown as StagedStateFile,
    signal: stopping.signal,
  }
  return { ticket, put: () => put, drains: () => drains, stopping }
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

test('large values are looked at the clock between, too', async () => {
  const { clock, rests } = steppingClock(2)
  await writeSnapshotRows(ticketFor(100, 100_000).ticket, SLICE_MS, clock)
  // Each row is a look; two of them end a slice.
  expect(rests).toHaveLength(50)
})

test('a process that was stopped for ten minutes is not rested from for fifty', async () => {
  const { clock, rests } = steppingClock(600_000)
  await writeSnapshotRows(ticketFor(200).ticket, SLICE_MS, clock)
  expect(rests.length).toBeGreaterThan(0)
  expect(Math.max(...rests)).toBeLessThanOrEqual(10 * SLICE_MS)
})

test('cancelling ends the rest', async () => {
  const { clock } = steppingClock(2)
  const { ticket, stopping } = ticketFor(10_000)
  const resting = Promise.withResolvers<void>()
  const turn = async (): Promise<void> => {
    resting.resolve()
    await new Promise(() => undefined)
  }
  const writing = writeSnapshotRows(ticket, SLICE_MS, { ...clock, turn })
  await resting.promise
  const reason = new Error('undone')
  stopping.abort(reason)
  await expect(writing).rejects.toBe(reason)
})

test('a snapshot whose file has failed walks no further', async () => {
  const { clock } = steppingClock(2)
  const { ticket, put } = ticketFor(10_000)
  const failed = new Error('no space')
  const drain = async (): Promise<void> => {
    await Promise.resolve()
    throw failed
  }
  await expect(
    writeSnapshotRows({ ...ticket, file: Object.assign(ticket.file, { drain }) }, SLICE_MS, clock),
  ).rejects.toBe(failed)
  expect(put()).toBeLessThan(1000)
})
