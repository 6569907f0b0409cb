// Java's DataOutputStream, as far as schema files need it: big-endian integers, and writeUTF's modified UTF-8.
//
//   text   u16 length in bytes, then the bytes: NUL as C0 80, and each half of a surrogate pair by itself in three bytes

import { concatBytes } from '../base/bytes.ts'
import { corruptFile } from '../codec/corrupt-file.ts'

/** What two bytes can count. */
const TEXT_BYTES_MAX = 0xffff

export class JavaDataReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  /** The file, for messages. */
  readonly path: string
  #offset = 0

  constructor(bytes: Uint8Array, path: string) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.path = path
  }

  get offset(): number {
    return this.#offset
  }

  get remainingBytes(): number {
    return this.#bytes.length - this.#offset
  }

  int16(what: string): number {
    return this.#view.getInt16(this.#take(2, what))
  }

  int32(what: string): number {
    return this.#view.getInt32(this.#take(4, what))
  }

  text(what: string): string {
    const start = this.#offset
    const sizeBytes = this.#view.getUint16(this.#take(2, what))
    const at = this.#take(sizeBytes, what)
    const text = decodeModifiedUtf8(this.#bytes.subarray(at, at + sizeBytes))
    if (text !== undefined) return text
    throw corruptFile(
      this.path,
      `Expected ${what} to be a text in Java's UTF-8, found other bytes`,
      {
        offset: start,
      },
    )
  }

  /** The offset of the next `count` bytes, which are then passed. */
  #take(count: number, what: string): number {
    if (this.remainingBytes < count)
      throw corruptFile(
        this.path,
        `Expected ${count} bytes of ${what}, found ${this.remainingBytes}: the file is cut`,
        { offset: this.#offset },
      )
    const at = this.#offset
    this.#offset += count
    return at
  }
}

export class JavaDataWriter {
  readonly #parts: Uint8Array[] = []

  int16(value: number): void {
    const part = new Uint8Array(2)
    new DataView(part.buffer).setInt16(0, value)
    this.#parts.push(part)
  }

  int32(value: number): void {
    const part = new Uint8Array(4)
    new DataView(part.buffer).setInt32(0, value)
    this.#parts.push(part)
  }

  /** RangeError if `text` has more than 65535 bytes. */
  text(text: string): void {
    const bytes = encodeModifiedUtf8(text)
    if (bytes.length > TEXT_BYTES_MAX)
      throw new RangeError(
        `Expected a text of at most ${TEXT_BYTES_MAX} bytes, got ${bytes.length}`,
      )
    this.int16(bytes.length)
    this.#parts.push(bytes)
  }

  bytes(): Uint8Array {
    return concatBytes(this.#parts)
  }
}

/** How many bytes writeUTF needs for a UTF-16 unit. */
export function modifiedUtf8Bytes(unit: number): number {
  if (unit >= 0x01 && unit <= 0x7f) return 1
  return unit <= 0x7ff ? 2 : 3
}

function encodeModifiedUtf8(text: string): Uint8Array {
  const bytes: number[] = []
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    const size = modifiedUtf8Bytes(unit)
    if (size === 1) bytes.push(unit)
    else if (size === 2) bytes.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f))
    else bytes.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f))
  }
  return Uint8Array.from(bytes)
}

/** Undefined for bytes that are no modified UTF-8. */
function decodeModifiedUtf8(bytes: Uint8Array): string | undefined {
  const pieces: string[] = []
  let at = 0
  const continuation = (): number => {
    const byte = at < bytes.length ? bytes[at++] : 0
    return (byte & 0xc0) === 0x80 ? byte & 0x3f : Number.NaN
  }
  while (at < bytes.length) {
    const first = bytes[at++]
    let unit = first
    if ((first & 0xe0) === 0xc0) unit = (first & 0x1f) * 64 + continuation()
    else if ((first & 0xf0) === 0xe0) {
      unit = (first & 0x0f) * 4096 + continuation() * 64
      unit += continuation()
    } else if (first >= 0x80) return undefined
    if (Number.isNaN(unit)) return undefined
    pieces.push(String.fromCharCode(unit))
  }
  return pieces.join('')
}
