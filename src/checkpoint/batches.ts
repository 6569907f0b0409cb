// The batches of a query, out of its offset and commit logs: what was planned, and what of it is done.
//
// Batch b reads version b of every store and commits b + 1. It is planned once offsets/<b> is there and committed once commits/<b> is; one
// that is only planned runs again when the query starts. Both logs are cleaned from the old end, the offsets first; so above the oldest
// entry that is kept, offsets are there for every batch, and one that is missing was lost.

import { corruptFile } from '../codec/corrupt-file.ts'
import type { StateStoreError } from '../errors.ts'
import { type CheckpointFileManager, joinPath } from '../files/file-manager.ts'
import { type CommitLogEntry, COMMITS_DIRECTORY, parseCommitLog } from './commit-log.ts'
import {
  type OffsetLogEntry,
  OFFSETS_DIRECTORY,
  parseOffsetLog,
  type SourceOffset,
} from './offset-log.ts'
import { QUERY_METADATA_FILE } from './query-metadata.ts'
import { readSmallFile } from './versioned-text.ts'

export interface BatchInfo {
  readonly batchId: number
  /** Whether it is done: what it left in the stores counts. */
  readonly committed: boolean
  /** Milliseconds since the epoch; 0 before there is a watermark. Undefined where its offset log is gone. */
  readonly watermarkMs: number | undefined
  /** When it was planned; milliseconds since the epoch. */
  readonly timestampMs: number | undefined
  /** Of the batch after it; undefined where it is not committed, or its commit log does not say. */
  readonly nextWatermarkMs: number | undefined
  /** How far each source is read with this batch, in the order of the sources. Undefined where its offset log is gone. */
  readonly offsets: readonly SourceOffset[] | undefined
  /** The settings that it ran with. */
  readonly conf: Readonly<Record<string, string>>
}

/** Whether a query of Spark's stands around the stores: its id, or the folder of either log. Our own checkpoints have none of them. */
export async function hasQueryFiles(files: CheckpointFileManager): Promise<boolean> {
  for (const path of [QUERY_METADATA_FILE, OFFSETS_DIRECTORY, COMMITS_DIRECTORY])
    if ((await files.stat(path)) !== undefined) return true
  return false
}

/** The batches that a log has entries of, ascending; none if it is not there. What has the name but is no file counts too, for who reads it to say so. */
export async function listBatchIds(
  files: CheckpointFileManager,
  directory: string,
): Promise<number[]> {
  const entries = (await files.list(directory)) ?? []
  return entries
    .filter(({ name }) => /^(0|[1-9]\d{0,14})$/.test(name))
    .map(({ name }) => Number(name))
    .sort((a, b) => a - b)
}

/**
 * The newest batch that is done; 'none' where batches were planned but none is done; undefined where nobody says: in our own checkpoints, and in
 * Spark's before 2.2, which had no commit log (nor settings in its offset log). CORRUPT_FILE, UNKNOWN_FORMAT_VERSION: what says that a batch
 * is done has to be understood, as Spark has to.
 */
export async function lastCommittedBatch(
  files: CheckpointFileManager,
): Promise<number | 'none' | undefined> {
  const newest = (await listBatchIds(files, COMMITS_DIRECTORY)).at(-1)
  if (newest !== undefined) {
    await readCommit(files, newest)
    return newest
  }
  const planned = (await listBatchIds(files, OFFSETS_DIRECTORY)).at(-1)
  const offsets = planned === undefined ? undefined : await readOffsets(files, planned)
  return offsets?.metadata?.conf === undefined ? undefined : 'none'
}

/** Undefined if it is not there. CORRUPT_FILE, UNKNOWN_FORMAT_VERSION. */
export async function readOffsets(
  files: CheckpointFileManager,
  batchId: number,
): Promise<OffsetLogEntry | undefined> {
  const path = joinPath(OFFSETS_DIRECTORY, String(batchId))
  const bytes = await readSmallFile(files, path)
  return bytes && parseOffsetLog(bytes, path)
}

