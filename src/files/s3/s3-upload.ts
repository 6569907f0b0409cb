// S3Upload — a new object being written front to back, and made under its final name in one conditional step.
//
// Up to one part is kept and sent with the condition, in one request. What is larger is sent in parts while it is being written, and made an
// object by the request that carries the condition; nobody sees anything of it before. Memory: the part that fills and
// PARTS_IN_FLIGHT_MAX on their way.
//
// Nothing is given away before the object is written: a refused or unanswered `complete` can be called again.

import type { CompletedPart } from '@aws-sdk/client-s3'
import { assert } from '../../base/assert.ts'
import { concatBytes } from '../../base/bytes.ts'
import { StateStoreError } from '../../errors.ts'
import { describeSubject } from '../call-subject.ts'
import type { ConditionalUpload, WriteCondition } from '../file-manager.ts'
import type { Doubt, S3Objects, WriteOutcome } from './client.ts'

const PARTS_IN_FLIGHT_MAX = 2
/** As many as S3 takes. */
const PARTS_MAX = 10_000

export interface S3UploadOptions {
  readonly objects: S3Objects
  readonly path: string
  /** Unlike that of any other upload. */
  readonly uploadId: string
  readonly partSizeBytes: number
}

type State = 'open' | 'sealed' | 'written' | 'given up'

export class S3Upload implements ConditionalUpload {
  readonly #options: S3UploadOptions
  readonly #doubt: Doubt = { lost: false }
  #state: State = 'open'
  #busy = false
  /** Of a write: the upload is of no use any more. */
  #failure: unknown
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #multipartId: Promise<string> | undefined
  #partCount = 0
  readonly #parts: CompletedPart[] = []
  readonly #inFlight = new Set<Promise<void>>()

  constructor(options: S3UploadOptions) {
    this.#options = options
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#exclusively('write', ['open'], async () => {
      const { partSizeBytes } = this.#options
      let rest = chunk
      while (this.#pendingBytes + rest.length > partSizeBytes) {
        const room = partSizeBytes - this.#pendingBytes
        this.#keep(rest.subarray(0, room))
        rest = rest.subarray(room)
        await this.#orFail(this.#sendPart())
      }
      this.#keep(rest)
    })
  }

  complete(condition: WriteCondition): Promise<'written' | 'refused'> {
    return this.#exclusively('complete', ['open', 'sealed'], async () => {
      this.#state = 'sealed'
      const outcome = await (this.#multipartId === undefined
        ? this.#put(condition)
        : this.#completeParts(condition))
      if (outcome === 'unclear') throw this.#unclear()
      if (outcome === 'written') {
        this.#state = 'written'
        this.#pending = []
      }
      return outcome
    })
  }

  async abort(): Promise<void> {
    if (this.#state === 'written' || this.#state === 'given up') return
    this.#state = 'given up'
    this.#pending = []
    if (this.#multipartId === undefined) return
    const { objects, path } = this.#options
    try {
      // A part that arrives after the abort would stay.
      await Promise.all(this.#inFlight)
      await objects.abortParts(objects.keyOf(path), await this.#multipartId)
    } catch (error) {
      // A leftover then, for cleanUploads.
      if (!(error instanceof StateStoreError)) throw error
    }
  }

  #keep(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    // Not slice(): a Buffer's would still be the caller's memory.
    this.#pending.push(new Uint8Array(chunk))
    this.#pendingBytes += chunk.length
  }

  #put(condition: WriteCondition): Promise<WriteOutcome> {
    const { objects, path, uploadId } = this.#options
    if (this.#pending.length !== 1) this.#pending = [concatBytes(this.#pending)]
    return objects.put(path, this.#pending[0], condition, { uploadId, doubt: this.#doubt })
  }

  async #completeParts(condition: WriteCondition): Promise<WriteOutcome> {
    const { objects, path, uploadId } = this.#options
    if (this.#pendingBytes > 0) await this.#orFail(this.#sendPart())
    await Promise.all(this.#inFlight)
    if (this.#failure !== undefined) throw this.#failure
    const parts = this.#parts.toSorted((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0))
    const identity = { uploadId, doubt: this.#doubt }
    return objects.completeParts(path, await this.#multipartId!, parts, condition, identity)
  }

  /** Sends what is pending as a part, once there is a place for it; its failure is that of the next call. */
  async #sendPart(): Promise<void> {
    const { objects, path, uploadId, partSizeBytes } = this.#options
    const bytes = concatBytes(this.#pending)
    this.#pending = []
    this.#pendingBytes = 0
    if (this.#partCount === PARTS_MAX)
      throw new StateStoreError(
        'TIDEMARK_UNSUPPORTED',
        `${this.#described()} has more than ${PARTS_MAX} parts of ${partSizeBytes} bytes, and S3 takes no more. Raise the option \`partSizeBytes\`.`,
        { path },
      )
    const number = ++this.#partCount
    this.#multipartId ??= objects.beginParts(path, uploadId)
    const multipartId = await this.#multipartId
    while (this.#inFlight.size >= PARTS_IN_FLIGHT_MAX) await Promise.race(this.#inFlight)
    if (this.#failure !== undefined) throw this.#failure
    const sending = objects
      .putPart(path, multipartId, number, bytes)
      .then(
        (part) => void this.#parts.push(part),
        (error: unknown) => void (this.#failure ??= error),
      )
      .finally(() => this.#inFlight.delete(sending))
    this.#inFlight.add(sending)
  }

  /** What was not sent is lost, so there is no going on. */
  async #orFail(step: Promise<void>): Promise<void> {
    try {
      await step
    } catch (error) {
      this.#failure ??= error
      throw error
    }
  }

  async #exclusively<T>(
    call: string,
    allowed: readonly State[],
    action: () => Promise<T>,
  ): Promise<T> {
    assert(!this.#busy, `${call} of ${this.#described()} while another call is under way`)
    assert(
      allowed.includes(this.#state),
      `${call} of ${this.#described()}, whose upload is ${this.#state}`,
    )
    if (this.#failure !== undefined) throw this.#failure
    this.#busy = true
    try {
      return await action()
    } finally {
      this.#busy = false
    }
  }

  #unclear(): StateStoreError {
    return new StateStoreError(
      'TIDEMARK_STORAGE_TIMEOUT',
      `No certain answer to writing ${this.#described()}: an attempt had no answer, and somebody else's object is there now. Ours may have been there before it. Reading what is there decides.`,
      { path: this.#options.path },
    )
  }

  #described(): string {
    const { objects, path } = this.#options
    return describeSubject(objects.subject('upload', path))
  }
}
