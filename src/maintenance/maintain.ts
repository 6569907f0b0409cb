// maintain — one round of maintenance of one store: list, plan, snapshot, clean.
//
// Every write and delete goes through the lease, so a round that runs on after a newer writer has taken over changes nothing and ends FENCED.
// A failure leaves a listing that the next round plans from anew.

import { publishStep } from '../base/diagnostics.ts'
import { isStateStoreError, type StateStoreError } from '../errors.ts'
import type { Maintainable } from '../store/maintainable.ts'
import { storeIdText } from '../store/store-id.ts'
import { planMaintenance } from './plan.ts'
import { writeSnapshotRows } from './snapshotter.ts'

export async function maintain(store: Maintainable): Promise<void> {
  const { clock, maintenanceSliceMs, minDeltasForSnapshot, minBatchesToRetain } = store.options
  const { files, latest } = await store.survey()
  const plan = planMaintenance({
    files,
    latest,
    damagedSnapshots: store.damagedSnapshots,
    minDeltasForSnapshot,
    minBatchesToRetain,
  })
  let failure: StateStoreError | undefined
  if (plan.snapshotVersion !== undefined) {
    try {
      await store.writeSnapshot(plan.snapshotVersion, (ticket) =>
        writeSnapshotRows(ticket, maintenanceSliceMs, clock),
      )
    } catch (error) {
      if (!isStateStoreError(error, 'TIDEMARK_STORAGE_UNAVAILABLE')) throw error
      // Where the disk is full, cleaning is what helps.
      failure = error
    }
  }
  // What is about to go is all that could repair the base if its bytes had rotted; so look before, not after.
  const baseIsWhole = plan.base === undefined || (await store.checkSnapshot(plan.base, files))
  await clean(store, baseIsWhole ? plan.removals : [])
  if (failure !== undefined) throw failure
}

async function clean(store: Maintainable, removals: readonly string[]): Promise<void> {
  const { clock } = store.options
  const startedMs = clock.elapsedMs()
  let removed = 0
  while (removed < removals.length) {
    const count = await store.remove(removals.slice(removed))
    // A rewind has overtaken us; the next round plans anew.
    if (count === 0) break
    removed += count
  }
  const leftovers = await store.cleanLeftovers()
  const durationMs = clock.elapsedMs() - startedMs
  store.cleaned(durationMs)
  publishStep('clean', {
    storeId: storeIdText(store.id),
    rows: removed + leftovers,
    durationMs,
  })
}
