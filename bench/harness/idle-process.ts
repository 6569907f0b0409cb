// A process that does nothing but watch its own event loop: what it is late by, the machine is to blame for.
//
// Forked by interference.ts. 'begin' starts a watch, 'end' is answered with its worst delay in milliseconds.

import { LoopWatch } from './loop-watch.ts'

const watch = new LoopWatch()

process.on('message', (message) => {
  if (message === 'begin') watch.begin()
  else process.send?.(watch.end().worstMs)
})
process.on('disconnect', () => process.exit())
process.send?.('ready')
