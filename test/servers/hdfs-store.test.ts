import { describeWithHdfs } from '../support/hdfs/with-hdfs.ts'
import { hdfsStorage } from '../support/hdfs/hdfs-storage.ts'
import { contractHarness, openFiles } from '../support/proof-storage.ts'
import { leasedDirectoryContract } from '../support/contracts/leased-directory.ts'
import { writerLeaseContract } from '../support/contracts/writer-lease.ts'
import { storeHistories } from '../support/proofs/store-histories.ts'

describeWithHdfs('one NameNode', 'who may write', (cluster) => {
  writerLeaseContract('real HDFS', {
    createFiles: () => contractHarness(hdfsStorage(cluster())),
  })

  leasedDirectoryContract('real HDFS', {
    racesCount: 40,
    create: () => contractHarness(hdfsStorage(cluster())),
  })

  // The folder goes with what is being written in it.
  leasedDirectoryContract('real HDFS, fenced by deleting,', {
    racesCount: 40,
    create: () => contractHarness(hdfsStorage(cluster())),
    fence: (files, staging) => files.deleteTree(staging),
  })
})

describeWithHdfs('one NameNode', 'histories:', (cluster) => {
  storeHistories({
    runs: 150,
    timeoutMs: 900_000,
    // Answers get lost there, and then only a trailer tells.
    limits: { trailer: true },
    create: async () => {
      const storage = hdfsStorage(cluster())
      const location = await storage.newLocation()
      return {
        openFiles: () => openFiles(location),
        [Symbol.asyncDispose]: () => storage.discard(location),
      }
    },
  })
})
