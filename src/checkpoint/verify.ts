// verifyCheckpoint — everything that is wrong in a checkpoint, as a list.
//
// Reads every state file of every store (verify-store.ts says what is asked of each), looks for what does not belong, and never writes. It
// goes on after each problem: the list is whole. Beside a writer at work it may be used too: a store whose files change meanwhile is
// looked at again.

import { systemClock } from '../base/clock.ts'
import { type CheckpointFileManager, joinPath } from '../files/file-manager.ts'
import { type ResolvedStoreId, stagingDirectory, storeIdText } from '../store/store-id.ts'
import { isStateStoreError } from '../errors.ts'
import { lastCommittedBatch } from './batches.ts'
import { checkSelection } from './check-selection.ts'
import { discoverStores } from './discover-stores.ts'
import type { Finding } from './finding.ts'
import { openLocation } from './location.ts'
import {
  detectRowSettings,
  knownSettings,
  type RowSettings,
  type RowSettingsOverrides,
} from './spark-settings.ts'
import { matchesStore, type StoreSelection } from './store-selection.ts'
import { verifyQuery } from './verify-query.ts'
import { verifyStore } from './verify-store.ts'

export interface VerifyOptions extends RowSettingsOverrides, StoreSelection {
  /** Look only at the files up to this version. Default: at all. */
  readonly version?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Checks a checkpoint and returns what is wrong with it: first with what a query of Spark's keeps around the stores, then store by store and in order
 * of versions; an empty list if nothing is. Throws CHECKPOINT_NOT_FOUND, UNSUPPORTED (a RocksDB checkpoint), STORAGE_UNAVAILABLE where even listing
 * fails, and the signal's reason.
 */
export async function verifyCheckpoint(
  location: string | CheckpointFileManager,
  asked: VerifyOptions = {},
): Promise<Finding[]> {
  const options = checkSelection('verify', asked)
  const files = await openLocation(location)
  const { stores, strays } = await discoverStores(files)
  const settings = await settingsToLook(files, options)
  const findings: Finding[] = await verifyQuery({ files, stores, settings, options })
  const committed = await committedVersion(files)
  for (const id of stores.filter((store) => matchesStore(store, options))) {
    options.signal?.throwIfAborted()
    const { version, signal } = options
    const hashSeed = systemClock.randomBytes(8)
    findings.push(
      ...(await verifyStore({ files, id, settings, version, committed, signal, hashSeed })),
    )
    findings.push(...(await findLeftovers(files, id)))
  }
  for (const path of strays) {
    const message = `Nothing that belongs into a checkpoint; it is never read (${path})`
    findings.push({ severity: 'warning', kind: 'foreign', path, message })
  }
  return findings
}

/** Where no offset log tells, which is a finding of its own, the files are looked at as Spark writes them by default. */
async function settingsToLook(
  files: CheckpointFileManager,
  options: RowSettingsOverrides,
): Promise<RowSettings> {
  if ((await knownSettings(files)) !== undefined) return await detectRowSettings(files, options)
  const { rowChecksums = false, floorValues } = options
  return await detectRowSettings(files, { rowChecksums, floorValues })
}

/** What the last committed batch left in every store; a commit log that cannot be understood is a finding of verifyQuery. */
async function committedVersion(files: CheckpointFileManager): Promise<number | undefined> {
  try {
    const batchId = await lastCommittedBatch(files)
    return typeof batchId === 'number' ? batchId + 1 : undefined
  } catch (error) {
    if (!isStateStoreError(error) || error.kind === 'unavailable') throw error
    return undefined
  }
}

/** What writers left in staging. The newest generation's folder may be that of a writer at work. */
async function findLeftovers(
  files: CheckpointFileManager,
  id: ResolvedStoreId,
): Promise<Finding[]> {
  const root = stagingDirectory(id)
  const findings: Finding[] = []
  const report = (path: string, what: string): void => {
    const message = `${what}; maintenance removes it (${path})`
    findings.push({
      severity: 'warning',
      kind: 'leftover',
      storeId: storeIdText(id),
      path,
      message,
    })
  }
  for (const generation of (await files.list(root)) ?? []) {
    const path = joinPath(root, generation.name)
    if (!/^\d+$/.test(generation.name)) {
      report(path, 'Left behind by a writer that was fenced')
      continue
    }
    for (const entry of (await files.list(path)) ?? []) {
      report(
        joinPath(path, entry.name),
        'In use by a writer at work, or left behind by one that died',
      )
    }
  }
  return findings
}
