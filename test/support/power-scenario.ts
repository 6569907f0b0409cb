// One life of a store for the crash tests: commits, a snapshot, cleaning, rewinds near and far, a second writer that takes over. It writes
// down what it was told, so that whoever finds the disk afterwards knows what must be on it.

import type { CheckpointFileManager } from '../../src/files/file-manager.ts'
import { type StateStoreOptions, StateStores } from '../../src/index.ts'
import { VersionHistory } from './version-history.ts'

export const SCENARIO_STORE = { operatorId: 0, partitionId: 0 }

/** What the scenario's caller knew when it ended, or was ended. */
export class Ledger {
  /** All that was acknowledged. */
  acknowledged = new VersionHistory()
  /** What would be acknowledged had the commit under way got its answer; undefined between commits. */
  underway: VersionHistory | undefined
  /** The version that the commit under way was opened at. */
  underwayParent = 0

  /** What is known at this moment. */
  copy(): Ledger {
    const copy = new Ledger()
    copy.acknowledged = this.acknowledged.copy()
    copy.underway = this.underway?.copy()
    copy.underwayParent = this.underwayParent
    return copy
  }
}

export function scenarioOptions(options: StateStoreOptions): StateStoreOptions {
  return {
    maintenanceIntervalMs: 0,
    minDeltasForSnapshot: 2,
    minBatchesToRetain: 2,
    checksumFiles: true,
    compression: 'none',
    ...options,
  }
}

/** Plays the whole scenario; `ledger` is right at any moment. */
export async function playScenario(
  files: CheckpointFileManager,
  options: StateStoreOptions,
  ledger: Ledger,
): Promise<void> {
  ledger.acknowledged = new VersionHistory(options.trailer)
  const first = await StateStores.open(files, scenarioOptions(options))
  const store = first.provider(SCENARIO_STORE)
  for (let n = 1; n <= 3; n++) await commitOver(store, ledger, n - 1, n)
  await maintain(first, ledger)
  for (let n = 4; n <= 6; n++) await commitOver(store, ledger, n - 1, n)
  await commitOver(store, ledger, 5, 60) // Undoes the newest.
  const aborted = await store.getStore()
  aborted.put(keyOf(1), Uint8Array.of(99))
  await aborted.abort()
  await commitOver(store, ledger, 6, 7)
  await commitOver(store, ledger, 7, 8)
  await maintain(first, ledger)
  await commitOver(store, ledger, 7, 80) // Undoes a version that has a snapshot.
  await commitOver(store, ledger, 5, 50) // Undoes three versions.
  const second = await StateStores.open(files, scenarioOptions(options))
  const successor = second.provider(SCENARIO_STORE)
  await commitOver(successor, ledger, 6, 61)
  await maintain(second, ledger)
  await second.close()
}

async function maintain(stores: StateStores, ledger: Ledger): Promise<void> {
  ledger.acknowledged.cleaned(2)
  await stores.doMaintenance()
}

/** Commits the batch `n` over `parent`. */
export async function commitOver(
  provider: ReturnType<StateStores['provider']>,
  ledger: Ledger,
  parent: number,
  n: number,
): Promise<void> {
  const store = await provider.getStore(parent, { rewind: 'allow' })
  const rows = new Map(ledger.acknowledged.at(parent).rows)
  const operations: string[] = []
  for (let i = 0; i < 3; i++) {
    const [key, value] = [keyOf((n * 3 + i) % 7), new Uint8Array(1 + (n % 5)).fill(n)]
    store.put(key, value)
    rows.set(hex(key), hex(value))
    operations.push(`${hex(key)}=${hex(value)}`)
  }
  const removed = keyOf((n * 5) % 7)
  if (store.remove(removed)) operations.push(`-${hex(removed)}`)
  rows.delete(hex(removed))
  const after = ledger.acknowledged.copy()
  after.commit({ parent, rows, operations })
  ledger.underway = after
  ledger.underwayParent = parent
  await store.commit()
  ledger.acknowledged = after
  ledger.underway = undefined
}

export function keyOf(n: number): Uint8Array {
  return Uint8Array.of(7, n)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
