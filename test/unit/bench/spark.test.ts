// That real Spark computes what the other engines do is compared with the oracle at each run of the bench; it needs Java and Spark. Here: what
// a bench without them says.

import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-spark-'))
  vi.stubEnv('TIDEMARK_SPARK_VENV', join(folder, 'venv'))
  vi.stubEnv('JAVA_HOME', join(folder, 'java'))
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

/** As a process of its own would answer: what was found is kept. */
async function answer(): Promise<object> {
  vi.resetModules()
  const { sparkCommand } = await import('../../../bench/compare/spark.ts')
  return await sparkCommand('throughput', 'spark-hdfs', { directory: folder })
}

async function installJavac(version: string): Promise<void> {
  const javac = join(folder, 'java', 'bin', 'javac')
  await mkdir(join(folder, 'java', 'bin'), { recursive: true })
  await writeFile(javac, `#!/bin/sh\necho "javac ${version}"\n`)
  await chmod(javac, 0o755)
}

test('without a JDK the bench says so', async () => {
  expect(await answer()).toEqual({ missing: 'no JDK (javac): looked in JAVA_HOME and PATH' })
})

test('a JDK too old for Spark is told by its version', async () => {
  await installJavac('11.0.2')
  expect(await answer()).toEqual({ missing: 'JDK 17 or newer needed, found 11' })
})

test('without Spark the bench names the script that installs it', async () => {
  await installJavac('17.0.15')
  const { missing } = (await answer()) as { missing: string }
  expect(missing).toContain('bench/compare/spark/install.sh')
})

test('another version of Spark is not taken for the one that is compared', async () => {
  await installJavac('17.0.15')
  const jars = join(folder, 'venv/lib/python3.11/site-packages/pyspark/jars')
  await mkdir(jars, { recursive: true })
  await writeFile(join(jars, 'spark-sql_2.13-3.5.1.jar'), '')
  expect(await answer()).toHaveProperty('missing')
})
