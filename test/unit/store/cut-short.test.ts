// What a rewind, a cleaning, a snapshot or a load leaves that did not get to its end, or met what is damaged, and what those who come after it
// make of that.

import { describe, expect, test } from 'vitest'
import { StateStoreError } from '../../../src/errors.ts'
import type { CheckpointFileManager } from '../../../src/files/file-manager.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import { aroundCalls, type NumberedCall } from '../../../src/testing/around-calls.ts'
import { MemoryObjects } from '../../support/memory-objects.ts'
import {
  commitRows,
  commitVersions,
  damage,
  expectClean,
  failure,
  names,
  openProvider,
  readFile,
  readRows,
  rowsAfter,
} from '../../../src/testing/stores.ts'

/** `files` on which the calls that `gate.refuses` names fail without taking effect. */
function gated<T extends CheckpointFileManager>(files: T) {
  const gate = { refuses: (_call: NumberedCall): boolean => false }
  const through = aroundCalls(files, async (call, proceed) => {
    if (gate.refuses(call))
      throw new StateStoreError('TIDEMARK_STORAGE_UNAVAILABLE', `${call.method} (injected)`)
    return await proceed()
  })
  return { gate, files: through }
}

const isWrite = ({ method }: NumberedCall): boolean =>
  /^(move|delete|sync|create|make)/.test(method)
const isOf = ({ args }: NumberedCall, name: string): boolean => String(args[0]).endsWith(`/${name}`)

describe('a rewind to version 0 where cleaning has come by', () => {
  const often = { minDeltasForSnapshot: 2, minBatchesToRetain: 2 }

  /** Six versions, cleaned up to the snapshot of 4; the cleaning stopped before it removed `kept`. */
  async function cleaned(kept: string) {
    const { gate, files } = gated(new MemoryFileManager())
    await using opened = await openProvider(often, files)
    await commitVersions(opened.provider, 4)
    await opened.provider.doMaintenance()
    await commitVersions(opened.provider, 2)
    gate.refuses = (call) => isWrite(call) && isOf(call, kept)
    await opened.provider.doMaintenance().catch(() => undefined)
    gate.refuses = () => false
    return { gate, files }
  }

  test.each([
    ['nothing', ['4.delta', '4.snapshot', '5.delta', '6.delta']],
    ['3.delta', ['3.delta', '4.delta', '4.snapshot', '5.delta', '6.delta']],
    ['2.delta', ['2.delta', '3.delta', '4.delta', '4.snapshot', '5.delta', '6.delta']],
  ])(
    'that is cut off at any write leaves a store that anybody can open (its cleaning had stopped before %s)',
    async (kept, before) => {
      let isCommitted = false
      let taken = 0
      for (; !isCommitted; taken++) {
        const { gate, files } = await cleaned(kept)
        expect(await names(files)).toEqual(before)
        const writer = await openProvider({}, files)
        const store = await writer.provider.getStore(0, { rewind: 'allow' })
        let writes = 0
        gate.refuses = (call) => isWrite(call) && ++writes > taken
        isCommitted = await store.commit().then(
          () => true,
          () => false,
        )
        // The process is gone, and another one comes.
        gate.refuses = () => false
        const left = (await names(files)).join(' ')
        await using next = await openProvider({}, files)
        const latest = await next.provider.latestVersion()
        const expected = latest === 1 ? {} : rowsAfter(latest)
        expect(await readRows(next.provider), left).toEqual(expected)
        expect((await next.provider.getStore()).version, left).toBe(latest)
      }
      expect(taken).toBeGreaterThan(before.length)
    },
  )
})

