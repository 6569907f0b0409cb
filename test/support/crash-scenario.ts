// One life of a store for the crash tests: commits, a snapshot, cleaning, rewinds near and far, a second writer that takes over. It writes
// down what it was told, so that whoever finds the disk afterwards knows what must be on it.

import type { CheckpointFileManager } from '../../src/files/file-manager.ts'
import {
  isStateStoreError,
  type StateStoreOptions,
  type StateStoreProvider,
  StateStores,
  verifyCheckpoint,
} from '../../src/index.ts'
import { expect } from 'vitest'
import { seededRandom } from './seeds.ts'
import { difference, rowsOf, VersionHistory } from './version-history.ts'

export const SCENARIO_STORE = { operatorId: 0, partitionId: 0 }

const LARGE_VALUES = [1, 2, 3].map((seed) => {
  const random = seededRandom(seed)
  return Uint8Array.from({ length: 100_000 }, () => random() * 256)
})

/** What the scenario's caller knew when it ended, or was ended. */
export class Ledger {
  /** All that was acknowledged. */
  acknowledged = new VersionHistory()
  /** What would be acknowledged had the commit under way got its answer; undefined between commits. */
  underway: VersionHistory | undefined
  /** The version that the commit under way was opened at. */
  underwayParent = 0
  /** Whether the caller was told that the commit under way failed, and that for certain: then it must not be there, now or later. */
  refused = false

  /** What is known at this moment. */
  copy(): Ledger {
    const copy = new Ledger()
    copy.acknowledged = this.acknowledged.copy()
    copy.underway = this.underway?.copy()
    copy.underwayParent = this.underwayParent
    copy.refused = this.refused
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
  await playFirstWriter(first, ledger)
  const second = await StateStores.open(files, scenarioOptions(options))
  const successor = second.provider(SCENARIO_STORE)
  await commitOver(successor, ledger, 6, 61)
  await maintain(second, ledger)
  await second.close()
}

/** The part of the scenario before the second writer. */
export async function playFirstWriter(first: StateStores, ledger: Ledger): Promise<void> {
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
}

async function maintain(stores: StateStores, ledger: Ledger): Promise<void> {
  ledger.acknowledged.cleaned(2)
  await stores.doMaintenance()
}

/** Commits the batch `n` over `parent`. */
export async function commitOver(
  provider: StateStoreProvider,
  ledger: Ledger,
  parent: number,
  n: number,
  committing?: () => void,
): Promise<void> {
  const store = await provider.getStore(parent, { rewind: 'allow' })
  const rows = new Map(ledger.acknowledged.at(parent).rows)
  const operations: string[] = []
  for (let i = 0; i < 3; i++) {
    const [key, value] = [keyOf((n * 3 + i) % 7), valueOf(n, i)]
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
  committing?.()
  try {
    await store.commit()
  } catch (error) {
    await store.abort()
    throw error
  }
  ledger.acknowledged = after
  ledger.underway = undefined
}

/** The eighth batch has several blocks of what does not compress: its file is begun, and written to, while rows are put. */
function valueOf(n: number, i: number): Uint8Array {
  return n === 8 ? LARGE_VALUES[i] : new Uint8Array(1 + (n % 5)).fill(n)
}

export function keyOf(n: number): Uint8Array {
  return Uint8Array.of(7, n)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/**
 * The next process (or the one that has `open` stores): what it finds must be what the ledger says, and it must be able to go on. `meanwhile`
 * happens after it has gone on, and may change nothing.
 */
export async function checkRecovered(
  files: CheckpointFileManager,
  options: StateStoreOptions,
  ledger: Ledger,
  open?: StateStores,
  meanwhile?: () => Promise<void>,
): Promise<void> {
  const stores = open ?? (await StateStores.open(files, scenarioOptions(options)))
  const provider = stores.provider(SCENARIO_STORE)
  const store = await provider.getStore() // Claims the lease, and so settles what is there.
  const latest = store.version
  await store.abort()

  const before = await mismatch(provider, latest, ledger.acknowledged)
  const allowed = ledger.refused ? undefined : ledger.underway
  const after = allowed && (await mismatch(provider, latest, allowed))
  const history =
    before === undefined
      ? ledger.acknowledged
      : allowed !== undefined && after === undefined
        ? allowed
        : await halfRewound(provider, latest, ledger)
  if (history === undefined) {
    throw new Error(
      `Found neither what was acknowledged (${before}) nor what was under way (${after ?? 'nothing'})`,
    )
  }

  const next = new Ledger()
  next.acknowledged = history.copy()
  await commitOver(provider, next, latest, 77)
  next.acknowledged.cleaned(2)
  await stores.doMaintenance()
  await meanwhile?.()
  await stores.close()
  // A rewind and a power failure may leave a sidecar without its file; it goes when its version falls out of what is retained.
  const findings = (await verifyCheckpoint(files)).filter(
    ({ kind, path }) => kind !== 'leftover' || !path.endsWith('.crc'),
  )
  expect(findings, `what is wrong or left over: ${JSON.stringify(findings)}`).toEqual([])

  const again = await StateStores.open(files, scenarioOptions(options))
  expect(
    await mismatch(again.provider(SCENARIO_STORE), latest + 1, next.acknowledged),
  ).toBeUndefined()
  await again.close()
}

/** A rewind that was cut short may have undone the newest of what it was told to undo, down to the version it was opened at. */
async function halfRewound(
  provider: StateStoreProvider,
  latest: number,
  ledger: Ledger,
): Promise<VersionHistory | undefined> {
  if (ledger.underway === undefined || latest < ledger.underwayParent) return undefined
  if (latest >= ledger.acknowledged.latest) return undefined
  const undone = ledger.acknowledged.undoneTo(latest)
  return (await mismatch(provider, latest, undone)) === undefined ? undone : undefined
}

/** Undefined if the store holds exactly this history. */
async function mismatch(
  provider: StateStoreProvider,
  latest: number,
  history: VersionHistory,
): Promise<string | undefined> {
  if (latest !== history.latest) return `version ${latest}, not ${history.latest}, is the newest`
  for (let version = 1; version <= latest; version++) {
    try {
      await using reader = await provider.getReadStore(version)
      const differs = difference(rowsOf(reader), history.at(version).rows)
      if (differs !== undefined) return `version ${version}: ${differs}`
    } catch (error) {
      if (history.isKept(version) || !isStateStoreError(error)) throw error
      // Half cleaned: gone, or with a hole below. Never wrong.
      expect(error.code).toMatch(/VERSION_NOT_FOUND|BROKEN_CHAIN/)
    }
  }
  return undefined
}
