import type { CheckpointFileManager } from '../files/file-manager.ts'
import { type StateFileSource, WHOLE_FILE_BYTES_MAX } from '../format/state-file-reader.ts'

/** A file that was listed is gone: its store is looked at anew. */
export class FileVanishedError extends Error {
  readonly path: string
  constructor(path: string) {
    super(`${path} was listed, but is gone`)
    this.path = path
  }
}

/** A listed file of `sizeBytes` as the format room reads it. Reading it rejects with FileVanishedError once it is gone. */
export function openStateFile(
  files: CheckpointFileManager,
  path: string,
  sizeBytes: number,
  signal?: AbortSignal,
): StateFileSource {
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const bytes = await files.read(path, { offset, length }, signal)
    if (bytes === undefined) throw new FileVanishedError(path)
    return bytes
  }
  let whole: Promise<Uint8Array> | undefined
  return {
    path,
    sizeBytes,
    read: async (offset, length) => {
      if (sizeBytes > WHOLE_FILE_BYTES_MAX) return await read(offset, length)
      whole ??= read(0, sizeBytes)
      return (await whole).subarray(offset, offset + length)
    },
  }
}
