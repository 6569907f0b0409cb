/** Counts every buffer a map allocates, and refuses what would exceed the limit. Exact: bytes allocated, not estimated. */
export class MemoryBudget {
  readonly bytesMax: number
  #usedBytes = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** False, and nothing taken, if `bytes` more would exceed the limit. */
  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.bytesMax) return false
    this.#usedBytes += bytes
    return true
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes
  }
}
