// npm run demo — a stream job on real flights that is killed twice and must not notice. --help tells the options.
//
//   1. run      the job in a process of its own, killed with SIGKILL at two random moments and started again
//   2. verify   every store, row for row, against a plain batch computation over the same input
//   3. show     what there is now: speed, files, and the answer as of now and as of ten versions ago
//
// The exit code is 0 only if every row is right; 1 if not; 2 for a wrong command line. Read job.ts first: it is what a user would write.

import { rmSync } from 'node:fs'
import { StateStores } from 'tidemark'
import { ArgumentError, type DemoArguments, HELP, parseArguments } from './arguments.ts'
import { computeExpected } from './expected.ts'
import { FlightSource } from './input.ts'
import { JobRunner } from './job-runner.ts'
import { planKills } from './kill-plan.ts'
import { grouped, ProgressDisplay } from './progress-display.ts'
import { showDelays, showFiles, showRun } from './summary.ts'
import { type Verification, verify } from './verification.ts'

const EXIT_SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

process.exitCode = await main()

async function main(): Promise<number> {
  const demo = readArguments()
  if (typeof demo === 'number') return demo
  leaveOnSignals(demo)

  const run = await runJob(demo) // 1
  const stores = await StateStores.open(demo.checkpoint, { readOnly: true })
  try {
    const verification = await verifyStores(stores, demo) // 2
    if (verification.differences.count > 0) return explain(verification, demo)
    showRun(run) // 3
    await showFiles(demo.checkpoint, verification.version)
    await showDelays(stores, verification.version)
  } finally {
    await stores.close()
  }
  leaveCheckpoint(demo)
  return 0
}

/** What to do, or the exit code where there is nothing to do. */
function readArguments(): DemoArguments | number {
  try {
    const parsed = parseArguments(process.argv.slice(2))
    if (parsed !== 'help') return parsed
    console.log(HELP)
    return 0
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error
    console.error(`${error.message}\n\n${HELP}`)
    return 2
  }
}

async function runJob(demo: DemoArguments): Promise<JobRunner> {
  const { rows, batchRows, seed, checkpoint } = demo
  console.log(
    `Streaming ${grouped(rows)} flights in batches of ${grouped(batchRows)}, seed ${seed}`,
  )
  console.log(`Checkpoint: ${checkpoint}\n`)
  const kills = planKills(seed, Math.ceil(rows / batchRows))
  const display = new ProgressDisplay(rows)
  const run = new JobRunner({ checkpoint, rows, batchRows, kills, display })
  await run.run()
  display.finish()
  return run
}

async function verifyStores(stores: StateStores, { rows }: DemoArguments): Promise<Verification> {
  console.log('\nComparing every row with a plain batch computation …')
  const startMs = performance.now()
  const expected = await computeExpected(await FlightSource.open(), rows)
  const flights = expected.flights.size
  const routes = expected.routes.size
  const verification = await verify(stores, expected, rows)
  if (verification.differences.count > 0) return verification
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
  console.log(
    `Verified in ${seconds} s: the stores hold, row for row, what a plain batch computation gives:\n` +
      `${grouped(flights)} flights (${grouped(rows - flights)} duplicates dropped) on ${grouped(routes)} routes\n`,
  )
  return verification
}

function explain({ differences }: Verification, { seed, checkpoint }: DemoArguments): number {
  console.error(
    `\nWRONG: ${grouped(differences.count)} differences from the batch computation, among them`,
  )
  for (const line of differences.lines) console.error(`  ${line}`)
  console.error(`\nSeed ${seed}; the checkpoint is left in ${checkpoint}`)
  return 1
}

function leaveCheckpoint({ checkpoint, isDeletedAtEnd }: DemoArguments): void {
  if (isDeletedAtEnd) {
    rmSync(checkpoint, { recursive: true })
  } else {
    console.log(`\nThe checkpoint is in ${checkpoint}`)
    console.log(`Look into it with: npx tidemark info ${checkpoint}`)
  }
}

/** Leaving runs the exit handlers, and those end the job's process. */
function leaveOnSignals({ rows, batchRows, seed, checkpoint }: DemoArguments): void {
  for (const [signal, exitCode] of Object.entries(EXIT_SIGNALS)) {
    process.once(signal, () => {
      console.error(
        `\nStopped by ${signal}. To go on: npm run demo -- --rows ${rows} --batch-rows ${batchRows} --seed ${seed} --checkpoint ${checkpoint}`,
      )
      process.exit(exitCode)
    })
  }
}
