// What a batch that is run again below the newest version declares final is said by the newest version, too: a load that begins at a snapshot in
// between looks at nothing below it. Only where files are moved: elsewhere nothing but the newest version can be run again.

import { crc32c } from '../base/checksum.ts'
import { isStateStoreError } from '../errors.ts'
import { publishPieces } from '../files/writable-directory.ts'
import { deltaName, sidecarName } from '../format/file-names.ts'
import { readTrailer, withTrailer } from '../format/state-file-reader.ts'
import type { CommitContext } from './commit.ts'
import type { SidecarSubject } from './state-sidecar.ts'
import { fileOptions, listFiles, openSource } from './state-files.ts'

/** Has the newest version declare final what is up to `committedThrough`. One that is damaged, or has no trailer, cannot. */
export async function raiseNewest(committedThrough: number, context: CommitContext): Promise<void> {
  const { latest, lease, options, recovery, sidecars } = context
  const source = openSource(recovery, await listFiles(recovery), 'delta', latest)
  if (source === undefined) return
  const read = fileOptions(recovery, 'delta', latest)
  const name = deltaName(latest)
  const subject = { name, sizeBytes: 0, crc: 0 }
  try {
    const trailer = await readTrailer(source, read)
    if (trailer === undefined || (trailer.committedThrough ?? 0) >= committedThrough) return
    // A sidecar goes before its file.
    if (sidecars.delete(sidecarName(name))) await lease.directory.remove(sidecarName(name))
    const pieces = withTrailer(source, { stamp: lease.nextStamp(), committedThrough }, read)
    await publishPieces(lease.directory, name, summed(pieces, subject), 'replace')
  } catch (error) {
    if (!isStateStoreError(error) || error.kind !== 'corrupt') throw error
    return
  }
  if (options.checksumFiles) await context.addSidecar(subject)
}

/** Passes `pieces` on; when the last is gone `subject` tells of them all. */
async function* summed(
  pieces: AsyncIterable<Uint8Array>,
  subject: { -readonly [K in keyof SidecarSubject]: SidecarSubject[K] },
): AsyncGenerator<Uint8Array, void, void> {
  for await (const piece of pieces) {
    subject.sizeBytes += piece.length
    subject.crc = crc32c(piece, subject.crc)
    yield piece
  }
}
