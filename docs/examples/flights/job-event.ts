/** What the job tells whoever watches it. Plain JSON: it crosses from the job's process to the demo's. */
export type JobEvent =
  /** `aheadCount` of the `storeCount` stores hold the batch already: they committed it before a crash, the others did not. */
  | { type: 'started'; batch: number; aheadCount: number; storeCount: number }
  | { type: 'phase'; batch: number; phase: JobPhase }
  /** All stores committed a batch of `rowCount` rows. `row` is the source position behind it; one latency per store, milliseconds. */
  | { type: 'committed'; batch: number; row: number; rowCount: number; commitMs: number[] }

/** The steps of a batch, in their order. */
export const JOB_PHASES = ['open', 'apply', 'commit deduplication', 'commit routes'] as const

export type JobPhase = (typeof JOB_PHASES)[number]
