import type { Clock } from './clock.ts'

/** Cuts long synchronous work into stretches: ask isOver() now and then, and turn() once it is. */
export class WorkSlice {
  readonly #clock: Clock
  readonly #sliceMs: number
  #startedMs: number

  /** The first stretch begins now. `sliceMs` is how long one lasts, milliseconds. */
  constructor(clock: Clock, sliceMs: number) {
    this.#clock = clock
    this.#sliceMs = sliceMs
    this.#startedMs = clock.elapsedMs()
  }

  get isOver(): boolean {
    return this.lastedMs >= this.#sliceMs
  }

  /** How long this stretch has lasted, milliseconds. */
  get lastedMs(): number {
    return this.#clock.elapsedMs() - this.#startedMs
  }

  /** Lets the event loop turn and rests for `restMs`; then the next stretch begins. */
  async turn(restMs = 0): Promise<void> {
    await this.#clock.turn(restMs)
    this.#startedMs = this.#clock.elapsedMs()
  }
}
