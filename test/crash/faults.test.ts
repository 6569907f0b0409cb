// Goal: whatever fails, whenever it fails, the caller gets a typed error or success, what was acknowledged stays readable, and the store goes on
// once the fault is gone. Method: pass 1 counts the operations of a scenario, pass 2 lets each one fail, lie, be aborted or be overtaken; then
// the same provider (a new one only after POISONED and FENCED) is made to go on, and everything is compared with what callers were told.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { systemFiles } from '../../src/files/local-native.ts'
import { LocalFileManager } from '../../src/files/local.ts'
import { MemoryDisk } from '../../src/files/memory-disk.ts'
import {
  isStateStoreError,
  MemoryFileManager,
  StateStoreError,
  StateStores,
} from '../../src/index.ts'
import { aroundCalls, type NumberedCall } from '../../src/testing/around-calls.ts'
import { type Lie, lyingFiles } from '../../src/testing/lying-files.ts'
import {
  checkRecovered,
  commitOver,
  Ledger,
  playFirstWriter,
  SCENARIO_STORE,
  scenarioOptions,
} from '../support/crash-scenario.ts'
import { Failures } from '../support/failures.ts'
import { playWithFault } from '../support/fault-play.ts'
import { faultyFiles, type NativeFault } from '../support/faulty-fs.ts'
import { difference, rowsOf } from '../support/version-history.ts'

const ERRNOS = ['ENOSPC', 'EIO', 'EDQUOT', 'EMFILE', 'EROFS', 'EACCES']

