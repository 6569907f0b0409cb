// Real Spark, as tests talk to it: one Python process with one JVM for each release, started by the first that asks and kept for all test files.

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { describe, inject } from 'vitest'
import type { InstalledSpark, SparkVersion } from './installed-spark.ts'

const DRIVER = join(import.meta.dirname, 'driver.py')

/** How much of Spark's log an error quotes. */
const LOG_CHARACTERS_MAX = 4000

export type Shape =
  | 'agg'
  | 'window'
  | 'dedup'
  | 'dedupWithinWatermark'
  | 'join'
  | 'session'
  | 'flatMapGroups'
  | 'limit'

export interface StoreOfState {
  readonly operatorId?: number
  readonly storeName?: string
  readonly joinSide?: 'left' | 'right'
}

export interface StateSelection extends StoreOfState {
  readonly batchId?: number
  readonly snapshotStartBatchId?: number
  readonly snapshotPartitionId?: number
}

/** Rows as `to_json` prints them, by batch, sorted. */
export type Output = Readonly<Record<string, readonly string[]>>

export class Spark {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #replies: AsyncIterator<string>
  #log = ''
  /** The last request; they go one after the other. */
  #last: Promise<unknown>

  private constructor({ python, classes }: InstalledSpark) {
    // The end of its stdin ends it, which comes with the end of this process, however that ends.
    this.#process = spawn(python, [DRIVER, classes], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, PYTHONUTF8: '1', PYTHONDONTWRITEBYTECODE: '1' },
    })
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-LOG_CHARACTERS_MAX)
    })
    const lines = createInterface({ input: this.#process.stdout, crlfDelay: Infinity })
    this.#replies = lines[Symbol.asyncIterator]()
    this.#last = this.#reply()
  }

  static start(installed: InstalledSpark): Spark {
    return new Spark(installed)
  }

  /** Runs all input files that the checkpoint has not seen yet, one a batch. */
  run(request: {
    shape: Shape
    checkpoint: string
    input: string
    conf?: Readonly<Record<string, string>>
  }): Promise<Output> {
    return this.#ask('run', { conf: {}, ...request })
  }

  /** What the state source reads: `{"p":…,"key":…,"value":…}` a row, sorted. */
  state(checkpoint: string, selection: StateSelection = {}): Promise<string[]> {
    return this.#ask('state', { checkpoint, ...selection })
  }

  /** Its change feed: `{"batch":…,"type":…,"p":…,"key":…,"value":…}` a row, sorted. */
  changes(
    checkpoint: string,
    from: number,
    to: number,
    store: StoreOfState = {},
  ): Promise<string[]> {
    return this.#ask('changes', {
      checkpoint,
      changeStartBatchId: from,
      changeEndBatchId: to,
      ...store,
    })
  }

  /** The state-metadata source. */
  metadata(checkpoint: string): Promise<string[]> {
    return this.#ask('metadata', { checkpoint })
  }

  async #ask<T>(name: string, request: Record<string, unknown>): Promise<T> {
    const before = this.#last
    const answer = before.then(async () => {
      this.#process.stdin.write(`${JSON.stringify({ do: name, ...request })}\n`)
      return await this.#reply()
    })
    this.#last = answer.catch(() => undefined)
    return (await answer) as T
  }

  async #reply(): Promise<unknown> {
    const { done, value } = await this.#replies.next()
    if (done === true) throw new Error(`Spark ended unexpectedly:\n${this.#log}`)
    const reply = JSON.parse(value) as { result?: unknown; error?: string }
    if (reply.error !== undefined) throw new Error(`Spark: ${reply.error}`)
    return reply.result
  }
}

// All test files run in one process (.config/vitest.interop.config.ts), but each may get modules of its own.
const STARTED = Symbol.for('tidemark.interop.sparks')
const started = ((globalThis as Record<symbol, unknown>)[STARTED] ??= new Map()) as Map<
  SparkVersion,
  Spark
>

/** Tests that need Spark; skipped with the reason in their name where it cannot be had. */
export function describeWithSpark(
  version: SparkVersion,
  name: string,
  tests: (spark: () => Spark) => void,
): void {
  const found = inject('sparks').find((spark) => spark.version === version)
  if (found === undefined || 'missing' in found) {
    const reason = found?.missing ?? 'not set up'
    describe.skip(`Spark ${version}, ${name} (skipped: ${reason})`, () => tests(refuse))
    return
  }
  describe(`Spark ${version}, ${name}`, () => {
    tests(() => {
      const spark = started.get(version) ?? Spark.start(found)
      started.set(version, spark)
      return spark
    })
  })
}

function refuse(): Spark {
  throw new Error('Spark is missing')
}
