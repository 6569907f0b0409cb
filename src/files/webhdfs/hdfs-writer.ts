// HdfsWriter — a new file on HDFS, being written front to back under its temporary name.
//
// Nothing is sent until there is enough for it to pay, or the file is complete: most deltas are small, and then all of it goes in one
// request whose answer is the first word on whether the file could be made. A DataNode says `100 Continue` before it asks the NameNode,
// so nothing earlier says so. What is larger is streamed, with back-pressure, and its connection is open only from then on.
//
// A writer that failed stays failed. A file whose writing failed may lie there, cut; its name is never used again.

import { assert } from '../../base/assert.ts'
import { concatBytes } from '../../base/bytes.ts'
import { StateStoreError } from '../../errors.ts'
import type { Durability, FileWriter } from '../file-manager.ts'
import type { HdfsClient } from './client.ts'
import type { HttpStep } from './http-step.ts'
import { RemoteException } from './webhdfs-errors.ts'

/** Kept until it is sent: what 800 open stores hold at most is then 100 MiB. */
const PENDING_BYTES_MAX = 128 * 1024

export interface HdfsWriterOptions {
  readonly client: HdfsClient
  readonly path: string
  readonly durability: Durability
  /** For messages: the path and its location. */
  readonly described: string
}

export class HdfsWriter implements FileWriter {
  readonly #options: HdfsWriterOptions
  #state: 'open' | 'busy' | 'closed' = 'open'
  #failure: unknown
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #step: HttpStep | undefined
  /** Whether there may be anything to delete. */
  #sent = false

  constructor(options: HdfsWriterOptions) {
    this.#options = options
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#exclusively('write', async () => {
      if (this.#pendingBytes + chunk.length <= PENDING_BYTES_MAX) {
        // Not slice(): a Buffer's would still be the caller's memory.
        this.#pending.push(new Uint8Array(chunk))
        this.#pendingBytes += chunk.length
        return
      }
      await this.#send(this.#takePending())
      await this.#send(chunk)
    })
  }

  async close(): Promise<void> {
    const { client, path, durability } = this.#options
    await this.#exclusively('close', async () => {
      const rest = this.#takePending()
      this.#sent = true
      if (this.#step === undefined) return client.createWhole(path, rest, durability)
      await this.#send(rest)
      await client.finish(path, this.#step)
    })
    this.#state = 'closed'
  }

  async abort(): Promise<void> {
    const { client, path } = this.#options
    this.#state = 'closed'
    this.#takePending()
    if (!this.#sent) return
    try {
      // Ended, not broken off: a DELETE that overtakes the making of the file would leave it there.
      if (this.#step !== undefined) await client.finish(path, this.#step).catch(() => undefined)
      await client.remove(path, 'one')
    } catch (error) {
      // What cannot be deleted now is a leftover in a staging folder, deleted with it.
      if (!(error instanceof StateStoreError)) throw error
    }
  }

  async #send(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return
    const { client, path, durability } = this.#options
    this.#sent = true
    this.#step ??= await client.createStream(path, durability)
    try {
      // An answer before the end can only be a refusal.
      if ((await this.#step.write(bytes)) === 'written') return
    } catch (error) {
      throw client.uploadError(path, error)
    }
    await client.finish(path, this.#step)
    throw new StateStoreError(
      'TIDEMARK_STORAGE_TIMEOUT',
      `${this.#options.described} was answered for before it was complete`,
      { path },
    )
  }

  #takePending(): Uint8Array {
    const bytes = concatBytes(this.#pending)
    this.#pending = []
    this.#pendingBytes = 0
    return bytes
  }

  /** Runs `action` alone; the first failure stays. */
  async #exclusively(call: string, action: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const { described } = this.#options
    assert(
      this.#state === 'open',
      `${call} on ${described}, which is ${this.#state === 'busy' ? 'being written' : 'closed'}`,
    )
    this.#state = 'busy'
    try {
      await action()
    } catch (error) {
      this.#failure = existsAlready(error, described) ?? error
      throw this.#failure
    } finally {
      if (this.#state === 'busy') this.#state = 'open'
    }
  }
}

/** Callers use unique names: something there under this one is a bug of theirs. */
function existsAlready(error: unknown, described: string): unknown {
  if (!(error instanceof StateStoreError) || !(error.cause instanceof RemoteException))
    return undefined
  const { exists, beingWritten } = error.cause
  if (!exists && !beingWritten) return undefined
  return new StateStoreError(
    'TIDEMARK_INVARIANT_VIOLATED',
    `Invariant violated: ${described} is to be created and exists already. This is a bug in tidemark.`,
    { cause: error },
  )
}
