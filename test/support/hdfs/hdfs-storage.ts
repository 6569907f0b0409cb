// HDFS as a storage for the proofs: each checkpoint in a folder of its own that everybody may write to.

import { randomUUID } from 'node:crypto'
import { openFiles, type ProofStorage } from '../proof-storage.ts'
import type { HdfsCluster } from './cluster.ts'

export function hdfsStorage(cluster: HdfsCluster): ProofStorage {
  return {
    newLocation: async () => cluster.location(newHdfsPath()),
    discard: async (location) => (await openFiles(location)).deleteTree(''),
    // The cluster ends when the tests do.
    [Symbol.asyncDispose]: async () => undefined,
  }
}

/** Below /tmp, where everybody may write; nothing is there yet. */
export function newHdfsPath(): string {
  return `/tmp/proof-${randomUUID()}/checkpoint`
}
