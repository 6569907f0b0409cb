// Runs a piece of a question under watch, with an idle process beside it.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { LoopWatch } from '../harness/loop-watch.ts'

export interface Watched {
  /** Runs `work`; figures of the event loop meanwhile. */
  readonly during: (work: () => Promise<void>) => Promise<Record<string, number>>
  readonly close: () => void
}

export async function startWatch(): Promise<Watched> {
  const idle = fork(join(import.meta.dirname, '..', 'harness', 'idle-process.ts'))
  await once(idle, 'message')
  const watch = new LoopWatch()
  return {
    during: async (work) => {
      idle.send('begin')
      watch.begin()
      await work()
      await turn()
      const delays = watch.end()
      const answer = once(idle, 'message')
      idle.send('end')
      const [idleWorstMs] = (await answer) as [number]
      return {
        slicesP999Ms: delays.slicesP999Ms,
        slicesCpuP999Ms: delays.slicesCpuP999Ms,
        slicesCpuCount: delays.slicesCpuCount,
        worstDelayMs: delays.worstMs,
        monitoredWorstDelayMs: delays.monitoredWorstMs,
        idleWorstDelayMs: idleWorstMs,
        worstDelayOverIdleMs: delays.worstMs - idleWorstMs,
      }
    },
    close: () => idle.disconnect(),
  }
}
