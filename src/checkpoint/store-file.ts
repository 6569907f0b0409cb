// The state files of one store, read one by one: what a change feed is made of, and where a row is looked for that cannot be understood.

import { corruptFile } from '../codec/corrupt-file.ts'
import { type CheckpointFileManager, type FileStatus, joinPath } from '../files/file-manager.ts'
import {
  classifyFiles,
  sidecarName,
  type StateFileKind,
  type StoreFiles,
} from '../format/file-names.ts'
import { verifySidecar } from '../format/sidecar.ts'
import {
  type ReadStateFileOptions,
  readStateFile,
  type RowSink,
  type StateFileContent,
  type StateFileSource,
} from '../format/state-file-reader.ts'
import { type ResolvedStoreId, storeDirectory } from '../store/store-id.ts'
import type { RowSettings } from './spark-settings.ts'
import { openStateFile } from './state-file-source.ts'

export interface StoreFilesContext {
  readonly files: CheckpointFileManager
  readonly settings: RowSettings
  readonly signal: AbortSignal | undefined
}

/** The files of a store by what they are; none where its folder is absent. */
export async function listStoreFiles(
  files: CheckpointFileManager,
  id: ResolvedStoreId,
): Promise<StoreFiles<FileStatus>> {
  return classifyFiles((await files.list(storeDirectory(id))) ?? [])
}

/** A listed file of a store, to be read. CORRUPT_FILE if it is no file. */
export function sourceOf(
  { files, signal }: StoreFilesContext,
  id: ResolvedStoreId,
  status: FileStatus,
): StateFileSource {
  const path = joinPath(storeDirectory(id), status.name)
  if (status.type !== 'file') throw corruptFile(path, `Expected a file, found a ${status.type}`)
  return openStateFile(files, path, status.sizeBytes, signal)
}

/** Reads a whole file, and its sidecar if nothing else stands behind its rows. Rejects as readStateFile and verifySidecar do. */
export async function readWhole(
  context: StoreFilesContext,
  id: ResolvedStoreId,
  source: StateFileSource,
  file: { readonly kind: StateFileKind; readonly version: number },
  sink: RowSink,
): Promise<StateFileContent> {
  const { settings, signal } = context
  const options: ReadStateFileOptions = {
    ...file,
    ...settings,
    store: [id.operatorId, id.partitionId, id.storeName],
    signal,
  }
  const content = await readStateFile(source, options, sink)
  if (content.trailer === undefined) await checkSidecar(context, source, content)
  return content
}

/** One that is not there says nothing. */
async function checkSidecar(
  { files, signal }: StoreFilesContext,
  { path: main, sizeBytes }: StateFileSource,
  { fileCrc: crc }: StateFileContent,
): Promise<void> {
  const path = sidecarName(main)
  const bytes = await files.read(path, {}, signal)
  if (bytes !== undefined) verifySidecar(bytes, { path, sizeBytes, crc })
}
