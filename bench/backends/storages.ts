// The storages that are measured. HDFS is real: one NameNode and two DataNodes, started for each measurement on loopback.

import { type CheckpointFileManager, LocalFileManager } from '../../src/index.ts'
import { WebHdfsFileManager } from '../../src/files/webhdfs/webhdfs.ts'
import { HdfsCluster } from '../../test/support/hdfs/cluster.ts'
import { findOrInstallHadoop } from '../../test/support/hdfs/install.ts'

export interface BenchStorage {
  readonly location: string
  readonly files: CheckpointFileManager
  end(): Promise<void>
}

/** `name` is local or hdfs. */
export async function startStorage(
  name: string,
  directory: string,
): Promise<BenchStorage | { readonly missing: string }> {
  if (name === 'local') {
    const files = await LocalFileManager.open(directory)
    return { location: directory, files, end: () => Promise.resolve() }
  }
  const installed = await findOrInstallHadoop()
  if ('missing' in installed) return { missing: installed.missing }
  const cluster = await HdfsCluster.start(installed, { dataNodes: 2 })
  const location = cluster.location('/tmp/bench')
  const files = await WebHdfsFileManager.open(location)
  return { location, files, end: () => cluster.stop() }
}
