// Where the checkpoint of the demo lies: in a folder, or on a real HDFS or S3 service that is started for it and ends with it.

import { rmSync } from 'node:fs'
import { type CheckpointFileManager, LocalFileManager } from 'tidemark'
import type { DemoArguments } from './arguments.ts'

export interface DemoStorage {
  /** What StateStores.open takes. */
  readonly checkpoint: string
  /** For looking at what lies there. */
  readonly files: CheckpointFileManager
  /** Whether the checkpoint is there when the demo has ended. */
  readonly isKept: boolean
  /** To be called when all is done, well or not. */
  end(allIsWell: boolean): Promise<void>
}

/** Or why there is none. */
export async function openStorage(demo: DemoArguments): Promise<DemoStorage | { missing: string }> {
  if (demo.on === 'hdfs') return await startHdfs()
  return demo.on === 's3' ? await startS3() : await openFolder(demo)
}

async function openFolder({ checkpoint, isDeletedAtEnd }: DemoArguments): Promise<DemoStorage> {
  return {
    checkpoint,
    files: await LocalFileManager.open(checkpoint),
    isKept: !isDeletedAtEnd,
    end: async (allIsWell) => {
      if (isDeletedAtEnd && allIsWell) rmSync(checkpoint, { recursive: true })
    },
  }
}

/** One NameNode and two DataNodes on loopback; installed first where they are missing. */
async function startHdfs(): Promise<DemoStorage | { missing: string }> {
  // Loaded when asked for: a local demo needs neither.
  const { WebHdfsFileManager } = await import('tidemark/files/webhdfs')
  const { findOrInstallHadoop } = await import('../../../test/support/hdfs/install.ts')
  const { HdfsCluster } = await import('../../../test/support/hdfs/cluster.ts')
  const installed = await findOrInstallHadoop()
  if ('missing' in installed) return { missing: `--on hdfs needs Hadoop: ${installed.missing}` }
  console.log('Starting an HDFS: one NameNode, two DataNodes …')
  const cluster = await HdfsCluster.start(installed, { dataNodes: 2 })
  const checkpoint = cluster.location('/tmp/flights')
  return {
    checkpoint,
    files: await WebHdfsFileManager.open(checkpoint),
    isKept: false,
    end: () => cluster.stop(),
  }
}

/** One versitygw on loopback; installed first where it is missing. */
async function startS3(): Promise<DemoStorage | { missing: string }> {
  const { S3FileManager } = await import('tidemark/files/s3')
  const { findOrInstallVersitygw } = await import('../../../test/support/s3/install.ts')
  const { startVersitygw } = await import('../../../test/support/s3/servers.ts')
  const { s3Environment } = await import('../../../test/support/s3/s3-environment.ts')
  const program = await findOrInstallVersitygw()
  if (typeof program !== 'string') return { missing: `--on s3 needs versitygw: ${program.missing}` }
  console.log('Starting an S3 service: versitygw …')
  const server = await startVersitygw(program)
  // The job is a process of its own, and opens the checkpoint by its location.
  Object.assign(process.env, s3Environment(server))
  const checkpoint = server.location('flights')
  return {
    checkpoint,
    files: await S3FileManager.open(checkpoint),
    isKept: false,
    end: () => server.stop(),
  }
}
