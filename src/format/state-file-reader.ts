// Reading one delta or snapshot: rows to a sink, and the proof that they are what was written.
//
//   1. trailer    read the tail; the trailer is there and right, or not there at all
//   2. identity   the trailer speaks of this store, kind and version
//   3. checksum   files up to 8 MiB: the compressed part matches its CRC32C before any codec sees it
//   4. decode     codec → plain chunks → records → sink
//   5. proof      (larger files: the checksum) · row counts · length · for a delta the commit id, from parent, stream and progress
//
// INVARIANT: rows reach the sink before step 5, so the caller applies them to something nobody else sees yet, and throws it away when the
// read is rejected.
//
// A file without a trailer is Spark's: nothing in it says whose it is, and only the codec's and the row checksums stand behind its rows.

import { release } from '../base/bytes.ts'
import { crc32c, createXxh64 } from '../base/checksum.ts'
import { systemClock } from '../base/clock.ts'
import { WorkSlice } from '../base/work-slice.ts'
import type { Compression, CompressionName } from '../codec/compression.ts'
import { COMPRESSIONS, sniffCompression, SNIFF_BYTES } from '../codec/compressions.ts'
import { corruptFile } from '../codec/corrupt-file.ts'
import { isStateStoreError, type StateStoreError } from '../errors.ts'
import { commitId, foreignId, type StoreIdTuple } from './commit-id.ts'
import { type StateFileKind, stateFileName } from './file-names.ts'
import { RecordReader, type RowSink } from './record-reader.ts'
import { encodeTrailer, parseTrailer, type Trailer } from './trailer.ts'

export type { RowSink } from './record-reader.ts'

/** Files up to this size are read whole, and checked before a codec sees them. A source may fetch them once, and hand out views of that. */
export const WHOLE_FILE_BYTES_MAX = 8 * 1024 * 1024

/** Larger files are read in pieces of this size. */
const PIECE_BYTES = 1024 * 1024

/** First guess at how much of the tail holds the trailer: enough unless the progress is large. */
const TAIL_BYTES = 4 * 1024

/** The largest block of LZ4Block: none may claim more. */
const BLOCK_BYTES_MAX = 32 * 1024 * 1024

/** Other work gets a turn of the event loop after so long, whatever the file's size. For all that a load does, milliseconds. */
export const LOAD_SLICE_MS = 2

/** Plain bytes between two looks at the clock, at most: a few hundred microseconds of work, two milliseconds where memory is new to the process. */
const LOOK_BYTES = 32 * 1024

export interface StateFileSource {
  /** For messages. */
  readonly path: string
  readonly sizeBytes: number
  /**
   * The bytes from `offset`, `length` of them, fewer where the file ends. They stay as they are while the file is read; of files above
   * WHOLE_FILE_BYTES_MAX they belong to the reader.
   */
  read(offset: number, length: number): Promise<Uint8Array>
}

export interface ReadStateFileOptions {
  readonly kind: StateFileKind
  readonly store: StoreIdTuple
  readonly version: number
  /** Tried where neither a trailer nor the first bytes tell the codec. */
  readonly configuredCompression?: CompressionName | undefined
  /** Whether rows of a file without trailer carry checksums: it does not say. */
  readonly rowChecksums: boolean
  /** SPARK: floor value lengths to a multiple of 8 in files without trailer, for those of Spark before 2.3. */
  readonly floorValues: boolean
  readonly signal?: AbortSignal | undefined
}

/** What a file was found to hold. */
export interface StateFileContent {
  /** Undefined for a file of Spark's, or one written with `trailer: false`. */
  readonly trailer: Trailer | undefined
  /** The commit id of the trailer, or without one the id of the bytes alone. */
  readonly id: string
  readonly codec: CompressionName
  /** XXH64 and length of the plain record stream, end marker included. */
  readonly streamHash: bigint
  readonly streamBytes: number
  readonly puts: number
  readonly removes: number
  /** CRC32C of the whole file: what a sidecar holds. */
  readonly fileCrc: number
}

/**
 * Reads a file and hands its rows to `sink`, in their order. Throws CORRUPT_FILE, UNKNOWN_FORMAT_VERSION, UNSUPPORTED (a codec that is not
 * read here), what `source` and `sink` throw, and the signal's reason. A rejected read may have delivered any number of rows.
 */
export async function readStateFile(
  source: StateFileSource,
  options: ReadStateFileOptions,
  sink: RowSink,
): Promise<StateFileContent> {
  return await read(source, options, sink, (problem) => {
    throw problem
  })
}

