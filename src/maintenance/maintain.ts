// maintain — one round of maintenance of one store: list, plan, snapshot, clean; and again, where cleaning takes long or rests on what is damaged.
//
// Every write and delete goes through the lease, so a round that runs on after a newer writer has taken over changes nothing and ends FENCED.
// A failure leaves a listing that the next round plans from anew.

import { publishStep } from '../base/diagnostics.ts'
import { isStateStoreError, type StateStoreError } from '../errors.ts'
import type { Maintainable } from '../store/maintainable.ts'
import { storeIdText } from '../store/store-id.ts'
import { planMaintenance } from './plan.ts'
import { writeSnapshotRows } from './snapshotter.ts'

/** A backlog is cleaned for so long at a stretch, and then it is looked what else is due: no snapshot waits for the last of a million files to go. */
const CLEANING_MS_MAX = 60_000
/** Offered at once: more than a slice removes, and few to be copied. */
const FILES_OFFERED_MAX = 1000

export async function maintain(store: Maintainable): Promise<void> {
  while (await maintainOnce(store)) continue
}

/** True if there is more to do: to clean, or to plan without a base that turned out to be damaged. */
async function maintainOnce(store: Maintainable): Promise<boolean> {
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
  // What it was to make dispensable may be so by an older one, so it is planned anew without it.
  if (!baseIsWhole && store.damagedSnapshots.has(plan.base)) return true
  const isMore = await clean(store, baseIsWhole ? plan.removals : [])
  if (isMore) return true // And the snapshot that failed is tried again.
  if (failure !== undefined) throw failure
  return false
}

/** True if there is more to clean. */
async function clean(store: Maintainable, removals: readonly string[]): Promise<boolean> {
  const { clock } = store.options
  const startedMs = clock.elapsedMs()
  let removed = 0
  let isMore = removals.length > 0
  let isOver = false
  while (isMore && !isOver) {
    const count = await store.remove(removals.slice(removed, removed + FILES_OFFERED_MAX))
    removed += count
    // None: a rewind has overtaken us; the next round plans anew.
    isMore = count > 0 && removed < removals.length
    isOver = clock.elapsedMs() - startedMs >= CLEANING_MS_MAX
  }
  const leftovers = await store.cleanLeftovers()
  const durationMs = clock.elapsedMs() - startedMs
  store.cleaned(durationMs)
  publishStep('clean', {
    storeId: storeIdText(store.id),
    rows: removed + leftovers,
    durationMs,
  })
  return isMore
}
