import type { StepLatencies } from './metrics.ts'

/** What a provider counts over its life; StateStoreMetrics shows it. */
export class ProviderCounters {
  cacheHits = 0
  cacheMisses = 0
  snapshotsRepaired = 0
  forcedSnapshots = 0
  orphansSkipped = 0
  sidecarsRepaired = 0
  sidecarFailures = 0
  maintenanceFailures = 0
  /** Version of the last snapshot written, loaded or listed; -1 before. SPARK: as its instance metric. */
  lastSnapshotVersion = -1
  readonly latencies: { -readonly [step in keyof StepLatencies]: StepLatencies[step] } = {}
}
