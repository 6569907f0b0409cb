// A stream job: batches of events in, state and source position made durable together at the end of each. One implementation for state in bytes,
// whatever store keeps it, and one for a JS Map of plain objects.

import type { EngineOptions } from '../harness/engine.ts'
import type { Content } from '../harness/workload.ts'

export interface StreamJob<Event> {
  readonly standsFor?: string | undefined
  /** Goes on from the last batch that is durable, if there is one. */
  open(options: EngineOptions): Promise<void>
  /** Runs one batch; resolves once it is durable, `position` with it. Milliseconds that took after the last event was applied. */
  batch(events: readonly Event[], position: number): Promise<number>
  /** What the job holds and what it has put out, the same whatever keeps it. Once, in the end. */
  content(): Promise<Content>
  close(): Promise<void>
}

export interface EventSource<Event> {
  /** The events from `start` up to, not including, `end`. Asked for in order. */
  read(start: number, end: number): readonly Event[]
}
