// The fake HDFS answers as a real one did, question by question (test/servers/hdfs-probe.test.ts asks the real one the same).

import { beforeAll, expect, test } from 'vitest'
import { startFakeHdfs } from '../../../support/hdfs/fake-hdfs.ts'
import { type Exchange, probe, probeStandby } from '../../../support/hdfs/probe.ts'
import {
  PROBE_PAGE_SIZE,
  readRecordedAnswers,
  type RecordedAnswers,
} from '../../../support/hdfs/recorded-answers.ts'

const HOST = '127.0.0.1'
let recorded: RecordedAnswers

beforeAll(async () => {
  recorded = await readRecordedAnswers()
})

/** One comparison for each question, so that a difference names it. */
function expectSame(answered: readonly Exchange[], expected: readonly Exchange[]): void {
  expect(answered.map(({ name }) => name)).toEqual(expected.map(({ name }) => name))
  const different = answered.filter(
    (exchange, i) => JSON.stringify(exchange) !== JSON.stringify(expected[i]),
  )
  const names = new Set(different.map(({ name }) => name))
  expect(different).toEqual(expected.filter(({ name }) => names.has(name)))
}

test('the fake HDFS answers the probe as the real one did', async () => {
  await using fake = await startFakeHdfs({ pageSize: PROBE_PAGE_SIZE })
  const nameNode = { host: HOST, port: fake.nameNodePorts[0] }
  const safeMode = (on: boolean) => Promise.resolve(fake.setSafeMode(on))
  expectSame(await probe({ nameNode, root: '/tmp/probe-fake', safeMode }), recorded.alone)
})

test('so does a standby of the fake one', async () => {
  await using fake = await startFakeHdfs({ nameNodes: 2 })
  const [active, standby] = fake.nameNodePorts.map((port) => ({ host: HOST, port }))
  expectSame(await probeStandby(standby, active, '/tmp/probe-fake'), recorded.standby)
})
