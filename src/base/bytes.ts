// Byte arrays: the few operations the engine shares. Node's Buffer is used where its native code is the fastest way, never exposed.

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}

/** Order of unsigned bytes, shorter first where one is a prefix of the other. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b)
}

export function startsWithBytes(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return bytes.length >= prefix.length && bytesEqual(bytes.subarray(0, prefix.length), prefix)
}

/** A new array holding all `chunks` in order. */
export function concatBytes(chunks: readonly Uint8Array[]): Uint8Array {
  let size = 0
  for (const chunk of chunks) size += chunk.length
  const whole = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}

/**
 * Gives the memory of `bytes` back at once, if nothing else lies in it; else it does nothing. For what nobody uses any more, no call of the system
 * under way either. `bytes` is empty then. PERF: left to the collector, a few megabytes of blocks have V8 collect its whole heap, however
 * small that is, and the next block is made of memory that is in no cache.
 */
export function release(bytes: Uint8Array): void {
  const { buffer } = bytes
  const isAlone = bytes.length > 0 && bytes.byteLength === buffer.byteLength
  if (isAlone && buffer instanceof ArrayBuffer) buffer.transfer(0)
}

/** All `chunks` in one, in order: a new array, and theirs is given back; or the only one as it is. They are used up. */
export function joinBytes(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]
  const whole = concatBytes(chunks)
  for (const chunk of chunks) release(chunk)
  return whole
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** The bytes that `hex` spells. Throws RangeError on anything but pairs of hex digits. */
export function fromHex(hex: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})*$/i.test(hex))
    throw new RangeError(`Expected hex digits, got ${JSON.stringify(hex)}`)
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

/** The byte order of this machine's typed arrays. */
export const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
