// verifyQuery — what is wrong with what a query of Spark's keeps around its stores, and whether the stores are what it says they are.
//
//   1. logs        metadata, every offset log, every commit log: are they there, and can they be understood?
//   2. operators   their metadata; the folders of their stores and partitions
//   3. schemas     of every store that has one, or should have one
//   4. codec       every state file is in the compression that the query is set to
//   5. rows        those of the newest version (or the one asked for) are of their schema
//
// Our own checkpoints have none of this, and nothing is found there. What is wrong with the files of a store is verify-store.ts's to tell.

import { isStateStoreError, type StateStoreError } from '../errors.ts'
import { type CheckpointFileManager, joinPath } from '../files/file-manager.ts'
import { type ResolvedStoreId, storeIdText } from '../store/store-id.ts'
import {
  commitMissing,
  lastCommittedBatch,
  listBatchIds,
  lostCommits,
  lostOffsets,
  offsetsMissing,
  readCommit,
  readOffsets,
} from './batches.ts'
import { codecProblem } from './codec-check.ts'
import { COMMITS_DIRECTORY } from './commit-log.ts'
import { corruptFile } from '../codec/corrupt-file.ts'
import { type Finding, type FindingKind, findingOf } from './finding.ts'
import { locateRecord } from './locate-record.ts'
import { OFFSETS_DIRECTORY } from './offset-log.ts'
import { openVersion } from './open-version.ts'
import { checkOperator, type OperatorInfo, surveyOperators } from './operators.ts'
import { parseQueryMetadata, QUERY_METADATA_FILE } from './query-metadata.ts'
import type { ReadContext } from './read-context.ts'
import { ReaderStores } from './reader-stores.ts'
import { knownSettings, type RowSettings } from './spark-settings.ts'
import { listStoreFiles, type StoreFilesContext } from './store-file.ts'
import { hasStoreSchema, readStoreSchema } from './store-schema.ts'
import { matchesStore, type StoreSelection } from './store-selection.ts'
import { atRecord, StoredRows } from './stored-rows.ts'
import { readSmallFile } from './versioned-text.ts'

export interface VerifyQueryContext {
  readonly files: CheckpointFileManager
  /** All that are there. */
  readonly stores: readonly ResolvedStoreId[]
  readonly settings: RowSettings
  readonly options: StoreSelection & {
    readonly version?: number | undefined
    readonly signal?: AbortSignal | undefined
  }
}

export async function verifyQuery(context: VerifyQueryContext): Promise<Finding[]> {
  const logs = {
    planned: await listBatchIds(context.files, OFFSETS_DIRECTORY),
    committed: await listBatchIds(context.files, COMMITS_DIRECTORY),
  }
  const findings = await verifyLogs(context, logs)
  const operators = await verifyOperators(context, logs, findings)
  const typed = await verifySchemas(context, operators, findings)
  await verifyCodecs(context, findings)
  await verifyRows(context, typed, findings)
  return findings
}

/** The batches in the offset log, and those in the commit log; ascending. */
interface LoggedBatches {
  readonly planned: readonly number[]
  readonly committed: readonly number[]
}

async function verifyLogs(
  { files }: VerifyQueryContext,
  { planned, committed }: LoggedBatches,
): Promise<Finding[]> {
  const findings: Finding[] = []
  await attempt(findings, 'damaged-metadata', QUERY_METADATA_FILE, async () => {
    const bytes = await readSmallFile(files, QUERY_METADATA_FILE)
    if (bytes !== undefined) parseQueryMetadata(bytes, QUERY_METADATA_FILE)
    else if (planned.length + committed.length > 0) throw queryMissing()
    if (bytes !== undefined && planned.length + committed.length === 0)
      throw offsetsMissing(undefined)
  })
  for (const batchId of lostOffsets(planned, committed))
    findings.push(problem('damaged-metadata', offsetsMissing(batchId), {}))
  for (const batchId of lostCommits(planned, committed))
    findings.push(problem('damaged-metadata', commitMissing(batchId), {}))
  for (const batchId of committed.filter((id) => id < (planned.at(0) ?? 0)))
    findings.push(halfCleaned(batchId))
  const logs = [
    [OFFSETS_DIRECTORY, planned, readOffsets],
    [COMMITS_DIRECTORY, committed, readCommit],
  ] as const
  for (const [directory, batchIds, read] of logs)
    for (const batchId of batchIds)
      await attempt(findings, 'damaged-metadata', joinPath(directory, String(batchId)), () =>
        read(files, batchId),
      )
  return findings
}

/** SPARK: since 4.1 it does not start on logs without the id of their query. */
function queryMissing(): StateStoreError {
  return corruptFile(
    QUERY_METADATA_FILE,
    'Expected the id of the query, because the logs of one are there, found nothing; Spark refuses to go on without it',
  )
}

/** SPARK: the offset log is cleaned first, so this is what a cleaning in between leaves, and what one that was stopped has left. */
function halfCleaned(batchId: number): Finding {
  const path = joinPath(COMMITS_DIRECTORY, String(batchId))
  return {
    severity: 'warning',
    kind: 'leftover',
    path,
    message: `Left behind when batch ${batchId} was cleaned: its offset log is gone, and only older ones are (${path})`,
  }
}

