import type { SpareBuffers } from '../../src/map/spare-buffers.ts'

const LEFT_OVER = 0xa5

/** Hands out what it was given, of any size and full of what no map wrote there, and counts. */
export class UsedBuffers implements SpareBuffers {
  taken = 0
  readonly #buffers: ArrayBuffer[] = []

  get bytes(): number {
    return this.#buffers.reduce((bytes, buffer) => bytes + buffer.byteLength, 0)
  }

  take(bytes: number): ArrayBuffer | undefined {
    const at = this.#buffers.findIndex((buffer) => buffer.byteLength === bytes)
    if (at === -1) return undefined
    this.taken++
    return this.#buffers.splice(at, 1)[0]
  }

  give(buffer: ArrayBuffer): void {
    const own = buffer.transfer()
    new Uint8Array(own).fill(LEFT_OVER)
    this.#buffers.push(own)
  }
}
