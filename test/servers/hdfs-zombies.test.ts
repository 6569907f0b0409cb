// On HDFS an operation is a request: writer A, a process of its own, is stopped before each of them, and before each write and close of a file,
// which is where the bytes of a CREATE wait.

import { describeWithHdfs } from '../support/hdfs/with-hdfs.ts'
import { hdfsStorage } from '../support/hdfs/hdfs-storage.ts'
import { stoppedProcesses } from '../support/proofs/stopped-processes.ts'

describeWithHdfs('one NameNode', 'zombies:', (cluster) => {
  stoppedProcesses(async () => hdfsStorage(cluster()), { timeoutMs: 900_000, step: 'request' })
})
