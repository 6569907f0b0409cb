// A delta that is written in the background while its rows come in: nobody but commit hears of a failure, and nothing is left behind.

import { expect, test } from 'vitest'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import { aroundCalls } from '../../support/around-calls.ts'
import { errnoError } from '../../support/faulty-fs.ts'
import {
  commitRows,
  expectClean,
  failure,
  names,
  openProvider,
  text,
} from '../../support/stores.ts'

const STAGING = '_tidemark/staging/0/0/default/0000000000000001'

async function largeBatch(fails: boolean) {
  const inner = new MemoryFileManager()
  let armed = false
  const native = aroundCalls(inner.disk, async (call, proceed) => {
    if (armed && call.method === 'write') throw errnoError('ENOSPC', call)
    return proceed()
  })
  const opened = await openProvider(
    { compression: 'none' },
    new MemoryFileManager({ disk: inner.disk, native }),
  )
  const store = await opened.provider.getStore()
  armed = fails
  for (let i = 0; i < 100; i++) {
    store.put(text(`k${i}`), new Uint8Array(10_000))
    await new Promise(setImmediate)
  }
  return { ...opened, store, heal: () => (armed = false) }
}

test('a large batch reaches the staging folder before its commit, and nothing else', async () => {
  const { store, files, stores } = await largeBatch(false)
  expect(await names(files, STAGING)).toHaveLength(1)
  expect(await names(files)).toEqual([])
  await store.abort()
  expect(await names(files, STAGING)).toEqual([])
  await stores.close()
})

test('a failure in the background is thrown by commit, once, and the next commit works', async () => {
  const { store, files, provider, stores, heal } = await largeBatch(true)
  heal()
  const error = await failure('TIDEMARK_STORAGE_UNAVAILABLE', () => store.commit())
  expect(error.message).toMatch(/^Error committing version 1 into /)
  await store.abort()
  expect(await names(files, STAGING)).toEqual([])
  expect(await names(files)).toEqual([])
  expect(await commitRows(provider, { a: '1' })).toBe(1)
  await stores.close()
  await expectClean(files)
})
