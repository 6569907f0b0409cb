// A writer that is killed at any moment (test/crash/kill.test.ts). It notes what it is about to commit, commits, notes that it was told
// success, and goes on; now and then it runs a batch again. Snapshots and cleaning run beside that.

import { openSync, writeSync } from 'node:fs'
import { type StateStoreProvider, StateStores } from '../../src/index.ts'
import { batch, type KillOrders, RETAINED } from './kill-orders.ts'
import { commitNext } from './lineage.ts'
import { serve } from './processes.ts'
import { ZOMBIE_STORE } from './zombie.ts'

let stores: StateStores | undefined
let provider: StateStoreProvider | undefined
let orders: KillOrders | undefined

serve({
  /** Answered once everything is loaded. */
  ready: () => undefined,
  start: async (given: KillOrders) => {
    orders = given
    stores = await StateStores.open(given.location, {
      durability: given.durability,
      checksumFiles: given.sidecars && given.run % 2 === 0,
      maintenanceIntervalMs: 0,
      minDeltasForSnapshot: 3,
      minBatchesToRetain: RETAINED,
    })
    provider = stores.provider(ZOMBIE_STORE)
    await (await provider.getStore()).abort()
  },
  /** Works until it is killed. */
  work: async () => {
    const { journal, run } = orders!
    const descriptor = openSync(journal, 'a')
    let maintaining: Promise<void> | undefined
    for (let count = 1; ; count++) {
      const latest = await provider!.latestVersion()
      const again = count % 7 === 0 && latest > 0
      const tag = `${run}-${count}`
      const version = again ? latest : latest + 1
      // Written with one call each: the kernel has it, whatever becomes of this process.
      writeSync(descriptor, `intent ${version} ${tag}\n`)
      const committed = await commitNext(provider!, tag, version - 1, batch)
      writeSync(descriptor, `ack ${committed} ${tag}\n`)
      if (count % 2 === 0) {
        maintaining ??= provider!.doMaintenance().finally(() => (maintaining = undefined))
      }
    }
  },
})
