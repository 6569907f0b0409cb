// One small map that never ends.
//
// PERF: when the last object of a class dies, V8 forgets what it has learned of the class, and drops the code it compiled with that. In a process with a
// single store that is closed and opened again, every load would begin in the interpreter; and since code that was dropped ten times or so
// is not compiled again, loads would take two to three times as long from then on (seen on Node 24).

import { VersionedMap } from './versioned-map.ts'

function makeMap(): VersionedMap {
  const map = new VersionedMap({ hashSeed: new Uint8Array(8) })
  map.begin()
  map.putAt(new DataView(new ArrayBuffer(2)), 0, 1, 1, 1)
  return map
}

/** Never looked at: it has to exist, with a transaction open, so that there is an object of each class of a map. */
export const keptMap = makeMap()
