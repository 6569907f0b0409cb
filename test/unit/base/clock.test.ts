import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { processIdentity, systemClock } from '../../../src/base/clock.ts'

test('a sleep ends with its signal, before or during', async () => {
  const reason = new Error('enough')
  await expect(systemClock.sleep(60_000, AbortSignal.abort(reason))).rejects.toThrow()
  const controller = new AbortController()
  const sleeping = systemClock.sleep(60_000, controller.signal)
  controller.abort(reason)
  await expect(sleeping).rejects.toThrow()
})

test('a turn lets others run first', async () => {
  const order: string[] = []
  setImmediate(() => order.push('other'))
  await systemClock.turn()
  order.push('mine')
  expect(order).toEqual(['other', 'mine'])
})

test('a turn that begins at an answer of the file system lets timers that are due run first', async () => {
  const order: string[] = []
  await readFile(import.meta.filename)
  setTimeout(() => order.push('timer'), 1)
  const endMs = performance.now() + 5
  while (performance.now() < endMs) continue
  await systemClock.turn()
  order.push('mine')
  expect(order).toEqual(['timer', 'mine'])
})

test('random bytes come in the number asked for, and differ', () => {
  const [a, b] = [systemClock.randomBytes(16), systemClock.randomBytes(16)]
  expect([a.length, b.length]).toEqual([16, 16])
  expect(a).not.toEqual(b)
})

test('time goes on, and the process knows who it is', () => {
  const before = systemClock.elapsedMs()
  expect(systemClock.elapsedMs()).toBeGreaterThanOrEqual(before)
  expect(Number.isInteger(systemClock.nowMs())).toBe(true)
  expect(processIdentity()).toMatchObject({ pid: process.pid })
})
