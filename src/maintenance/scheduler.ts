// MaintenanceScheduler — one per StateStores: runs a round of maintenance over all stores every so often, and at once for those that ask.
//
// Stores of a round run `concurrency` at a time, and as many of those that ask, beside the round; others that ask wait for their turn. A store that
// fails does not keep the others from theirs, and is not heard for a while; failures are handed to `failed`. Nothing of a round starts before
// start(), and stop() waits for what is under way.

import type { Clock } from '../base/clock.ts'

/** How long a store that failed is not heard where there are no rounds. */
const RETRY_MS = 60_000

export interface SchedulerOptions<Store> {
  /** Milliseconds between rounds; 0: only on request. */
  readonly intervalMs: number
  readonly concurrency: number
  readonly clock: Clock
  /** The stores there are, asked anew for every round. */
  readonly stores: () => Iterable<Store>
  readonly maintain: (store: Store) => Promise<void>
  readonly failed: (store: Store, error: unknown) => void
}

export class MaintenanceScheduler<Store extends object> {
  readonly #options: SchedulerOptions<Store>
  readonly #stopping = new AbortController()
  /** Those that have asked and wait for their turn, or have it. */
  readonly #requested = new Set<Store>()
  readonly #waiting: Store[] = []
  /** How many of those that have asked are maintained now. */
  #serving = 0
  readonly #served = new Set<Promise<void>>()
  readonly #failedMs = new WeakMap<Store, number>()
  #loop: Promise<void> | undefined

  constructor(options: SchedulerOptions<Store>) {
    this.#options = options
  }

  start(): void {
    if (this.#options.intervalMs > 0) this.#loop ??= this.#run()
  }

  /** Maintains one store as soon as it has its turn. False if it waits for that already or failed a short while ago, or if stop() was called. */
  request(store: Store): boolean {
    const { clock, intervalMs } = this.#options
    if (this.#stopping.signal.aborted || this.#requested.has(store)) return false
    const failedMs = this.#failedMs.get(store) ?? -Infinity
    if (clock.elapsedMs() - failedMs < (intervalMs || RETRY_MS)) return false
    this.#requested.add(store)
    this.#waiting.push(store)
    if (this.#serving < this.#options.concurrency) {
      const served = this.#serve().finally(() => this.#served.delete(served))
      this.#served.add(served)
    }
    return true
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loop
    await Promise.all(this.#served)
  }

  async #run(): Promise<void> {
    const { clock, intervalMs } = this.#options
    while (!this.#stopping.signal.aborted) {
      try {
        await clock.sleep(intervalMs, this.#stopping.signal)
      } catch {
        return // Only stop() ends a sleep early.
      }
      await this.#round()
    }
  }

  async #round(): Promise<void> {
    const waiting = [...this.#options.stores()]
    const worker = async (): Promise<void> => {
      for (let store = waiting.shift(); store !== undefined; store = waiting.shift()) {
        if (this.#stopping.signal.aborted) return
        await this.#maintain(store)
      }
    }
    await Promise.all(Array.from({ length: this.#options.concurrency }, worker))
  }

  /** Maintains those that have asked until none waits. */
  async #serve(): Promise<void> {
    this.#serving++
    for (let store = this.#waiting.shift(); store !== undefined; store = this.#waiting.shift()) {
      if (!this.#stopping.signal.aborted) await this.#maintain(store)
      this.#requested.delete(store)
    }
    this.#serving--
  }

  async #maintain(store: Store): Promise<void> {
    try {
      await this.#options.maintain(store)
      this.#failedMs.delete(store)
    } catch (error) {
      this.#failedMs.set(store, this.#options.clock.elapsedMs())
      this.#options.failed(store, error)
    }
  }
}
