// The commit log: commits/<batch>, written after the batch is done.
//
//   v1   line 2 JSON {"nextBatchWatermarkMs":…}, or `{}` or nothing in old ones
//   v2   the same with `stateUniqueIds`, where the state store has files with ids in their names (Spark's RocksDB provider)

import {
  checkPrinted,
  isRecord,
  parseJsonObject,
  parseVersionedText,
  printVersionedText,
  wholeNumberField,
  wrongField,
} from './versioned-text.ts'

export const COMMITS_DIRECTORY = 'commits'

/** The file commits/<batch>. */
export interface CommitLogEntry {
  readonly formatVersion: 1 | 2
  /** Undefined where there is only the header. */
  readonly metadata: CommitMetadata | undefined
}

/** Fields that are not named here are kept as they are. */
export interface CommitMetadata {
  /** The watermark of the batch after this one; milliseconds since the epoch. Absent before Spark 2.4. */
  readonly nextBatchWatermarkMs?: number
  /** By operator id, partition, then store: the ids of the files. */
  readonly stateUniqueIds?: Readonly<Record<string, readonly (readonly string[])[]>>
  readonly [field: string]: unknown
}

/** An entry of Spark's commit log; `path` is for messages. CORRUPT_FILE or UNKNOWN_FORMAT_VERSION, naming `path`, unless `bytes` are one. */
export function parseCommitLog(bytes: Uint8Array, path: string): CommitLogEntry {
  const { formatVersion, lines } = parseVersionedText(bytes, path, 'a commit log', [1, 2])
  if (lines.length === 0 || (lines.length === 1 && lines[0] === ''))
    return { formatVersion, metadata: undefined }
  const metadata = parseJsonObject(lines.join('\n'), path, 'the second line of a commit log')
  if (metadata['nextBatchWatermarkMs'] !== undefined)
    wholeNumberField(metadata, 'nextBatchWatermarkMs', path)
  checkUniqueIds(metadata['stateUniqueIds'], path)
  return { formatVersion, metadata }
}

/** The bytes of commits/<batch>, as Spark writes them. RangeError for what could not be read again. */
export function printCommitLog({ formatVersion, metadata }: CommitLogEntry): Uint8Array {
  const lines = metadata === undefined ? [] : [JSON.stringify(metadata)]
  return checkPrinted(printVersionedText({ formatVersion, lines }), parseCommitLog)
}

function checkUniqueIds(ids: unknown, path: string): void {
  if (ids === undefined || ids === null) return
  const isRight =
    isRecord(ids) &&
    Object.values(ids).every(
      (partitions) =>
        Array.isArray(partitions) &&
        partitions.every(
          (stores: unknown) =>
            Array.isArray(stores) && stores.every((id: unknown) => typeof id === 'string'),
        ),
    )
  if (!isRight)
    throw wrongField('stateUniqueIds', 'lists of ids by operator and partition', ids, path)
}
