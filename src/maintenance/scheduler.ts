// MaintenanceScheduler — one per StateStores: runs a round of maintenance over all stores every so often, and at once for those that ask.
//
// Stores of a round run `concurrency` at a time, and as many of those that ask, beside the round; others that ask wait for their turn. A store that
// fails does not keep the others from theirs, and is not heard for a while; failures are handed to `failed`. Nothing of a round starts before
// start(), and stop() waits for what is under way.

import type { Clock } from '../base/clock.ts'
import { Semaphore } from '../base/semaphore.ts'

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
  readonly #requested = new Map<Store, Promise<void>>()
  readonly #slots: Semaphore
  readonly #failedMs = new WeakMap<Store, number>()
  #loop: Promise<void> | undefined

  constructor(options: SchedulerOptions<Store>) {
    this.#options = options
    this.#slots = new Semaphore(options.concurrency)
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
    const maintained = this.#slots
      .run(() => this.#maintain(store), this.#stopping.signal)
      .catch(() => undefined) // Only stop() ends the wait for a turn.
      .finally(() => this.#requested.delete(store))
    this.#requested.set(store, maintained)
    return true
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loop
    await Promise.all(this.#requested.values())
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
