// The file manager contract on a real HDFS, as a user without special rights; and what only a real one can show.

import { expect, test } from 'vitest'
import { WebHdfsFileManager } from '../../src/files/webhdfs/webhdfs.ts'
import {
  bytesOf,
  fileManagerContract,
  namesIn,
  textOf,
  writeFile,
} from '../../src/testing/file-manager-contract.ts'
import { describeWithHdfs } from '../support/hdfs/with-hdfs.ts'

const USER = 'tidemark'
let count = 0

for (const kind of ['one NameNode', 'a pair'] as const) {
  describeWithHdfs(kind, 'files', (cluster) => {
    const newLocation = () => cluster().location(`/tmp/files-${kind.length}-${++count}/check point`)

    fileManagerContract('webhdfs', {
      create: async () => {
        const location = newLocation()
        const open = () => WebHdfsFileManager.open(location, { user: USER })
        return {
          files: await open(),
          another: open,
          dispose: async () => (await open()).deleteTree(''),
        }
      },
      impossibleNames: { 'a:b': 'HDFS refuses a colon' },
      movesFolders: 'HDFS does not say what the source is in the step that moves it',
    })

    test('a listing of more entries than fit on a page is whole', async () => {
      const files = await WebHdfsFileManager.open(newLocation(), { user: USER })
      const all = Array.from({ length: 1050 }, (_, index) => `sub-${index}`).sort()
      for (let start = 0; start < all.length; start += 50) {
        const some = all.slice(start, start + 50)
        await Promise.all(some.map((name) => files.makeDirectories(`dir/${name}`, 'os')))
      }
      expect(await namesIn(files, 'dir')).toEqual(all)
      await files.deleteTree('')
    })

    test('a name that HDFS cannot have is the fault of the options', async () => {
      const files = await WebHdfsFileManager.open(newLocation(), { user: USER })
      await files.makeDirectories('', 'os')
      await expect(writeFile(files, 'a:b', 'x')).rejects.toMatchObject({
        code: 'TIDEMARK_INVALID_OPTIONS',
      })
      await files.deleteTree('')
    })

    test('without permission nothing is read as absent, and nothing changes', async () => {
      const location = newLocation()
      const owner = await WebHdfsFileManager.open(location, { user: USER })
      await owner.makeDirectories('dir', 'os')
      await writeFile(owner, 'dir/file', 'x')
      await cluster().setPermission(
        new URL(location.replace(/,[^/]*/, '')).pathname.replaceAll('%20', ' '),
        '700',
      )
      const other = await WebHdfsFileManager.open(location, { user: 'somebody' })
      const denied = { code: 'TIDEMARK_STORAGE_UNAVAILABLE', message: /Permission denied/ }
      for (const call of [
        () => other.stat('dir'),
        () => other.list('dir'),
        () => other.read('dir/file'),
        () => other.createExclusive('dir/new', bytesOf('x'), 'os'),
        () => other.makeDirectory('dir/new', 'os'),
        () => other.makeDirectories('dir/new', 'os'),
        () => other.moveIfAbsent('dir/file', 'dir/new', 'os'),
        () => other.moveReplacing('dir/file', 'dir/new', 'os'),
        () => other.deleteFile('dir/file'),
        () => other.deleteTree('dir'),
        () => other.moveDirectory('dir', 'new'),
        () => writeFile(other, 'dir/new', 'x'),
      ])
        await expect(call(), String(call)).rejects.toMatchObject({
          ...denied,
          message: expect.stringMatching(denied.message),
        })
      expect(await textOf(owner, 'dir/file')).toBe('x')
      expect(await namesIn(owner, '')).toEqual(['dir'])
      await owner.deleteTree('')
    })
  })
}
