// The storages that are measured. HDFS is real, one NameNode and two DataNodes, and so is S3, one versitygw: started for each measurement on loopback.

import { type CheckpointFileManager, LocalFileManager } from '../../src/index.ts'
import { WebHdfsFileManager } from '../../src/files/webhdfs/webhdfs.ts'
import { S3FileManager } from '../../src/files/s3/s3.ts'
import { HdfsCluster } from '../../test/support/hdfs/cluster.ts'
import { findOrInstallHadoop } from '../../test/support/hdfs/install.ts'
import { findOrInstallVersitygw } from '../../test/support/s3/install.ts'
import { s3Environment, setEnvironment } from '../../test/support/s3/s3-environment.ts'
import { startVersitygw } from '../../test/support/s3/servers.ts'

export interface BenchStorage {
  readonly location: string
  readonly files: CheckpointFileManager
  end(): Promise<void>
}

/** `name` is local, hdfs or s3. */
export async function startStorage(
  name: string,
  directory: string,
): Promise<BenchStorage | { readonly missing: string }> {
  if (name === 'local') {
    const files = await LocalFileManager.open(directory)
    return { location: directory, files, end: () => Promise.resolve() }
  }
  return name === 's3' ? await startS3() : await startHdfs()
}

async function startHdfs(): Promise<BenchStorage | { readonly missing: string }> {
  const installed = await findOrInstallHadoop()
  if ('missing' in installed) return { missing: installed.missing }
  const cluster = await HdfsCluster.start(installed, { dataNodes: 2 })
  const location = cluster.location('/tmp/bench')
  const files = await WebHdfsFileManager.open(location)
  return { location, files, end: () => cluster.stop() }
}

async function startS3(): Promise<BenchStorage | { readonly missing: string }> {
  const program = await findOrInstallVersitygw()
  if (typeof program !== 'string') return program
  const server = await startVersitygw(program)
  // The stores are opened by their location alone.
  const restore = setEnvironment(s3Environment(server))
  const location = server.location('bench')
  return {
    location,
    files: await S3FileManager.open(location),
    end: async () => {
      restore()
      await server.stop()
    },
  }
}
