// A delta that is written in the background while its rows come in: nobody but commit hears of a failure, and nothing is left behind.

import { expect, test } from 'vitest'
import type { Compression } from '../../../src/codec/compression.ts'
import { compressionOf } from '../../../src/codec/compressions.ts'
import { StateStoreError } from '../../../src/errors.ts'
import { LeasedDirectory } from '../../../src/files/leased-directory.ts'
import { MemoryDisk } from '../../../src/files/memory-disk.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import type { OpenStore } from '../../../src/store/open-store.ts'
import { StagedStateFile } from '../../../src/store/staged-state-file.ts'
import { aroundCalls } from '../../../src/testing/around-calls.ts'
import { numberKey } from '../../support/arena-map.ts'
import { errnoError } from '../../support/faulty-fs.ts'
import { rowOf } from '../../support/state-files.ts'
import {
  commitRows,
  expectClean,
  failure,
  names,
  openProvider,
  text,
} from '../../../src/testing/stores.ts'

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
  void store.abort()
  // Whoever aborts again waits as long.
  await store.abort()
  expect(await names(files, STAGING)).toEqual([])
  await stores.close()
})

test('what queues up in a loop that never yields is written in pieces', async () => {
  const disk = new MemoryDisk()
  const writtenBytes: number[] = []
  const native = aroundCalls(disk, async (call, proceed) => {
    const [, chunk] = call.args
    if (call.method === 'write') writtenBytes.push((chunk as Uint8Array).length)
    return proceed()
  })
  const files = new MemoryFileManager({ disk, native })
  await using opened = await openProvider({ compression: 'none' }, files)
  const store = await opened.provider.getStore()
  for (let i = 0; i < 200; i++) store.put(numberKey(i), new Uint8Array(100_000).fill(i))
  await store.commit()
  const mib = 1024 * 1024
  expect(Math.max(...writtenBytes)).toBeGreaterThanOrEqual(4 * mib)
  expect(Math.max(...writtenBytes)).toBeLessThan(4.1 * mib)
  await using again = await openProvider({}, files)
  const reader = await again.provider.getReadStore()
  for (let i = 0; i < 200; i++) {
    expect(reader.get(numberKey(i))?.every((byte) => byte === i)).toBe(true)
  }
  await reader.release()
})

test('blocks give their memory back once they are joined to be written', async () => {
  const blocks: Uint8Array[] = []
  const lz4 = compressionOf('lz4')
  const file = await stagedDelta({
    encodeBlock: (plain) => {
      const block = lz4.encodeBlock(plain)
      blocks.push(block)
      return block
    },
  })
  file.putRow(rowOf(text('k'), new Uint8Array(40_000)))
  const { compressedBytes } = await file.end()
  await file.seal(undefined)
  expect(file.sizeBytes).toBe(compressedBytes)
  expect(blocks.map(({ length }) => length)).toEqual([0, 0])
  await file.discard()
})

async function stagedDelta(
  changes: Partial<Compression>,
  files = new MemoryFileManager(),
): Promise<StagedStateFile> {
  await files.makeDirectories('state/0/0', 'os')
  await files.makeDirectories('staging', 'os')
  return new StagedStateFile({
    directory: new LeasedDirectory({
      files,
      directory: 'state/0/0',
      staging: 'staging',
      durability: 'os',
    }),
    name: '1.delta',
    kind: 'delta',
    compression: { ...compressionOf('lz4'), ...changes },
    rowChecksums: false,
  })
}

test('the temp file is made and its first blocks are written while rows come in and the stream is ended', async () => {
  const disk = new MemoryDisk()
  const calls: string[] = []
  const native = aroundCalls(disk, async (call, proceed) => {
    calls.push(call.method)
    return proceed()
  })
  const files = new MemoryFileManager({ disk, native })
  const first = await stagedDelta({}, files)
  first.putRow(rowOf(text('k'), new Uint8Array(40_000)))
  await first.end()
  await first.discard()
  calls.length = 0
  const file = await stagedDelta({}, files)
  calls.length = 0
  file.putRow(rowOf(text('k'), new Uint8Array(40_000)))
  // Nobody has turned the event loop yet.
  expect(calls).toEqual(['openNew'])
  await file.end()
  await new Promise(setImmediate)
  expect(calls).toEqual(['openNew', 'write'])
  await file.discard()
})

test('after a codec has failed the row it failed on cannot be committed over', async () => {
  const file = await stagedDelta({
    encodeBlock: () => {
      throw new StateStoreError('TIDEMARK_CODEC_FAILED', 'the codec failed')
    },
  })
  file.putRow(rowOf(text('k'), new Uint8Array(100_000)))
  file.putRow(rowOf(text('l'), new Uint8Array(1)))
  file.remove(text('m'))
  await failure('TIDEMARK_CODEC_FAILED', async () => await file.end())
  await file.discard()
})

test('of a codec that fails in the thread pool end() tells, whatever was put meanwhile', async () => {
  let reject: (error: unknown) => void = () => undefined
  const file = await stagedDelta({
    encodeBlockApart: async () => await new Promise<never>((_, no) => (reject = no)),
  })
  file.putRow(rowOf(text('k'), new Uint8Array(200_000)))
  const ended = failure('TIDEMARK_CODEC_FAILED', async () => await file.end())
  reject(new StateStoreError('TIDEMARK_CODEC_FAILED', 'the codec failed'))
  await ended
  await file.discard()
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

test('what waits to be written when a batch is aborted is not written', async () => {
  let writtenBytes = 0
  const disk = new MemoryDisk()
  const native = aroundCalls(disk, async (call, proceed) => {
    if (call.method === 'write') writtenBytes += (call.args[1] as Uint8Array).length
    return proceed()
  })
  const files = new MemoryFileManager({ disk, native })
  await using opened = await openProvider({ compression: 'none' }, files)
  const store = await opened.provider.getStore()
  for (let i = 0; i < 200; i++) store.put(numberKey(i), new Uint8Array(100_000))
  await store.abort()
  expect(writtenBytes).toBeLessThan(5 * 1024 * 1024)
  expect(await names(files, STAGING)).toEqual([])
})

test('drain() tells of a write that has failed, discard() does not', async () => {
  const { store, stores, heal } = await largeBatch(true)
  const file = (store as OpenStore).delta!
  await expect(file.drain()).rejects.toThrow('ENOSPC')
  heal()
  await file.discard()
  await store.abort()
  await stores.close()
})
