// The public API of tidemark: names only, no code.

export type { ByteSlice } from './base/byte-slice.ts'
export type { Clock } from './base/clock.ts'
export { CHANNELS, type Step, type StepMessage } from './base/diagnostics.ts'
export type { Logger } from './base/logger.ts'
export type { BatchInfo } from './checkpoint/batches.ts'
export { type Checkpoint, openCheckpoint } from './checkpoint/checkpoint.ts'
export {
  type CommitLogEntry,
  type CommitMetadata,
  parseCommitLog,
  printCommitLog,
} from './checkpoint/commit-log.ts'
export type { Finding, FindingKind } from './checkpoint/finding.ts'
export {
  type OffsetLogEntry,
  type OffsetMetadata,
  parseOffsetLog,
  printOffsetLog,
  type SourceOffset,
} from './checkpoint/offset-log.ts'
export {
  type OperatorMetadata,
  type OperatorStoreMetadata,
  parseOperatorMetadata,
  printOperatorMetadata,
} from './checkpoint/operator-metadata.ts'
export type { OperatorInfo, OperatorStore } from './checkpoint/operators.ts'
export {
  parseQueryMetadata,
  printQueryMetadata,
  type QueryMetadata,
} from './checkpoint/query-metadata.ts'
export type { ChangesSelection, CheckpointChange, RawChange } from './checkpoint/read-changes.ts'
export type {
  CheckpointDifference,
  DifferencesSelection,
  RawDifference,
} from './checkpoint/read-differences.ts'
export type { AtVersion, ReadSelection } from './checkpoint/read-plan.ts'
export type { CheckpointRow, RawRow, RowsSelection } from './checkpoint/read-rows.ts'
export {
  parseSchemaFile,
  printSchemaFile,
  type SchemaFamily,
  type SchemaFile,
} from './checkpoint/schema-file.ts'
export type { RowSettings, RowSettingsOverrides } from './checkpoint/spark-settings.ts'
export type { FileTotals, StoreInfo } from './checkpoint/store-info.ts'
export type { StoreSchema } from './checkpoint/store-schema.ts'
export type { JoinSide, RowSchema } from './checkpoint/stored-rows.ts'
export type { StoreSelection } from './checkpoint/store-selection.ts'
export { verifyCheckpoint, type VerifyOptions } from './checkpoint/verify.ts'
export type { CompressionName } from './codec/compression.ts'
export { decodeRow } from './codec/unsafe-row/decode-row.ts'
export { encodeRow } from './codec/unsafe-row/encode-row.ts'
export { hashRow, partitionOf } from './codec/unsafe-row/murmur3.ts'
export { rowToJson } from './codec/unsafe-row/row-to-json.ts'
export { parseSchemaJson, parseTypeJson, printTypeJson } from './codec/unsafe-row/schema-json.ts'
export type {
  DayTimeUnit,
  PlainKind,
  SparkArray,
  SparkBoundedString,
  SparkDayTimeInterval,
  SparkDecimal,
  SparkField,
  SparkMap,
  SparkPlain,
  SparkStruct,
  SparkTime,
  SparkType,
  SparkYearMonthInterval,
  YearMonthUnit,
} from './codec/unsafe-row/spark-type.ts'
export type {
  CalendarInterval,
  SparkRow,
  SparkValue,
  VariantValue,
} from './codec/unsafe-row/spark-value.ts'
export { variantToJson } from './codec/unsafe-row/variant-json.ts'
export { StateStores } from './coordinator/state-stores.ts'
export {
  ERROR_CODES,
  type ErrorCode,
  type ErrorKind,
  isStateStoreError,
  StateStoreError,
} from './errors.ts'
export {
  type ByteRange,
  type CheckpointFileManager,
  checkPath,
  checkSegment,
  type ConditionalUpload,
  type ConditionalWrites,
  type Durability,
  type FileManagerCapabilities,
  type FileStatus,
  type FileWriter,
  PROBE_PREFIX,
  type WriteCondition,
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
