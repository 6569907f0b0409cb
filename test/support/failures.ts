import { describeCall } from '../../src/testing/counting-files.ts'
import type { NumberedCall } from '../../src/testing/around-calls.ts'

/** Moments of failure that were not survived; all are reported together, by name. */
export class Failures {
  readonly #lines: string[] = []
  #first: unknown

  add(call: NumberedCall | undefined, what: string, error: unknown): void {
    this.#first ??= error
    const where = call === undefined ? 'at the end' : `before ${describeCall(call)}`
    this.#lines.push(`${where}, ${what}: ${String(error)}`)
  }

  report(): void {
    if (this.#lines.length === 0) return
    const shown = this.#lines.slice(0, 12).join('\n')
    throw new Error(`${this.#lines.length} failures were not survived:\n${shown}`, {
      cause: this.#first,
    })
  }
}
