// YCSB's zipfian numbers (Gray et al., "Quickly generating billion-record synthetic databases", SIGMOD 1994), constant 0.99.

import type { Random } from '../harness/workload.ts'

const THETA = 0.99

export class Zipf {
  readonly #random: Random
  readonly #count: number
  readonly #zeta: number
  readonly #eta: number

  /** Ranks 0 to `count` − 1, 0 the most frequent. */
  constructor(count: number, random: Random) {
    this.#random = random
    this.#count = count
    this.#zeta = zeta(count)
    this.#eta = (1 - (2 / count) ** (1 - THETA)) / (1 - zeta(2) / this.#zeta)
  }

  next(): number {
    const u = this.#random.next() / 2 ** 32
    const uz = u * this.#zeta
    if (uz < 1) return 0
    if (uz < 1 + 0.5 ** THETA) return 1
    return Math.floor(this.#count * (this.#eta * u - this.#eta + 1) ** (1 / (1 - THETA)))
  }
}

function zeta(count: number): number {
  let sum = 0
  for (let i = 1; i <= count; i++) sum += 1 / i ** THETA
  return sum
}
