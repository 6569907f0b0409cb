// Vitest's global setup for test/interop: finds or installs each release of Spark before any test runs.

import type { TestProject } from 'vitest/node'
import {
  findOrInstallSpark,
  type InstalledSpark,
  type MissingSpark,
  type SparkVersion,
} from './installed-spark.ts'

const VERSIONS: readonly SparkVersion[] = ['4.1.4', '4.3.0']

declare module 'vitest' {
  interface ProvidedContext {
    sparks: (InstalledSpark | MissingSpark)[]
  }
}

export async function setup(project: TestProject): Promise<void> {
  const sparks: (InstalledSpark | MissingSpark)[] = []
  for (const version of VERSIONS) {
    const spark = await findOrInstallSpark(version)
    if ('missing' in spark) console.warn(`Spark ${version} is missing: ${spark.missing}`)
    sparks.push(spark)
  }
  project.provide('sparks', sparks)
}
