// Vitest's global setup for test/servers: finds or installs S3 services before any test runs.

import type { TestProject } from 'vitest/node'
import { findOrInstallS3, type InstalledS3, PROVEN_ON } from './install.ts'

declare module 'vitest' {
  interface ProvidedContext {
    s3: InstalledS3
  }
}

export async function setup(project: TestProject): Promise<void> {
  const s3 = await findOrInstallS3()
  for (const kind of PROVEN_ON) {
    const found = s3[kind]
    if (typeof found !== 'string') console.warn(`${kind} is missing: ${found.missing}`)
  }
  project.provide('s3', s3)
}
