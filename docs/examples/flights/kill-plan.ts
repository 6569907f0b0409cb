// When the job is to be killed: two moments, drawn from a seed so that a run can be repeated as closely as two processes and a disk allow.

import { JOB_PHASES, type JobPhase } from './job-event.ts'

export interface KillMoment {
  batch: number
  phase: JobPhase
  /** From the beginning of that phase of that batch. */
  offsetMs: number
}

export const KILLS = 2

/** A commit takes a few milliseconds: short enough to fall between two stores, long enough to fall behind the phase at times. */
const OFFSET_MAX_MS = 4

/**
 * Moments in rising order of batches, none in the first or last tenth: something must be there, and something left to do. One of them is drawn from
 * the time between the first commit of a batch and the last, where it hurts most: some stores hold the batch and others do not.
 */
export function planKills(seed: number, batches: number): KillMoment[] {
  const random = randomFrom(seed)
  const below = (limit: number) => Math.floor(random() * limit)
  const first = Math.min(Math.ceil(batches * 0.1), batches - 1)
  const span = Math.max(1, Math.floor(batches * 0.9) - first)
  const moments = Array.from({ length: KILLS }, () => ({
    batch: first + below(span),
    phase: JOB_PHASES[below(JOB_PHASES.length)],
    offsetMs: below(OFFSET_MAX_MS + 1),
  }))
  moments[below(KILLS)].phase = 'commit routes'
  return moments.sort((a, b) => a.batch - b.batch)
}

/** Mulberry32: numbers in [0, 1), the same ones for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
