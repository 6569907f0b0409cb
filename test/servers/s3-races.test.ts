import { raceForAStore } from '../support/proofs/race-for-a-store.ts'
import { raceForAnObject } from '../support/proofs/race-for-an-object.ts'
import { twentyDeaths } from '../support/proofs/twenty-deaths.ts'
import { s3Storage } from '../support/s3/s3-storage.ts'
import { describeOnS3 } from '../support/s3/with-s3.ts'

describeOnS3('conditions:', (server) => {
  raceForAnObject(async () => s3Storage(server()), { timeoutMs: 900_000 })
})

describeOnS3('races:', (server) => {
  // Claims at the very same moment hardly ever leave the winner time to commit before the others are refused, least of all on MinIO.
  raceForAStore(async () => s3Storage(server()), { timeoutMs: 900_000, staggerMs: 20 })
})

describeOnS3('deaths:', (server) => {
  twentyDeaths(async () => s3Storage(server()), {
    timeoutMs: 600_000,
    workMsMax: 800,
    startMsMax: 150,
  })
})
