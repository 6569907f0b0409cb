// MaintenanceScheduler — one per StateStores: runs a round of maintenance over all stores every so often, and at once for those that ask.
//
// Stores of a round run `concurrency` at a time. A store that fails does not keep the others from their turn; failures are handed to `failed`.
// Nothing starts before start(), and stop() waits for what is under way.

import type { Clock } from '../base/clock.ts'

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

export class MaintenanceScheduler<Store> {
  readonly #options: SchedulerOptions<Store>
  readonly #stopping = new AbortController()
  readonly #requested = new Map<Store, Promise<void>>()
  #loop: Promise<void> | undefined

  constructor(options: SchedulerOptions<Store>) {
    this.#options = options
  }

  start(): void {
    if (this.#options.intervalMs > 0) this.#loop ??= this.#run()
  }

  /** Starts maintaining one store at once. False if that is under way, or stop() was called. */
  request(store: Store): boolean {
    if (this.#stopping.signal.aborted || this.#requested.has(store)) return false
    const running = this.#maintain(store).finally(() => this.#requested.delete(store))
    this.#requested.set(store, running)
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
    } catch (error) {
      this.#options.failed(store, error)
    }
  }
}
