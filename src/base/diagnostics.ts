// The names of all diagnostics channels, in one table, and the one function that publishes. Subscribe with node:diagnostics_channel:
// the step words are those of the headers of store/commit.ts and store/recovery.ts. A message never holds keys or values.

import { channel } from 'node:diagnostics_channel'

export interface StepMessage {
  /** operator/partition/name */
  readonly storeId: string
  readonly version?: number
  /** With lease steps. */
  readonly generation?: number
  /** How long the step took, milliseconds. */
  readonly durationMs?: number
  readonly bytes?: number
  readonly rows?: number
  readonly path?: string
  readonly error?: unknown
}

/** Channel names by step: what each tells, and when. */
export const CHANNELS = {
  claim: 'tidemark:lease:claim',
  fenced: 'tidemark:lease:fenced',
  open: 'tidemark:store:open',
  abort: 'tidemark:store:abort',
  seal: 'tidemark:commit:seal',
  publish: 'tidemark:commit:publish',
  install: 'tidemark:commit:install',
  committed: 'tidemark:commit:committed',
  commitFailed: 'tidemark:commit:failed',
  list: 'tidemark:recovery:list',
  choose: 'tidemark:recovery:choose',
  replay: 'tidemark:recovery:replay',
  recovered: 'tidemark:recovery:installed',
  repair: 'tidemark:recovery:repair',
  snapshot: 'tidemark:maintenance:snapshot',
  clean: 'tidemark:maintenance:clean',
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
