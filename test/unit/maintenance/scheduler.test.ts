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

interface Store {
  readonly name: string
}

const storeOf = (name: string): Store => ({ name })

function scheduler(options: Partial<SchedulerOptions<Store>>) {
  const failures: [string, unknown][] = []
  const made = new MaintenanceScheduler<Store>({
    intervalMs: 1_000,
    concurrency: 1,
    clock: systemClock,
    stores: () => ['a', 'b', 'c'].map(storeOf),
    maintain: async () => undefined,
    failed: (store, error) => failures.push([store.name, error]),
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
        visited.push(store.name)
        if (store.name === 'b') throw boom
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
      stores: () => ['a', 'b', 'c', 'd', 'e'].map(storeOf),
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

describe('requests', () => {
  const stores = ['a', 'b', 'c', 'd', 'e'].map(storeOf)

  test('are heard as many at once as there may be, and the others in their turn', async () => {
    let [now, most, count] = [0, 0, 0]
    const { scheduler: running } = scheduler({
      concurrency: 2,
      maintain: async () => {
        count++
        most = Math.max(most, ++now)
        await systemClock.turn()
        now--
      },
    })
    for (const store of stores) expect(running.request(store)).toBe(true)
    for (let i = 0; i < 5; i++) await settle()
    expect([most, count]).toEqual([2, 5])
    // Those that have had their turn may ask again.
    for (const store of stores) expect(running.request(store)).toBe(true)
    for (let i = 0; i < 5; i++) await settle()
    expect([most, count]).toEqual([2, 10])
    await running.stop()
  })

  test('of a store that comes while the last one ends are heard', async () => {
    const maintained: string[] = []
    const { scheduler: running } = scheduler({
      maintain: async (store) => {
        maintained.push(store.name)
        if (store === stores[0]) void askInAMoment()
      },
    })
    const askInAMoment = async (): Promise<void> => {
      for (const store of stores.slice(1)) {
        await Promise.resolve()
        running.request(store)
      }
    }
    running.request(stores[0])
    await settle()
    expect(maintained).toEqual(['a', 'b', 'c', 'd', 'e'])
    await running.stop()
  })

  test('of a store that failed are not heard before an interval has passed', async () => {
    let nowMs = 0
    let fails = true
    const [store] = stores
    const { scheduler: running, failures } = scheduler({
      clock: { ...systemClock, elapsedMs: () => nowMs },
      maintain: async () => {
        if (fails) throw new Error('no space')
      },
    })
    expect(running.request(store)).toBe(true)
    await settle()
    expect(failures).toHaveLength(1)
    fails = false
    nowMs = 999
    expect(running.request(store)).toBe(false)
    nowMs = 1000
    expect(running.request(store)).toBe(true)
    await settle()
    expect(running.request(store)).toBe(true)
    await running.stop()
  })

  test('that wait are dropped by stop()', async () => {
    const { open, opened } = gate()
    const visited: string[] = []
    const { scheduler: running } = scheduler({
      maintain: async (store) => {
        visited.push(store.name)
        await opened
      },
    })
    for (const store of stores) running.request(store)
    const stopping = running.stop()
    open()
    await stopping
    expect(visited).toEqual(['a'])
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
        visited.push(store.name)
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
    const [a, b, c] = ['a', 'b', 'c'].map(storeOf)
    expect(running.request(a)).toBe(true)
    expect(running.request(a)).toBe(false)
    expect(running.request(b)).toBe(true)
    let stopped = false
    const stopping = running.stop().then(() => (stopped = true))
    await settle()
    expect(stopped).toBe(false)
    open()
    await stopping
    expect(running.request(c)).toBe(false)
  })
})
