// How long the event loop is held: a ticker of 1 ms, whose every delay is kept, and Node's own monitorEventLoopDelay beside it.
//
// The delay of a tick is what was done in one turn of the loop, or little more: a slice, of the engine or of the program that calls it, collections of
// garbage, and what the machine took for other things. Of the last an idle process with a watch of its own tells (idle-process.ts); the processor time of
// the thread leaves it out.
// The kernel counts that time exactly over long stretches, but up to one of its ticks (4 ms at 250 Hz) late; no more of it counts than the stretch is long.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { nowMs, quantile } from './figures.ts'

const TICK_MS = 1
const NS_PER_MS = 1e6
const US_PER_MS = 1e3

/** Shorter delays are no slices: counted, they would press every quantile to nothing. */
const SLICE_MS_MIN = 1

export interface LoopDelays {
  readonly worstMs: number
  readonly monitoredWorstMs: number
  /** Of delays of SLICE_MS_MIN and more. */
  readonly slicesP999Ms: number
  /** The same in processor time of this thread. */
  readonly slicesCpuP999Ms: number
  /** How many those are; below 1,000 the quantile is the worst of them. */
  readonly slicesCpuCount: number
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / US_PER_MS
}

export class LoopWatch {
  #ticker: NodeJS.Timeout | undefined
  #monitor: ReturnType<typeof monitorEventLoopDelay> | undefined
  #tickedMs = 0
  #tickedCpuMs = 0
  #worstMs = 0
  #slicesMs: number[] = []
  #slicesCpuMs: number[] = []

  begin(): void {
    this.#worstMs = 0
    this.#slicesMs = []
    this.#slicesCpuMs = []
    this.#beginTick(nowMs(), cpuMs())
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
      slicesP999Ms: p999(this.#slicesMs),
      slicesCpuP999Ms: p999(this.#slicesCpuMs),
      slicesCpuCount: this.#slicesCpuMs.length,
    }
  }

  #tick(): void {
    const now = nowMs()
    const nowCpu = cpuMs()
    const delayMs = Math.max(0, now - this.#tickedMs - TICK_MS)
    const sliceCpuMs = Math.min(nowCpu - this.#tickedCpuMs, now - this.#tickedMs)
    this.#worstMs = Math.max(this.#worstMs, delayMs)
    if (delayMs >= SLICE_MS_MIN) this.#slicesMs.push(delayMs)
    if (sliceCpuMs >= SLICE_MS_MIN) this.#slicesCpuMs.push(sliceCpuMs)
    this.#beginTick(now, nowCpu)
  }

  #beginTick(now: number, nowCpu: number): void {
    this.#tickedMs = now
    this.#tickedCpuMs = nowCpu
  }
}

function p999(slicesMs: readonly number[]): number {
  return slicesMs.length === 0 ? 0 : quantile(slicesMs, 0.999)
}
