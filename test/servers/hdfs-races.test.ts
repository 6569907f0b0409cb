import { hdfsStorage } from '../support/hdfs/hdfs-storage.ts'
import { describeWithHdfs } from '../support/hdfs/with-hdfs.ts'
import { raceForAStore } from '../support/proofs/race-for-a-store.ts'
import { twentyDeaths } from '../support/proofs/twenty-deaths.ts'

describeWithHdfs('one NameNode', 'races:', (cluster) => {
  raceForAStore(async () => hdfsStorage(cluster()), { timeoutMs: 900_000, staggerMs: 15 })
})

describeWithHdfs('one NameNode', 'deaths:', (cluster) => {
  twentyDeaths(async () => hdfsStorage(cluster()), {
    timeoutMs: 600_000,
    workMsMax: 1500,
    startMsMax: 250,
  })
})
