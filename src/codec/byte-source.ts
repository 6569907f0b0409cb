// ByteSource — a cursor over a stream of chunks, for decoders that need n bytes in one piece.
//
// `fill` is the only asynchronous step, and only needed where `has` says no: decoders go through thousands of blocks a second, most of
// which lie whole in the chunk at hand. Nothing is ever allocated by a claimed length: chunks are collected as they come and joined once
// enough are there, so a forged length costs no more than the file that holds it. What it hands out are views, valid until the next `fill`: a
// chunk of the stream may be gone when the next one is asked for.

import { concatBytes } from '../base/bytes.ts'

const NONE = new Uint8Array(0)

const isNotEmpty = (bytes: Uint8Array) => bytes.length > 0

export class ByteSource {
  readonly #iterator: AsyncIterator<Uint8Array>
  #chunk: Uint8Array = NONE
  #at = 0
  /** What comes behind #chunk and is there already. */
  #behind: Uint8Array = NONE
  /** Stream offset of the first byte of #chunk. */
  #chunkOffset = 0
  #ended = false

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]()
  }

  /** Stream offset of the next byte. */
  get offset(): number {
    return this.#chunkOffset + this.#at
  }

  /** How many bytes are at hand. After a `fill` that returned false, all that are left. */
  get available(): number {
    return this.#chunk.length - this.#at
  }

  has(count: number): boolean {
    return this.#chunk.length - this.#at >= count
  }

  /** Brings `count` bytes to hand; false if the stream ends before. */
  async fill(count: number): Promise<boolean> {
    if (this.has(count)) return true
    let chunks = [this.#chunk.subarray(this.#at), this.#behind].filter(isNotEmpty)
    let size = this.available + this.#behind.length
    // A chunk is gone when the next is asked for. Not slice(): a Buffer's would still be the chunk's memory.
    if (size < count) chunks = chunks.map((chunk) => new Uint8Array(chunk))
    while (size < count && !this.#ended) {
      const next = await this.#iterator.next()
      if (next.done === true) {
        this.#ended = true
      } else if (isNotEmpty(next.value)) {
        size += next.value.length
        chunks.push(size < count ? new Uint8Array(next.value) : next.value)
      }
    }
    this.#chunkOffset += this.#at
    this.#at = 0
    const surplus = Math.max(0, size - count)
    const last = chunks.at(-1) ?? NONE
    if (chunks.length <= 1) {
      this.#chunk = last
      this.#behind = NONE
    } else {
      // Of the last one only what is asked for is copied: chunks are large, and what lies across two of them is small.
      const end = last.length - surplus
      this.#chunk = concatBytes([...chunks.slice(0, -1), last.subarray(0, end)])
      this.#behind = last.subarray(end)
    }
    return size >= count
  }

  /** The next `count` bytes, which must be at hand, without moving on. */
  peek(count: number): Uint8Array {
    return this.#chunk.subarray(this.#at, this.#at + count)
  }

  /** The next `count` bytes, which must be at hand. */
  take(count: number): Uint8Array {
    const bytes = this.#chunk.subarray(this.#at, this.#at + count)
    this.#at += count
    return bytes
  }

  /** Lets the underlying stream go. */
  async close(): Promise<void> {
    if (!this.#ended) await this.#iterator.return?.()
    this.#ended = true
  }
}
