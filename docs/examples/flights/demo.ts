// npm run demo — a stream job on real flights that is killed twice and must not notice. --help tells the options.
//
//   1. run      the job in a process of its own, killed with SIGKILL at two random moments and started again
//   2. verify   every store, row for row, against a plain batch computation over the same input
//   3. show     what there is now: speed, files, and the answer as of now and as of ten versions ago
//
// The exit code is 0 only if every row is right; 1 if not; 2 for a wrong command line. Read job.ts first: it is what a user would write.

import { StateStores } from 'tidemark'
import { ArgumentError, type DemoArguments, HELP, parseArguments } from './arguments.ts'
import { computeExpected } from './expected.ts'
import { FlightSource } from './input.ts'
import { JobRunner } from './job-runner.ts'
import { planKills } from './kill-plan.ts'
import { grouped, ProgressDisplay } from './progress-display.ts'
import { type DemoStorage, openStorage } from './storage.ts'
import { showDelays, showFiles, showRun } from './summary.ts'
import { type Verification, verify } from './verification.ts'

const EXIT_SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

process.exitCode = await main()

async function main(): Promise<number> {
  const demo = readArguments()
  if (typeof demo === 'number') return demo
  const storage = await openStorage(demo)
  if ('missing' in storage) {
    console.error(storage.missing)
    return 2
  }
  leaveOnSignals(demo, storage)
  let allIsWell = false
  try {
    allIsWell = await runAndVerify(demo, storage)
  } finally {
    await storage.end(allIsWell)
  }
  if (allIsWell && storage.isKept) sayWhereItIs(storage)
  return allIsWell ? 0 : 1
}

async function runAndVerify(demo: DemoArguments, storage: DemoStorage): Promise<boolean> {
  const run = await runJob(demo, storage) // 1
  const stores = await StateStores.open(storage.checkpoint, { readOnly: true })
  try {
    const verification = await verifyStores(stores, demo) // 2
    if (verification.differences.count > 0) {
      explain(verification, demo, storage)
      return false
    }
    showRun(run) // 3
    await showFiles(storage.files, verification.version)
    await showDelays(stores, verification.version)
    return true
  } finally {
    await stores.close()
  }
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

async function runJob(
  { rows, batchRows, seed }: DemoArguments,
  { checkpoint }: DemoStorage,
): Promise<JobRunner> {
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

function explain(
  { differences }: Verification,
  { seed, on }: DemoArguments,
  { checkpoint }: DemoStorage,
): void {
  console.error(
    `\nWRONG: ${grouped(differences.count)} differences from the batch computation, among them`,
  )
  for (const line of differences.lines) console.error(`  ${line}`)
  console.error(
    `\nSeed ${seed}${on === 'folder' ? `; the checkpoint is left in ${checkpoint}` : ''}`,
  )
}

function sayWhereItIs({ checkpoint }: DemoStorage): void {
  console.log(`\nThe checkpoint is in ${checkpoint}`)
  console.log(`Look into it with: npx tidemark info ${checkpoint}`)
}

/** Leaving runs the exit handlers, and those end the job's process. */
function leaveOnSignals({ rows, batchRows, seed, on }: DemoArguments, storage: DemoStorage): void {
  for (const [signal, exitCode] of Object.entries(EXIT_SIGNALS)) {
    process.once(signal, () => {
      const goingOn =
        on === 'folder'
          ? ` To go on: npm run demo -- --rows ${rows} --batch-rows ${batchRows} --seed ${seed} --checkpoint ${storage.checkpoint}`
          : ''
      console.error(`\nStopped by ${signal}.${goingOn}`)
      process.exit(exitCode)
    })
  }
}
