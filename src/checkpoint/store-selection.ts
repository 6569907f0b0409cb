import type { ResolvedStoreId } from '../store/store-id.ts'

/** Which stores are meant; what is left out matches all. */
export interface StoreSelection {
  readonly operatorId?: number | undefined
  readonly partitionId?: number | undefined
  readonly storeName?: string | undefined
}

export function matchesStore(id: ResolvedStoreId, selection: StoreSelection): boolean {
  const { operatorId, partitionId, storeName } = selection
  return (
    (operatorId === undefined || operatorId === id.operatorId) &&
    (partitionId === undefined || partitionId === id.partitionId) &&
    (storeName === undefined || storeName === id.storeName)
  )
}
