/** Lets at most `slotsMax` sections run at once; the others wait in the order they asked. */
export class Semaphore {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(slotsMax: number) {
    this.#free = slotsMax
  }

  async run<T>(section: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await section()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next() // The slot goes from hand to hand, so nobody can slip in between.
    }
  }
}
