// Rounds of maintenance over real stores: when snapshots appear, what is cleaned, what a rewind and a fence do to a round under way.

import { describe, expect, test } from 'vitest'
import { systemClock, type Clock } from '../../../src/base/clock.ts'
import { MemoryDisk } from '../../../src/files/memory-disk.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import { aroundCalls } from '../../../src/testing/around-calls.ts'
import {
  commitRows,
  commitVersions,
  damage,
  expectClean,
  failure,
  names,
  openProvider,
  readRows,
  rowsAfter,
  rowsOf,
  text,
} from '../../../src/testing/stores.ts'
import { errnoError } from '../../support/faulty-fs.ts'

const snapshotsIn = async (files: MemoryFileManager) =>
  (await names(files)).filter((name) => name.endsWith('.snapshot'))

describe('snapshotting and cleaning', () => {
  test('twenty versions with minDeltas 5 and two retained: the old ones go, the last ones read right', async () => {
    const files = new MemoryFileManager()
    await using opened = await openProvider(
      { minDeltasForSnapshot: 5, minBatchesToRetain: 2 },
      files,
    )
    for (let version = 1; version <= 20; version++) {
      await commitVersions(opened.provider, 1)
      await opened.provider.doMaintenance()
      if (version === 5) expect(await snapshotsIn(files)).toEqual([])
      if (version === 6) expect(await snapshotsIn(files)).toEqual(['6.snapshot'])
    }
    const there = await names(files)
    expect(there).not.toContain('1.delta')
    expect(await snapshotsIn(files)).toEqual(['18.snapshot'])
    expect(there).toEqual(['18.delta', '18.snapshot', '19.delta', '20.delta'])
    for (const version of [18, 19, 20])
      expect(await readRows(opened.provider, version)).toEqual(rowsAfter(version))
    await using again = await openProvider({}, files)
    expect(await readRows(again.provider, 19)).toEqual(rowsAfter(19))
    expect(opened.provider.metrics.instanceMetrics).toEqual({
      'SnapshotLastUploaded.partition_0_default': 18,
    })
    expect(opened.provider.metrics.customMetrics.snapshotLag).toBe(2)
    await expectClean(files)
  })

  test('a store that commits faster than its files are listed has its snapshots all the same', async () => {
    const memory = new MemoryFileManager()
    let listed = 0
    const files = aroundCalls(memory, async ({ method, args }, proceed) => {
      const result = await proceed()
      if (method === 'list' && args[0] === 'state/0/0' && listed++ === 1) {
        await commitVersions(opened.provider, 5)
      }
      return result
    })
    await using opened = await openProvider({ minDeltasForSnapshot: 2 }, files)
    await commitVersions(opened.provider, 4)
    listed = 1
    await opened.provider.doMaintenance()
    expect(await snapshotsIn(memory)).toEqual(['9.snapshot'])
    await expectClean(memory)
  })

  test('with sidecars, six versions, minDeltas 2 and one retained', async () => {
    const files = new MemoryFileManager()
    await using opened = await openProvider(
      { minDeltasForSnapshot: 2, minBatchesToRetain: 1, checksumFiles: true },
      files,
    )
    for (let version = 1; version <= 6; version++) {
      await commitVersions(opened.provider, 1)
      await opened.provider.doMaintenance()
    }
    const mains = ['3.delta', '3.snapshot', '4.delta', '5.delta', '6.delta', '6.snapshot']
    expect(await names(files)).toEqual(mains.flatMap((name) => [name, `${name}.crc`]).sort())
    await expectClean(files)
  })

  test('nothing is removed while the snapshot that all would rest on is damaged', async () => {
    const files = new MemoryFileManager()
    await using opened = await openProvider(
      { minDeltasForSnapshot: 2, minBatchesToRetain: 1 },
      files,
    )
    await commitVersions(opened.provider, 3)
    await opened.provider.doMaintenance()
    await damage(files, '3.snapshot')
    await commitVersions(opened.provider, 1)
    await opened.provider.doMaintenance()
    expect(await names(files)).toContain('1.delta')
    await commitVersions(opened.provider, 1)
    await opened.provider.doMaintenance()
    await using again = await openProvider({}, files)
    expect(await readRows(again.provider)).toEqual(rowsAfter(5))
  })

  test('nothing is done without the lease', async () => {
    const files = new MemoryFileManager()
    {
      await using opened = await openProvider({}, files)
      await commitVersions(opened.provider, 3)
    }
    await using reader = await openProvider({ minDeltasForSnapshot: 1, readOnly: true }, files)
    await readRows(reader.provider)
    await reader.provider.doMaintenance()
    expect(await snapshotsIn(files)).toEqual([])
  })

  test('dead temp files and what fenced writers left go', async () => {
    const files = new MemoryFileManager()
    await using dead = await openProvider({}, files)
    const store = await dead.provider.getStore()
    store.put(text('a'), new Uint8Array(2 ** 20))
    await systemClock.turn()
    await using opened = await openProvider({}, files)
    await commitVersions(opened.provider, 1)
    const staging = '_tidemark/staging/0/0/default'
    expect((await names(files, staging)).some((name) => name.startsWith('.fenced-'))).toBe(true)
    await opened.provider.doMaintenance()
    expect(await names(files, staging)).toEqual(['0000000000000002'])
    await failure('TIDEMARK_FENCED', () => store.commit())
    await store.abort()
    await expectClean(files)
  })

  /** Nineteen dispensable deltas, and a commit that is asked for when the first of them is removed: what happened, in order. */
  async function cleanBesideCommit(elapsedMs: () => number): Promise<string[]> {
    const memory = new MemoryFileManager()
    const order: string[] = []
    let committing: Promise<unknown> | undefined
    const files = aroundCalls(memory, async ({ method, args }, proceed) => {
      const [from, to] = args.map(String)
      if (method === 'moveReplacing' && from.endsWith('.delta')) order.push('remove')
      if (method === 'moveIfAbsent' && to.endsWith('/22.delta')) order.push('commit')
      if (order.length === 1) committing ??= commitVersions(opened.provider, 1)
      return proceed()
    })
    const clock = { ...systemClock, elapsedMs }
    await using opened = await openProvider({ clock, minBatchesToRetain: 1 }, files)
    await commitVersions(opened.provider, 20)
    await opened.provider.doMaintenance()
    await commitVersions(opened.provider, 1)
    await opened.provider.doMaintenance()
    await committing
    await expectClean(memory)
    return order
  }

  test('removes as many files as a slice takes before a waiting commit has its turn', async () => {
    const removals = Array.from({ length: 19 }, () => 'remove')
    expect(await cleanBesideCommit(() => 0)).toEqual([...removals, 'commit'])
  })

  test('removes two where one takes longer than a slice, so that it gets ahead of commits', async () => {
    let nowMs = 0
    const order = await cleanBesideCommit(() => (nowMs += 1000))
    // The batch waits twice: to be opened and to be committed.
    expect(order.indexOf('commit')).toBe(4)
    expect(order).toHaveLength(20)
  })

  test('a snapshot that becomes due while a backlog is cleaned does not wait for the last of it', async () => {
    const memory = new MemoryFileManager()
    const order: string[] = []
    let committing: Promise<unknown> | undefined
    const files = aroundCalls(memory, async ({ method, args }, proceed) => {
      const [from, to] = args.map(String)
      if (method === 'moveReplacing' && from.endsWith('.delta')) order.push('remove')
      if (method === 'moveReplacing' && to.endsWith('.snapshot')) order.push(to.split('/').at(-1)!)
      if (order.length === 2) committing ??= commitVersions(opened.provider, 12)
      return proceed()
    })
    let nowMs = 0
    const clock = { ...systemClock, elapsedMs: () => (nowMs += 1000) }
    await using opened = await openProvider(
      { clock, minBatchesToRetain: 1, forceSnapshotAtDeltas: 1000 },
      files,
    )
    await commitVersions(opened.provider, 100)
    await opened.provider.doMaintenance()
    await commitVersions(opened.provider, 1)
    await opened.provider.doMaintenance()
    await committing
    expect(order.slice(0, 2)).toEqual(['100.snapshot', 'remove'])
    expect(order).toContain('113.snapshot')
    expect(order.at(-1)).toBe('remove')
    await opened.provider.doMaintenance()
    expect(await names(memory)).not.toContain('99.delta')
    await expectClean(memory)
  })

  test('a version that a reader holds in memory stays readable though its files are cleaned', async () => {
    await using opened = await openProvider({ minDeltasForSnapshot: 1, minBatchesToRetain: 1 })
    await commitVersions(opened.provider, 1)
    await using read = await opened.provider.getReadStore(1)
    for (let i = 0; i < 4; i++) {
      await commitVersions(opened.provider, 1)
      await opened.provider.doMaintenance()
    }
    expect(await names(opened.files)).not.toContain('1.delta')
    expect(rowsOf(read)).toEqual(rowsAfter(1))
    await failure('TIDEMARK_VERSION_NOT_FOUND', () => opened.provider.getReadStore(1))
  })
})

