// The public API of tidemark: names only, no code.

export type { Clock } from './base/clock.ts'
export { CHANNELS, type Step, type StepMessage } from './base/diagnostics.ts'
export type { Logger } from './base/logger.ts'
export {
  type Checkpoint,
  type CheckpointRow,
  openCheckpoint,
  type RowsSelection,
} from './checkpoint/checkpoint.ts'
export type { Finding, FindingKind } from './checkpoint/finding.ts'
export type { RowSettings, RowSettingsOverrides } from './checkpoint/spark-settings.ts'
export type { FileTotals, StoreInfo } from './checkpoint/store-info.ts'
export type { StoreSelection } from './checkpoint/store-selection.ts'
export { verifyCheckpoint, type VerifyOptions } from './checkpoint/verify.ts'
export type { CompressionName } from './codec/compression.ts'
export { StateStores } from './coordinator/state-stores.ts'
export {
  ERROR_CODES,
  type ErrorCode,
  type ErrorKind,
  isStateStoreError,
  StateStoreError,
} from './errors.ts'
export type {
  ByteRange,
  CheckpointFileManager,
  Durability,
  FileManagerCapabilities,
  FileStatus,
  FileWriter,
} from './files/file-manager.ts'
export { LocalFileManager } from './files/local.ts'
export { MemoryFileManager } from './files/memory.ts'
export type { StateStoreMetrics, StepLatencies } from './store/metrics.ts'
export type { StateStoreOptions } from './store/options.ts'
export type { GetReadStoreOptions, StateStoreProvider } from './store/provider.ts'
export type {
  CommitOptions,
  Entry,
  ReadStateStore,
  StateReader,
  StateStore,
  StoreCursor,
  StoreState,
} from './store/state-store.ts'
export type { ResolvedStoreId, StoreId } from './store/store-id.ts'
export type { GetStoreOptions } from './store/store-writer.ts'
