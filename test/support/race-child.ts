// One of several writers that race for a store (test/crash/race.test.ts). It claims when told, commits when told, and reports what it got.

import { subscribe } from 'node:diagnostics_channel'
import { setTimeout as delay } from 'node:timers/promises'
import { CHANNELS, type StateStore, StateStores, type StepMessage } from '../../src/index.ts'
import { commitNext, commitTagged } from './lineage.ts'
import { serve } from './processes.ts'
import { type Attempt, attempt, ZOMBIE_STORE } from './zombie.ts'

/** A claim, and what was committed on it at once. */
export interface Raced {
  readonly claim: Attempt
  readonly commit: Attempt | undefined
  /** The numbers claimed so far in this round. */
  readonly generations: readonly number[]
}

let location = ''
let stores: StateStores | undefined
let store: StateStore | undefined
let generations: number[] = []

subscribe(CHANNELS.claim, (message) => generations.push((message as StepMessage).generation!))

serve({
  open: (path: string) => void (location = path),
  /** Claims at `atMs` of the wall clock, when all the others do; with a tag, commits at once. */
  claim: async ({ atMs, tag }: { atMs: number; tag?: string }): Promise<Raced> => {
    generations = []
    stores = await StateStores.open(location, {
      maintenanceIntervalMs: 0,
      minDeltasForSnapshot: 4,
      minBatchesToRetain: 10,
    })
    const provider = stores.provider(ZOMBIE_STORE)
    await delay(Math.max(0, atMs - Date.now()))
    const claim = await attempt('getStore', async () => void (store = await provider.getStore()))
    const opened = claim.code === undefined ? store : undefined
    const commit =
      tag === undefined || opened === undefined
        ? undefined
        : await attempt('commit', () => commitTagged(opened, tag), tag)
    if (commit !== undefined) await store?.[Symbol.asyncDispose]()
    return { claim, commit, generations }
  },
  /** Commits on what the claim has opened, or else on the newest version. */
  commit: async (tag: string): Promise<Attempt> => {
    const provider = stores!.provider(ZOMBIE_STORE)
    const opened = store?.state === 'updating' ? store : undefined
    return await attempt(
      'commit',
      () => (opened === undefined ? commitNext(provider, tag) : commitTagged(opened, tag)),
      tag,
    )
  },
  /** Ends the round. The winner keeps the store small first. */
  leave: async ({ won }: { won: boolean }) => {
    if (won) await stores?.doMaintenance()
    await stores?.close()
    store = undefined
  },
})
