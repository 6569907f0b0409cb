// Tests that need a real S3 service. One of each kind is started by the first test that asks and kept for all test files.

import { beforeAll, describe, inject } from 'vitest'
import { PROVEN_ON, type S3Kind } from './install.ts'
import './s3-setup.ts'
import { reachEndpoint, type S3Server, startMinio, startS3rver, startVersitygw } from './servers.ts'

const START = {
  versitygw: startVersitygw,
  minio: startMinio,
  endpoint: reachEndpoint,
  s3rver: startS3rver,
}

// All test files run in one process (.config/vitest.servers.config.ts), but each may get modules of its own.
const STARTED = Symbol.for('tidemark.servers.s3')
const started = ((globalThis as Record<symbol, unknown>)[STARTED] ??= new Map()) as Map<
  S3Kind,
  Promise<S3Server>
>

/** On every service that the proofs run on. */
export function describeOnS3(
  name: string,
  tests: (server: () => S3Server, kind: S3Kind) => void,
): void {
  for (const kind of PROVEN_ON) describeWithS3(kind, name, (server) => tests(server, kind))
}

/** Skipped with the reason in their name where the service cannot be had. */
export function describeWithS3(
  kind: S3Kind,
  name: string,
  tests: (server: () => S3Server) => void,
): void {
  const program = inject('s3')[kind]
  if (typeof program !== 'string') {
    describe.skip(`S3 by ${kind}, ${name} (skipped: ${program.missing})`, () => {
      tests(() => {
        throw new Error(`${kind} is missing`)
      })
    })
    return
  }
  // Of the endpoint, which has no program, it is the URL.
  describe(`S3 by ${kind === 'endpoint' ? program : kind}, ${name}`, () => {
    let server: S3Server | undefined
    beforeAll(async () => {
      const starting = started.get(kind) ?? START[kind](program)
      started.set(kind, starting)
      server = await starting
    })
    tests(() => server!)
  })
}