describe('a cleaning on object storage', () => {
  test('that stops between the two files of a version never has a reader given the rows of an undone one', async () => {
    const { gate, files } = gated(new MemoryObjects())
    await using opened = await openProvider(
      { minDeltasForSnapshot: 2, minBatchesToRetain: 1 },
      files,
    )
    const { provider } = opened
    await commitVersions(provider, 2)
    await commitRows(provider, { undone: '3' })
    await provider.doMaintenance()
    await commitRows(provider, { again: '3' }, { from: 2 })
    await commitVersions(provider, 3)
    await provider.doMaintenance()
    await commitVersions(provider, 1)
    // Of version 3 one file goes, whichever comes first.
    let gone = 0
    gate.refuses = (call) => {
      const isOfThree = isOf(call, '3.delta') || isOf(call, '3.snapshot')
      return call.method === 'deleteFile' && isOfThree && ++gone > 1
    }
    await failure('TIDEMARK_STORAGE_UNAVAILABLE', () => provider.doMaintenance())
    expect((await names(files)).filter((name) => name.startsWith('3.'))).toHaveLength(1)

    await using reader = await openProvider({ readOnly: true }, files)
    await failure('TIDEMARK_VERSION_NOT_FOUND', () => reader.provider.getReadStore(3))
    expect(await readRows(reader.provider)).toMatchObject({ again: '3', last: '7' })
  })

  test('that was cut off is ended by one round of the next process, though the newest base it finds is of an undone version', async () => {
    const { gate, files } = gated(new MemoryObjects())
    const options = { minDeltasForSnapshot: 2, minBatchesToRetain: 1 }
    const before = await openProvider(options, files)
    await commitVersions(before.provider, 3)
    await before.provider.doMaintenance()
    await commitVersions(before.provider, 2)
    await commitRows(before.provider, { undone: '6' })
    gate.refuses = (call) => call.method === 'deleteFile' && isOf(call, '2.delta')
    await failure('TIDEMARK_STORAGE_UNAVAILABLE', () => before.provider.doMaintenance())
    await commitRows(before.provider, { again: '6' }, { from: 5 })
    await commitVersions(before.provider, 1)
    await failure('TIDEMARK_STORAGE_UNAVAILABLE', () => before.provider.doMaintenance())
    await before.stores.close()
    gate.refuses = () => false
    const snapshots = ['3.snapshot', '6.snapshot', '7.snapshot']
    expect(await names(files)).toEqual(expect.arrayContaining(['2.delta', ...snapshots]))

    await using opened = await openProvider(options, files)
    expect(await readRows(opened.provider)).toMatchObject({ again: '6' })
    await (await opened.provider.getStore()).abort()
    await opened.provider.doMaintenance()
    expect(await names(files)).not.toContain('2.delta')
    expect(await names(files)).toContain('3.snapshot')
    expect(await readRows(opened.provider, 6)).toMatchObject({ again: '6' })
  })
})

describe('the last snapshot of a store on object storage', () => {
  const often = { minDeltasForSnapshot: 2 }
  const lagOf = ({ provider }: Awaited<ReturnType<typeof openProvider>>): number =>
    provider.metrics.customMetrics.snapshotLag

  test('is written anew by the next round once its version was undone', async () => {
    const files = new MemoryObjects()
    await using opened = await openProvider(often, files)
    await commitVersions(opened.provider, 3)
    await opened.provider.doMaintenance()
    expect(lagOf(opened)).toBe(0)
    await commitRows(opened.provider, { again: '3' }, { from: 2 })
    expect(lagOf(opened)).toBe(3)
    await opened.provider.doMaintenance()
    expect(lagOf(opened)).toBe(0)

    await using reader = await openProvider({ readOnly: true }, files)
    expect(await readRows(reader.provider)).toMatchObject({ again: '3', last: '2' })
    expect(reader.provider.metrics.customMetrics.numSnapshotsAutoRepaired).toBe(0)
  })

  test('is known after the first round of a process that ran its batch again', async () => {
    const files = new MemoryObjects()
    const before = await openProvider(often, files)
    await commitVersions(before.provider, 2)
    await commitRows(before.provider, { third: '3' })
    await before.provider.doMaintenance()
    await before.stores.close()

    await using opened = await openProvider(often, files)
    await commitRows(opened.provider, { third: '3' }, { from: 2 })
    expect(lagOf(opened)).toBe(3)
    await opened.provider.doMaintenance()
    expect(lagOf(opened)).toBe(0)
  })
})

describe('a snapshot without trailer that only its sidecar tells to be damaged', () => {
  const plain = {
    trailer: false,
    checksumFiles: true,
    compression: 'none',
    minDeltasForSnapshot: 3,
    minBatchesToRetain: 2,
  } as const

  /** Changes one byte of a value: the file can still be read to its end. */
  async function rot(files: CheckpointFileManager): Promise<void> {
    const bytes = Buffer.from(await readFile(files, '4.snapshot'))
    await damage(files, '4.snapshot', bytes.lastIndexOf('unharmed'))
  }

  async function withSnapshot() {
    const opened = await openProvider(plain)
    await commitVersions(opened.provider, 3)
    await commitRows(opened.provider, { k4: '4', last: '4', x: 'unharmed' })
    await opened.provider.doMaintenance()
    expect(await names(opened.files)).toContain('4.snapshot')
    expect(await names(opened.files)).toContain('4.snapshot.crc')
    return opened
  }

  test('is nothing that cleaning relies on', async () => {
    await using opened = await withSnapshot()
    await rot(opened.files)
    await commitVersions(opened.provider, 2)
    await opened.provider.doMaintenance()
    const left = await names(opened.files)
    for (let v = 1; v <= 6; v++) expect(left).toContain(`${v}.delta`)
    await using reader = await openProvider({ ...plain, readOnly: true }, opened.files)
    expect(await readRows(reader.provider)).toEqual({ ...rowsAfter(6), x: 'unharmed' })
  })

  test('is passed over by a load', async () => {
    await using opened = await withSnapshot()
    await commitVersions(opened.provider, 1)
    await rot(opened.files)
    await using other = await openProvider(plain, opened.files)
    expect(await readRows(other.provider)).toEqual({ ...rowsAfter(5), x: 'unharmed' })
    expect(other.provider.metrics.customMetrics.numSnapshotsAutoRepaired).toBe(1)
    await (await other.provider.getStore()).abort()
    await other.provider.doMaintenance()
    expect(await names(opened.files)).toContain('5.snapshot')
  })
})

