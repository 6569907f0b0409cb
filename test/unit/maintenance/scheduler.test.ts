import { describe, expect, test } from 'vitest'
import type { Clock } from '../../../src/base/clock.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { MaintenanceScheduler, type SchedulerOptions } from '../../../src/maintenance/scheduler.ts'

/** A clock whose sleeps end when the test says so. */
function manualClock() {
  const sleepers: (() => void)[] = []
  const clock: Clock = {
    ...systemClock,
    sleep: async (_ms, signal) => {
      await new Promise<void>((resolve, reject) => {
        sleepers.push(resolve)
        signal?.addEventListener('abort', () => reject(signal.reason as Error))
        if (signal?.aborted) reject(signal.reason as Error)
      })
    },
  }
  return { clock, wake: () => sleepers.splice(0).forEach((resolve) => resolve()), sleepers }
}

const settle = async () => {
  for (let i = 0; i < 5; i++) await systemClock.turn()
}

function gate() {
  let open!: () => void
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { open, opened }
}

function scheduler(options: Partial<SchedulerOptions<string>>) {
  const failures: [string, unknown][] = []
  const made = new MaintenanceScheduler<string>({
    intervalMs: 1_000,
    concurrency: 1,
    clock: systemClock,
    stores: () => ['a', 'b', 'c'],
    maintain: async () => undefined,
    failed: (store, error) => failures.push([store, error]),
    ...options,
  })
  return { scheduler: made, failures }
}

describe('rounds', () => {
  test('begin after one interval, visit every store, and one that fails does not keep the others from their turn', async () => {
    const { clock, wake } = manualClock()
    const visited: string[] = []
    const boom = new Error('b failed')
    const { scheduler: running, failures } = scheduler({
      clock,
      maintain: async (store) => {
        visited.push(store)
        if (store === 'b') throw boom
      },
    })
    running.start()
    await settle()
    expect(visited).toEqual([])
    wake()
    await settle()
    expect(visited).toEqual(['a', 'b', 'c'])
    expect(failures).toEqual([['b', boom]])
    wake()
    await settle()
    expect(visited).toHaveLength(6)
    await running.stop()
  })

  test('do not overlap: the next sleep begins when the last store is done', async () => {
    const { clock, wake, sleepers } = manualClock()
    const { open, opened } = gate()
    const { scheduler: running } = scheduler({ clock, maintain: () => opened })
    running.start()
    await settle()
    wake()
    await settle()
    expect(sleepers).toHaveLength(0)
    open()
    await settle()
    expect(sleepers).toHaveLength(1)
    await running.stop()
  })

  test('maintain as many stores at once as they may, and no more', async () => {
    const { clock, wake } = manualClock()
    let [now, most] = [0, 0]
    const { scheduler: running } = scheduler({
      clock,
      concurrency: 2,
      stores: () => ['a', 'b', 'c', 'd', 'e'],
      maintain: async () => {
        most = Math.max(most, ++now)
        await systemClock.turn()
        now--
      },
    })
    running.start()
    await settle()
    wake()
    await settle()
    await settle()
    expect(most).toBe(2)
    await running.stop()
  })

  test('never begin with an interval of 0', async () => {
    const { clock, sleepers } = manualClock()
    const { scheduler: running } = scheduler({ clock, intervalMs: 0 })
    running.start()
    await settle()
    expect(sleepers).toHaveLength(0)
    await running.stop()
  })
})

describe('stop', () => {
  test('waits for the store that is being maintained, and starts no other', async () => {
    const { clock, wake } = manualClock()
    const { open, opened } = gate()
    const visited: string[] = []
    const { scheduler: running } = scheduler({
      clock,
      maintain: async (store) => {
        visited.push(store)
        await opened
      },
    })
    running.start()
    await settle()
    wake()
    await settle()
    let stopped = false
    const stopping = running.stop().then(() => (stopped = true))
    await settle()
    expect(stopped).toBe(false)
    open()
    await stopping
    expect(visited).toEqual(['a'])
  })

  test('waits for what was requested, too, and refuses what comes later', async () => {
    const { open, opened } = gate()
    const { scheduler: running } = scheduler({ maintain: () => opened })
    expect(running.request('a')).toBe(true)
    expect(running.request('a')).toBe(false)
    expect(running.request('b')).toBe(true)
    let stopped = false
    const stopping = running.stop().then(() => (stopped = true))
    await settle()
    expect(stopped).toBe(false)
    open()
    await stopping
    expect(running.request('c')).toBe(false)
  })
})
