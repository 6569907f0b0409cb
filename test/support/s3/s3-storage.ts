// An S3 service as a storage for the proofs: each checkpoint below a prefix of its own.
//
// Checkpoints are opened by their location alone, here and in child processes, so where the service is and who we are is told by the environment,
// which children inherit. It is as it was when the storage is disposed of.

import { randomUUID } from 'node:crypto'
import { openFiles, type ProofStorage } from '../proof-storage.ts'
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

/** What a process must have in its environment to open locations of `server` without options. */
export function s3Environment({ endpoint, region, credentials }: S3Server): NodeJS.ProcessEnv {
  return {
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    // Else one of the person who runs the tests would be sent along.
    AWS_SESSION_TOKEN: '',
  }
}

/** Returns what undoes it. */
export function setEnvironment(values: NodeJS.ProcessEnv): () => void {
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, values)
  return () => {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  }
}
