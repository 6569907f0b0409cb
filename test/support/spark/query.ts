// A query of one shape, run by Spark into a checkpoint of its own, run on without anybody's interference, and read at several batches: what a
// checkpoint that the engine had its hands on is compared with.

import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CompressionName } from '../../../src/codec/compression.ts'
import { writeInput } from './input.ts'
import { SPARK_CODECS } from './rewrite.ts'
import type { Output, Shape, Spark, StoreOfState } from './spark.ts'

const FIRST_FILES = 6
const MORE_FILES = 3

/** The stores that a shape keeps, as the state source is asked for them. */
export function storesOf(shape: Shape): StoreOfState[] {
  if (shape !== 'join') return [{}]
  const names = ['left', 'right'].flatMap((side) => [
    `${side}-keyToNumValues`,
    `${side}-keyWithIndexToValue`,
  ])
  return [
    ...names.map((storeName) => ({ storeName })),
    { joinSide: 'left' as const },
    { joinSide: 'right' as const },
  ]
}

export interface Reading {
  readonly store: StoreOfState
  readonly batchId: number
  readonly rows: readonly string[]
}

export class Query implements AsyncDisposable {
  readonly shape: Shape
  readonly spark: Spark
  readonly folder: string
  /** After the first batches. */
  readonly checkpoint: string
  readonly input: string

  constructor(shape: Shape, spark: Spark, folder: string) {
    this.shape = shape
    this.spark = spark
    this.folder = folder
    this.checkpoint = join(folder, 'checkpoint')
    this.input = join(folder, 'input')
  }

  /** Runs the first batches. */
  static async run(
    spark: Spark,
    shape: Shape,
    codec: CompressionName,
    conf: Readonly<Record<string, string>> = {},
  ): Promise<Query & { lastBatch: number }> {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-interop-'))
    const query = new Query(shape, spark, folder)
    await writeInput(query.input, shape, 0, FIRST_FILES)
    const output = await spark.run({
      shape,
      checkpoint: query.checkpoint,
      input: query.input,
      conf: { 'spark.sql.streaming.stateStore.compression.codec': SPARK_CODECS[codec], ...conf },
    })
    await writeInput(query.input, shape, FIRST_FILES, MORE_FILES)
    return Object.assign(query, { lastBatch: lastBatch(output) })
  }

  /** A path for a checkpoint beside the query's own. */
  beside(name: string): string {
    return join(this.folder, name)
  }

  /** A copy of the query's checkpoint. */
  async copy(name: string): Promise<string> {
    await cp(this.checkpoint, this.beside(name), { recursive: true, preserveTimestamps: true })
    return this.beside(name)
  }

  /** Restarts the query on a checkpoint, with the input that the first run has not seen. */
  async continue(checkpoint: string): Promise<Output> {
    return await this.spark.run({ shape: this.shape, checkpoint, input: this.input })
  }

  /** What the state source reads, of every store. */
  async read(checkpoint: string, batchIds: readonly number[]): Promise<Reading[]> {
    const readings: Reading[] = []
    for (const store of storesOf(this.shape))
      for (const batchId of batchIds)
        readings.push({
          store,
          batchId,
          rows: await this.spark.state(checkpoint, { ...store, batchId }),
        })
    return readings
  }

  /** What the change feed says, of every store that has one. */
  async changes(checkpoint: string, from: number, to: number): Promise<string[][]> {
    const feeds: string[][] = []
    for (const store of storesOf(this.shape))
      if (store.joinSide === undefined)
        feeds.push(await this.spark.changes(checkpoint, from, to, store))
    return feeds
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}

export function lastBatch(output: Output): number {
  return Math.max(...Object.keys(output).map(Number))
}
