// What the wire and the cluster can do to a store on HDFS. The rule: success or a typed error; what was acknowledged stays; no version is there
// twice; the next commit works when the fault is gone.

import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type CheckpointFileManager, StateStores } from '../../src/index.ts'
import { WebHdfsFileManager, type WebHdfsOptions } from '../../src/files/webhdfs/webhdfs.ts'
import { Ledger, playFirstWriter, scenarioOptions } from '../support/crash-scenario.ts'
import type { HdfsCluster } from '../support/hdfs/cluster.ts'
import { newHdfsPath } from '../support/hdfs/hdfs-storage.ts'
import { describeWithHdfs, describeWithOwnHdfs } from '../support/hdfs/with-hdfs.ts'
import type { Change } from '../support/lineage.ts'
import { wireFaults } from '../support/proofs/wire-faults.ts'
import { SteadyWriter } from '../support/steady-writer.ts'

/** Of a fault of the wire at every request, milliseconds. */
const TIMEOUT_MS = 600_000
/** So that silence is told from an answer soon. */
const IMPATIENT: WebHdfsOptions = {
  connectTimeoutMs: 1000,
  answerTimeoutMs: 1500,
  idleTimeoutMs: 1500,
  retryTimeMs: 300,
  allowedHosts: ['127.0.0.1'],
}

function openThrough(
  { addresses }: { addresses: readonly { host: string; port: number }[] },
  path: string,
  options = IMPATIENT,
): Promise<WebHdfsFileManager> {
  const hosts = addresses.map(({ host, port }) => `${host}:${port}`).join(',')
  return WebHdfsFileManager.open(`webhdfs://${hosts}${path}`, options)
}

/** Rows that do not compress, 3 MiB a batch: more than is sent in one piece. */
function* largeRows(version: number, tag: string): Iterable<Change> {
  let noise = version
  for (const unit of Buffer.from(tag)) noise = (noise * 31 + unit) | 0
  for (let row = 0; row < 300; row++) {
    let value = ''
    while (value.length < 10_000) {
      noise = (Math.imul(noise, 1664525) + 1013904223) | 0
      value += Math.imul(noise, noise | 1).toString(36)
    }
    yield [`key-${row}`, value]
  }
}

describeWithHdfs('one NameNode', 'faults of the wire:', (cluster) => {
  // The first answers of a JVM take seconds, which is more patience than there is here.
  beforeAll(async () => {
    const files = await WebHdfsFileManager.open(cluster().location(newHdfsPath()))
    await using stores = await StateStores.open(files, scenarioOptions({}))
    await playFirstWriter(stores, new Ledger())
  })

  wireFaults(
    async () => ({
      servers: cluster().nameNodes,
      open: async (addresses, path) => openThrough({ addresses }, `${newHdfsPath()}/${path}`),
    }),
    { timeoutMs: TIMEOUT_MS, step: 3 },
  )
})

describeWithHdfs('a pair', 'faults of the cluster:', (cluster) => {
  let writer: SteadyWriter
  beforeEach(async () => {
    await cluster().failover(0)
    const location = cluster().location(newHdfsPath())
    writer = new SteadyWriter(await WebHdfsFileManager.open(location))
  })
  afterEach(() => writer[Symbol.asyncDispose]())

  test('failovers during commits: nothing is refused for long, nothing is lost', async () => {
    writer.start()
    for (const active of [1, 0, 1]) {
      await writer.committed(8)
      await cluster().failover(active)
    }
    await writer.committed(8)
    await writer.stop()
    await writer.checkSurvived()
  })

  test('the active NameNode dies during commits, the other takes over, and it comes back', async () => {
    writer.start()
    await writer.committed(5)
    await cluster().stopNameNode(0)
    await cluster().failover(1)
    await writer.committed(8)
    await cluster().startNameNode(0)
    await writer.committed(5)
    await writer.stop()
    await writer.checkSurvived()
  })

  test('both are standbys: a typed error in good time, and it goes on when one is active', async () => {
    expect((await writer.commit()).code).toBeUndefined()
    const files = await WebHdfsFileManager.open(cluster().location(newHdfsPath()), {
      ...IMPATIENT,
      answerTimeoutMs: 5000,
    })
    await using impatient = new SteadyWriter(files)
    for (let i = 1; i <= 3; i++) expect((await impatient.commit()).code).toBeUndefined()
    await cluster().toStandby(0)
    for (let i = 1; i <= 3; i++)
      expect((await impatient.commit()).code).toMatch(/STORAGE_UNAVAILABLE|STORAGE_TIMEOUT/)
    await cluster().failover(1)
    await impatient.checkSurvived()
  })
})

