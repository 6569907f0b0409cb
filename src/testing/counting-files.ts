// A file manager whose every operation is numbered, those of its writers and its conditional writes included, and which does something at one of them:
// fails, stops the process (SIGSTOP), dies (SIGKILL), or lets somebody else act. Pass 1 counts the operations of a scenario, pass 2 runs
// it once for each.

import type { CheckpointFileManager } from '../files/file-manager.ts'
import type { NumberedCall } from './around-calls.ts'
import { aroundFiles } from './around-files.ts'

export interface Interruption {
  /** Which operation, from 1. */
  readonly at: number
  /** Whether the operation has taken effect by then. */
  readonly when: 'before' | 'after'
  /** What happens there. An error thrown here is what the caller of the operation gets. */
  readonly act: (call: NumberedCall) => void | Promise<void>
}

export interface CountingFiles {
  readonly files: CheckpointFileManager
  readonly calls: NumberedCall[]
}

export function countingFiles(
  inner: CheckpointFileManager,
  interruption?: Interruption,
): CountingFiles {
  const calls: NumberedCall[] = []
  const files = aroundFiles(inner, async (call, proceed) => {
    calls.push(call)
    const hit = interruption?.at === call.index ? interruption : undefined
    if (hit?.when === 'before') await hit.act(call)
    const result = await proceed()
    if (hit?.when === 'after') await hit.act(call)
    return result
  })
  return { files, calls }
}

/** Stops this process at the operation, until somebody sends SIGCONT. */
export const stopProcess = (): void => void process.kill(process.pid, 'SIGSTOP')

/** Ends this process at the operation, without any cleaning up. */
export const killProcess = (): void => void process.kill(process.pid, 'SIGKILL')

/** `method path`, for messages. */
export function describeCall(call: NumberedCall): string {
  const paths = call.args.filter((arg) => typeof arg === 'string')
  return `${call.index}: ${call.method} ${paths.join(' → ')}`.trimEnd()
}
