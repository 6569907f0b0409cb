import { bytesEqual } from '../base/bytes.ts'
import type { VersionedMap } from '../map/versioned-map.ts'

/** How a snapshot differs from the rows it should hold, in words that show no keys; undefined if it does not. */
export function firstDifference(expected: VersionedMap, found: VersionedMap): string | undefined {
  let missing = 0
  let different = 0
  const cursor = expected.cursor()
  try {
    while (cursor.next()) {
      const value = found.getView(cursor.key)
      if (value === undefined) missing++
      else if (!bytesEqual(value, cursor.value)) different++
    }
  } finally {
    cursor.close()
  }
  const extra = found.keyCount - (expected.keyCount - missing)
  if (missing === 0 && different === 0 && extra === 0) return undefined
  return `The deltas add up to ${expected.keyCount} rows; of these the snapshot lacks ${missing} and has ${different} with another value, and it has ${extra} that are not among them`
}
