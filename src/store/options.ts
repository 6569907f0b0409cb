// Every option of the engine: unit, range and default in one place, checked once. docs/options.md is generated from the same table.

import { systemClock, type Clock } from '../base/clock.ts'
import { silentLogger, type Logger } from '../base/logger.ts'
import { A_CLOCK, checkOptions, hasMethods, type OptionEntry } from '../base/option-entries.ts'
import type { CompressionName } from '../codec/compression.ts'
import { StateStoreError } from '../errors.ts'
import type { Durability } from '../files/file-manager.ts'

/** Options of a checkpoint's stores. All are optional; docs/options.md says what each is for. */
export interface StateStoreOptions {
  /** Codec of the files this process writes: 'lz4', 'snappy', 'zstd', 'lzf' or 'none'. Reading follows the file. Default 'lz4'. */
  compression?: CompressionName
  /** 'fsync': a commit survives power loss. 'os': it survives the death of the process. Default 'fsync'. */
  durability?: Durability
  /** Write our trailer behind each file's compressed stream. `false` writes pure Spark files, without progress, on local disk and in memory only (elsewhere getStore is INVALID_OPTIONS). Default true. */
  trailer?: boolean
  /** Write Spark 4.1's `.crc` sidecar beside each file. Present ones are verified in any case. Not on S3: there getStore is INVALID_OPTIONS. Default false. */
  checksumFiles?: boolean
  /** SPARK: files carry a CRC32C per row (spark.sql.streaming.stateStore.rowChecksum.enabled). Files with a trailer say it themselves; of those without, all or none must have them. Default false. */
  rowChecksums?: boolean
  /** SPARK: cut value sizes down to a multiple of 8 when reading files without trailer, as Spark does with what Spark before 2.3 wrote. Default false. */
  floorValues?: boolean
  /** A snapshot is due when more deltas than this follow the last one. Whole number, 1 or more. Default 10. */
  minDeltasForSnapshot?: number
  /** How many versions stay on disk, at least. Whole number, 1 or more. Default 100. */
  minBatchesToRetain?: number
  /** How many versions stay in memory, at most, beside those that somebody reads. Whole number, 0 or more; 0 reloads from disk at each open. Default 2. */
  maxBatchesToRetainInMemory?: number
  /** When more deltas than this follow the last snapshot, a commit asks for one instead of waiting for the next round; not again within an interval (a minute where there are no rounds) after one that failed. 1 or more; of no effect below minDeltasForSnapshot. Default 50. */
  forceSnapshotAtDeltas?: number
  /** Milliseconds between rounds of maintenance; 0: no rounds, only what forceSnapshotAtDeltas asks for and your own doMaintenance. Default 60 000. */
  maintenanceIntervalMs?: number
  /** How many stores of a round are maintained at once, and as many beside it of those whose commits have asked. 1 to 64. Default 1. */
  maintenanceConcurrency?: number
  /** Longest time maintenance holds up others at a stretch, milliseconds, 1 to 1000. A snapshot holds the event loop, then rests five times as long; cleaning holds the commits of its store. Default 4. */
  maintenanceSliceMs?: number
  /** How many versions outside memory may be open for reading at once, each in a map of its own; one more is MEMORY_LIMIT. 0 or more. Default 2. */
  historicalMapsMax?: number
  /** Most bytes of one map, 1 MiB to 32 GiB: the store's own, and that of each version outside memory that is open for reading. Default 32 GiB. */
  memoryBytesMax?: number
  /** Refuse every getStore, so that this process never claims a lease or writes a byte. Default false. */
  readOnly?: boolean
  /** Who this writer is, kept in its claim for people to read. Default ''. */
  owner?: string
  /** Where the engine logs. Default: nowhere. */
  logger?: Logger
  /** Time and chance. Default: the system's. */
  clock?: Clock
}

export type ResolvedOptions = Readonly<Required<StateStoreOptions>>

const isBoolean: OptionEntry = { expected: 'true or false', check: (v) => typeof v === 'boolean' }

const isOneOf = (...values: string[]): OptionEntry => ({
  expected: values.map((value) => `'${value}'`).join(', '),
  check: (v) => typeof v === 'string' && values.includes(v),
})

const isWhole = (min: number, max = Number.MAX_SAFE_INTEGER): OptionEntry => ({
  expected: `a whole number, ${min} ${max === Number.MAX_SAFE_INTEGER ? 'or more' : `to ${max}`}`,
  check: (v) => Number.isSafeInteger(v) && (v as number) >= min && (v as number) <= max,
})

const OPTIONS: Readonly<Record<keyof StateStoreOptions, OptionEntry>> = {
  compression: isOneOf('lz4', 'snappy', 'zstd', 'lzf', 'none'),
  durability: isOneOf('fsync', 'os'),
  trailer: isBoolean,
  checksumFiles: isBoolean,
  rowChecksums: isBoolean,
  floorValues: isBoolean,
  minDeltasForSnapshot: isWhole(1),
  minBatchesToRetain: isWhole(1),
  maxBatchesToRetainInMemory: isWhole(0),
  forceSnapshotAtDeltas: isWhole(1),
  // 2^31 - 1 ms is the longest timer Node can set.
  maintenanceIntervalMs: isWhole(0, 2 ** 31 - 1),
  maintenanceConcurrency: isWhole(1, 64),
  maintenanceSliceMs: isWhole(1, 1000),
  historicalMapsMax: isWhole(0),
  memoryBytesMax: isWhole(2 ** 20, 2 ** 35),
  readOnly: isBoolean,
  owner: { expected: 'a string', check: (v) => typeof v === 'string' },
  logger: hasMethods('info', 'warn'),
  clock: A_CLOCK,
}

export const DEFAULT_OPTIONS: ResolvedOptions = Object.freeze({
  compression: 'lz4',
  durability: 'fsync',
  trailer: true,
  checksumFiles: false,
  rowChecksums: false,
  floorValues: false,
  minDeltasForSnapshot: 10,
  minBatchesToRetain: 100,
  maxBatchesToRetainInMemory: 2,
  forceSnapshotAtDeltas: 50,
  maintenanceIntervalMs: 60_000,
  maintenanceConcurrency: 1,
  maintenanceSliceMs: 4,
  historicalMapsMax: 2,
  memoryBytesMax: 2 ** 35,
  readOnly: false,
  owner: '',
  logger: silentLogger,
  clock: systemClock,
})

/** What each option takes, in words: for docs/options.md. */
export function describeOptions(): Readonly<Record<keyof StateStoreOptions, string>> {
  const described = Object.entries(OPTIONS).map(([name, entry]) => [name, entry.expected] as const)
  return Object.fromEntries(described) as Record<keyof StateStoreOptions, string>
}

/** Applies the defaults and returns a frozen object. Unknown names and values out of range are INVALID_OPTIONS. `undefined` means the default. */
export function resolveOptions(options: StateStoreOptions = {}): ResolvedOptions {
  checkOptions(options, OPTIONS, {
    refused: (problem) => new StateStoreError('TIDEMARK_INVALID_OPTIONS', problem),
  })
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const resolved: unknown = { ...DEFAULT_OPTIONS, ...Object.fromEntries(given) }
  return Object.freeze(resolved) as ResolvedOptions
}
