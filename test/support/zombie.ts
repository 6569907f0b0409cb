// Zombies: writers that are stopped in the middle of something, overtaken, and then go on as if nothing had happened. Here is writer A:
// the five things it can be doing, and how it is stopped at its N-th operation. Used in this process (A is held by a promise) and in one of
// its own (A is held by SIGSTOP, zombie-child.ts). What its successor does, and what must hold, is zombie-sweep.ts.

import {
  type CheckpointFileManager,
  isStateStoreError,
  type StateStore,
  type StateStoreOptions,
  type StateStoreProvider,
  StateStores,
} from '../../src/index.ts'
import type { Around } from '../../src/testing/around-calls.ts'
import { describeCall } from '../../src/testing/counting-files.ts'
import { applyTagged, commitNext, commitTagged, lineageOf } from './lineage.ts'

export const ZOMBIE_STORE = { operatorId: 0, partitionId: 3 } as const

/** What one call of A returned. */
export interface Attempt {
  readonly call: string
  /** For commits: the tag, and the version if it succeeded. */
  readonly tag?: string | undefined
  readonly version?: number | undefined
  /** Undefined: it succeeded. */
  readonly code?: string | undefined
  readonly published?: string | undefined
  readonly message?: string | undefined
}

export const SCENARIOS = ['claim', 'commit', 'snapshot', 'cleaning', 'rewind'] as const
export type Scenario = (typeof SCENARIOS)[number]

const OPTIONS: StateStoreOptions = {
  owner: 'A',
  maintenanceIntervalMs: 0,
  minDeltasForSnapshot: 3,
  minBatchesToRetain: 2,
}

/** The versions that lie there when A begins to commit, snapshot, clean or rewind. */
export const HISTORY_LENGTH = 10
/** The version that A's rewind goes back to. */
const REWIND_TARGET = 5
/** A cleans nothing from here on. */
export const CLEANED_END = HISTORY_LENGTH - 2

/** Counts the operations that pass through `around` once armed, and does something before one of them; all later ones wait for it too. */
export class Interrupter {
  readonly calls: string[] = []
  #at: number | undefined
  #act: () => void | Promise<void> = () => undefined
  #armed = false
  #held: Promise<void> | void = undefined

  readonly around: Around = async (call, proceed) => {
    if (!this.#armed) return proceed()
    this.note(describeCall(call))
    await this.#held
    return proceed()
  }

  /** Counts an operation that is about to begin. For those that nothing can hold up but the end of `act`, as SIGSTOP is. */
  note(operation: string): void {
    if (!this.#armed) return
    this.calls.push(operation)
    if (this.calls.length === this.#at) this.#held = this.#act()
  }

  arm(at: number | undefined, act: () => void | Promise<void>): void {
    this.#at = at
    this.#act = act
    this.#armed = true
  }

  disarm(): void {
    this.#armed = false
  }
}

/** Writer A. */
export class Zombie {
  readonly #files: CheckpointFileManager
  readonly #scenario: Scenario
  readonly #stores: StateStores
  readonly #provider: StateStoreProvider
  #predecessor: StateStores | undefined
  #store: StateStore | undefined

  private constructor(files: CheckpointFileManager, scenario: Scenario, stores: StateStores) {
    this.#files = files
    this.#scenario = scenario
    this.#stores = stores
    this.#provider = stores.provider(ZOMBIE_STORE)
  }

  /** Brings A to the point where it begins to act. */
  static async arrange(files: CheckpointFileManager, scenario: Scenario): Promise<Zombie> {
    // Sidecars are on where there can be any, because they add operations to every path.
    const options = { ...OPTIONS, checksumFiles: files.capabilities.atomicMove }
    const zombie = new Zombie(files, scenario, await StateStores.open(files, options))
    await zombie.#arrange()
    return zombie
  }

  async #arrange(): Promise<void> {
    if (this.#scenario === 'claim') {
      // A predecessor that still lives, with its staging folder and an unfinished delta in it. Few files: each is stat'ed in every listing.
      this.#predecessor = await StateStores.open(this.#files, { maintenanceIntervalMs: 0 })
      const provider = this.#predecessor.provider(ZOMBIE_STORE)
      for (let version = 1; version <= 4; version++) await commitNext(provider, 'P')
      return
    }
    for (let version = 1; version <= HISTORY_LENGTH; version++) {
      await commitNext(this.#provider, 'A')
      // Snapshots of 4 and 8, or of 4 alone where the next is what A is about to write. Then 1 to 3 are to be cleaned, or 4 to 7.
      const last = this.#scenario === 'snapshot' ? 4 : 8
      if (version % 4 === 0 && version <= last) await this.#provider.doMaintenance()
    }
    if (this.#scenario === 'commit') this.#store = await this.#provider.getStore()
    if (this.#scenario === 'rewind') {
      // Where nothing is moved, only the newest version can be undone.
      const target = this.#files.capabilities.atomicMove ? REWIND_TARGET : HISTORY_LENGTH - 1
      this.#store = await this.#provider.getStore(target, { rewind: 'allow' })
    }
    if (this.#store !== undefined) applyTagged(this.#store, 'Az')
  }

  /** The calls during which A is stopped. */
  async act(): Promise<Attempt[]> {
    const store = this.#store
    if (store !== undefined) {
      const progress = { lineage: [...lineageOf(store), 'Az'] }
      return [await attempt('commit', () => store.commit({ progress }), 'Az')]
    }
    if (this.#scenario === 'claim') {
      return [
        await attempt('getStore', async () => void (this.#store = await this.#provider.getStore())),
      ]
    }
    return [await attempt('doMaintenance', () => this.#provider.doMaintenance())]
  }

  /** A goes on after that: everything it has left to try. */
  async goOn(): Promise<Attempt[]> {
    const attempts: Attempt[] = []
    if (this.#store?.state === 'updating' && this.#scenario === 'claim') {
      const store = this.#store
      attempts.push(await attempt('commit', () => commitTagged(store, 'Ay'), 'Ay'))
    }
    if (this.#store?.state === 'updating') await this.#store.abort()
    attempts.push(await attempt('doMaintenance', () => this.#provider.doMaintenance()))
    attempts.push(await attempt('commit', () => commitNext(this.#provider, 'Ax'), 'Ax'))
    return attempts
  }

  async close(): Promise<void> {
    await this.#stores.close()
    await this.#predecessor?.close()
  }
}

/** Performs `call`; a StateStoreError becomes data, anything else is a failure of the test. */
export async function attempt(
  name: string,
  call: () => Promise<number | void>,
  tag?: string,
): Promise<Attempt> {
  try {
    const version = await call()
    return { call: name, tag, ...(typeof version === 'number' && { version }) }
  } catch (error) {
    if (!isStateStoreError(error)) throw error
    const { code, published, message } = error
    return { call: name, tag, code, published, message }
  }
}
