// SpareMemory — the large buffers of maps that have ended, kept for a while for the maps that are loaded next: a store that is opened anew
// after a failure, a partition that comes back, an old version that is read and read again.
//
// Handed out by size, of which maps ask for few. What nobody takes goes back to the system; never is more kept than BYTES_MAX.

import { type Clock, systemClock } from '../base/clock.ts'
import type { SpareBuffers } from '../map/spare-buffers.ts'

const MIB = 1024 * 1024
const BYTES_MAX = 1024 * MIB
/** Smaller buffers cost little wherever they come from. */
const BUFFER_BYTES_MIN = MIB / 4
/** What was not taken for as long goes back to the system, at the latest after twice that. */
const KEPT_MS = 5000

export class SpareMemory implements SpareBuffers {
  readonly #clock: Clock
  readonly #bytesMax: number
  /** In the order in which they came. */
  #buffers: { readonly buffer: ArrayBuffer; readonly givenMs: number }[] = []
  #bytes = 0
  #isExpiring = false

  constructor(clock: Clock, bytesMax: number) {
    this.#clock = clock
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  take(bytes: number): ArrayBuffer | undefined {
    // The latest first: it may still be in a cache.
    const at = this.#buffers.findLastIndex(({ buffer }) => buffer.byteLength === bytes)
    if (at === -1) return undefined
    this.#bytes -= bytes
    return this.#buffers.splice(at, 1)[0].buffer
  }

  give(buffer: ArrayBuffer): void {
    const bytes = buffer.byteLength
    if (bytes < BUFFER_BYTES_MIN || this.#bytes + bytes > this.#bytesMax) return
    // Whoever still has a view of it must not see what comes next.
    this.#buffers.push({ buffer: buffer.transfer(), givenMs: this.#clock.elapsedMs() })
    this.#bytes += bytes
    if (!this.#isExpiring) void this.#expire()
  }

  async #expire(): Promise<void> {
    this.#isExpiring = true
    while (this.#buffers.length > 0) {
      await this.#clock.sleep(KEPT_MS)
      const keptFromMs = this.#clock.elapsedMs() - KEPT_MS
      this.#buffers = this.#buffers.filter(({ givenMs }) => givenMs > keptFromMs)
      this.#bytes = this.#buffers.reduce((bytes, { buffer }) => bytes + buffer.byteLength, 0)
    }
    this.#isExpiring = false
  }
}

/** Of all stores of this thread. */
export const spareMemory = new SpareMemory(systemClock, BYTES_MAX)
