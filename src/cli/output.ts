import { once } from 'node:events'
import type { Writable } from 'node:stream'

/** Lines are handed to the stream in pieces of about this size: a call for each would cost more than what it prints. */
const PIECE_CHARACTERS = 64 * 1024

/** Lines to a stream, at the pace of whoever reads them. */
export class Output {
  readonly #stream: Writable
  #lines: string[] = []
  #characters = 0

  constructor(stream: Writable) {
    this.#stream = stream
  }

  async line(text: string): Promise<void> {
    // A long line goes by itself: with others before it, it might be longer than any string.
    if (text.length >= PIECE_CHARACTERS) await this.flush()
    this.#lines.push(text, '\n')
    this.#characters += text.length + 1
    if (this.#characters >= PIECE_CHARACTERS) await this.flush()
  }

  /** To be called at the end. */
  async flush(): Promise<void> {
    const lines = this.#lines
    this.#lines = []
    this.#characters = 0
    const piece = lines.join('')
    if (piece !== '' && !this.#stream.write(piece)) await once(this.#stream, 'drain')
  }
}
