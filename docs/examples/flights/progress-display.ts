// How far the job is: a bar on a terminal, a line every tenth elsewhere.

import type { WriteStream } from 'node:tty'

const BAR_CHARACTERS = 32
const CLEAR_LINE = '\r\u001b[K'

export class ProgressDisplay {
  readonly #out: Pick<WriteStream, 'write'> & { isTTY?: boolean }
  readonly #rows: number
  readonly #startMs = performance.now()
  #tenthsShown = 0
  #barShown = false

  constructor(
    rows: number,
    out: Pick<WriteStream, 'write'> & { isTTY?: boolean } = process.stdout,
  ) {
    this.#rows = rows
    this.#out = out
  }

  update(row: number): void {
    const share = Math.min(1, row / this.#rows)
    const text = `${grouped(row)} of ${grouped(this.#rows)} rows, ${this.#seconds()} s`
    if (this.#out.isTTY) {
      const filled = Math.round(share * BAR_CHARACTERS)
      const bar = '█'.repeat(filled) + '░'.repeat(BAR_CHARACTERS - filled)
      this.#out.write(`${CLEAR_LINE}${bar} ${text}`)
      this.#barShown = true
    } else if (Math.floor(share * 10) > this.#tenthsShown) {
      this.#tenthsShown = Math.floor(share * 10)
      this.#out.write(`${String(this.#tenthsShown * 10).padStart(3)} %  ${text}\n`)
    }
  }

  /** A line of its own, above the bar if there is one. */
  note(text: string): void {
    this.finish()
    this.#out.write(`${text}\n`)
  }

  /** Leaves the terminal at the beginning of a line. */
  finish(): void {
    if (this.#barShown) this.#out.write(CLEAR_LINE)
    this.#barShown = false
  }

  #seconds(): string {
    return ((performance.now() - this.#startMs) / 1000).toFixed(1)
  }
}

/** 1234567 as 1,234,567. */
export function grouped(count: number): string {
  return count.toLocaleString('en-US')
}