/** Which file one is meant to be. */
export type StateFileIdentity = Pick<ReadStateFileOptions, 'store' | 'kind' | 'version'>

/**
 * The file's trailer, by one small read at its end (two where the progress is large); undefined if it has none. Throws as `readStateFile`; with
 * `expected` also where the trailer is of another file, whose parent and stamp would mean nothing here.
 */
export async function readTrailer(
  source: StateFileSource,
  expected?: StateFileIdentity,
): Promise<Trailer | undefined> {
  const tail = await readTail(source, Math.min(TAIL_BYTES, source.sizeBytes))
  const { trailer } = await findTrailer(source, tail)
  if (trailer !== undefined && expected !== undefined)
    checkIdentity(trailer, expected, source.path, (problem) => {
      throw problem
    })
  return trailer
}

/**
 * Whether the bytes of a file are those that were written: CORRUPT_FILE if not. With a trailer that is a checksum over the file, at the cost of
 * reading it; without one the file has to be decoded to its end.
 */
export async function checkStateFile(
  source: StateFileSource,
  options: ReadStateFileOptions,
): Promise<Pick<StateFileContent, 'trailer' | 'fileCrc'>> {
  const found = await findTrailer(
    source,
    await readTail(source, Math.min(TAIL_BYTES, source.sizeBytes)),
  )
  const throwIt = (problem: StateStoreError): never => {
    throw problem
  }
  if (found.trailer === undefined)
    return read(source, options, { onPut: () => undefined, onRemove: () => undefined }, throwIt)
  checkIdentity(found.trailer, options, source.path, throwIt)
  const compressed = new CompressedPart(source, found.compressedBytes, undefined, options)
  for await (const _ of compressed) continue
  checkCrc(compressed.crc, found, source.path, throwIt)
  return { trailer: found.trailer, fileCrc: crc32c(found.trailerBytes, compressed.crc) }
}

/**
 * The bytes of a file that says `changes` in its trailer, in pieces; one is gone when the next is asked for. CORRUPT_FILE, in the place of the last
 * piece at the latest, if they are not those that were written, or have no trailer.
 */
export async function* withTrailer(
  source: StateFileSource,
  changes: Pick<Trailer, 'stamp' | 'committedThrough'>,
  options: ReadStateFileOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const found = await findTrailer(
    source,
    await readTail(source, Math.min(TAIL_BYTES, source.sizeBytes)),
  )
  if (found.trailer === undefined) throw corruptFile(source.path, 'Expected a trailer, found none')
  const compressed = new CompressedPart(source, found.compressedBytes, undefined, options)
  yield* compressed
  checkCrc(compressed.crc, found, source.path, (problem) => {
    throw problem
  })
  yield encodeTrailer({ ...found.trailer, ...changes }, compressed.crc)
}

/** What `inspectStateFile` found: the content where the file could be read to its end, and everything that is wrong with it. */
export interface StateFileInspection {
  readonly content: StateFileContent | undefined
  /** Empty for a file that is whole. Each has a code, a message and, where one is known, an offset. */
  readonly problems: readonly StateStoreError[]
}

/** Reads a file as `readStateFile` does, but goes on after a problem for as long as that makes sense. Throws only what is no fault of the file's bytes. */
export async function inspectStateFile(
  source: StateFileSource,
  options: ReadStateFileOptions,
  sink: RowSink = { onPut: () => undefined, onRemove: () => undefined },
): Promise<StateFileInspection> {
  const problems: StateStoreError[] = []
  try {
    const content = await read(source, options, sink, (problem) => problems.push(problem))
    return { content, problems }
  } catch (error) {
    const ofTheFile = isStateStoreError(
      error,
      'TIDEMARK_CORRUPT_FILE',
      'TIDEMARK_UNKNOWN_FORMAT_VERSION',
      'TIDEMARK_UNSUPPORTED',
    )
    if (!ofTheFile) throw error
    return { content: undefined, problems: [...problems, error] }
  }
}

