import type { ResolvedStoreId } from '../store/store-id.ts'

/** Which stores are meant; what is left out matches all. A store id is one, too. */
export interface StoreSelection {
  readonly operatorId?: number | undefined
  readonly partition?: number | undefined
  /** The same as `partition`, by the name that it has in a store id. Not both, unless they are equal. */
  readonly partitionId?: number | undefined
  readonly storeName?: string | undefined
}

/** A selection as checkSelection leaves it: the partition is under one name. */
export type CheckedSelection<Selection extends StoreSelection = StoreSelection> = Omit<
  Selection,
  'partition'
>

export function matchesStore(id: ResolvedStoreId, selection: CheckedSelection): boolean {
  const { operatorId, partitionId, storeName } = selection
  return (
    (operatorId === undefined || operatorId === id.operatorId) &&
    (partitionId === undefined || partitionId === id.partitionId) &&
    (storeName === undefined || storeName === id.storeName)
  )
}
