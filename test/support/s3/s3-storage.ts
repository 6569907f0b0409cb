// An S3 service as a storage for the proofs: each checkpoint below a prefix of its own.
//
// Checkpoints are opened by their location alone, here and in child processes, so where the service is and who we are is told by the environment,
// which children inherit. It is as it was when the storage is disposed of.

import { randomUUID } from 'node:crypto'
import { openFiles, type ProofStorage } from '../proof-storage.ts'
import { s3Environment, setEnvironment } from './s3-environment.ts'
import type { S3Server } from './servers.ts'

export function s3Storage(server: S3Server): ProofStorage {
  const restore = setEnvironment(s3Environment(server))
  return {
    onlyObjects: true,
    newLocation: async () => server.location(`proof-${randomUUID()}/checkpoint`),
    discard: async (location) => (await openFiles(location)).deleteTree(''),
    // The service ends when the tests do.
    [Symbol.asyncDispose]: async () => restore(),
  }
}
