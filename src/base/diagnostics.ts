// The names of all diagnostics channels, in one table, and the one function that publishes. Subscribe with node:diagnostics_channel:
// the step words are those of the headers of store/commit.ts and store/recovery.ts. A message never holds keys or values.

import { channel } from 'node:diagnostics_channel'

export interface StepMessage {
  /** operator/partition/name */
  readonly storeId: string
  readonly version?: number
  /** With `claim`. */
  readonly generation?: number
  /** How long the step took, milliseconds. */
  readonly durationMs?: number
  readonly bytes?: number
  readonly rows?: number
  readonly path?: string
  readonly error?: unknown
}

/** Channel names by step. docs/metrics.md is generated from the comments. */
export const CHANNELS = {
  /** The lease is held: its `generation`. */
  claim: 'tidemark:lease:claim',
  /** A newer writer has taken the store over: `error`. */
  fenced: 'tidemark:lease:fenced',
  /** A store was opened for update at `version`. */
  open: 'tidemark:store:open',
  /** The store that was open at `version` was aborted. */
  abort: 'tidemark:store:abort',
  /** A commit stands, and this step of it took so long: completing the delta (its `path` and `bytes`) in staging. `version` is the new one. */
  seal: 'tidemark:commit:seal',
  /** The same of the next step: moving the delta to its place. */
  publish: 'tidemark:commit:publish',
  /** The same of the last step: installing the version in memory. */
  install: 'tidemark:commit:install',
  /** A commit stands: `path` and `bytes` of its delta. */
  committed: 'tidemark:commit:committed',
  /** A commit failed: `error` is what went wrong. */
  commitFailed: 'tidemark:commit:failed',
  /** A store directory was listed: state files (`rows`). */
  list: 'tidemark:recovery:list',
  /** The snapshot a load starts from was read: `rows`, `bytes`. */
  choose: 'tidemark:recovery:choose',
  /** A delta was applied: `rows`, `bytes`. */
  replay: 'tidemark:recovery:replay',
  /** A load has ended: the keys of the version (`rows`). */
  recovered: 'tidemark:recovery:installed',
  /** The snapshot of `version` is damaged and was passed over; the lease holder writes another: `error`. */
  repair: 'tidemark:recovery:repair',
  /** The snapshot of `version` was published. */
  snapshot: 'tidemark:maintenance:snapshot',
  /** Files that need not be kept were removed: how many (`rows`). */
  clean: 'tidemark:maintenance:clean',
  /** A round of maintenance failed, and is tried again: `error`. */
  maintenanceFailed: 'tidemark:maintenance:failed',
} as const

export type Step = keyof typeof CHANNELS

const channels = new Map(
  Object.entries(CHANNELS).map(([step, name]) => [step as Step, channel(name)] as const),
)

/** Publishes on the channel of `step`; costs next to nothing where nobody listens. A listener that throws is Node's to report. */
export function publishStep(step: Step, message: StepMessage): void {
  const target = channels.get(step)
  if (target?.hasSubscribers) target.publish(message)
}
