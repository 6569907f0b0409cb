import { expect, test } from 'vitest'
import { type Clock, systemClock } from '../../../src/base/clock.ts'
import { SpareMemory } from '../../../src/store/spare-memory.ts'

const MIB = 1024 * 1024

/** Sleeps last until the test says how much time has passed. */
class TestClock implements Clock {
  sleeping = 0
  #ms = 0
  #wake: (() => void)[] = []

  nowMs(): number {
    return 0
  }

  randomBytes(count: number): Uint8Array {
    return new Uint8Array(count)
  }

  async turn(): Promise<void> {
    await systemClock.turn()
  }

  elapsedMs(): number {
    return this.#ms
  }

  async sleep(): Promise<void> {
    this.sleeping++
    await new Promise<void>((resolve) => this.#wake.push(resolve))
    this.sleeping--
  }

  async pass(ms: number): Promise<void> {
    this.#ms += ms
    for (const wake of this.#wake.splice(0)) wake()
    await systemClock.turn()
  }
}

test('hands out a buffer of just the size that is asked for, as it was left, and once', () => {
  const spare = new SpareMemory(new TestClock(), 100 * MIB)
  const buffer = new ArrayBuffer(2 * MIB)
  new Uint8Array(buffer)[5] = 7
  spare.give(buffer)
  expect(spare.bytes).toBe(2 * MIB)
  expect(spare.take(MIB)).toBeUndefined()
  expect(new Uint8Array(spare.take(2 * MIB)!)[5]).toBe(7)
  expect(spare.take(2 * MIB)).toBeUndefined()
  expect(spare.bytes).toBe(0)
})

test('whoever has a view of what was given sees nothing in it any more', () => {
  const spare = new SpareMemory(new TestClock(), 100 * MIB)
  const view = new Uint8Array(2 * MIB)
  spare.give(view.buffer)
  expect(view.length).toBe(0)
})

test('keeps no more than it may, and nothing small', () => {
  const spare = new SpareMemory(new TestClock(), 5 * MIB)
  for (let i = 0; i < 4; i++) spare.give(new ArrayBuffer(2 * MIB))
  spare.give(new ArrayBuffer(1000))
  expect(spare.bytes).toBe(4 * MIB)
})

test('what nobody takes goes after five to ten seconds, and then no timer runs', async () => {
  const clock = new TestClock()
  const spare = new SpareMemory(clock, 100 * MIB)
  spare.give(new ArrayBuffer(MIB))
  await clock.pass(4000)
  spare.give(new ArrayBuffer(2 * MIB))
  await clock.pass(1000)
  expect(spare.bytes).toBe(2 * MIB)
  await clock.pass(5000)
  expect([spare.bytes, clock.sleeping]).toEqual([0, 0])
  spare.give(new ArrayBuffer(MIB))
  expect(clock.sleeping).toBe(1)
})
