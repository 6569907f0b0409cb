// LocalFileWriter — a new file on disk, being written front to back.
//
// A writer that failed stays failed: every later write or close rejects with the first error. In particular an fsync is never asked twice
// of one descriptor: Linux reports a lost page once and then says that all is well.

import { assert } from '../base/assert.ts'
import { StateStoreError } from '../errors.ts'
import { describePath, type Durability, type FileWriter } from './file-manager.ts'
import { localError, syncError } from './local-errors.ts'
import type { NativeFiles } from './local-native.ts'

export interface LocalFileWriterOptions {
  readonly native: NativeFiles
  readonly descriptor: number
  /** Where the descriptor was opened. */
  readonly absolutePath: string
  /** For messages. */
  readonly location: string
  readonly path: string
  readonly durability: Durability
}

export class LocalFileWriter implements FileWriter {
  readonly #options: LocalFileWriterOptions
  #position = 0
  #state: 'open' | 'busy' | 'closed' = 'open'
  #failure: StateStoreError | undefined

  constructor(options: LocalFileWriterOptions) {
    this.#options = options
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#begin('write')
    const { native, descriptor, location, path } = this.#options
    try {
      this.#position += await writeWhole(native, descriptor, chunk, this.#position)
    } catch (error) {
      throw this.#fail(localError(error, 'writing', location, path))
    }
    this.#state = 'open'
  }

  async close(): Promise<void> {
    this.#begin('close')
    const { native, descriptor, location, path, durability } = this.#options
    if (durability === 'fsync') {
      try {
        await native.sync(descriptor)
      } catch (error) {
        throw this.#fail(syncError(error, location, path))
      }
    }
    // Linux frees the descriptor even if close() fails; closing it again could close somebody else's.
    this.#state = 'closed'
    try {
      await native.close(descriptor)
    } catch (error) {
      throw this.#fail(localError(error, 'closing', location, path))
    }
  }

  async abort(): Promise<void> {
    const { native, descriptor, absolutePath } = this.#options
    if (this.#state !== 'closed') {
      this.#state = 'closed'
      await native.close(descriptor).catch(() => undefined)
    }
    // What cannot be deleted now is a leftover in a staging folder, deleted with it.
    await native.unlink(absolutePath).catch(() => undefined)
  }

  #begin(call: string): void {
    if (this.#failure !== undefined) throw this.#failure
    const { location, path } = this.#options
    assert(
      this.#state === 'open',
      `${call} on ${describePath(location, path)}, which is ${this.#state === 'busy' ? 'being written' : 'closed'}`,
    )
    this.#state = 'busy'
  }

  #fail(failure: StateStoreError): StateStoreError {
    this.#failure = failure
    if (this.#state === 'busy') this.#state = 'open'
    return failure
  }
}

/** Writes all of `chunk`, however little the system takes at a time, and returns its length. */
export async function writeWhole(
  native: NativeFiles,
  descriptor: number,
  chunk: Uint8Array,
  position: number,
): Promise<number> {
  let done = 0
  while (done < chunk.length) {
    const rest = done === 0 ? chunk : chunk.subarray(done)
    const count = await native.write(descriptor, rest, position + done)
    if (count === 0) throw new Error(`the system took none of ${rest.length} bytes`)
    done += count
  }
  return done
}
