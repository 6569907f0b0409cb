import { expect, test } from 'vitest'
import { SnapshotSlot } from '../../../src/store/snapshot-slot.ts'

function gate() {
  let open!: () => void
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { open, opened }
}

test('holds one snapshot at a time; a second is refused, not queued', async () => {
  const slot = new SnapshotSlot()
  const { open, opened } = gate()
  const first = slot.run(3, () => opened.then(() => 'done'))
  expect(await slot.run(4, async () => 'second')).toBeUndefined()
  open()
  expect(await first).toBe('done')
  expect(await slot.run(4, async () => 'third')).toBe('third')
})

test('cancels what is of the version or later, and leaves what is older', async () => {
  const slot = new SnapshotSlot()
  const { open, opened } = gate()
  let signal: AbortSignal | undefined
  const running = slot.run(3, async (given) => {
    signal = given
    await opened
  })
  slot.cancelFrom(4)
  expect(signal?.aborted).toBe(false)
  slot.cancelFrom(3)
  expect(signal?.aborted).toBe(true)
  open()
  await running
})

test('is free again after a failure, which is the caller’s; idle waits without failing', async () => {
  const slot = new SnapshotSlot()
  const boom = new Error('boom')
  const running = slot.run(1, async () => {
    throw boom
  })
  const idle = slot.idle()
  await expect(running).rejects.toBe(boom)
  await idle
  expect(await slot.run(1, async () => 1)).toBe(1)
})

test('runs nothing once stopped', async () => {
  const slot = new SnapshotSlot()
  slot.stop()
  expect(await slot.run(1, async () => 1)).toBeUndefined()
})
