// YCSB's core workloads A to F (ycsb/operations.ts) on records of 1 KB, a commit every 1,000 operations.
//
// One process loads the records, waits until the disk has them (every file is synced), runs some batches of A untimed, and then all six, in YCSB's own
// order. A read hands out a copy, an update writes the whole record. tidemark keeps no
// order: a scan there, as in a JS Map, looks at every record and brings those behind the start into order, so E is a few operations only.

import { engineByName } from './compare/engines.ts'
import { committedContentOf } from './harness/content-of.ts'
import type { Engine } from './harness/engine.ts'
import { nowMs, quantile } from './harness/figures.ts'
import { load, LOAD_STAMP } from './harness/load.ts'
import type { MeasureContext, Measurement, Params, Question } from './harness/question.ts'
import { settleDisk } from './harness/settle-disk.ts'
import { type Content, Oracle } from './harness/workload.ts'
import { type Operation, Operations, type Workload, WORKLOADS } from './ycsb/operations.ts'
import { checkRecord, RecordBatch } from './ycsb/record-batch.ts'

const ENGINES = ['tidemark', 'js-map', 'lmdb', 'classic-level', 'sqlite']

export const ycsb: Question = {
  name: 'ycsb',
  title: 'YCSB A to F on records of 1 KB, a commit every 1,000 operations',

  cases(quick) {
    const params: Params = {
      keys: quick ? 2_000 : 1_000_000,
      durability: 'os',
      warmUp: quick ? 1 : 100,
      batches: quick ? 3 : 100,
      batchOperations: quick ? 100 : 1_000,
      scanOperations: quick ? 10 : 4,
    }
    return [
      {
        params,
        engines: ENGINES,
        rounds: 1,
      },
    ]
  },

  oracle(params): Content {
    const inserts = Number(params.batches) * Number(params.batchOperations)
    const oracle = new Oracle(params.keys + inserts + Number(params.scanOperations))
    for (let n = 0; n < params.keys; n++) oracle.put(n, LOAD_STAMP)
    for (const { operations, stamp } of batchesOf(params)) {
      for (const { kind, record } of operations) {
        if (kind !== 'read' && kind !== 'scan') oracle.put(record, stamp)
      }
    }
    const row = new RecordBatch(1)
    return oracle.content((sum, n, stamp) => {
      row.set(0, n, stamp)
      sum.add(row.keys[0], row.values[0])
    })
  },

  async measure({ engine: name, params, directory }: MeasureContext): Promise<Measurement> {
    const engine = await engineByName(name)
    const options = { directory, durability: params.durability, hasLongValues: true }
    await engine.open(options)
    const started = nowMs()
    await load(engine, params.keys, { makeRows: (size) => new RecordBatch(size) })
    const loadMs = nowMs() - started
    await settleDisk(directory)

    const times = new Map<Workload, { operations: number; batches: number[] }>()
    const rows = new RecordBatch(Number(params.batchOperations))
    for (const { workload, isTimed, operations, stamp } of batchesOf(params)) {
      const ms = await runBatch(engine, rows, operations, stamp)
      if (!isTimed) continue
      let time = times.get(workload)
      if (time === undefined) times.set(workload, (time = { operations: 0, batches: [] }))
      time.operations += operations.length
      time.batches.push(ms)
    }
    const content = await committedContentOf(engine, options)
    await engine.close()
    const figures: Record<string, number> = { loadRowsPerSecond: (params.keys / loadMs) * 1000 }
    for (const [workload, { operations, batches }] of times) {
      const totalMs = batches.reduce((sum, ms) => sum + ms, 0)
      figures[`${workload}OperationsPerSecond`] = (operations / totalMs) * 1000
      figures[`${workload}BatchP99Ms`] = quantile(batches, 0.99)
    }
    return { figures, content, standsFor: standsForOf(name, engine) }
  },
}

const UNORDERED = ['tidemark', 'js-map']

function standsForOf(name: string, engine: Engine): string | undefined {
  if (!UNORDERED.includes(name)) return engine.standsFor
  const scans =
    'keeps no order: a scan (E) looks at all records and brings those behind its start into order'
  return engine.standsFor === undefined ? scans : `${engine.standsFor}; ${scans}`
}

interface Batch {
  readonly workload: Workload
  readonly isTimed: boolean
  readonly operations: readonly Operation[]
  /** Of all it writes. */
  readonly stamp: number
}

function* batchesOf(params: Params): Generator<Batch> {
  const operations = new Operations(params.keys)
  const batchSize = Number(params.batchOperations)
  let stamp = LOAD_STAMP
  const one = (workload: Workload, isTimed: boolean, size: number): Batch => ({
    workload,
    isTimed,
    operations: operations.batch(workload, size),
    stamp: ++stamp,
  })
  for (let b = 0; b < Number(params.warmUp); b++) yield one('a', false, batchSize)
  for (const workload of WORKLOADS) {
    if (workload === 'e') yield one('e', true, Number(params.scanOperations))
    else for (let b = 0; b < Number(params.batches); b++) yield one(workload, true, batchSize)
  }
}

/** Milliseconds, from open to commit. */
async function runBatch(
  engine: Engine,
  rows: RecordBatch,
  operations: readonly Operation[],
  stamp: number,
): Promise<number> {
  operations.forEach(({ kind, record }, i) => {
    if (kind === 'update' || kind === 'insert') rows.set(i, record, stamp)
    else rows.setKey(i, record)
  })
  const started = nowMs()
  await engine.begin()
  for (let i = 0; i < operations.length; i++) {
    const { kind, record, scanRows } = operations[i]
    if (kind === 'scan') await scan(engine, rows.keys[i], scanRows)
    if (kind === 'read' || kind === 'modify') {
      const read = engine.get(rows.keys[i])
      const value = checkRecord(read instanceof Promise ? await read : read)
      if (kind === 'modify') rows.modify(i, value, record, stamp)
    }
    if (kind !== 'read' && kind !== 'scan') engine.put(rows.keys[i], rows.values[i])
  }
  await engine.commit()
  return nowMs() - started
}

async function scan(engine: Engine, start: Buffer, rows: number): Promise<void> {
  if (engine.range === undefined) throw new Error('Expected an engine that scans a range')
  let last: Uint8Array = start
  let found = 0
  await engine.range(start, rows, (key, value) => {
    if (Buffer.compare(key, last) < 0) throw new Error('Expected keys in rising order')
    checkRecord(value)
    last = key
    found++
  })
  if (found === 0 || found > rows) throw new Error(`Expected 1 to ${rows} records, found ${found}`)
}
