// Files that are gone, or others, once they are read: another process cleans or rewinds the store while it is being looked at.

import { copyFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { openCheckpoint } from '../../../src/checkpoint/checkpoint.ts'
import { checkCodec } from '../../../src/checkpoint/codec-check.ts'
import { readDeltaChanges } from '../../../src/checkpoint/delta-changes.ts'
import { locateRecord } from '../../../src/checkpoint/locate-record.ts'
import { knownSettings } from '../../../src/checkpoint/spark-settings.ts'
import type { StoreFilesContext } from '../../../src/checkpoint/store-file.ts'
import { LocalFileManager } from '../../../src/files/local.ts'
import { StateStores } from '../../../src/index.ts'
import { storeDirectory } from '../../../src/store/store-id.ts'
import { failure } from '../../../src/testing/stores.ts'
import { bytes, temporaryFolder } from '../../support/checkpoint-folder.ts'
import { goldenForEachTest } from '../../support/golden-for-each-test.ts'

const folder = goldenForEachTest('../spark-readings/two-operators')
const store = { operatorId: 0, partitionId: 0, storeName: 'default' }

let context: StoreFilesContext
beforeEach(async () => {
  const files = await LocalFileManager.open(folder.path)
  files.read = async (path, ...rest) => {
    const isOfTheStore = path.startsWith(`${storeDirectory(store)}/`)
    return isOfTheStore
      ? undefined
      : await LocalFileManager.prototype.read.call(files, path, ...rest)
  }
  context = { files, settings: { rowChecksums: false, floorValues: false }, signal: undefined }
})

test('say so with a code, and what to do', async () => {
  const read = () => readDeltaChanges(context, store, 1)
  await failure('TIDEMARK_VERSION_NOT_FOUND', read)
})

test('are looked for anew where another file has taken the place', async () => {
  const files = await LocalFileManager.open(folder.path)
  const at = (path: string) => join(folder.path, path)
  const list = files.list.bind(files)
  files.list = async (directory) => {
    const entries = await list(directory)
    for (const name of ['1.delta', '1.delta.crc'])
      await rename(at(`state/1/1/${name}`), at(`state/1/0/${name}`))
    files.list = list
    return entries
  }
  const settled = { ...context, files: await LocalFileManager.open(folder.path) }
  const expected = await readDeltaChanges(settled, { ...store, operatorId: 1, partitionId: 1 }, 1)
  const read = await readDeltaChanges({ ...context, files }, { ...store, operatorId: 1 }, 1)
  expect(read.changes).toEqual(expected.changes)
})

test.each([
  [3, 100],
  [100, 3],
])('%i keys are told at a glance as %i where the file of these took the place', async (...keys) => {
  await using folders = await temporaryFolder()
  const [before, after] = keys.map((count) => join(folders.path, `${count}`))
  for (const [i, path] of [before, after].entries()) {
    await using stores = await StateStores.open(path, { durability: 'os' })
    const opened = await stores.provider(store).getStore()
    for (let key = 0; key < keys[i]; key++) opened.put(bytes(`${key}`), bytes('value'))
    await opened.commit()
  }
  const files = await LocalFileManager.open(before)
  await using checkpoint = await openCheckpoint(files)
  const list = files.list.bind(files)
  const delta = join(storeDirectory(store), '1.delta')
  files.list = async (directory) => {
    const entries = await list(directory)
    if (directory !== storeDirectory(store)) return entries
    await copyFile(join(after, delta), join(before, delta))
    return entries
  }
  const expected = { newestVersion: 1, keys: keys[1], foreign: false, problem: undefined }
  expect(await checkpoint.describe(store)).toMatchObject(expected)
})

test('have no codec to be wrong', async () => {
  const settings = await knownSettings(context.files)
  expect(settings).toBeDefined()
  await checkCodec(context, settings, store, 1)
})

test('do not hide the error whose place is looked for', async () => {
  expect(await locateRecord(context, store, 1, new Uint8Array(1))).toBeUndefined()
})
