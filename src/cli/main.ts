#!/usr/bin/env node
// The command `tidemark`.

import { run } from './run.ts'

// Whoever reads has gone (`| head`): there is nobody left to tell anything.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  process.stderr.write(`tidemark: the output could not be written: ${error.message}\n`)
  process.exit(1)
})

process.exitCode = await run(process.argv.slice(2), process)
