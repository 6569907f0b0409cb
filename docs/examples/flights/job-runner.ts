// Runs the job to its end, however often its process is killed on the way, and counts what was seen.

import type { JobEvent, JobPhase } from './job-event.ts'
import { runJobProcess } from './job-process.ts'
import type { KillMoment } from './kill-plan.ts'
import type { ProgressDisplay } from './progress-display.ts'

export interface JobRunOptions {
  checkpoint: string
  rows: number
  batchRows: number
  kills: readonly KillMoment[]
  display: ProgressDisplay
}

export class JobRunner {
  readonly #options: JobRunOptions
  readonly #display: ProgressDisplay
  /** The batch that the last process began last, and the step it was seen in. */
  #batchBegun: number | undefined
  #phase: JobPhase | undefined

  elapsedMs = 0
  killCount = 0
  /** The source position the job began at; undefined if no batch was seen to be committed. */
  rowStart: number | undefined
  /** Batches that were begun before a kill and ran again after it. */
  replayedCount = 0
  /** Stores that held such a batch already when it ran again. */
  aheadCount = 0
  /** One per store and batch, milliseconds, in no particular order. */
  readonly commitMs: number[] = []

  /** Rows done in this run; batches that ran again count once. */
  get rowCount(): number {
    return this.rowStart === undefined ? 0 : this.#options.rows - this.rowStart
  }

  constructor(options: JobRunOptions) {
    this.#options = options
    this.#display = options.display
  }

  async run(): Promise<void> {
    const { checkpoint, rows, batchRows, kills } = this.#options
    const startMs = performance.now()
    const onEvent = (event: JobEvent) => this.#observe(event)
    for (const kill of [...kills, undefined]) {
      const end = await runJobProcess({ checkpoint, rows, batchRows, kill, onEvent })
      if (end === 'done') break
      this.killCount++
      this.#display.note(
        `kill ${this.killCount}: SIGKILL in batch ${this.#batchBegun}, step '${this.#phase}'`,
      )
    }
    this.elapsedMs = performance.now() - startMs
  }

  #observe(event: JobEvent): void {
    switch (event.type) {
      case 'started':
        this.#display.note(this.#startText(event))
        break
      case 'phase':
        this.#batchBegun = event.batch
        this.#phase = event.phase
        break
      case 'committed':
        this.rowStart ??= event.row - event.rowCount
        this.commitMs.push(...event.commitMs)
        this.#display.update(event.row)
        break
    }
  }

  #startText({ batch, aheadCount, storeCount }: Extract<JobEvent, { type: 'started' }>): string {
    if (this.#batchBegun === undefined) {
      return batch === 0 ? 'started on an empty checkpoint' : `went on at batch ${batch}`
    }
    if (batch > this.#batchBegun) {
      return `started again: all ${storeCount} stores had committed batch ${this.#batchBegun}, nothing to repeat`
    }
    this.replayedCount++
    this.aheadCount += aheadCount
    return (
      `started again: batch ${batch} runs again; ` +
      `${aheadCount} of ${storeCount} stores had committed it, ${storeCount - aheadCount} had not`
    )
  }
}
