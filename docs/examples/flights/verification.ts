// Reads every store of the checkpoint through the public API, as any other program would, and compares it row for row with the batch computation.

import type { ReadStateStore, StateStores } from 'tidemark'
import { type Expected, flightText, routeText, statsText } from './expected.ts'
import { decodeFlightKey, decodeRouteKey, decodeRouteStats } from './flight.ts'
import { DEDUPLICATION, type Progress, ROUTES } from './job.ts'
import { partitionOf, PARTITIONS } from './routing.ts'
import { Differences, RowComparison } from './row-comparison.ts'

export interface Verification {
  /** The version that all stores should be at. */
  version: number
  differences: Differences
}

/** A row of a store as `expected.ts` spells it. */
type RowText = (key: Uint8Array, value: Uint8Array) => [key: string, value: string]

const flightRowText: RowText = (key) => [flightText(decodeFlightKey(key)), '']

const routeRowText: RowText = (key, value) => [
  routeText(decodeRouteKey(key)),
  statsText(decodeRouteStats(value)),
]

/** Compares both operators after `rows` rows of the source. `expected` is used up. */
export async function verify(
  stores: StateStores,
  expected: Expected,
  rows: number,
): Promise<Verification> {
  const version = await stores.provider({ operatorId: ROUTES, partitionId: 0 }).latestVersion()
  const result: Verification = { version, differences: new Differences() }
  const operators = [
    {
      operatorId: DEDUPLICATION,
      name: 'deduplication',
      rows: expected.flights,
      text: flightRowText,
    },
    { operatorId: ROUTES, name: 'routes', rows: expected.routes, text: routeRowText },
  ]
  for (const operator of operators) {
    const comparison = new RowComparison(operator.name, operator.rows, result.differences)
    for (let partitionId = 0; partitionId < PARTITIONS; partitionId++) {
      const where = `${operator.name}, partition ${partitionId}`
      const provider = stores.provider({ operatorId: operator.operatorId, partitionId })
      const store = await provider.getReadStore()
      checkPosition(store, where, version, rows, result.differences)
      for (const [key, value] of store.entries()) {
        if (partitionOf(key) === partitionId) comparison.add(where, ...operator.text(key, value))
        else result.differences.add(`${where}: holds a row that belongs elsewhere`)
      }
      await store.release()
    }
    comparison.finish()
  }
  return result
}

function checkPosition(
  store: ReadStateStore,
  where: string,
  version: number,
  rows: number,
  differences: Differences,
): void {
  const { row } = store.progress as Progress
  if (store.version !== version || row !== rows) {
    differences.add(
      `${where}: expected version ${version} at row ${rows}, found version ${store.version} at row ${row}`,
    )
  }
}
