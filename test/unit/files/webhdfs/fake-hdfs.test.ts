// The fake HDFS answers as a real one did, question by question (test/servers/hdfs-probe.test.ts asks the real one the same).

import { beforeAll, expect, test } from 'vitest'
import { type FakeFault, type FakeHdfs, startFakeHdfs } from '../../../support/hdfs/fake-hdfs.ts'
import { Prober } from '../../../support/hdfs/probe-exchange.ts'
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

const FOLDER = '/tmp'
const FILE = { path: '/a', params: { 'user.name': 'hdfs' } }
const create = { ...FILE, method: 'PUT' as const, params: { ...FILE.params, op: 'CREATE' } }
const open = { ...FILE, method: 'GET' as const, params: { ...FILE.params, op: 'OPEN' } }
const stat = { ...FILE, method: 'GET' as const, params: { ...FILE.params, op: 'GETFILESTATUS' } }

async function withFake(
  tests: (fake: FakeHdfs, prober: Prober) => Promise<void>,
  nameNodes = 1,
): Promise<void> {
  await using fake = await startFakeHdfs({ nameNodes })
  const prober = new Prober({ host: HOST, port: fake.nameNodePorts[0] }, FOLDER)
  try {
    await tests(fake, prober)
  } finally {
    prober.close()
  }
}

/** The fault, at the DataNode only. */
const atDataNode = (fault: FakeFault) => (request: { from: string }) =>
  request.from === 'data node' ? fault : undefined

test('it tells what came, in order', () =>
  withFake(async (fake, prober) => {
    await prober.exchange({ ...create, body: 'x' })
    expect(fake.requests.map(({ from, op, path }) => `${from} ${op} ${path}`)).toEqual([
      'name node CREATE /tmp/a',
      'data node CREATE /tmp/a',
    ])
    expect(fake.requests[0].params).toEqual({ op: 'CREATE', 'user.name': 'hdfs' })
  }))

test('a lost answer: the file is there all the same', () =>
  withFake(async (fake, prober) => {
    fake.fault = atDataNode({ kind: 'lose' })
    await expect(prober.exchange({ ...create, body: 'x' })).rejects.toMatchObject({
      code: 'ECONNRESET',
    })
    expect((await prober.exchange(stat)).at(-1)!.status).toBe(200)
  }))

test('a reset: the file is not there', () =>
  withFake(async (fake, prober) => {
    fake.fault = atDataNode({ kind: 'reset' })
    await expect(prober.exchange({ ...create, body: 'x' })).rejects.toMatchObject({
      code: 'ECONNRESET',
    })
    expect((await prober.exchange(stat)).at(-1)!.status).toBe(404)
  }))

test('an answer of the caller’s own', () =>
  withFake(async (fake, prober) => {
    fake.fault = () => ({ kind: 'answer', status: 503, body: 'busy' })
    expect(await prober.exchange(stat)).toMatchObject([{ status: 503, body: 'busy' }])
  }))

test('a hanging server answers nothing, and can be stopped', () =>
  withFake(async (fake, prober) => {
    fake.fault = () => ({ kind: 'hang' })
    const asked = prober.exchange(stat)
    asked.catch(() => undefined)
    while (fake.requests.length === 0) await new Promise(setImmediate)
    await fake.stop()
    await expect(asked).rejects.toMatchObject({ code: 'ECONNRESET' })
  }))

test('a body that is cut', () =>
  withFake(async (fake, prober) => {
    await prober.exchange({ ...create, body: '0123456789' })
    fake.fault = atDataNode({ kind: 'truncate', afterBytes: 4 })
    await expect(prober.exchange(open)).rejects.toMatchObject({ code: 'ECONNRESET' })
  }))

test('with no NameNode active a DataNode says 100 and then nothing', () =>
  withFake(async (fake, prober) => {
    fake.setStandby(0, true)
    const { request, continued, answer } = await prober.begin(create)
    request.end('x')
    await continued
    request.destroy()
    await expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' })
  }, 2))
