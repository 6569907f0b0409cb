// A storage that the crash, race and zombie proofs run on. They know nothing else of it: checkpoints are named by a location string, which a
// child process gets as well, and looked at through a file manager of one's own.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CheckpointFileManager } from '../../src/index.ts'
import { openLocation } from '../../src/checkpoint/location.ts'

export interface ProofStorage extends AsyncDisposable {
  /**
   * True where nothing can be moved and all is written under a condition. There are no sidecars then, no staging folders, and a commit refused with
   * `published: 'unknown'` may be gone on from by the next writer; elsewhere a refused commit never is.
   */
  readonly onlyObjects?: boolean
  /** A checkpoint location where nothing is yet. */
  newLocation(): Promise<string>
  /** Deletes a checkpoint with all that is in it. */
  discard(location: string): Promise<void>
}

/** How a proof comes by its storage: before its first test, so that nothing is started where none of them runs. */
export type StorageOpener = () => Promise<ProofStorage>

export interface ProofOptions {
  /** Longest time one test may take, milliseconds. Default: what the configuration says. */
  readonly timeoutMs?: number
}

/** A manager of its own of a checkpoint, as another process has. */
export async function openFiles(location: string): Promise<CheckpointFileManager> {
  return await openLocation(location)
}

/** Checkpoints in a folder of `parent` on local disk. */
export async function localStorage(parent = tmpdir()): Promise<ProofStorage> {
  const root = await mkdtemp(join(parent, 'tidemark-proof-'))
  let locations = 0
  return {
    newLocation: async () => join(root, String(++locations)),
    discard: (location) => rm(location, { recursive: true, force: true }),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  }
}

/** What the contract suites ask for: a checkpoint, other managers on it, and its end. */
export async function contractHarness(storage: ProofStorage): Promise<{
  files: CheckpointFileManager
  another(): Promise<CheckpointFileManager>
  dispose(): Promise<void>
}> {
  const location = await storage.newLocation()
  return {
    files: await openFiles(location),
    another: () => openFiles(location),
    dispose: () => storage.discard(location),
  }
}
