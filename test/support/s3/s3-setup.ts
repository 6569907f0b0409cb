// Vitest's global setup for test/servers: finds or installs S3 services before any test runs.

import type { TestProject } from 'vitest/node'
import { findOrInstallS3, type InstalledS3 } from './install.ts'

declare module 'vitest' {
  interface ProvidedContext {
    s3: InstalledS3
  }
}

export async function setup(project: TestProject): Promise<void> {
  const s3 = await findOrInstallS3()
  if (typeof s3.versitygw !== 'string') console.warn(`versitygw: ${s3.versitygw.missing}`)
  project.provide('s3', s3)
}
