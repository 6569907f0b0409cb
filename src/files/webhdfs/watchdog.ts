// Watchdog — says when something has taken too long. One timer at a time, however often the limit changes or the wait starts anew: a body
// of a million chunks must not make a million timers.

import type { Clock } from '../../base/clock.ts'

export class Watchdog {
  readonly #clock: Clock
  /** How often it looks at the latest, so that a shorter limit set meanwhile is seen. */
  readonly #lookMs: number
  readonly #expired: () => void
  readonly #stopped = new AbortController()
  #limitMs = Infinity
  #sinceMs = 0
  #running = false

  constructor(clock: Clock, lookMs: number, expired: () => void) {
    this.#clock = clock
    this.#lookMs = lookMs
    this.#expired = expired
  }

  /** Starts a wait of `limitMs`, in place of the one before. */
  expect(limitMs: number): void {
    this.#limitMs = limitMs
    this.#sinceMs = this.#clock.elapsedMs()
    if (this.#running || this.#stopped.signal.aborted || limitMs === Infinity) return
    this.#running = true
    void this.#run()
  }

  /** Nothing is waited for until the next `expect`. */
  pause(): void {
    this.#limitMs = Infinity
  }

  stop(): void {
    this.#stopped.abort()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped
    while (!signal.aborted && this.#limitMs !== Infinity) {
      const leftMs = this.#limitMs - (this.#clock.elapsedMs() - this.#sinceMs)
      if (leftMs <= 0) {
        this.stop()
        this.#expired()
        return
      }
      // Whole and up: a timer that fires a fraction early would be started again for nothing.
      const waitMs = Math.ceil(Math.min(leftMs, this.#lookMs))
      await this.#clock.sleep(waitMs, signal).catch(() => undefined)
    }
    this.#running = false
  }
}
