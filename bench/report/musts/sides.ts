// Who is compared with whom, at which size, and the arithmetic of figures that may be missing.

import type { Where } from '../results.ts'

export const OURS = 'tidemark'
export const HDFS = 'spark-hdfs'
export const ROCKSDB = 'spark-rocksdb'
export const ROCKSDB_CHANGELOG = 'spark-rocksdb-changelog'

export const ONE_MILLION: Where = { keys: 1_000_000, durability: 'os' }
export const FIVE_MILLION: Where = { keys: 5_000_000, durability: 'os' }

/** Undefined, "not measured", if either is missing. */
export function quotient(upper: number | undefined, lower: number | undefined): number | undefined {
  return upper === undefined || lower === undefined ? undefined : upper / lower
}

export function sum(...parts: readonly (number | undefined)[]): number | undefined {
  let total = 0
  for (const part of parts) {
    if (part === undefined) return undefined
    total += part
  }
  return total
}