describe('a system call fails', () => {
  const kinds = [
    ['once', {}],
    ['once, having taken effect', { when: 'after' }],
    ['and all that follow it', { lasts: true }],
  ] as const

  test.each(kinds)('%s: nothing acknowledged is lost, and the store goes on', async (_, how) => {
    const calls = await countCalls()
    const failures = new Failures()
    for (const { index, method } of calls) {
      const disk = new MemoryDisk()
      const fault = { ...how, at: index, errno: ERRNOS[index % ERRNOS.length] }
      const faulty = faultyFiles(disk, fault)
      const files = new MemoryFileManager({ disk, native: faulty.native })
      try {
        await playWithFault(files, () => faulty.heal(), {})
        expect(disk.openCount, 'descriptors left open').toBe(0)
      } catch (error) {
        failures.add({ index, method, args: calls[index - 1].args }, fault.errno, error)
      }
    }
    failures.report()
  })

  test('on the real disk: a sample of the same', async () => {
    const calls = await countCalls()
    const failures = new Failures()
    for (let at = 5; at < calls.length; at += 29) {
      const folder = await mkdtemp(join(tmpdir(), 'tidemark-faults-'))
      const fault: NativeFault = { at, errno: ERRNOS[at % ERRNOS.length], lasts: at % 2 === 0 }
      const faulty = faultyFiles(systemFiles, fault)
      try {
        const files = await LocalFileManager.open(folder, { native: faulty.native })
        await playWithFault(files, () => faulty.heal(), { durability: 'os' })
      } catch (error) {
        failures.add(faulty.calls[at - 1], fault.errno, error)
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    }
    failures.report()
  })

  async function countCalls(): Promise<readonly NumberedCall[]> {
    const { native, calls } = faultyFiles(new MemoryDisk())
    const files = new MemoryFileManager({ native })
    await playFirstWriter(await StateStores.open(files, scenarioOptions({})), new Ledger())
    expect(calls.length).toBeGreaterThan(300)
    return calls
  }
})

describe('the storage does not say whether it published', () => {
  /** What becomes of the attempt to publish, whether asking afterwards works, and when a delayed move arrives. */
  const cases: [Lie, settles: boolean, arrives: 'before the next open' | 'at the end'][] = []
  for (const lie of ['done', 'lost', 'late'] as const) {
    for (const settles of [true, false]) {
      for (const arrives of ['before the next open', 'at the end'] as const)
        cases.push([lie, settles, arrives])
    }
  }
  const commits = [
    ['a new version', 3],
    ['the newest version again', 2],
    ['an older version', 0],
  ] as const

  describe.each(commits)('of %s', (_, parent) => {
    test.each(cases)('%s, settling works: %s, arrives %s', async (lie, settles, arrives) => {
      const disk = new MemoryDisk()
      let lying = false
      const inner = new MemoryFileManager({ disk })
      const storage = lyingFiles(inner, (call) => (lying && publishes(call) ? lie : undefined))
      const files = aroundCalls(storage.files, async (call, proceed) => {
        const asks = call.method === 'deleteFile' && String(call.args[0]).includes('.delta-')
        if (lying && asks && !settles) throw unavailable(call)
        return proceed()
      })
      const ledger = new Ledger()
      const stores = await StateStores.open(files, scenarioOptions({ checksumFiles: false }))
      const provider = stores.provider(SCENARIO_STORE)
      for (let n = 1; n <= 3; n++) await commitOver(provider, ledger, n - 1, n)

      lying = true
      const told = await commitOver(provider, ledger, parent, 9).catch((error: unknown) => error)
      lying = false
      if (settles && told !== undefined) {
        // Told that it failed: then it is not there, and never will be.
        expect(isStateStoreError(told, 'TIDEMARK_STORAGE_TIMEOUT'), 'a timeout').toBe(true)
        expect(lie, 'told of failure').not.toBe('done')
        ledger.underway = undefined
        if (parent < 3) ledger.acknowledged = ledger.acknowledged.undoneTo(parent + 1)
      } else if (settles) {
        expect(lie, 'told of success').toBe('done')
      } else {
        expect(isStateStoreError(told, 'TIDEMARK_COMMIT_OUTCOME_UNKNOWN'), 'unknown').toBe(true)
      }
      if (arrives === 'before the next open') await storage.arrive()
      await (await provider.getStore()).abort()
      await storage.arrive()
      await checkRecovered(files, { checksumFiles: false }, ledger, stores)
    })
  })

  function publishes({ method, args }: NumberedCall): boolean {
    return method.startsWith('move') && /^state\/.*\.delta$/.test(String(args[1]))
  }
})

test.each(['done', 'lost', 'late'] as const)(
  'a removal that gets no answer (%s) takes away nothing that is committed later',
  async (lie) => {
    const inner = new MemoryFileManager()
    let lying = false
    const storage = lyingFiles(inner, ({ method, args }) =>
      lying && method === 'moveReplacing' && String(args[0]).startsWith('state/') ? lie : undefined,
    )
    const { files } = storage
    const options = { minDeltasForSnapshot: 100, checksumFiles: false }
    const ledger = new Ledger()
    const stores = await StateStores.open(files, scenarioOptions(options))
    let provider = stores.provider(SCENARIO_STORE)
    for (let n = 1; n <= 4; n++) await commitOver(provider, ledger, n - 1, n)
    lying = true
    const rewind = commitOver(provider, ledger, 1, 9)
    // Done is done: once nothing can arrive any more, the file is seen to be gone.
    if (lie === 'done') await rewind
    else await expect(rewind).rejects.toThrow(/Error committing version 2/)
    lying = false
    await provider.close()
    provider = stores.provider(SCENARIO_STORE)
    // Version 4 is undone or not; either way it is committed anew, and then the removal arrives.
    const latest = await provider.latestVersion()
    ledger.acknowledged = ledger.acknowledged.undoneTo(latest)
    ledger.underway = undefined
    await commitOver(provider, ledger, lie === 'done' ? latest : 3, 44)
    await storage.arrive()
    await checkRecovered(files, options, ledger, stores)
  },
)

describe('a call is aborted by its signal', () => {
  /** Runs `action` with a signal that is aborted before the n-th file operation of it; returns how many there are. */
  async function abortedAt(
    at: number | undefined,
    action: 'open' | 'commit' | 'read' | 'follow',
  ): Promise<number> {
    const controller = new AbortController()
    const reason = new Error('The caller has had enough')
    let counting = false
    let count = 0
    const files = aroundCalls(new MemoryFileManager(), async (_, proceed) => {
      if (counting && ++count === at) controller.abort(reason)
      return proceed()
    })
    const { signal } = controller
    const ledger = new Ledger()
    const options = { maxBatchesToRetainInMemory: 0 }
    const writing = await StateStores.open(files, scenarioOptions(options))
    const writer = writing.provider(SCENARIO_STORE)
    for (let n = 1; n <= 5; n++) await commitOver(writer, ledger, n - 1, n)
    if (action === 'open') await writing.close()
    const stores =
      action === 'commit' || action === 'read'
        ? writing
        : await StateStores.open(files, scenarioOptions(options))
    const provider = stores.provider(SCENARIO_STORE)

    const open = action === 'commit' ? await provider.getStore() : undefined
    open?.put(new Uint8Array(1), new Uint8Array(100_000))
    counting = true
    const running: Promise<unknown> =
      open !== undefined
        ? open.commit({ signal })
        : action === 'open'
          ? provider.getStore(5, { signal }).then((store) => store.abort())
          : provider.getReadStore(4, { signal }).then((reader) => reader.release())
    const failure = await running.then(
      () => undefined,
      (error: unknown) => error,
    )
    counting = false
    const metrics = provider.metrics.customMetrics
    expect(metrics.historicalMaps).toBe(0)
    if (failure !== undefined) {
      expect(failure).toBe(reason)
      await open?.abort()
    } else if (open !== undefined) {
      const rows = rowsOf(open)
      ledger.acknowledged.commit({ parent: 5, rows, operations: ['big'] })
    }
    await checkRecovered(files, options, ledger, action === 'follow' ? writing : stores)
    return count
  }

  test.each(['open', 'commit', 'read', 'follow'] as const)(
    'at each file operation of %s',
    async (action) => {
      const count = await abortedAt(undefined, action)
      expect(count).toBeGreaterThan(2)
      for (let at = 1; at <= count; at++) await abortedAt(at, action)
    },
  )

  test('one of two readers who share a load: the other gets what it asked for', async () => {
    const controller = new AbortController()
    let holding: Promise<void> | undefined
    const files = aroundCalls(new MemoryFileManager(), async (call, proceed) => {
      if (call.method === 'read') await holding
      return proceed()
    })
    const ledger = new Ledger()
    await using stores = await StateStores.open(files, scenarioOptions({}))
    const provider = stores.provider(SCENARIO_STORE)
    for (let n = 1; n <= 5; n++) await commitOver(provider, ledger, n - 1, n)
    let letGo = (): void => undefined
    holding = new Promise((resolve) => (letGo = resolve))
    const impatient = provider.getReadStore(2, { signal: controller.signal })
    const patient = provider.getReadStore(2)
    controller.abort(new Error('enough'))
    letGo()
    await expect(impatient).rejects.toThrow('enough')
    const reader = await patient
    expect(difference(rowsOf(reader), ledger.acknowledged.at(2).rows)).toBeUndefined()
    await reader.release()
    expect(provider.metrics.customMetrics.historicalMaps).toBe(0)
  })
})

describe('the stores are closed in the middle', () => {
  const actions = ['commit', 'open', 'read', 'maintain'] as const

  async function closedAt(at: number | undefined, action: (typeof actions)[number]) {
    let closing: Promise<void> | undefined
    let counting = false
    let count = 0
    const files = aroundCalls(new MemoryFileManager(), async (_, proceed) => {
      if (counting && ++count === at) closing = stores.close()
      return proceed()
    })
    const options = { maintenanceSliceMs: 1 }
    const ledger = new Ledger()
    const before = await StateStores.open(files, scenarioOptions(options))
    for (let n = 1; n <= 5; n++) await commitOver(before.provider(SCENARIO_STORE), ledger, n - 1, n)
    await before.close()
    const stores = await StateStores.open(files, scenarioOptions(options))
    const provider = stores.provider(SCENARIO_STORE)
    if (action !== 'open') await (await provider.getStore()).abort()

    counting = action !== 'commit'
    const running: Promise<unknown> =
      action === 'commit'
        ? commitOver(provider, ledger, 5, 6, () => (counting = true))
        : action === 'open'
          ? provider.getStore()
          : action === 'read'
            ? provider.getReadStore(2)
            : stores.doMaintenance()
    const failure = await running.then(
      () => undefined,
      (error: unknown) => error,
    )
    counting = false
    // Maintenance gives up and a commit is finished; nobody is told that another writer came.
    const closed = failure === undefined || isStateStoreError(failure, 'TIDEMARK_PROVIDER_CLOSED')
    expect(closed, 'closed, or done').toBe(true)
    if (action === 'commit') expect(failure).toBeUndefined()
    await (closing ?? stores.close())
    await checkRecovered(files, options, ledger)
    return count
  }

  test.each(actions)('of %s, at each file operation', async (action) => {
    const count = await closedAt(undefined, action)
    expect(count).toBeGreaterThan(2)
    for (let at = 1; at <= count; at++) {
      await closedAt(at, action).catch((error: unknown) => {
        throw new Error(`Closed at operation ${at} of ${count}: ${String(error)}`, { cause: error })
      })
    }
  })
})

test('a rewind overtakes cleaning at each of its operations, and nothing that it needs is cleaned', async () => {
  const rewoundAt = async (at: number | undefined): Promise<number> => {
    let counting = false
    let rewind: Promise<void> | undefined
    const state = { done: false }
    let count = 0
    const files = aroundCalls(new MemoryFileManager(), async (_, proceed) => {
      if (!counting || rewind !== undefined || ++count !== at) return proceed()
      rewind = commitOver(provider, ledger, 3, 40).finally(() => (state.done = true))
      rewind.catch(() => undefined) // Awaited below; it may fail before that.
      // The operation waits until the rewind is through, or waits for us.
      for (let turn = 0; turn < 50 && !state.done; turn++)
        await new Promise((turned) => setImmediate(turned))
      return proceed()
    })
    const options = { minDeltasForSnapshot: 1, minBatchesToRetain: 1, durability: 'os' } as const
    const ledger = new Ledger()
    const stores = await StateStores.open(files, { ...scenarioOptions({}), ...options })
    const provider = stores.provider(SCENARIO_STORE)
    for (let n = 1; n <= 6; n++) await commitOver(provider, ledger, n - 1, n)
    // A snapshot of version 6, and nothing cleaned yet: that is due one version later.
    await stores.doMaintenance()
    await commitOver(provider, ledger, 6, 7)
    counting = true
    await stores.doMaintenance()
    counting = false
    if (rewind === undefined) return count
    await rewind
    for (let version = 3; version <= 4; version++) {
      // What was acknowledged last stands on what the cleaning meant to remove.
      const fresh = await StateStores.open(files, { ...scenarioOptions({}), readOnly: true })
      await using reader = await fresh.provider(SCENARIO_STORE).getReadStore(version)
      expect(difference(rowsOf(reader), ledger.acknowledged.at(version).rows)).toBeUndefined()
    }
    return count
  }
  const count = await rewoundAt(undefined)
  for (let at = 1; at <= count; at++) {
    await rewoundAt(at).catch((error: unknown) => {
      // Cleaned in time: then the rewind was refused, and nothing was lost.
      if (isStateStoreError(error, 'TIDEMARK_VERSION_NOT_FOUND') && error.version === 3) return
      throw new Error(`Rewound at operation ${at} of ${count}: ${String(error)}`, { cause: error })
    })
  }
})

test('a rewind overtakes a reader in another process at each of its operations, and it sees no mixture', async () => {
  const overtakenAt = async (at: number | undefined, warm: boolean): Promise<number> => {
    const disk = new MemoryDisk()
    const ledger = new Ledger()
    const options = { ...scenarioOptions({ durability: 'os' }), minDeltasForSnapshot: 100 }
    const writing = await StateStores.open(new MemoryFileManager({ disk }), options)
    const writer = writing.provider(SCENARIO_STORE)
    for (let n = 1; n <= 4; n++) await commitOver(writer, ledger, n - 1, n)

    let count = 0
    let counting = false
    const files = aroundCalls(new MemoryFileManager({ disk }), async (_, proceed) => {
      if (counting && ++count === at) {
        for (const parent of [1, 2, 3]) await commitOver(writer, ledger, parent, parent + 50)
      }
      return proceed()
    })
    const reading = await StateStores.open(files, { ...options, readOnly: true })
    const reader = reading.provider(SCENARIO_STORE)
    if (warm) await (await reader.getReadStore(2)).release()
    const old = ledger.acknowledged
    counting = true
    await using seen = await reader.getReadStore(4)
    counting = false
    const isOld = difference(rowsOf(seen), old.at(4).rows) === undefined
    const mixture = difference(rowsOf(seen), ledger.acknowledged.at(4).rows)
    if (!isOld) expect(mixture, `overtaken at operation ${at}`).toBeUndefined()
    return count
  }
  for (const warm of [false, true]) {
    const count = await overtakenAt(undefined, warm)
    expect(count).toBeGreaterThan(4)
    for (let at = 1; at <= count; at++) await overtakenAt(at, warm)
  }
})

function unavailable(call: NumberedCall): StateStoreError {
  return new StateStoreError('TIDEMARK_STORAGE_UNAVAILABLE', `No ${call.method} now (injected)`)
}