test('a sidecar that could not be removed before its snapshot was written anew is removed in the next round', async () => {
  const often = { trailer: false, minDeltasForSnapshot: 3, minBatchesToRetain: 2 }
  const { gate, files } = gated(new MemoryFileManager())
  const former = await openProvider({ ...often, checksumFiles: true }, files)
  await commitVersions(former.provider, 4)
  await former.provider.doMaintenance()
  await former.stores.close()
  await damage(files, '4.snapshot')

  // Compressed otherwise, the new snapshot has other bytes than the sidecar speaks of.
  const otherwise = { ...often, checksumFiles: false, compression: 'zstd' } as const
  await using opened = await openProvider(otherwise, files)
  await (await opened.provider.getStore()).abort()
  gate.refuses = (call) => isWrite(call) && isOf(call, '4.snapshot.crc')
  await failure('TIDEMARK_STORAGE_UNAVAILABLE', () => opened.provider.doMaintenance())
  expect(await names(files)).toContain('4.snapshot.crc')
  gate.refuses = () => false
  await opened.provider.doMaintenance()
  const left = await names(files)
  expect(left).toContain('4.snapshot')
  expect(left).not.toContain('4.snapshot.crc')

  await commitVersions(opened.provider, 2)
  await opened.provider.doMaintenance()
  expect(await names(files)).not.toContain('3.delta')
  await using reader = await openProvider({ ...otherwise, readOnly: true }, files)
  expect(await readRows(reader.provider)).toEqual(rowsAfter(6))
})

test('a damaged snapshot that a reader’s load passed over is written anew by maintenance', async () => {
  const often = { minDeltasForSnapshot: 3 }
  const former = await openProvider(often)
  await commitVersions(former.provider, 5)
  await former.provider.doMaintenance()
  await former.stores.close()
  await damage(former.files, '5.snapshot')

  await using opened = await openProvider(often, former.files)
  const { provider, files } = opened
  // Before this provider has the lease; what it loads then stays in memory.
  expect(await readRows(provider)).toEqual(rowsAfter(5))
  const damaged = await readFile(files, '5.snapshot')
  await (await provider.getStore()).abort()
  await provider.doMaintenance()
  expect(await readFile(files, '5.snapshot')).not.toEqual(damaged)
  await expectClean(files)
})

test('after a rewind over a snapshot the lag counts from the one before it, once maintenance has come by', async () => {
  await using opened = await openProvider({ minDeltasForSnapshot: 2 })
  const { provider } = opened
  const lag = (): number => provider.metrics.customMetrics.snapshotLag
  for (const last of [3, 6]) {
    await commitVersions(provider, 3)
    await provider.doMaintenance()
    expect(await names(opened.files)).toContain(`${last}.snapshot`)
  }
  expect(lag()).toBe(0)
  expect(await commitRows(provider, { again: '5' }, { from: 4, rewind: 'allow' })).toBe(5)
  await provider.doMaintenance()
  expect(await names(opened.files)).not.toContain('5.snapshot')
  expect(lag()).toBe(2)
  await commitVersions(provider, 1)
  expect(lag()).toBe(3)
})

test('a listing from before a rewind does not tell of snapshots that are undone since', async () => {
  const listed = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  let armed = false
  const files = aroundCalls(new MemoryFileManager(), async (call, proceed) => {
    const answer = await proceed()
    if (armed && call.method === 'list' && call.args[0] === 'state/0/0') {
      armed = false
      listed.resolve()
      await gate.promise
    }
    return answer
  })
  await using opened = await openProvider({ minDeltasForSnapshot: 2 }, files)
  const { provider } = opened
  for (let i = 0; i < 2; i++) {
    await commitVersions(provider, 3)
    await provider.doMaintenance()
  }
  const store = await provider.getStore(4, { rewind: 'allow' })
  armed = true
  const maintenance = provider.doMaintenance()
  await listed.promise
  await store.commit()
  await commitVersions(provider, 1)
  gate.resolve()
  await maintenance
  expect(await names(files)).not.toContain('6.snapshot')
  // Not known before the next listing.
  expect(provider.metrics.customMetrics.snapshotLag).toBe(6)
})
