// StagedStateFile — a delta or snapshot on its way to the staging folder while its rows are still coming in.
//
// Rows are encoded synchronously (put and remove never wait); finished blocks queue up and are written in the background, so a large batch does
// not wait whole in memory as long as its caller lets the event loop turn. The temp file is made once the first block is full, while rows still come
// in, or else when the file is sealed: a store that only reads leaves none, and a batch of less than a block is written in one call.
//
// A failure of a write or of the codec, wherever it runs, is kept and thrown by drain(), end() or seal(): put has nobody to tell.

import { assert } from '../base/assert.ts'
import { joinBytes } from '../base/bytes.ts'
import type { RowWords } from '../base/row-words.ts'
import type { Compression } from '../codec/compression.ts'
import { crc32c } from '../base/checksum.ts'
import type { StagedFile, WritableDirectory } from '../files/writable-directory.ts'
import { StateFileWriter, type StreamTotals } from '../format/state-file-writer.ts'
import type { StateFileKind } from '../format/file-names.ts'
import type { Trailer } from '../format/trailer.ts'

/** Written in pieces of at least this size while rows come in: each write is a trip to the thread pool or the network. */
const WRITE_BYTES_MIN = 256 * 1024
/** And at most of about this size, however much has queued up: the system takes less than 2 GiB in one write, a service has to have it before its patience ends. */
const WRITE_BYTES_MAX = 4 * 1024 * 1024

export interface StagedStateFileOptions {
  readonly directory: WritableDirectory
  /** Final file name; the temp file's name begins with it. */
  readonly name: string
  readonly kind: StateFileKind
  readonly compression: Compression
  readonly rowChecksums: boolean
}

export class StagedStateFile {
  readonly #options: StagedStateFileOptions
  readonly #writer: StateFileWriter
  #staging: Promise<StagedFile> | undefined
  #queue: Uint8Array[] = []
  #queuedBytes = 0
  #pumping: Promise<void> | undefined
  #failure: { error: unknown } | undefined
  #sizeBytes = 0
  /** Undefined until end(). */
  #crc: number | undefined

  constructor(options: StagedStateFileOptions) {
    this.#options = options
    this.#writer = new StateFileWriter({
      kind: options.kind,
      compression: options.compression,
      rowChecksums: options.rowChecksums,
      apart: true,
      emit: (chunk) => this.#enqueue(chunk),
    })
  }

  get name(): string {
    return this.#options.name
  }

  /** Bytes of the whole file, once sealed. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** CRC32C of the whole file, once sealed: what a sidecar holds. */
  get crc(): number {
    assert(this.#crc !== undefined, 'the checksum of a file is asked for once it is sealed')
    return this.#crc
  }

  putRow(row: RowWords): void {
    try {
      this.#writer.putRow(row)
    } catch (error) {
      this.#failure ??= { error }
    }
  }

  remove(key: Uint8Array): void {
    try {
      this.#writer.remove(key)
    } catch (error) {
      this.#failure ??= { error }
    }
  }

  /** Ends the record stream, once all full blocks are compressed; no row may follow. Rejects with what has failed, then only discard() is left. */
  async end(): Promise<StreamTotals> {
    await this.settle()
    this.#throwFailure()
    // PERF: what is compressed is written beside what is left to do here.
    this.#pumping ??= this.#pump()
    const totals = this.#writer.seal()
    this.#crc = totals.compressedCrc
    return totals
  }

  /** Appends the trailer, if any, and completes the temp file. After a rejection only discard() is left. */
  async seal(trailer: Trailer | undefined): Promise<StagedFile> {
    if (trailer !== undefined) this.#writer.appendTrailer(trailer)
    await this.drain()
    await this.#writeQueue()
    const staged = await this.#stage()
    await staged.close()
    return staged
  }

  /** Resolves when all full blocks are compressed, or when something has failed. */
  async settle(): Promise<void> {
    try {
      await this.#writer.settle()
    } catch (error) {
      this.#failure ??= { error }
    }
  }

  /** As settle(), and all but a last small piece is written. Rejects with what has failed, then only discard() is left. */
  async drain(): Promise<void> {
    await this.#idle()
    this.#throwFailure()
  }

  /** Deletes the temp file, if there is one. Never rejects. */
  async discard(): Promise<void> {
    // What waits to be written, or comes out of the pool yet, is written no more.
    this.#failure ??= { error: new Error(`${this.name} was discarded`) }
    this.#queue = []
    this.#queuedBytes = 0
    await this.#idle()
    const staged = await this.#staging?.catch(() => undefined)
    await staged?.discard()
  }

  /** Nothing of what was put is on its way. */
  async #idle(): Promise<void> {
    await this.settle()
    await this.#pumping
  }

  #enqueue(chunk: Uint8Array): void {
    if (this.#failure !== undefined) return
    this.#sizeBytes += chunk.length
    // What comes after end() is the trailer; the writer has summed what came before.
    if (this.#crc !== undefined) this.#crc = crc32c(chunk, this.#crc)
    this.#queue.push(chunk)
    this.#queuedBytes += chunk.length
    void this.#stage()
    if (this.#queuedBytes >= WRITE_BYTES_MIN && this.#pumping === undefined) {
      this.#pumping = this.#pump()
    }
  }

  async #pump(): Promise<void> {
    try {
      do await this.#writeQueue()
      while (this.#queuedBytes >= WRITE_BYTES_MIN)
    } catch (error) {
      this.#failure = { error }
    } finally {
      this.#pumping = undefined
    }
  }

  async #writeQueue(): Promise<void> {
    const queue = this.#queue
    if (queue.length === 0) return
    let count = 0
    let bytes = 0
    while (count < queue.length && bytes < WRITE_BYTES_MAX) bytes += queue[count++].length
    this.#queuedBytes -= bytes
    const piece = joinBytes(queue.splice(0, count))
    const staged = await this.#stage()
    await staged.write(piece)
  }

  /** The temp file, made at the first need. */
  #stage(): Promise<StagedFile> {
    if (this.#staging === undefined) {
      this.#staging = this.#options.directory.create(this.#options.name)
      // Whoever writes next is told.
      this.#staging.catch(() => undefined)
    }
    return this.#staging
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
