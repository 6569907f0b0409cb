/** Lets at most `slotsMax` sections run at once; the others wait in the order they asked. */
export class Semaphore {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(slotsMax: number) {
    this.#free = slotsMax
  }

  /** An aborted `signal` ends the wait, with its reason. */
  async run<T>(section: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    if (this.#free > 0) this.#free--
    else await this.#turn(signal)
    try {
      return await section()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next() // The slot goes from hand to hand, so nobody can slip in between.
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const given = (): void => {
        signal?.removeEventListener('abort', aborted)
        resolve()
      }
      const aborted = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(given), 1)
        reject(signal?.reason as Error)
      }
      this.#waiting.push(given)
      signal?.addEventListener('abort', aborted, { once: true })
    })
  }
}
