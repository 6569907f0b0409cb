// What the command line reads of a checkpoint, in the shape in which Query reads it through Spark's own sources.

import { linesOf } from '../command-line.ts'
import { type Reading, storesOf } from './query.ts'
import type { Shape, StoreOfState } from './spark.ts'

function choice({ operatorId, storeName, joinSide }: StoreOfState): string[] {
  return [
    ...(operatorId === undefined ? [] : ['--operator', `${operatorId}`]),
    ...(storeName === undefined ? [] : ['--store', storeName]),
    ...(joinSide === undefined ? [] : ['--join-side', joinSide]),
  ]
}

/** As Query.read. */
export async function ourReadings(
  checkpoint: string,
  shape: Shape,
  batchIds: readonly number[],
): Promise<Reading[]> {
  const readings: Reading[] = []
  for (const store of storesOf(shape))
    for (const batchId of batchIds) {
      const args = ['--json', '--batch', `${batchId}`, ...choice(store)]
      readings.push({ store, batchId, rows: (await linesOf('rows', checkpoint, ...args)).sort() })
    }
  return readings
}

/** As Query.changes. */
export async function ourChanges(
  checkpoint: string,
  shape: Shape,
  from: number,
  to: number,
): Promise<string[][]> {
  const feeds: string[][] = []
  for (const store of storesOf(shape)) {
    if (store.joinSide !== undefined) continue
    const args = ['--json', '--from', `${from}`, '--to', `${to}`, ...choice(store)]
    feeds.push((await linesOf('changes', checkpoint, ...args)).sort())
  }
  return feeds
}
