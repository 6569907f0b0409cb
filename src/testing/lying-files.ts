// A storage that loses answers: it says TIDEMARK_STORAGE_TIMEOUT, and what became of the call only the test knows.

import { StateStoreError } from '../errors.ts'
import type { CheckpointFileManager } from '../files/file-manager.ts'
import type { NumberedCall } from './around-calls.ts'
import { aroundFiles } from './around-files.ts'

/**
 * How an operation lies: it answers TIDEMARK_STORAGE_TIMEOUT, and was 'done' all the same, is 'lost' for ever, or comes 'late': it waits on
 * its way and arrives when `arrive` is called.
 */
export type Lie = 'done' | 'lost' | 'late'

export interface LyingFiles {
  readonly files: CheckpointFileManager
  /** Performs the operations that are still on their way. Their outcomes reach nobody. */
  arrive(): Promise<void>
}

/** `lie` says, for each call of the manager and of its writers, whether and how it lies about it. An `abort` never tells of it. */
export function lyingFiles(
  inner: CheckpointFileManager,
  lie: (call: NumberedCall) => Lie | undefined,
): LyingFiles {
  const underway: (() => Promise<unknown>)[] = []
  const files = aroundFiles(inner, async (call, proceed) => {
    const how = lie(call)
    if (how === undefined) return proceed()
    if (how === 'done') await proceed()
    if (how === 'late') underway.push(proceed)
    if (call.method === 'abort') return undefined
    throw new StateStoreError(
      'TIDEMARK_STORAGE_TIMEOUT',
      `No answer to ${call.method}, call ${call.index} (injected: ${how})`,
    )
  })
  const arrive = async (): Promise<void> => {
    for (const proceed of underway.splice(0)) await proceed().catch(() => undefined)
  }
  return { files, arrive }
}
