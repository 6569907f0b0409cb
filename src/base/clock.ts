// Time and chance: the clock that is handed in, the one of the system, and a limit for what others are waited for.

import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises'
import { untilAborted } from './until-aborted.ts'

/**
 * Time and chance, handed in. Only this file reads either, so that property and crash tests are deterministic.
 */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. For records that people read; nothing is ordered by it. */
  nowMs(): number
  /** Monotonic clock, milliseconds, with fractions. For durations. */
  elapsedMs(): number
  /** `count` random bytes, unpredictable. */
  randomBytes(count: number): Uint8Array
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Resolves after the event loop has turned, and `restMs` have passed (default 0): between two slices of a long piece of work. */
  turn(restMs?: number): Promise<void>
}

/** Where this process runs, for records that people read. */
export function processIdentity(): { host: string; pid: number } {
  return { host: hostname(), pid: process.pid }
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  elapsedMs: () => performance.now(),
  randomBytes: (count) => randomBytes(count),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, { ...(signal && { signal }), ref: false })
  },
  turn: async (restMs = 0) => {
    if (restMs > 0) return await delay(restMs)
    // After an answer of I/O the first comes in the same turn of the loop; timers and other answers come before the second.
    await immediate()
    await immediate()
  },
}

/** What `promise` comes to, or the error that `late` makes once `ms` milliseconds have passed. What the promise stands for goes on either way. */
export async function within<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  const limit = new AbortController()
  // Not unreferenced: somebody waits for this, and maybe for nothing else.
  const timer = setTimeout(() => limit.abort(late()), ms)
  try {
    return await untilAborted(promise, limit.signal)
  } finally {
    clearTimeout(timer)
  }
}
