// One small map that never ends.
//
// PERF: when the last object of a class dies, V8 forgets what it has learned of the class, and drops the code it compiled with that. In a process with a
// single store that is closed and opened again, every load would begin in the interpreter; and loads of a map alone took two to three times as
// long from the seventh on, code that was dropped so often not being compiled again (Node 24).

import { VersionedMap } from './versioned-map.ts'

let kept: VersionedMap | undefined

/** Sees to it that there is an object of each class of a map from now on: hence the transaction, which stays open. */
export function keepOneMap(): void {
  kept ??= makeMap()
}

function makeMap(): VersionedMap {
  const map = new VersionedMap({ hashSeed: new Uint8Array(8) })
  map.begin()
  map.putAt(new DataView(new ArrayBuffer(2)), 0, 1, 1, 1)
  return map
}
