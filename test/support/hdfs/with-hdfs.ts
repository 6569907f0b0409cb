// Tests that need a real HDFS. Two clusters, one NameNode and a pair, are started by the first test that asks and kept for all test files; a test
// that breaks one in a way that it cannot mend starts its own.

import { afterAll, beforeAll, describe, inject } from 'vitest'
import { type ClusterOptions, HdfsCluster } from './cluster.ts'
import './hdfs-setup.ts'
import type { InstalledHadoop } from './install.ts'
import { PROBE_PAGE_SIZE } from './recorded-answers.ts'

export type ClusterKind = 'one NameNode' | 'a pair'

const START_TIMEOUT_MS = 120_000
const OPTIONS: Readonly<Record<ClusterKind, ClusterOptions>> = {
  // Small pages, so that folders of a few files are listed in several.
  'one NameNode': { dataNodes: 2, settings: { 'dfs.ls.limit': `${PROBE_PAGE_SIZE}` } },
  'a pair': { ha: true },
}

// All test files run in one process (.config/vitest.servers.config.ts), but each may get modules of its own.
const STARTED = Symbol.for('tidemark.servers.hdfs')
const started = ((globalThis as Record<symbol, unknown>)[STARTED] ??= new Map()) as Map<
  ClusterKind,
  Promise<HdfsCluster>
>

/** Skipped with the reason in their name where Hadoop cannot be had. */
export function describeWithHdfs(
  kind: ClusterKind,
  name: string,
  tests: (cluster: () => HdfsCluster) => void,
): void {
  describeInstalled(`HDFS with ${kind}, ${name}`, (installed) => {
    let cluster: HdfsCluster | undefined
    beforeAll(async () => {
      const starting = started.get(kind) ?? HdfsCluster.start(installed(), OPTIONS[kind])
      started.set(kind, starting)
      cluster = await starting
    }, START_TIMEOUT_MS)
    tests(() => cluster!)
  })
}

/** The same with a cluster of their own, which ends with them. */
export function describeWithOwnHdfs(
  options: ClusterOptions,
  name: string,
  tests: (cluster: () => HdfsCluster) => void,
): void {
  describeInstalled(`HDFS of its own, ${name}`, (installed) => {
    let cluster: HdfsCluster | undefined
    beforeAll(async () => {
      cluster = await HdfsCluster.start(installed(), options)
    }, START_TIMEOUT_MS)
    afterAll(async () => {
      await cluster?.stop()
    })
    tests(() => cluster!)
  })
}

function describeInstalled(name: string, tests: (installed: () => InstalledHadoop) => void): void {
  const hadoop = inject('hadoop')
  if ('missing' in hadoop) {
    describe.skip(`${name} (skipped: ${hadoop.missing})`, () => {
      tests(() => {
        throw new Error('Hadoop is missing')
      })
    })
    return
  }
  describe(name, () => tests(() => hadoop))
}
