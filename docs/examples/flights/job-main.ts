// The process the job runs in: node job-main.ts <checkpoint> <rows> <batch rows>. The demo starts it, listens to it over IPC, and kills it.

import { StateStores } from 'tidemark'
import { FlightSource } from './input.ts'
import { runJob } from './job.ts'

const [checkpoint, rows, batchRows] = process.argv.slice(2)

// Whoever started this process is gone: then nobody would stop it.
const stop = () => process.exit(1)
process.once('disconnect', stop)

const stores = await StateStores.open(checkpoint, {
  owner: 'flights demo',
  // The demo lasts about a minute: it should see snapshots being made and old versions being cleaned.
  maintenanceIntervalMs: 2_000,
  minBatchesToRetain: 30,
})
try {
  await runJob({
    stores,
    source: await FlightSource.open(),
    rows: Number(rows),
    batchRows: Number(batchRows),
    report: (event) => process.send?.(event),
  })
} finally {
  await stores.close()
}
process.off('disconnect', stop)
process.disconnect?.()
