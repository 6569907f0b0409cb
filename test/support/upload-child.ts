// One of several processes whose uploads race for an object (proofs/race-for-an-object.ts).

import { setTimeout as delay } from 'node:timers/promises'
import type {
  CheckpointFileManager,
  ConditionalUpload,
  WriteCondition,
} from '../../src/files/file-manager.ts'
import { openFiles } from './proof-storage.ts'
import { serve } from './processes.ts'

/** What one caller was told, and the first letters of what it wrote. */
export interface RacedUpload {
  readonly tag: string
  /** An error's message where it was told neither. */
  readonly outcome: string
}

let managers: CheckpointFileManager[] = []

serve({
  /** Each caller has a manager of its own, so connections of its own. */
  open: async ({ location, callers }: { location: string; callers: number }) => {
    managers = await Promise.all(Array.from({ length: callers }, () => openFiles(location)))
  },
  /** Every caller has its upload ready, and completes it at `atMs` of the wall clock. */
  race: async (order: {
    path: string
    tag: string
    sizeBytes: number
    condition: WriteCondition
    atMs: number
  }): Promise<RacedUpload[]> =>
    await Promise.all(
      managers.map(async (files, index) => {
        const tag = `${order.tag}-${index} `
        const content = Buffer.alloc(order.sizeBytes, tag)
        const upload = await files.conditional!.upload(order.path)
        await upload.write(content)
        await delay(Math.max(0, order.atMs - Date.now()))
        const outcome = await outcomeOf(upload, order.condition)
        await upload.abort()
        return { tag, outcome }
      }),
    ),
})

async function outcomeOf(upload: ConditionalUpload, condition: WriteCondition): Promise<string> {
  try {
    return await upload.complete(condition)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
