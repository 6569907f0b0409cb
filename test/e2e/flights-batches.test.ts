// The job of the demo, driven in this process: it dies in batches, goes on with batches of another size, and still counts every flight once.

import { StateStores } from 'tidemark'
import { beforeAll, expect, test } from 'vitest'
import type { Flight } from '../../docs/examples/flights/flight.ts'
import { decodeRouteStats } from '../../docs/examples/flights/flight.ts'
import type { FlightSource } from '../../docs/examples/flights/input.ts'
import { providersOf, ROUTES, runJob } from '../../docs/examples/flights/job.ts'
import { MemoryFileManager } from '../../src/files/memory.ts'
import { aroundCalls } from '../../src/testing/around-calls.ts'
import { QUIET } from '../../src/testing/stores.ts'
import { ensureBuilt } from '../support/built-package.ts'

const ROWS = 400

beforeAll(ensureBuilt, 120_000)

function flightOf(row: number): Flight {
  const letter = (n: number): string => String.fromCharCode(65 + (n % 26))
  const origin = `A${letter(row)}${letter(row >> 2)}`
  return { minute: row, delay: row % 50, distance: 100, origin, destination: 'SFO' }
}

const source = {
  rows: ROWS,
  read: async (start: number, end: number) =>
    Array.from({ length: end - start }, (_, i) => flightOf(start + i)),
} as unknown as FlightSource

/** Runs the job until a commit that `dies` says fails, or to its end. */
async function run(
  files: MemoryFileManager,
  batchRows: number,
  dies: (path: string) => boolean = () => false,
): Promise<void> {
  const dying = aroundCalls(files, async ({ method, args }, proceed) => {
    if (method.startsWith('move') && dies(String(args[1]))) throw new Error('the process died')
    return proceed()
  })
  const stores = await StateStores.open(dying, QUIET)
  try {
    await runJob({ stores, source, rows: ROWS, batchRows, report: () => undefined })
  } finally {
    await stores.close()
  }
}

async function countedFlights(files: MemoryFileManager): Promise<number> {
  await using stores = await StateStores.open(files, { ...QUIET, readOnly: true })
  let count = 0
  for (const provider of providersOf(stores)) {
    if (provider.id.operatorId !== ROUTES) continue
    await using store = await provider.getReadStore()
    for (const [, value] of store.entries()) count += decodeRouteStats(value).count
  }
  return count
}

test('a batch that runs again ends where it ended, whatever the size of batches is now', async () => {
  const files = new MemoryFileManager()
  const last = 'state/1/3/2.delta'
  const isOtherRoute = (path: string): boolean => /^state.1.*2.delta$/.test(path) && path !== last
  // Of batch 1 one store of routes is committed and the others are not.
  await expect(run(files, 100, isOtherRoute)).rejects.toThrow('Error committing version 2')
  // That one is recognised: were it written once more, with other rows, the job would die.
  await run(files, 60, (path) => path === last)
  expect(await countedFlights(files)).toBe(ROWS)
})
