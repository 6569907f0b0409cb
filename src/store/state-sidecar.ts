// The `.crc` files beside state files: written after them, checked when they are read.

import type { Clock } from '../base/clock.ts'
import { type FileStatus, joinPath } from '../files/file-manager.ts'
import { publishPieces, type WritableDirectory } from '../files/writable-directory.ts'
import { sidecarName, type StoreFiles } from '../format/file-names.ts'
import { encodeSidecar, verifySidecar } from '../format/sidecar.ts'
import type { RecoveryContext } from './state-files.ts'

/** What a sidecar speaks of: a state file's name, size and CRC32C. */
export interface SidecarSubject {
  readonly name: string
  readonly sizeBytes: number
  readonly crc: number
}

/** Publishes the `.crc` of a state file that is in place already, over an older one if there is one. */
export async function writeSidecar(
  directory: WritableDirectory,
  file: SidecarSubject,
  clock: Clock,
): Promise<void> {
  const bytes = encodeSidecar({
    crc: file.crc,
    sizeBytes: file.sizeBytes,
    timestampMs: clock.nowMs(),
  })
  await publishPieces(directory, sidecarName(file.name), [bytes], 'replace')
}

/** Throws as `verifySidecar` where the sidecar of a file says otherwise; one that is not there says nothing. */
export async function verifyListedSidecar(
  { name, sizeBytes, crc }: SidecarSubject,
  files: StoreFiles<FileStatus>,
  { directory }: RecoveryContext,
): Promise<void> {
  const sidecar = sidecarName(name)
  if (!files.sidecars.has(sidecar)) return
  const bytes = await directory.read(sidecar)
  if (bytes === undefined) return
  verifySidecar(bytes, { path: joinPath(directory.directory, sidecar), sizeBytes, crc })
}
