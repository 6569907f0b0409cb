import { expect, test } from 'vitest'
import { Mutex } from '../../../src/base/mutex.ts'

test('runs one section at a time, in the order they asked, though one throws', async () => {
  const mutex = new Mutex()
  const steps: string[] = []
  const section = (name: string, fails = false) =>
    mutex.run(async () => {
      steps.push(`${name} in`)
      await Promise.resolve()
      steps.push(`${name} out`)
      if (fails) throw new Error(name)
      return name
    })
  const [a, b, c] = await Promise.allSettled([section('a'), section('b', true), section('c')])
  expect(steps).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out'])
  expect([a.status, b.status, c.status]).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})
