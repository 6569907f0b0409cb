// A writer that meets a fault of its storage, and goes on when it is gone: the caller gets a typed error or success, what was acknowledged stays,
// nothing is there twice, and the next commit works. What the fault is, and how it ends, is for the caller.

import {
  type CheckpointFileManager,
  isStateStoreError,
  StateStoreError,
  type StateStoreOptions,
  StateStores,
} from '../../src/index.ts'
import {
  checkRecovered,
  Ledger,
  playFirstWriter,
  SCENARIO_STORE,
  scenarioOptions,
} from './crash-scenario.ts'

/** With these a commit may be there all the same. */
const UNCERTAIN = ['TIDEMARK_COMMIT_OUTCOME_UNKNOWN', 'TIDEMARK_POISONED'] as const

/**
 * Plays the scenario until it fails, and goes on once the fault is gone; `meanwhile` is what happens only when the store is well again.
 * `failsForCertain`: a storage on which each error but those two means that the commit is not there. A system call on local disk may fail having
 * taken effect.
 */
export async function playWithFault(
  files: CheckpointFileManager,
  heal: () => void | Promise<void>,
  options: StateStoreOptions,
  meanwhile?: () => Promise<void>,
  { failsForCertain = false } = {},
): Promise<void> {
  const ledger = new Ledger()
  let stores = await StateStores.open(files, scenarioOptions(options))
  try {
    await playFirstWriter(stores, ledger)
  } catch (error) {
    assertTyped(error)
    ledger.refused = failsForCertain && !isStateStoreError(error, ...UNCERTAIN)
    // A second try meets the fault that lasts, or works. Whatever it is told, nothing is forgotten.
    await tryOnce(async () => (await stores.provider(SCENARIO_STORE).getStore()).abort())
    ledger.acknowledged.cleaned(2)
    ledger.underway?.cleaned(2)
    await tryOnce(() => stores.doMaintenance())
  }
  await heal()
  try {
    await (await stores.provider(SCENARIO_STORE).getStore()).abort()
  } catch (error) {
    if (!isStateStoreError(error, 'TIDEMARK_POISONED')) throw error
    await stores.close()
    stores = await StateStores.open(files, scenarioOptions(options))
  }
  await checkRecovered(files, options, ledger, stores, meanwhile)
}

async function tryOnce(action: () => Promise<void>): Promise<void> {
  try {
    await action()
  } catch (error) {
    assertTyped(error)
  }
}

/** Throws unless `error` is one that a caller of a failing storage may be told of. */
export function assertTyped(error: unknown): void {
  const errors = error instanceof AggregateError ? error.errors : [error]
  for (const each of errors) {
    if (!(each instanceof StateStoreError) || each.kind === 'internal' || each.kind === 'corrupt')
      throw new Error(`Not a typed error of the storage: ${String(each)}`, { cause: each })
  }
}
