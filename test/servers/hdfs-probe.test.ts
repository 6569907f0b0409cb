// Real HDFS answers as it did when test/fixtures/webhdfs-answers.json was recorded, which is what the fake one is held to. Recorded anew by
// TIDEMARK_RECORD=1 npm run test:servers -- test/servers/hdfs-probe

import { expect, test } from 'vitest'
import { probe, probeStandby } from '../support/hdfs/probe.ts'
import { readRecordedAnswers, recordAnswers, RECORDING } from '../support/hdfs/recorded-answers.ts'
import { describeWithHdfs } from '../support/hdfs/with-hdfs.ts'

describeWithHdfs('one NameNode', 'the probe', (cluster) => {
  test('gets the recorded answers', async () => {
    const [nameNode] = cluster().nameNodes
    const root = `/tmp/probe-${process.pid}-${Date.now()}`
    const safeMode = (on: boolean) => cluster().safeMode(on)
    const alone = await probe({ nameNode, root, safeMode })
    if (RECORDING) await recordAnswers({ alone })
    expect(alone).toEqual((await readRecordedAnswers()).alone)
  })
})

describeWithHdfs('a pair', 'the probe', (cluster) => {
  test('gets the recorded answers of a standby', async () => {
    await cluster().failover(0)
    const [active, waiting] = cluster().nameNodes
    const standby = await probeStandby(waiting, active, `/tmp/probe-${process.pid}-${Date.now()}`)
    if (RECORDING) await recordAnswers({ standby })
    expect(standby).toEqual((await readRecordedAnswers()).standby)
  })
})
