// On S3 an operation is a request: writer A, a process of its own, is stopped before each of them.

import { stoppedProcesses } from '../support/proofs/stopped-processes.ts'
import { s3Storage } from '../support/s3/s3-storage.ts'
import { describeOnS3 } from '../support/s3/with-s3.ts'

describeOnS3('zombies:', (server) => {
  stoppedProcesses(async () => s3Storage(server()), {
    timeoutMs: 900_000,
    step: 'request',
    everySuccession: true,
  })
})
