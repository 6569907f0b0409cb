// One process running the job, seen from outside: its events, and the moment it is to be killed at. It does not outlive this process.

import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { JobEvent } from './job-event.ts'
import type { KillMoment } from './kill-plan.ts'

const JOB_MAIN = fileURLToPath(new URL('job-main.ts', import.meta.url))

export interface JobProcessOptions {
  checkpoint: string
  rows: number
  batchRows: number
  /** Undefined: let it run to its end. */
  kill: KillMoment | undefined
  onEvent: (event: JobEvent) => void
}

/** Runs the job until it is done or was killed as planned; throws if it ends in any other way. */
export async function runJobProcess(options: JobProcessOptions): Promise<'done' | 'killed'> {
  const { checkpoint, rows, batchRows, kill } = options
  const child = fork(JOB_MAIN, [checkpoint, String(rows), String(batchRows)])
  const slay = () => child.kill('SIGKILL')
  process.once('exit', slay)

  let timer: NodeJS.Timeout | undefined
  child.on('message', (event: JobEvent) => {
    options.onEvent(event)
    if (kill && !timer && isReached(kill, event)) timer = setTimeout(slay, kill.offsetMs)
  })
  const { code, signal } = await endOf(child)
  clearTimeout(timer)
  process.off('exit', slay)

  if (code === 0) return 'done'
  if (signal === 'SIGKILL' && timer) return 'killed'
  throw new Error(
    `The job ended with ${signal ?? `exit code ${code}`}; its own message stands above`,
  )
}

/** A moment that was missed is made up for in the next batch that has rows: one that is only opened may be the end. */
function isReached(kill: KillMoment, event: JobEvent): boolean {
  if (event.type !== 'phase') return false
  if (event.batch > kill.batch) return event.phase !== 'open'
  return event.batch === kill.batch && event.phase === kill.phase
}

/** When the process is gone and everything it said has arrived. */
function endOf(child: ChildProcess): Promise<{ code: number | null; signal: string | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
}