/** The five steps. `report` gets what is wrong but does not keep the rest from being read; it may throw. */
async function read(
  source: StateFileSource,
  options: ReadStateFileOptions,
  sink: RowSink,
  report: (problem: StateStoreError) => void,
): Promise<StateFileContent> {
  const whole = source.sizeBytes <= WHOLE_FILE_BYTES_MAX
  const tail = await readTail(source, whole ? source.sizeBytes : TAIL_BYTES)
  const found = await findTrailer(source, tail) // 1
  const { trailer, compressedBytes } = found
  if (trailer !== undefined) checkIdentity(trailer, options, source.path, report) // 2
  const head = whole ? tail : await readExactly(source, 0, SNIFF_BYTES)
  const compressed = new CompressedPart(source, compressedBytes, whole ? tail : undefined, options)
  if (whole) checkCrc(crc32c(tail.subarray(0, compressedBytes)), found, source.path, report) // 3

  const compression = chooseCompression(trailer, head, options, source.path)
  const records = new RecordReader(
    {
      ...options,
      path: source.path,
      plainBytes: trailer?.plainBytes,
      rowChecksums: trailer === undefined ? options.rowChecksums : trailer.rowChecksums === true,
      // Values behind a trailer are ours, of whatever size their owner gave them.
      floorValues: options.floorValues && trailer === undefined,
    },
    sink,
  )
  const streamHash = await decode(compression, compressed, records, options, source.path) // 4

  if (!whole) checkCrc(compressed.crc, found, source.path, report) // 5
  const content: StateFileContent = {
    trailer,
    id:
      trailer?.id ??
      foreignId({
        storeId: options.store,
        version: options.version,
        streamHash,
        streamBytes: records.streamBytes,
      }),
    codec: compression.name,
    streamHash,
    streamBytes: records.streamBytes,
    puts: records.puts,
    removes: records.removes,
    fileCrc: crc32c(found.trailerBytes, compressed.crc),
  }
  if (trailer !== undefined) checkContent(trailer, content, source.path, report)
  return content
}

// --- 1. trailer

interface FoundTrailer {
  readonly trailer: Trailer | undefined
  readonly compressedBytes: number
  /** Undefined without a trailer. */
  readonly compressedCrc: number | undefined
  /** The bytes of the trailer itself; none without one. */
  readonly trailerBytes: Uint8Array
}

async function readTail(source: StateFileSource, length: number): Promise<Uint8Array> {
  if (source.sizeBytes === 0)
    throw corruptFile(source.path, 'The file is empty; even a version without changes has bytes')
  return await readExactly(source, source.sizeBytes - length, length)
}

/** `tail` are the last bytes of the file; more are read if they do not hold the whole trailer. */
async function findTrailer(source: StateFileSource, tail: Uint8Array): Promise<FoundTrailer> {
  let lookup = parseTrailer(tail, source.sizeBytes, source.path)
  // Again for the body, and of a file without rows for the frame before it. Each time for more of the file than before.
  while (lookup.outcome === 'more') {
    tail = await readTail(source, lookup.tailBytes)
    lookup = parseTrailer(tail, source.sizeBytes, source.path)
  }
  if (lookup.outcome !== 'found')
    return {
      trailer: undefined,
      compressedBytes: source.sizeBytes,
      compressedCrc: undefined,
      trailerBytes: new Uint8Array(0),
    }
  const { trailer, compressedBytes, compressedCrc } = lookup
  const trailerBytes = tail.subarray(tail.length - (source.sizeBytes - compressedBytes))
  return { trailer, compressedBytes, compressedCrc, trailerBytes }
}

async function readExactly(
  source: StateFileSource,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = await source.read(offset, length)
  if (bytes.length !== length)
    throw corruptFile(
      source.path,
      `Expected ${length} bytes, found ${bytes.length}: the file is shorter than when it was listed`,
      { offset },
    )
  return bytes
}

// --- 2. identity

function checkIdentity(
  trailer: Trailer,
  options: StateFileIdentity,
  path: string,
  report: (problem: StateStoreError) => void,
): void {
  const expected = options.store.join('/')
  const found = trailer.store.join('/')
  if (expected !== found)
    report(
      corruptFile(
        path,
        `Expected a file of store ${expected}, found one of store ${found} under its name`,
      ),
    )
  if (trailer.kind !== options.kind || trailer.version !== options.version)
    report(
      corruptFile(
        path,
        `Expected ${stateFileName(options.kind, options.version)}, found ${stateFileName(trailer.kind, trailer.version)} under its name`,
      ),
    )
}

// --- 3. checksum

function checkCrc(
  actual: number,
  found: FoundTrailer,
  path: string,
  report: (problem: StateStoreError) => void,
): void {
  if (found.compressedCrc === undefined || found.compressedCrc === actual) return
  report(
    corruptFile(
      path,
      `The first ${found.compressedBytes} bytes have CRC32C ${hex(actual)}, but the trailer says ${hex(found.compressedCrc)}: the file was damaged`,
    ),
  )
}

