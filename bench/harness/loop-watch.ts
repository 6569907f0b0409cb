// How long the event loop is held: a ticker of 1 ms, whose every delay is kept, and Node's own monitorEventLoopDelay beside it.
//
// The delay of a tick is what was done in one turn of the loop, or little more. What of it the program did itself it says (`doing`); the rest
// is the engine's: its slices, collections of garbage, and what the machine took for other things. Of the last an idle process with a
// watch of its own tells (idle-process.ts).

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { nowMs, quantile } from './figures.ts'

const TICK_MS = 1
const NS_PER_MS = 1e6

/** Shorter delays are no slices: counted, they would press every quantile to nothing. */
const SLICE_MS_MIN = 1

export interface LoopDelays {
  readonly worstMs: number
  readonly monitoredWorstMs: number
  /** Without what the program did itself. */
  readonly slicesWorstMs: number
  readonly slicesP999Ms: number
}

export class LoopWatch {
  #ticker: NodeJS.Timeout | undefined
  #monitor: ReturnType<typeof monitorEventLoopDelay> | undefined
  #tickedMs = 0
  #doneMs = 0
  #worstMs = 0
  #slicesMs: number[] = []

  begin(): void {
    this.#worstMs = 0
    this.#doneMs = 0
    this.#slicesMs = []
    this.#tickedMs = nowMs()
    this.#ticker = setInterval(() => this.#tick(), TICK_MS)
    this.#monitor = monitorEventLoopDelay({ resolution: TICK_MS })
    this.#monitor.enable()
  }

  /** To be called in a turn of the loop of its own: what is still going on counts. */
  end(): LoopDelays {
    this.#tick()
    clearInterval(this.#ticker)
    this.#monitor?.disable()
    const monitoredNs = this.#monitor?.max ?? 0
    return {
      worstMs: this.#worstMs,
      monitoredWorstMs: Math.max(0, monitoredNs / NS_PER_MS - TICK_MS),
      slicesWorstMs: Math.max(0, ...this.#slicesMs),
      slicesP999Ms: this.#slicesMs.length === 0 ? 0 : quantile(this.#slicesMs, 0.999),
    }
  }

  /** Runs something of the program's own. */
  doing(run: () => void): void {
    const started = nowMs()
    run()
    this.#doneMs += nowMs() - started
  }

  #tick(): void {
    const now = nowMs()
    const delayMs = Math.max(0, now - this.#tickedMs - TICK_MS)
    const sliceMs = delayMs - this.#doneMs
    this.#worstMs = Math.max(this.#worstMs, delayMs)
    if (sliceMs >= SLICE_MS_MIN) this.#slicesMs.push(sliceMs)
    this.#tickedMs = now
    this.#doneMs = 0
  }
}