/** Undefined if it is not there. CORRUPT_FILE, UNKNOWN_FORMAT_VERSION. */
export async function readCommit(
  files: CheckpointFileManager,
  batchId: number,
): Promise<CommitLogEntry | undefined> {
  const path = joinPath(COMMITS_DIRECTORY, String(batchId))
  const bytes = await readSmallFile(files, path)
  return bytes && parseCommitLog(bytes, path)
}

/**
 * The batches whose entry in the offset log was lost, ascending: committed ones, and of every other gap between entries the first. Below the oldest
 * entry nothing is expected.
 */
export function lostOffsets(planned: readonly number[], committed: readonly number[]): number[] {
  const known = new Set(planned)
  const oldest = planned.at(0) ?? -1
  const lost = committed.filter((batchId) => batchId > oldest && !known.has(batchId))
  const gaps = planned.slice(1).flatMap((above, i) => {
    const first = planned[i] + 1
    const isTold = lost.some((batchId) => batchId >= first && batchId < above)
    return first === above || isTold ? [] : [first]
  })
  return [...lost, ...gaps].sort((a, b) => a - b)
}

/**
 * The batches whose entry in the commit log was lost, ascending. SPARK: a batch is planned once the one before it is committed, but versions before 2.2
 * have no commit log, and cleaning takes both logs' oldest entries: so nothing is expected below the oldest one.
 */
export function lostCommits(planned: readonly number[], committed: readonly number[]): number[] {
  const known = new Set(committed)
  const oldest = committed.at(0) ?? Infinity
  const newest = planned.at(-1) ?? 0
  return planned.filter((batchId) => batchId > oldest && batchId < newest && !known.has(batchId))
}

/** The CORRUPT_FILE for an entry of the commit log that should be there. */
export function commitMissing(batchId: number): StateStoreError {
  return corruptFile(
    joinPath(COMMITS_DIRECTORY, String(batchId)),
    `Expected the commit log of batch ${batchId}, because a later batch is planned, found nothing`,
  )
}

/** The CORRUPT_FILE for an entry of the offset log that should be there; undefined stands for any at all. */
export function offsetsMissing(batchId: number | undefined): StateStoreError {
  if (batchId === undefined)
    return corruptFile(
      OFFSETS_DIRECTORY,
      "Expected entries of the offset log, because a query of Spark's stands around the stores, found none; without them nobody knows how its rows are to be read",
    )
  return corruptFile(
    joinPath(OFFSETS_DIRECTORY, String(batchId)),
    `Expected the offset log of batch ${batchId}, which is committed or lies between batches that are there, found nothing; it tells the settings that its rows are to be read with`,
  )
}

/** All batches that either log knows, ascending. CORRUPT_FILE or UNKNOWN_FORMAT_VERSION, naming the file, if one cannot be understood. */
export async function readBatches(files: CheckpointFileManager): Promise<BatchInfo[]> {
  const planned = await listBatchIds(files, OFFSETS_DIRECTORY)
  const committed = await listBatchIds(files, COMMITS_DIRECTORY)
  const all = [...new Set([...planned, ...committed])].sort((a, b) => a - b)
  const batches: BatchInfo[] = []
  for (const batchId of all) {
    const offsets = await readOffsets(files, batchId)
    const commit = await readCommit(files, batchId)
    // Cleaned since the listing.
    if (offsets === undefined && commit === undefined) continue
    batches.push({
      batchId,
      committed: commit !== undefined,
      watermarkMs: offsets && (offsets.metadata?.batchWatermarkMs ?? 0),
      timestampMs: offsets?.metadata?.batchTimestampMs,
      nextWatermarkMs: commit?.metadata?.nextBatchWatermarkMs,
      offsets: offsets?.sources,
      conf: offsets?.metadata?.conf ?? {},
    })
  }
  return batches
}
