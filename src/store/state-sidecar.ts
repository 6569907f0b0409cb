import type { Clock } from '../base/clock.ts'
import type { WritableDirectory } from '../files/writable-directory.ts'
import { sidecarName } from '../format/file-names.ts'
import { encodeSidecar } from '../format/sidecar.ts'
import type { SidecarSubject } from './recovery.ts'

/** Publishes the `.crc` of a state file that is in place already, over an older one if there is one. */
export async function writeSidecar(
  directory: WritableDirectory,
  file: SidecarSubject,
  clock: Clock,
): Promise<void> {
  const name = sidecarName(file.name)
  const staged = await directory.create(name)
  try {
    await staged.write(
      encodeSidecar({ crc: file.crc, sizeBytes: file.sizeBytes, timestampMs: clock.nowMs() }),
    )
    await staged.close()
    await directory.publish(staged, name, 'replace')
  } catch (error) {
    await staged.discard()
    throw error
  }
}
