// How long to wait before a call to a storage behind a network is tried again.

import type { Clock } from '../base/clock.ts'

/** Attempts of one call, whatever the time allows. */
export const ATTEMPTS_MAX = 100
const BACKOFF_FIRST_MS = 20
/** The wait stays at its longest long before; this keeps the power of two small. */
const DOUBLINGS_MAX = 10

/**
 * Milliseconds to wait after `count` attempts, 1 or more: half to all of a wait that doubles up to `maxMs`, so that callers that failed
 * together do not come back together.
 */
export function backoffMs(count: number, maxMs: number, clock: Clock): number {
  const fullMs = Math.min(maxMs, BACKOFF_FIRST_MS * 2 ** Math.min(count - 1, DOUBLINGS_MAX))
  return fullMs * (0.5 + clock.randomBytes(1)[0] / 512)
}
