// StateFileWriter — one delta or snapshot: rows in, chunks of the finished file out, in order.
//
//   1. put, remove      rows fill a plain block; a full block is hashed, compressed (here, or in the thread pool), checksummed, emitted
//   2. seal             end marker, last block, the codec's own end
//   3. appendTrailer    what the file says about itself (left out for a pure Spark file)
//
// It never looks back: where the chunks go, and whether they get there, is the caller's business. Synchronous, unless blocks are compressed apart:
// then settle() waits for those under way, and comes before seal().

import { assert } from '../base/assert.ts'
import { release } from '../base/bytes.ts'
import { crc32c, createXxh64 } from '../base/checksum.ts'
import type { RowWords } from '../base/row-words.ts'
import type { Compression } from '../codec/compression.ts'
import type { StateFileKind } from './file-names.ts'
import { RecordWriter } from './record-writer.ts'
import { encodeTrailer, type Trailer } from './trailer.ts'

export interface StateFileWriterOptions {
  readonly kind: StateFileKind
  readonly compression: Compression
  readonly rowChecksums: boolean
  /** Compress blocks in the thread pool, all but the first and the last, where the codec can: the program's thread goes on meanwhile. Default false. */
  readonly apart?: boolean
  /** Gets the bytes of the file, in order; they belong to it. What it throws reaches the caller of put, remove, seal or appendTrailer. */
  readonly emit: (chunk: Uint8Array) => void
}

/** What was written, once the record stream has ended. */
export interface StreamTotals {
  /** XXH64 of the plain record stream, end marker included. */
  readonly streamHash: bigint
  /** Its length. */
  readonly streamBytes: number
  readonly puts: number
  readonly removes: number
  /** Length of the compressed part: of the file, without a trailer. */
  readonly compressedBytes: number
  /** Its CRC32C. */
  readonly compressedCrc: number
}

/**
 * A file sends a block to the thread pool while fewer than so many are there, of all files of this thread: until the program lets the event loop
 * turn they wait in memory, and whoever needs the pool waits for them. A delta, which somebody waits for, does not queue behind a snapshot.
 */
const BLOCKS_APART_MAX: Readonly<Record<StateFileKind, number>> = { delta: 16, snapshot: 64 }

let blocksApart = 0

export class StateFileWriter {
  readonly #options: StateFileWriterOptions
  readonly #records: RecordWriter
  readonly #hash = createXxh64()
  #streamBytes = 0
  #puts = 0
  #removes = 0
  #compressedBytes = 0
  #compressedCrc = 0
  #totals: StreamTotals | undefined
  /** Blocks being compressed apart, emitted in their order. */
  #underWay: Promise<void> = Promise.resolve()
  #underWayCount = 0
  #state: 'writing' | 'sealing' | 'sealed' | 'finished' = 'writing'

  constructor(options: StateFileWriterOptions) {
    this.#options = options
    const { blockBytes, apartBlockBytes } = options.compression
    this.#records = new RecordWriter({
      blockBytes,
      laterBlockBytes: options.apart === true ? apartBlockBytes : undefined,
      rowChecksums: options.rowChecksums,
      onBlock: (plain) => this.#block(plain),
    })
  }

  /** Copies both. Throws RangeError above KEY_BYTES_MAX or VALUE_BYTES_MAX. */
  put(key: Uint8Array, value: Uint8Array): void {
    if (this.#state !== 'writing') this.#refuse('put')
    this.#records.put(key, value)
    this.#puts++
  }

  /** As put(), from where the row lies. */
  putRow(row: RowWords): void {
    if (this.#state !== 'writing') this.#refuse('put')
    this.#records.putRow(row)
    this.#puts++
  }

  /** Deltas only. */
  remove(key: Uint8Array): void {
    if (this.#state !== 'writing' || this.#options.kind === 'snapshot') this.#refuse('remove')
    this.#records.remove(key)
    this.#removes++
  }

  /** Resolves when every full block is emitted. Rejects with CODEC_FAILED, or what `emit` threw: the file is then lost. */
  async settle(): Promise<void> {
    await this.#underWay
  }

  /** Ends the record stream and the compressed part. Blocks compressed apart are settled before. */
  seal(): StreamTotals {
    if (this.#state !== 'writing' || this.#underWayCount > 0) this.#refuse('seal')
    this.#state = 'sealing'
    this.#records.end()
    this.#emitCompressed(this.#options.compression.end())
    this.#state = 'sealed'
    this.#totals = {
      streamHash: this.#hash.digest(),
      streamBytes: this.#streamBytes,
      puts: this.#puts,
      removes: this.#removes,
      compressedBytes: this.#compressedBytes,
      compressedCrc: this.#compressedCrc,
    }
    return this.#totals
  }

  /** Ends the file. Throws INVARIANT_VIOLATED unless the trailer tells of what was written, RangeError where it is above its limit. */
  appendTrailer(trailer: Trailer): void {
    const totals = this.#totals
    if (this.#state !== 'sealed' || totals === undefined) this.#refuse('append a trailer')
    assert(
      trailer.kind === this.#options.kind &&
        trailer.codec === this.#options.compression.name &&
        trailer.plainBytes === totals.streamBytes &&
        trailer.rows.put === totals.puts &&
        trailer.rows.remove === totals.removes,
      'a trailer tells of the stream in front of it',
    )
    this.#options.emit(encodeTrailer(trailer, totals.compressedCrc))
    this.#state = 'finished'
  }

  #block(plain: Uint8Array): void {
    const { kind, compression, apart } = this.#options
    const isFirst = this.#streamBytes === 0
    if (isFirst) this.#emitCompressed(compression.begin())
    this.#hash.update(plain)
    this.#streamBytes += plain.length
    // The first is compressed here: a small batch needs no trip, and its file is begun early. So is the last: nobody goes on meanwhile.
    const isBetween = !isFirst && this.#state === 'writing'
    if (apart !== true || !isBetween || compression.encodeBlockApart === undefined) {
      this.#emitCompressed(compression.encodeBlock(plain))
    } else if (blocksApart < BLOCKS_APART_MAX[kind]) {
      // The block is filled again at once.
      const own = plain.slice()
      blocksApart++
      const compressing = compression.encodeBlockApart(own).finally(() => {
        release(own)
        blocksApart--
      })
      this.#emitLater(compressing)
    } else {
      this.#emitLater(Promise.resolve(compression.encodeBlock(plain)))
    }
  }

  #emitLater(compressing: Promise<Uint8Array>): void {
    this.#underWayCount++
    this.#underWay = this.#emitInOrder(this.#underWay, compressing)
    // settle() tells; until somebody asks, nobody listens.
    this.#underWay.catch(() => undefined)
  }

  async #emitInOrder(before: Promise<void>, compressing: Promise<Uint8Array>): Promise<void> {
    // Both at once: were the second awaited after the first had failed, nobody would hear of its own failure.
    const [chunk] = await Promise.all([compressing, before])
    this.#emitCompressed(chunk)
    this.#underWayCount--
  }

  #emitCompressed(chunk: Uint8Array | undefined): void {
    if (chunk === undefined) return
    this.#compressedCrc = crc32c(chunk, this.#compressedCrc)
    this.#compressedBytes += chunk.length
    this.#options.emit(chunk)
  }

  #refuse(what: string): never {
    assert(false, `cannot ${what} in a ${this.#options.kind} that is ${this.#state}`)
  }
}
