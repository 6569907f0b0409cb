import { raceForAStore } from '../support/proofs/race-for-a-store.ts'
import { twentyDeaths } from '../support/proofs/twenty-deaths.ts'
import { s3Storage } from '../support/s3/s3-storage.ts'
import { describeWithS3 } from '../support/s3/with-s3.ts'

describeWithS3('versitygw', 'races:', (server) => {
  raceForAStore(async () => s3Storage(server()), { timeoutMs: 900_000 })
})

describeWithS3('versitygw', 'deaths:', (server) => {
  twentyDeaths(async () => s3Storage(server()), {
    timeoutMs: 600_000,
    workMsMax: 800,
    startMsMax: 150,
  })
})