describe('a snapshot under way', () => {
  /** A clock by which every look at it is 20 ms later, and which calls `act` at the n-th turn of the event loop. */
  function slowClock(act: (turn: number) => void | Promise<void>) {
    let [now, turns] = [0, 0]
    const clock: Clock = {
      ...systemClock,
      elapsedMs: () => (now += 20),
      turn: async () => {
        await systemClock.turn()
        await act(++turns)
      },
    }
    return { clock, turns: () => turns }
  }

  async function bigStore(clock: Clock, files = new MemoryFileManager()) {
    const opened = await openProvider({ clock, minDeltasForSnapshot: 1 }, files)
    await commitVersions(opened.provider, 1)
    const store = await opened.provider.getStore()
    for (let i = 0; i < 2_000; i++) store.put(text(`row${i}`), text('x'))
    await store.commit()
    return { ...opened, files }
  }

  test('lets the event loop turn between its slices, and commits go on meanwhile', async () => {
    const committed: number[] = []
    let act = async (_turn: number) => {}
    const { clock, turns } = slowClock((turn) => act(turn))
    const opened = await bigStore(clock)
    act = async (turn) => {
      if (turn === 3) committed.push(await commitRows(opened.provider, { row0: 'changed' }))
    }
    await opened.provider.doMaintenance()
    expect(turns()).toBeGreaterThan(10)
    expect(committed).toEqual([3])
    expect(await snapshotsIn(opened.files)).toEqual(['2.snapshot'])
    await opened.stores.close()
    // The snapshot holds version 2, not what was written meanwhile.
    for (const version of [1, 2]) await opened.files.deleteFile(`state/0/0/${version}.delta`)
    await using again = await openProvider({}, opened.files)
    expect((await readRows(again.provider, 2))['row0']).toBe('x')
    expect((await readRows(again.provider, 3))['row0']).toBe('changed')
  })

  test('is cancelled by a rewind of its version, and leaves nothing', async () => {
    let act = async (_turn: number) => {}
    const { clock } = slowClock((turn) => act(turn))
    const opened = await bigStore(clock)
    act = async (turn) => {
      if (turn === 3) await commitRows(opened.provider, { other: '1' }, { from: 1 })
    }
    await opened.provider.doMaintenance()
    expect(await snapshotsIn(opened.files)).toEqual([])
    expect(await readRows(opened.provider)).toEqual({ ...rowsAfter(1), other: '1' })
    await opened.stores.close()
    await expectClean(opened.files)
  })

  test('is not published where the rewind came after its last row and before its publishing', async () => {
    let act = async () => {}
    const files = aroundCalls(new MemoryFileManager(), async (call, proceed) => {
      // With the first write of a small snapshot all its rows are there.
      if (call.method === 'createFile' && String(call.args[0]).includes('2.snapshot')) await act()
      return proceed()
    })
    await using opened = await openProvider({ minDeltasForSnapshot: 1 }, files)
    await commitVersions(opened.provider, 2)
    act = async () => {
      await commitRows(opened.provider, { other: '1' }, { from: 1 })
    }
    await opened.provider.doMaintenance()
    expect(await snapshotsIn(files)).toEqual([])
    await using again = await openProvider({}, files)
    expect(await readRows(again.provider)).toEqual({ ...rowsAfter(1), other: '1' })
    await expectClean(files)
  })

  test('is cancelled by close, which waits for it', async () => {
    let act = (_turn: number) => {}
    const { clock } = slowClock((turn) => act(turn))
    const opened = await bigStore(clock)
    let closing: Promise<void> | undefined
    act = (turn) => {
      if (turn === 2) closing = opened.stores.close()
    }
    await opened.provider.doMaintenance().catch(() => undefined)
    await closing
    expect(await snapshotsIn(opened.files)).toEqual([])
    await expectClean(opened.files)
  })

  test('is cancelled by close also while its version is loaded, where none stays in memory', async () => {
    const read: string[] = []
    let closing: Promise<void> | undefined
    const files = aroundCalls(new MemoryFileManager(), async ({ method, args }, proceed) => {
      if (isWatched && method === 'read' && String(args[0]).startsWith('state/')) {
        read.push(String(args[0]))
        closing ??= opened.stores.close()
      }
      return proceed()
    })
    let isWatched = false
    const opened = await openProvider({ maxBatchesToRetainInMemory: 0 }, files)
    await commitVersions(opened.provider, 20)
    isWatched = true
    await opened.provider.doMaintenance()
    await closing
    expect(read).toEqual(['state/0/0/1.delta'])
    expect(await snapshotsIn(files)).toEqual([])
  })

  test('of a writer that is fenced meanwhile is never published', async () => {
    const files = new MemoryFileManager()
    let act = async (_turn: number) => {}
    const { clock } = slowClock((turn) => act(turn))
    const opened = await bigStore(clock, files)
    act = async (turn) => {
      if (turn !== 3) return
      await using other = await openProvider({}, files)
      await commitVersions(other.provider, 1)
    }
    // Both wait for the same round.
    const rounds = [1, 2].map(() =>
      failure('TIDEMARK_FENCED', () => opened.provider.doMaintenance()),
    )
    await Promise.all(rounds)
    expect(await snapshotsIn(files)).toEqual([])
    expect(opened.provider.metrics.customMetrics.maintenanceFailures).toBe(1)
    await failure('TIDEMARK_FENCED', () => opened.provider.getStore())
    await opened.stores.close()
  })

  test('asked for twice runs once', async () => {
    let lists = 0
    const files = new MemoryFileManager()
    const counted = aroundCalls<MemoryFileManager>(files, async (call, proceed) => {
      if (call.method === 'moveReplacing' && String(call.args[1]).endsWith('.snapshot')) lists++
      return proceed()
    })
    await using opened = await openProvider({ minDeltasForSnapshot: 1 }, counted)
    await commitVersions(opened.provider, 2)
    await Promise.all([opened.provider.doMaintenance(), opened.provider.doMaintenance()])
    expect(lists).toBe(1)
  })
})

test('where the disk is too full for a snapshot, what need not be kept is removed all the same', async () => {
  const disk = new MemoryDisk()
  let isFull = false
  const native = aroundCalls(disk, async (call, proceed) => {
    if (isFull && call.method === 'write') throw errnoError('ENOSPC', call)
    return proceed()
  })
  const files = new MemoryFileManager({ disk, native })
  const options = { minDeltasForSnapshot: 3, minBatchesToRetain: 5 }
  await using opened = await openProvider(options, files)
  for (let round = 0; round < 3; round++) {
    await commitVersions(opened.provider, 4)
    await opened.provider.doMaintenance()
  }
  await commitVersions(opened.provider, 6)
  expect(await names(files)).toContain('4.snapshot')
  isFull = true
  await failure('TIDEMARK_STORAGE_UNAVAILABLE', () => opened.provider.doMaintenance())
  isFull = false
  expect(await names(files)).not.toContain('4.snapshot')
  expect(await readRows(opened.provider)).toEqual(rowsAfter(18))
})
