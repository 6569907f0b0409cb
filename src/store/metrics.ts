// What a store tells of itself in numbers: Spark's metrics by Spark's names, our own beside them. Counted in provider-counters.ts.
//
// SPARK: custom metrics are numbers only, and are summed up over partitions by whoever shows them.

/** Latency of the last run of each step, milliseconds; absent until it has run. */
export interface StepLatencies {
  /** Opening for update, a load included; not the wait for its turn, nor the claim that the first one makes. */
  readonly openMs?: number
  /** Of a commit: completing the delta in staging. */
  readonly sealMs?: number
  /** Of a commit: moving it to its place, what is to be undone included. */
  readonly publishMs?: number
  /** Of a commit: installing the version in memory. */
  readonly installMs?: number
  /** A commit: the three together; not the wait for its turn, nor the tidying up in memory behind it. */
  readonly commitMs?: number
  /** Building a version from files. */
  readonly loadMs?: number
  /** Writing and publishing a snapshot. */
  readonly snapshotMs?: number
  /** Removing what need not be kept. */
  readonly cleanMs?: number
}

/** What a store reports. The first three and the first five custom metrics are Spark's, by Spark's names. */
export interface StateStoreMetrics {
  /** Keys of the newest state in memory. */
  readonly numKeys: number
  /** Bytes allocated for the store, all versions in memory together: exact, not estimated. Without the delta of an open store. */
  readonly memoryUsedBytes: number
  readonly customMetrics: {
    /** Key and value bytes of the newest state. */
    readonly stateOnCurrentVersionSizeBytes: number
    /** Opens answered from memory. */
    readonly loadedMapCacheHitCount: number
    /** Opens that had to read files. */
    readonly loadedMapCacheMissCount: number
    /** Loads that passed over a damaged snapshot. */
    readonly numSnapshotsAutoRepaired: number
    /** Snapshots asked for by a commit because the last one lay too far back. */
    readonly forceSnapshotCount: number
    /** Files of replaced histories that loads passed over. */
    readonly orphansSkipped: number
    /** Sidecars that contradicted a whole file. */
    readonly sidecarsRepaired: number
    /** Sidecars that could not be written; the commits stood. */
    readonly sidecarFailures: number
    /** Views, cursors and iterators now open, those of a snapshot being written among them; one that only grows is a leak. */
    readonly openReaders: number
    /** Versions outside memory now open for reading. */
    readonly historicalMaps: number
    /** Deltas since the last snapshot. */
    readonly snapshotLag: number
    /** Rounds of maintenance that failed. */
    readonly maintenanceFailures: number
  }
  /** SPARK: `SnapshotLastUploaded.partition_<p>_<name>`: version of the last snapshot that this provider has written, loaded or seen in a round of maintenance, -1 before. */
  readonly instanceMetrics: Readonly<Record<string, number>>
  readonly latencies: StepLatencies
}
