// Recovery of several stores at once, each in a worker thread. A thread loads once before it counts, so that its code is compiled: every
// worker thread compiles its own.

import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { EngineOptions } from '../harness/engine.ts'
import { nowMs } from '../harness/figures.ts'

/** What a thread is given. It posts 'idle' when it can begin, and 'loaded' when its store can be read. */
export interface ThreadTask {
  readonly engine: string
  readonly store: EngineOptions
}

/** For each of `loads` rounds, milliseconds until the last store could be read. */
export async function recoverInThreads(
  engine: string,
  stores: readonly EngineOptions[],
  loads: number,
): Promise<number[]> {
  const threads = stores.map((store) => {
    const workerData: ThreadTask = { engine, store }
    return new Worker(join(import.meta.dirname, 'thread.ts'), { workerData })
  })
  const all = (message: 'idle' | 'loaded') =>
    Promise.all(threads.map((thread) => next(thread, message)))
  try {
    const samples: number[] = []
    await all('idle')
    for (let i = 0; i <= loads; i++) {
      const loaded = all('loaded')
      const started = nowMs()
      for (const thread of threads) tell(thread, 'load')
      await loaded
      if (i > 0) samples.push(nowMs() - started)
      const idle = all('idle')
      for (const thread of threads) tell(thread, 'close')
      await idle
    }
    return samples
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()))
  }
}

function tell(thread: Worker, message: 'load' | 'close'): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  thread.postMessage(message)
}

async function next(thread: Worker, expected: string): Promise<void> {
  const [message] = (await once(thread, 'message')) as [unknown]
  if (message !== expected) throw new Error(`Expected ${expected}, got ${String(message)}`)
}
