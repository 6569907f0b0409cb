// The proofs of test/servers on the in-memory HDFS, without Java: the same requests, in no time. What a real one does is found out there.

import { afterAll, beforeAll, describe } from 'vitest'
import { WebHdfsFileManager } from '../../src/files/webhdfs/webhdfs.ts'
import { type FakeHdfs, startFakeHdfs } from '../support/hdfs/fake-hdfs.ts'
import { newHdfsPath } from '../support/hdfs/hdfs-storage.ts'
import { openFiles, type ProofStorage } from '../support/proof-storage.ts'
import { stoppedProcesses } from '../support/proofs/stopped-processes.ts'
import { storeHistories } from '../support/proofs/store-histories.ts'
import { wireFaults } from '../support/proofs/wire-faults.ts'

describe('HDFS in memory', () => {
  let hdfs: FakeHdfs
  beforeAll(async () => void (hdfs = await startFakeHdfs()))
  afterAll(() => hdfs?.stop())

  const newLocation = (): string => hdfs.location(newHdfsPath())
  const storage: ProofStorage = {
    newLocation: async () => newLocation(),
    discard: async (location) => (await openFiles(location)).deleteTree(''),
    [Symbol.asyncDispose]: async () => undefined,
  }

  stoppedProcesses(async () => storage, { step: 'request' })

  storeHistories({
    runs: 60,
    limits: { trailer: true },
    timeoutMs: 120_000,
    create: async () => {
      const location = newLocation()
      return {
        openFiles: () => openFiles(location),
        [Symbol.asyncDispose]: () => storage.discard(location),
      }
    },
  })

  wireFaults(
    async () => ({
      servers: hdfs.nameNodePorts.map((port) => ({ host: '127.0.0.1', port })),
      open: (addresses, path) => {
        const hosts = addresses.map(({ host, port }) => `${host}:${port}`).join(',')
        return WebHdfsFileManager.open(`webhdfs://${hosts}${newHdfsPath()}/${path}`, {
          connectTimeoutMs: 1000,
          answerTimeoutMs: 1000,
          idleTimeoutMs: 1000,
          retryTimeMs: 200,
          allowedHosts: ['127.0.0.1'],
        })
      },
    }),
    { timeoutMs: 120_000, step: 8 },
  )
})