// --- 4. decode

/** The compressed part of a file as a stream, with its CRC32C once it was read to the end. A piece is gone when the next is asked for. */
class CompressedPart {
  crc = 0
  readonly #source: StateFileSource
  readonly #sizeBytes: number
  readonly #whole: Uint8Array | undefined
  readonly #signal: AbortSignal | undefined

  constructor(
    source: StateFileSource,
    sizeBytes: number,
    whole: Uint8Array | undefined,
    options: ReadStateFileOptions,
  ) {
    this.#source = source
    this.#sizeBytes = sizeBytes
    this.#whole = whole?.subarray(0, sizeBytes)
    this.#signal = options.signal
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    if (this.#whole !== undefined) {
      this.crc = crc32c(this.#whole)
      yield this.#whole
      return
    }
    let offset = 0
    let next = this.#piece(offset)
    try {
      while (offset < this.#sizeBytes) {
        this.#signal?.throwIfAborted()
        const piece = await next
        offset += piece.length
        // The next piece comes in while this one is decoded.
        if (offset < this.#sizeBytes) next = this.#piece(offset)
        this.crc = crc32c(piece, this.crc)
        yield piece
        release(piece)
      }
    } finally {
      // Nothing is read any more once the file's reader has ended, however it did.
      await Promise.allSettled([next])
    }
  }

  #piece(offset: number): Promise<Uint8Array> {
    const piece = readExactly(this.#source, offset, Math.min(PIECE_BYTES, this.#sizeBytes - offset))
    // Whoever awaits it gets the error; until then nobody may be there to.
    piece.catch(() => undefined)
    return piece
  }
}

/** The trailer decides; without one the first bytes do, and only where they look like nothing the configuration is tried. */
function chooseCompression(
  trailer: Trailer | undefined,
  head: Uint8Array,
  options: ReadStateFileOptions,
  path: string,
): Compression {
  if (trailer !== undefined) return COMPRESSIONS[trailer.codec]
  const sniffed = sniffCompression(head)
  if (sniffed !== undefined) return sniffed
  if (options.configuredCompression !== undefined)
    return COMPRESSIONS[options.configuredCompression]
  throw corruptFile(
    path,
    `Expected a record stream in ${Object.keys(COMPRESSIONS).join(', ')}, found a file that begins like none of them`,
    { offset: 0 },
  )
}

/** Pushes the plain bytes through `records`; returns their XXH64. */
async function decode(
  compression: Compression,
  compressed: CompressedPart,
  records: RecordReader,
  options: ReadStateFileOptions,
  path: string,
): Promise<bigint> {
  const hash = createXxh64()
  const limits = { blockBytesMax: BLOCK_BYTES_MAX, path }
  options.signal?.throwIfAborted()
  const slice = new WorkSlice(systemClock, LOAD_SLICE_MS)
  for await (const plain of compression.decode(compressed, limits)) {
    hash.update(plain)
    for (let at = 0; at < plain.length; at += LOOK_BYTES) {
      records.push(plain.subarray(at, at + LOOK_BYTES))
      if (!slice.isOver) continue
      await slice.turn()
      options.signal?.throwIfAborted()
    }
  }
  records.finish()
  return hash.digest()
}

// --- 5. proof

function checkContent(
  trailer: Trailer,
  content: StateFileContent,
  path: string,
  report: (problem: StateStoreError) => void,
): void {
  const { put, remove } = trailer.rows
  if (content.puts !== put || content.removes !== remove)
    report(
      corruptFile(
        path,
        `The trailer counts ${put} puts and ${remove} removals, but the file holds ${content.puts} and ${content.removes}`,
      ),
    )
  if (content.streamBytes !== trailer.plainBytes)
    report(
      corruptFile(
        path,
        `The trailer says the plain stream has ${trailer.plainBytes} bytes, but it has ${content.streamBytes}`,
      ),
    )
  // A snapshot carries the id of its version, which only the delta's stream can prove.
  if (trailer.kind === 'snapshot') return
  const { streamHash, streamBytes, puts, removes } = content
  const id = commitId({
    parent: trailer.parent,
    storeId: trailer.store,
    version: trailer.version,
    streamHash,
    streamBytes,
    puts,
    removes,
    progress: trailer.progress,
  })
  if (id !== trailer.id)
    report(
      corruptFile(path, `The trailer says commit id ${trailer.id}, but the content makes ${id}`),
    )
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}