async function verifyOperators(
  { files, stores, options }: VerifyQueryContext,
  { planned, committed }: LoggedBatches,
  findings: Finding[],
): Promise<readonly OperatorInfo[]> {
  const { operators, problems } = await surveyOperators(files, stores)
  for (const { error } of problems) findings.push(problem('damaged-metadata', error, {}))
  // SPARK: metadata and schemas are written when the first batch is planned, and the stores by its tasks: none need be there yet.
  const isFirstBatch = planned.at(-1) === 0 && committed.length === 0
  const there = new Set(stores.map(storeIdText))
  for (const operator of operators)
    for (const { store, error } of checkOperator(operator, stores))
      if (matchesStore(store, options) && (there.has(storeIdText(store)) || !isFirstBatch))
        findings.push(problem('wrong-folders', error, { storeId: storeIdText(store) }))
  return operators
}

/** The schemas that can be read, by operator and store name. */
async function verifySchemas(
  { files, stores, options }: VerifyQueryContext,
  operators: readonly OperatorInfo[],
  findings: Finding[],
): Promise<ReadonlyMap<string, StoredRows>> {
  const typed = new Map<string, StoredRows>()
  const known = new Set<string>()
  for (const store of stores.filter((id) => matchesStore(id, options))) {
    const name = kindOf(store)
    if (known.has(name)) continue
    known.add(name)
    const { operatorId } = store
    const metadata = operators.find((operator) => operator.operatorId === operatorId)?.metadataPath
    // SPARK: before 3.0 there was none, and metadata of operators came later.
    if (metadata === undefined && !(await hasStoreSchema(files, store))) continue
    const schema = await attempt(findings, 'damaged-metadata', '', () =>
      readStoreSchema(files, store),
    )
    if (schema !== undefined) typed.set(name, new StoredRows(schema, undefined))
  }
  return typed
}

async function verifyCodecs(
  { files, stores, settings, options }: VerifyQueryContext,
  findings: Finding[],
): Promise<void> {
  const spark = await knownSettings(files)
  if (spark === undefined) return
  const context: StoreFilesContext = { files, settings, signal: options.signal }
  for (const store of stores.filter((id) => matchesStore(id, options))) {
    const { deltas, snapshots } = await listStoreFiles(files, store)
    for (const group of [deltas, snapshots]) {
      for (const [version, status] of [...group].sort(([a], [b]) => a - b)) {
        options.signal?.throwIfAborted()
        if (version > (options.version ?? version)) continue
        const error = await quietly(() => codecProblem(context, spark, store, status))
        if (error !== undefined)
          findings.push(problem('wrong-codec', error, { storeId: storeIdText(store), version }))
      }
    }
  }
}

async function verifyRows(
  { files, stores, settings, options }: VerifyQueryContext,
  typed: ReadonlyMap<string, StoredRows>,
  findings: Finding[],
): Promise<void> {
  if (typed.size === 0) return
  const committed = await quietly(() => lastCommittedBatch(files))
  const newest = typeof committed === 'number' ? committed + 1 : undefined
  await using readers = new ReaderStores(files, settings)
  const context = { files, settings, readers, signal: options.signal }
  for (const store of stores.filter((id) => matchesStore(id, options))) {
    const rows = typed.get(kindOf(store))
    if (rows === undefined) continue
    // What keeps a version from being read at all is told of the store's files.
    const error = await quietly(() =>
      firstWrongRow(context, store, options.version ?? newest, rows),
    )
    if (error !== undefined)
      findings.push(problem('wrong-row', error, { storeId: storeIdText(store) }))
  }
}

async function firstWrongRow(
  context: StoreFilesContext & ReadContext,
  store: ResolvedStoreId,
  version: number | undefined,
  rows: StoredRows,
): Promise<StateStoreError | undefined> {
  await using opened = await openVersion(context, store, version, { signal: context.signal })
  const { reader } = opened
  for (const [key, value] of reader.entries()) {
    try {
      rows.key(key)
      rows.value(value)
    } catch (error) {
      if (!isStateStoreError(error)) throw error
      const place = await locateRecord(context, store, reader.version, key)
      return atRecord(error, store, reader.version, place)
    }
  }
  return undefined
}

function kindOf({ operatorId, storeName }: ResolvedStoreId): string {
  return `${operatorId}/${storeName}`
}

function problem(
  kind: FindingKind,
  error: StateStoreError,
  where: { storeId?: string; version?: number; path?: string },
): Finding {
  return findingOf(kind, error, { ...where, path: error.path ?? where.path ?? '' })
}

/** What `look` resolves to; an error of the checkpoint becomes a finding. `path` is for errors that name none. */
async function attempt<T>(
  findings: Finding[],
  kind: FindingKind,
  path: string,
  look: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await look()
  } catch (error) {
    if (!isStateStoreError(error)) throw error
    findings.push(problem(kind, error, { path }))
    return undefined
  }
}

/** What `look` resolves to; an error of the checkpoint is left to those who look for it. */
async function quietly<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look()
  } catch (error) {
    if (!isStateStoreError(error)) throw error
    return undefined
  }
}
