// The file manager contract on the in-memory HDFS, which a recording of a real one keeps honest; on a real one: test/servers/hdfs-files.test.ts.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openLocation } from '../../../../src/files/open-location.ts'
import { WebHdfsFileManager } from '../../../../src/files/webhdfs/webhdfs.ts'
import { StateStores } from '../../../../src/index.ts'
import { bytesOf, fileManagerContract } from '../../../../src/testing/file-manager-contract.ts'
import { openProvider, readRows } from '../../../../src/testing/stores.ts'
import { writerLeaseContract } from '../../../../src/testing/writer-lease-contract.ts'
import { type FakeHdfs, startFakeHdfs } from '../../../support/hdfs/fake-hdfs.ts'

for (const [name, options] of [
  ['one NameNode and small pages', { pageSize: 7 }],
  ['a pair of NameNodes', { nameNodes: 2 }],
] as const) {
  fileManagerContract(`webhdfs, with ${name}`, {
    create: async () => {
      const hdfs = await startFakeHdfs(options)
      const location = hdfs.location('/check/point')
      const open = () => WebHdfsFileManager.open(location, { user: 'hdfs' })
      return { files: await open(), another: open, dispose: () => hdfs.stop() }
    },
    impossibleNames: { 'a:b': 'HDFS refuses a colon' },
    movesFolders: 'HDFS does not say what the source is in the step that moves it',
  })
}

writerLeaseContract('the in-memory HDFS', {
  createFiles: async () => {
    const hdfs = await startFakeHdfs()
    const open = () => WebHdfsFileManager.open(hdfs.location('/lease'), { user: 'hdfs' })
    return { files: await open(), another: open, dispose: () => hdfs.stop() }
  },
})

describe('the engine on HDFS', () => {
  let hdfs: FakeHdfs
  beforeAll(async () => {
    hdfs = await startFakeHdfs()
  })
  afterAll(() => hdfs.stop())

  test('opens a location by its URL', async () => {
    const location = hdfs.location('/by-url')
    const files = await openLocation(location)
    expect(files).toBeInstanceOf(WebHdfsFileManager)
    expect(files.location).toBe(location)
    await expect(openLocation('hdfs://nn:8020/a')).rejects.toMatchObject({
      code: 'TIDEMARK_INVALID_OPTIONS',
      message: expect.stringContaining('webhdfs://nn:9870/path'),
    })
    await expect(openLocation('gs://bucket/a')).rejects.toMatchObject({
      code: 'TIDEMARK_INVALID_OPTIONS',
    })
  })

  test('a commit is three requests: CREATE at the NameNode and the DataNode, and RENAME', async () => {
    const files = await WebHdfsFileManager.open(hdfs.location('/count'), { user: 'hdfs' })
    const stores = await StateStores.open(files, { maintenanceIntervalMs: 0 })
    const provider = stores.provider({ operatorId: 0, partitionId: 0 })
    const first = await provider.getStore(0)
    first.put(bytesOf('key'), bytesOf('value'))
    await first.commit()
    const before = hdfs.requests.splice(0)
    const second = await provider.getStore(1)
    second.put(bytesOf('key'), bytesOf('other'))
    await second.commit()
    expect(hdfs.requests.map(({ from, op }) => `${op} ${from}`)).toEqual([
      'CREATE name node',
      'CREATE data node',
      'RENAME name node',
    ])
    for (const { op, params, path } of [...before, ...hdfs.requests]) {
      if (op === 'CREATE')
        expect([params['overwrite'], params['createparent']]).toEqual(['false', 'false'])
      // A staging folder is made by a move, never in its place: whoever makes it there could make it anew.
      if (op === 'MKDIRS') expect(path).not.toMatch(/\/\d{16}$/)
    }
    await stores.close()
    await using opened = await openProvider({}, files)
    expect(await readRows(opened.provider)).toEqual({ key: 'other' })
  })

  test('an open makes no file, and asks a DataNode for nothing but what it loads', async () => {
    const location = hdfs.location('/open')
    for (const [known, expected] of [
      // The first makeDirectory of each manager looks for leftovers as well.
      [0, { 'name node': 14, 'data node': 0 }],
      [1, { 'name node': 14, 'data node': 1 }],
    ] as const) {
      const files = await WebHdfsFileManager.open(location, { user: 'hdfs' })
      const stores = await StateStores.open(files, { maintenanceIntervalMs: 0 })
      hdfs.requests.length = 0
      const store = await stores.provider({ operatorId: 0, partitionId: 0 }).getStore()
      expect(store.version).toBe(known)
      const counts = { 'name node': 0, 'data node': 0 }
      for (const { from } of hdfs.requests) counts[from]++
      expect(counts).toEqual(expected)
      expect(hdfs.requests.map(({ op }) => op)).not.toContain('CREATE')
      store.put(bytesOf('key'), bytesOf('value'))
      await store.commit()
      // As a process that died: not closed.
    }
  })
})
