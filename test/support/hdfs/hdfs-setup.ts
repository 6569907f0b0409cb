// Vitest's global setup for test/servers: finds or installs Hadoop before any test runs.

import type { TestProject } from 'vitest/node'
import { findOrInstallHadoop, type InstalledHadoop, type MissingHadoop } from './install.ts'

declare module 'vitest' {
  interface ProvidedContext {
    hadoop: InstalledHadoop | MissingHadoop
  }
}

export async function setup(project: TestProject): Promise<void> {
  const hadoop = await findOrInstallHadoop()
  if ('missing' in hadoop) console.warn(`Hadoop is missing: ${hadoop.missing}`)
  project.provide('hadoop', hadoop)
}
