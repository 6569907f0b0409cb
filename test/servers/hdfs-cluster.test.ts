// The commands of the real cluster do what other tests rely on: each is seen from outside, over HTTP.

import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { HdfsCluster } from '../support/hdfs/cluster.ts'
import { type Answer, Prober } from '../support/hdfs/probe-exchange.ts'
import { describeWithHdfs, describeWithOwnHdfs } from '../support/hdfs/with-hdfs.ts'

const POLL_MS = 50
const POLLS_MAX = 600

class Caller {
  readonly #cluster: HdfsCluster
  readonly #user: string

  constructor(cluster: HdfsCluster, user = 'hdfs') {
    this.#cluster = cluster
    this.#user = user
  }

  /** The last answer: that of the DataNode where there is one. */
  async ask(
    method: 'GET' | 'PUT',
    op: string,
    path: string,
    params: Record<string, string> = {},
    index = 0,
  ): Promise<Answer> {
    const prober = new Prober(this.#cluster.nameNodes[index], '')
    try {
      const all = { op, 'user.name': this.#user, ...params }
      const body = op === 'CREATE' ? { body: 'content' } : {}
      return (await prober.exchange({ method, path, params: all, ...body })).at(-1)!
    } finally {
      prober.close()
    }
  }

  async status(method: 'GET' | 'PUT', op: string, path: string, index = 0): Promise<number> {
    return (await this.ask(method, op, path, {}, index)).status
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let poll = 0; poll < POLLS_MAX; poll++) {
    if (await condition()) return
    await sleep(POLL_MS)
  }
  throw new Error('it did not come to that')
}

describeWithHdfs('one NameNode', 'its commands', (cluster) => {
  let folder: string
  beforeAll(async () => {
    folder = `/tmp/commands-${Date.now()}`
    await cluster().makeDirectories(folder, '777')
  })

  test('permissions and owners are enforced', async () => {
    await cluster().makeDirectories(`${folder}/closed`, '700')
    const alice = new Caller(cluster(), 'alice')
    expect(await alice.status('PUT', 'CREATE', `${folder}/closed/a`)).toBe(403)
    await cluster().setOwner(`${folder}/closed`, 'alice')
    expect(await alice.status('PUT', 'CREATE', `${folder}/closed/a`)).toBe(201)
    await cluster().setPermission(`${folder}/closed`, '555')
    expect(await alice.status('PUT', 'CREATE', `${folder}/closed/b`)).toBe(403)
  })

  test('a quota of names and one of bytes refuse a file, and are taken back', async () => {
    const caller = new Caller(cluster())
    await cluster().makeDirectories(`${folder}/small`)
    await cluster().setQuota(`${folder}/small`, { names: 1 })
    const names = await caller.ask('PUT', 'CREATE', `${folder}/small/a`)
    expect(names).toMatchObject({ status: 403, body: { RemoteException: {} } })
    expect(JSON.stringify(names.body)).toContain('NSQuotaExceededException')
    await cluster().setQuota(`${folder}/small`, { bytes: 1 })
    const bytes = await caller.ask('PUT', 'CREATE', `${folder}/small/b`)
    expect(JSON.stringify(bytes.body)).toContain('DSQuotaExceededException')
    await cluster().setQuota(`${folder}/small`, {})
    expect(await caller.status('PUT', 'CREATE', `${folder}/small/c`)).toBe(201)
  })

  test('a lease can be given up', async () => {
    await new Caller(cluster()).ask('PUT', 'CREATE', `${folder}/closed-file`)
    expect(await cluster().recoverLease(`${folder}/closed-file`)).toBe(true)
  })
})

describeWithOwnHdfs({ dataNodes: 1 }, 'nodes that go and come', (cluster) => {
  test('a NameNode stops and comes back where it was, with what it had', async () => {
    const caller = new Caller(cluster())
    expect(await caller.status('PUT', 'CREATE', '/a')).toBe(201)
    await cluster().stopNameNode(0)
    await expect(caller.status('GET', 'GETFILESTATUS', '/a')).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    })
    await cluster().startNameNode(0)
    // The DataNode may try once more on the connection that it had: 403 EOFException.
    await until(async () => (await caller.status('GET', 'OPEN', '/a')) === 200)
    expect(await caller.status('PUT', 'CREATE', '/b')).toBe(201)
  })

  test('DataNodes stop and come back', async () => {
    await cluster().killDataNode()
    expect(await cluster().dataNodeCount()).toBe(0)
    await cluster().startDataNodes()
    expect(await cluster().dataNodeCount()).toBe(1)
    expect(await new Caller(cluster()).status('GET', 'OPEN', '/a')).toBe(200)
  })

  test('the whole cluster crashes and comes back with what was acknowledged', async () => {
    const caller = new Caller(cluster())
    for (let i = 0; i < 10; i++)
      expect(await caller.status('PUT', 'CREATE', `/crash-${i}`)).toBe(201)
    await cluster().crash()
    for (let i = 0; i < 10; i++)
      expect(await caller.ask('GET', 'OPEN', `/crash-${i}`)).toMatchObject({ body: 'content' })
  })
})

describeWithOwnHdfs({ dataNodes: 0 }, 'DataNodes as processes', (cluster) => {
  test('one serves, and can be killed', async () => {
    const caller = new Caller(cluster())
    const node = await cluster().startDataNodeProcess()
    await until(async () => (await caller.status('PUT', 'CREATE', `/${Math.random()}`)) === 201)
    await node.kill()
    await expect(caller.status('PUT', 'CREATE', '/after')).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    })
  })
})

describeWithHdfs('a pair', 'its commands', (cluster) => {
  afterAll(async () => {
    await cluster().failover(0)
  })

  test('it fails over, and both may be standbys', async () => {
    const caller = new Caller(cluster())
    await cluster().failover(0)
    expect(await caller.status('GET', 'GETFILESTATUS', '/', 0)).toBe(200)
    expect(await caller.status('GET', 'GETFILESTATUS', '/', 1)).toBe(403)
    await cluster().failover(1)
    expect(await caller.status('GET', 'GETFILESTATUS', '/', 0)).toBe(403)
    expect(await caller.status('GET', 'GETFILESTATUS', '/', 1)).toBe(200)
    await cluster().toStandby(1)
    expect(await caller.status('GET', 'GETFILESTATUS', '/', 1)).toBe(403)
    await cluster().failover(0)
    expect(await caller.status('PUT', 'CREATE', `/tmp/pair-${Date.now()}`, 0)).toBe(201)
  })

  test('the active one dies, the other takes over, the first comes back as a standby', async () => {
    const caller = new Caller(cluster())
    const path = `/tmp/pair-${Date.now()}`
    expect(await caller.status('PUT', 'CREATE', path, 0)).toBe(201)
    await cluster().stopNameNode(0)
    await cluster().failover(1)
    expect(await caller.status('GET', 'OPEN', path, 1)).toBe(200)
    await cluster().startNameNode(0)
    expect(await caller.status('GET', 'GETFILESTATUS', path, 0)).toBe(403)
  })
})