describeWithOwnHdfs({ dataNodes: 1 }, 'faults of the cluster:', (cluster) => {
  let path: string
  let files: CheckpointFileManager
  let writer: SteadyWriter
  beforeEach(async () => {
    path = newHdfsPath()
    await cluster().makeDirectories(path, '777')
    files = await WebHdfsFileManager.open(cluster().location(path), {
      ...IMPATIENT,
      answerTimeoutMs: 30_000,
      user: 'alice',
    })
    writer = new SteadyWriter(files)
    for (let i = 1; i <= 3; i++) expect((await writer.commit()).code).toBeUndefined()
  })
  afterEach(() => writer[Symbol.asyncDispose]())

  async function expectRefused(action: () => Promise<void>, undo: () => Promise<void>) {
    writer.start()
    await writer.committed(3)
    await action()
    try {
      await writer.wasRefused(3)
    } finally {
      await undo()
      await writer.stop()
    }
    expect(new Set(writer.refused.map(({ code }) => code))).toEqual(
      new Set(['TIDEMARK_STORAGE_UNAVAILABLE']),
    )
    await writer.checkSurvived()
  }

  test('safe mode on, and off', async () => {
    await expectRefused(
      () => cluster().safeMode(true),
      () => cluster().safeMode(false),
    )
  })

  test('a short safe mode is waited for', async () => {
    const patient = await WebHdfsFileManager.open(cluster().location(`${path}/patient`))
    await using waiting = new SteadyWriter(patient)
    await waiting.commit()
    await cluster().safeMode(true)
    const commit = waiting.commit()
    await new Promise((resolve) => setTimeout(resolve, 500))
    await cluster().safeMode(false)
    expect((await commit).code).toBeUndefined()
    await waiting.checkSurvived()
  })

  test('no permission for the store, and again', async () => {
    const store = `${path}/state/0/3`
    await expectRefused(
      () => cluster().setPermission(store, '555'),
      () => cluster().setPermission(store, '755'),
    )
  })

  test('no permission for anything, and again', async () => {
    await expectRefused(
      () => cluster().setPermission(path, '000'),
      () => cluster().setPermission(path, '777'),
    )
  })

  test('no more names, and more', async () => {
    await expectRefused(
      () => cluster().setQuota(path, { names: 12 }),
      () => cluster().setQuota(path, {}),
    )
  })

  test('no more space, and more', async () => {
    await expectRefused(
      () => cluster().setQuota(path, { bytes: 100_000 }),
      () => cluster().setQuota(path, {}),
    )
  })

  test('no DataNode, and one again', async () => {
    await expectRefused(
      () => cluster().killDataNode(),
      () => cluster().startDataNodes(),
    )
  })

  test('the NameNode and its DataNode are killed and start again on what lies on disk', async () => {
    writer.start()
    await writer.committed(10)
    await cluster().crash()
    await writer.stop()
    await writer.checkSurvived()
  })
})

const REPLICATED = { dataNodes: 2, settings: { 'dfs.replication': '2' } }
describeWithOwnHdfs(REPLICATED, 'faults of DataNodes:', (cluster: () => HdfsCluster) => {
  test('one of three is killed in the middle of a write', async () => {
    for (const workload of [largeRows, undefined]) {
      const files = await WebHdfsFileManager.open(cluster().location(newHdfsPath()))
      const dataNode = await cluster().startDataNodeProcess()
      await using writer = new SteadyWriter(files, workload)
      writer.start()
      await writer.committed(4)
      await dataNode.kill()
      await writer.committed(6)
      await writer.stop()
      await writer.checkSurvived()
    }
  })
})
