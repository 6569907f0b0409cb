import { type CheckpointFileManager, joinPath } from '../files/file-manager.ts'
import type { ReadableDirectory } from './state-files.ts'

/** A store directory for reading. An absent one has no files. */
export function directoryReader(
  files: CheckpointFileManager,
  directory: string,
): ReadableDirectory {
  return {
    directory,
    movesAtomically: files.capabilities.atomicMove,
    list: async () => (await files.list(directory)) ?? [],
    read: (name, range, signal, revision) =>
      files.read(joinPath(directory, name), range, signal, revision),
  }
}
