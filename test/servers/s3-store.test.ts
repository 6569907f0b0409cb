import { afterAll, beforeAll } from 'vitest'
import { writerLeaseContract } from '../../src/testing/writer-lease-contract.ts'
import { contractHarness, openFiles, type ProofStorage } from '../support/proof-storage.ts'
import { storeHistories } from '../support/proofs/store-histories.ts'
import { s3Storage } from '../support/s3/s3-storage.ts'
import { describeOnS3 } from '../support/s3/with-s3.ts'

describeOnS3('stores:', (server) => {
  let storage: ProofStorage
  beforeAll(() => void (storage = s3Storage(server())))
  afterAll(() => storage?.[Symbol.asyncDispose]())

  writerLeaseContract('real S3', {
    onlyObjects: true,
    createFiles: () => contractHarness(storage),
  })

  storeHistories({
    runs: 100,
    timeoutMs: 600_000,
    // Answers get lost there, and then only a trailer tells; what cannot be moved has no sidecars.
    limits: { trailer: true, checksumFiles: false },
    create: async () => {
      const location = await storage.newLocation()
      return {
        openFiles: () => openFiles(location),
        [Symbol.asyncDispose]: () => storage.discard(location),
      }
    },
  })
})
