// The memory a map may take, and where its buffers come from.

import { NO_SPARE_BUFFERS, type SpareBuffers } from './spare-buffers.ts'

/** Counts every buffer a map allocates, and refuses what would exceed the limit. Exact: bytes allocated, not estimated. */
export class MemoryBudget {
  readonly bytesMax: number
  #usedBytes = 0
  #isSystemShort = false

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Whether what was refused last was within the limit, and the system had no memory for it. */
  get isSystemShort(): boolean {
    return this.#isSystemShort
  }

  /** False, and nothing taken, if `bytes` more would exceed the limit. */
  take(bytes: number): boolean {
    this.#isSystemShort = false
    if (this.#usedBytes + bytes > this.bytesMax) return false
    this.#usedBytes += bytes
    return true
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes
  }

  /**
   * A buffer of `bytes`, taken from the budget: of zeros, or of anything where `spare` has one. Undefined, and nothing taken, if that would exceed
   * the limit or the system has no memory.
   */
  allocate(bytes: number, spare: SpareBuffers = NO_SPARE_BUFFERS): ArrayBuffer | undefined {
    if (!this.take(bytes)) return undefined
    try {
      return spare.take(bytes) ?? new ArrayBuffer(bytes)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      this.give(bytes)
      this.#isSystemShort = true
      return undefined
    }
  }
}
