// Whether a state file is in the compression that its query is set to: checkCodec for the reader of a version, codecProblem for `verify`.
//
// SPARK: its files do not name their codec; it decodes them with the one of the offset log, and fails on any other. We recognise each file
// by its first bytes and could go on, but to show rows that Spark cannot read would hide that the checkpoint is broken.

import { sniffCompression, SNIFF_BYTES } from '../codec/compressions.ts'
import { corruptFile } from '../codec/corrupt-file.ts'
import type { StateStoreError } from '../errors.ts'
import type { FileStatus } from '../files/file-manager.ts'
import type { ResolvedStoreId } from '../store/store-id.ts'
import { configuredCodec, type SparkSettings } from './spark-settings.ts'
import { FileVanishedError } from './state-file-source.ts'
import { listStoreFiles, sourceOf, type StoreFilesContext } from './store-file.ts'

/**
 * CORRUPT_FILE where a version's file is compressed otherwise than the offset log says: we can read it, for files tell their codec, but Spark goes by
 * the setting and cannot. A file that is not there, or recognisable as none, is left to who reads it.
 */
export async function checkCodec(
  context: StoreFilesContext,
  settings: SparkSettings | undefined,
  id: ResolvedStoreId,
  version: number,
): Promise<void> {
  if (settings === undefined || configuredCodec(settings) === undefined) return
  const { deltas, snapshots } = await listStoreFiles(context.files, id)
  const status = deltas.get(version) ?? snapshots.get(version)
  const problem = status && (await codecProblem(context, settings, id, status))
  if (problem !== undefined) throw problem
}

/** What checkCodec throws, of a listed file. */
export async function codecProblem(
  context: StoreFilesContext,
  settings: SparkSettings,
  id: ResolvedStoreId,
  status: FileStatus,
): Promise<StateStoreError | undefined> {
  const configured = configuredCodec(settings)
  if (configured === undefined || status.type !== 'file') return undefined
  const source = sourceOf(context, id, status)
  let head: Uint8Array
  try {
    head = await source.read(0, Math.min(SNIFF_BYTES, source.sizeBytes))
  } catch (error) {
    if (error instanceof FileVanishedError) return undefined
    throw error
  }
  const found = sniffCompression(head)?.name
  if (found === undefined || found === configured) return undefined
  return corruptFile(
    source.path,
    `Expected a file compressed with ${configured}, as ${settings.path} says, found one compressed with ${found}, which Spark cannot read; rawRows and --hex read it all the same`,
    { offset: 0 },
  )
}
