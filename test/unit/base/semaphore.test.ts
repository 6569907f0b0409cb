import { expect, test } from 'vitest'
import { Semaphore } from '../../../src/base/semaphore.ts'

test('runs at most so many at once, in order, and a failure gives its slot back', async () => {
  const semaphore = new Semaphore(3)
  let running = 0
  let runningMax = 0
  const started: number[] = []
  const outcomes = await Promise.allSettled(
    Array.from({ length: 50 }, (_, index) =>
      semaphore.run(async () => {
        started.push(index)
        runningMax = Math.max(runningMax, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running--
        if (index % 7 === 0) throw new Error(`${index}`)
        return index
      }),
    ),
  )
  expect(runningMax).toBe(3)
  expect(started).toEqual(Array.from({ length: 50 }, (_, index) => index))
  expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(8)
})
