// A listed state file of a checkpoint as the format room reads it: what was listed may be gone by then, or another.

import { corruptFile } from '../codec/corrupt-file.ts'
import { StateStoreError } from '../errors.ts'
import type { CheckpointFileManager } from '../files/file-manager.ts'
import { type StateFileSource, WHOLE_FILE_BYTES_MAX } from '../format/state-file-reader.ts'

/** A file that was listed is gone, because its store is being cleaned or rewound: who can looks at the store anew. */
export class FileVanishedError extends StateStoreError {
  declare readonly path: string
  constructor(path: string) {
    super(
      'TIDEMARK_VERSION_NOT_FOUND',
      `${path} was listed, but is gone: another process has cleaned or rewound the store meanwhile; run it again`,
      { path },
    )
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
      // One byte more than was listed: of a longer file that took the place, the first bytes would pass for a file without trailer.
      whole ??= read(0, sizeBytes + 1)
      const bytes = await whole
      if (bytes.length > sizeBytes)
        throw corruptFile(
          path,
          `Expected ${sizeBytes} bytes, found more: the file is longer than when it was listed`,
        )
      return bytes.subarray(offset, offset + length)
    },
  }
}
