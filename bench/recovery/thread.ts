// One thread of threads.ts.

import { parentPort, workerData } from 'node:worker_threads'
import { engineByName } from '../compare/engines.ts'
import type { Engine } from '../harness/engine.ts'
import type { ThreadTask } from './threads.ts'

const { engine: name, store } = workerData as ThreadTask
if (parentPort === null) throw new Error('thread.ts runs as a worker thread')
const port = parentPort
let engine: Engine | undefined

async function answer(message: unknown): Promise<void> {
  if (message === 'load') {
    engine = await engineByName(name)
    await engine.open(store)
    await engine.begin()
    port.postMessage('loaded')
  } else {
    await engine?.close()
    engine = undefined
    globalThis.gc?.()
    port.postMessage('idle')
  }
}

port.on('message', (message) => {
  // A rejection ends the thread with its error.
  void answer(message)
})
port.postMessage('idle')
