import { expect, test } from 'vitest'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import { Removals } from '../../../src/files/removals.ts'
import { aroundCalls, type Around } from '../../../src/testing/around-calls.ts'
import { bytesOf, namesIn } from '../../../src/testing/file-manager-contract.ts'
import { errnoError } from '../../support/faulty-fs.ts'

const STAGING = 'staging'

/** Removals from a folder that holds `a` and `b`, every call to the storage through `around`. */
async function folderOfTwo(around: Around) {
  const files = new MemoryFileManager()
  for (const path of ['state', STAGING]) await files.makeDirectories(path, 'os')
  for (const name of ['a', 'b']) await files.createExclusive(`state/${name}`, bytesOf(name), 'os')
  const removals = new Removals(aroundCalls(files, around), STAGING, 'removed-')
  return { files, removals }
}

test('cleaning waits for a removal that is under way, and the next removal makes another folder', async () => {
  const reached = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const { files, removals } = await folderOfTwo(async ({ method, args }, proceed) => {
    if (method === 'moveReplacing' && args[0] === 'state/a') {
      reached.resolve()
      await gate.promise
    }
    return proceed()
  })
  const removing = removals.remove('state/a')
  await reached.promise
  const cleaning = removals.clean()
  expect(await removals.remove('state/b')).toBe(true)
  await new Promise(setImmediate)
  expect(await namesIn(files, STAGING)).toEqual(['removed-1', 'removed-2'])
  gate.resolve()
  expect(await removing).toBe(true)
  await cleaning
  expect(await namesIn(files, 'state')).toEqual([])
  expect(await namesIn(files, STAGING)).toEqual(['removed-2'])
  await removals.clean()
  expect(await namesIn(files, STAGING)).toEqual([])
})

test('a folder that could not be deleted is deleted by the next cleaning', async () => {
  let isFailing = true
  const { files, removals } = await folderOfTwo(async (call, proceed) => {
    if (call.method === 'deleteTree' && isFailing) throw errnoError('EIO', call)
    return proceed()
  })
  expect(await removals.remove('state/a')).toBe(true)
  await expect(removals.clean()).rejects.toThrow('EIO')
  isFailing = false
  expect(await removals.remove('state/b')).toBe(true)
  await removals.clean()
  expect(await namesIn(files, STAGING)).toEqual([])
})

test('a folder that cannot be made does not make the next one forgotten', async () => {
  const gate = Promise.withResolvers<void>()
  let made = 0
  const { files, removals } = await folderOfTwo(async (call, proceed) => {
    if (call.method === 'makeDirectory' && ++made === 1) {
      await gate.promise
      throw errnoError('EIO', call)
    }
    return proceed()
  })
  const failing = expect(removals.remove('state/a')).rejects.toThrow('EIO')
  await new Promise(setImmediate)
  const cleaning = removals.clean()
  await new Promise(setImmediate)
  expect(await removals.remove('state/b')).toBe(true)
  gate.resolve()
  await failing
  await cleaning
  await removals.clean()
  expect(await namesIn(files, STAGING)).toEqual([])
})
