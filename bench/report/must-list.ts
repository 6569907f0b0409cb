// What must hold: the ratios the engine is built to reach. musts.ts judges, document.ts prints.
//
// Each file of musts/ has one row or a few. Ratios of times are theirs by ours (at least) or ours by theirs (at most), as each line says, of
// medians, at 16-byte keys and 32-byte values unless it says otherwise.

import type { Must } from './musts.ts'
import { COMMIT } from './musts/commit.ts'
import { EVENT_LOOP, SNAPSHOT } from './musts/interference.ts'
import { MEMORY } from './musts/memory.ts'
import { CURSOR, GET, PUT } from './musts/operations.ts'
import { RECOVERY } from './musts/recovery.ts'
import { STREAM } from './musts/stream.ts'
import { WHOLE_BATCH } from './musts/whole-batch.ts'

export const MUSTS: readonly Must[] = [
  ...WHOLE_BATCH,
  ...PUT,
  ...GET,
  ...COMMIT,
  ...RECOVERY,
  ...MEMORY,
  ...CURSOR,
  ...EVENT_LOOP,
  ...SNAPSHOT,
  ...STREAM,
]
