/** The one snapshot of a store that may be under way, so that whoever undoes its version can stop it first. */
export class SnapshotSlot {
  #current: { version: number; controller: AbortController; done: Promise<unknown> } | undefined

  #stopped = false

  /** Runs `work`; undefined if another snapshot is under way, or stop() was called. `work` is to stop soon after its signal is aborted. */
  async run<T>(version: number, work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    if (this.#stopped || this.#current !== undefined) return undefined
    const controller = new AbortController()
    const running = work(controller.signal)
    this.#current = { version, controller, done: running.catch(() => undefined) }
    try {
      return await running
    } finally {
      this.#current = undefined
    }
  }

  /** Cancels a snapshot of `version` or later. It publishes under the mutex that the caller holds, so it need not be waited for. */
  cancelFrom(version: number): void {
    const current = this.#current
    if (current !== undefined && current.version >= version) current.controller.abort()
  }

  /** Cancels the snapshot under way, and refuses all that follow. */
  stop(): void {
    this.#stopped = true
    this.cancelFrom(0)
  }

  /** Resolves when no snapshot is under way. Not to be awaited under the mutex. */
  async idle(): Promise<void> {
    await this.#current?.done
  }
}
