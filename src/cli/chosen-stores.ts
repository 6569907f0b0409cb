// What rows, changes and diff ask first: which stores are chosen, whether they are read in types, and whether lines must say whose they are.

import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { joinSideStore } from '../checkpoint/stored-rows.ts'
import type { ResolvedStoreId } from '../store/store-id.ts'
import type { CommandArguments } from './arguments.ts'

export interface ChosenStores {
  /** Keys and values are shown in types; else in hex. */
  readonly inTypes: boolean
  /** What a line begins with to tell whose it is: nothing where all are of one operator and store name. */
  readonly owner: (store: ResolvedStoreId) => { readonly o?: number; readonly s?: string }
}

/**
 * In types: everything of a query of Spark's, so that a missing schema is an error there, and of our own stores those that have a schema, if all
 * chosen ones have.
 */
export async function chooseStores(
  checkpoint: Checkpoint,
  { selection, joinSide, hex }: CommandArguments,
): Promise<ChosenStores> {
  const { operatorId, partitionId } = selection
  const storeName = joinSide === undefined ? selection.storeName : joinSideStore(joinSide)
  const chosen = (await checkpoint.stores()).filter(
    (id) =>
      (operatorId === undefined || operatorId === id.operatorId) &&
      (partitionId === undefined || partitionId === id.partitionId) &&
      (storeName === undefined || storeName === id.storeName),
  )
  const kinds = new Map(chosen.map((id) => [`${id.operatorId}/${id.storeName}`, id]))
  const areMixed = kinds.size > 1
  return {
    inTypes: !hex && ((await checkpoint.hasQuery()) || (await allHaveSchemas(checkpoint, kinds))),
    owner: (store) => (areMixed ? { o: store.operatorId, s: store.storeName } : {}),
  }
}

async function allHaveSchemas(
  checkpoint: Checkpoint,
  kinds: ReadonlyMap<string, ResolvedStoreId>,
): Promise<boolean> {
  for (const id of kinds.values()) if (!(await checkpoint.hasSchema(id))) return false
  return kinds.size > 0
}
