// Tests that need a real S3 service. One of each kind is started by the first test that asks and kept for all test files.

import { beforeAll, describe, inject } from 'vitest'
import type { InstalledS3 } from './install.ts'
import './s3-setup.ts'
import { type S3Server, startMinio, startS3rver, startVersitygw } from './servers.ts'

export type S3Kind = keyof InstalledS3

const START = { versitygw: startVersitygw, minio: startMinio, s3rver: startS3rver }

// All test files run in one process (.config/vitest.servers.config.ts), but each may get modules of its own.
const STARTED = Symbol.for('tidemark.servers.s3')
const started = ((globalThis as Record<symbol, unknown>)[STARTED] ??= new Map()) as Map<
  S3Kind,
  Promise<S3Server>
>

/** Whether MinIO was asked for. */
export const withMinio = (process.env['TIDEMARK_MINIO'] ?? '') !== ''

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
  describe(`S3 by ${kind}, ${name}`, () => {
    let server: S3Server | undefined
    beforeAll(async () => {
      const starting = started.get(kind) ?? START[kind](program)
      started.set(kind, starting)
      server = await starting
    })
    tests(() => server!)
  })
}
