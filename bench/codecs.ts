// How fast is a state file written and read with each codec, and how small does it get? On the flights of docs/examples/flights, in memory, so that no
// disk has a part in it: rows through StateFileWriter and back through readStateFile, every checksum included. Two kinds of rows:
//
//   state   what the demo's two operators write for a flight: 12-byte key → nothing, 6-byte key → 24 bytes of numbers
//   json    12-byte key → the flight as JSON, some 80 bytes
//
// Rates are of plain bytes, the record stream before compression. Beside the codecs node:zlib's gzip of the same record stream, in one call.

import { gunzipSync, gzipSync } from 'node:zlib'
import type { Compression } from '../src/codec/compression.ts'
import { COMPRESSIONS, isCompressionName } from '../src/codec/compressions.ts'
import { commitId, GENESIS_ID } from '../src/format/commit-id.ts'
import { readStateFile, type RowSink } from '../src/format/state-file-reader.ts'
import { StateFileWriter } from '../src/format/state-file-writer.ts'
import { median, nowMs } from './harness/figures.ts'
import type { MeasureContext, Measurement, Params, Question } from './harness/question.ts'
import { type Content, ContentSum } from './harness/workload.ts'
import { flightRows, type FlightRows, type Row } from './stream/flight-rows.ts'

const GZIP = 'gzip'
const ENGINES = [...Object.keys(COMPRESSIONS), GZIP]
const STORE = [0, 0, 'default'] as const
const VERSION = 1

export const codecs: Question = {
  name: 'codecs',
  title: 'Writing and reading state files of real flights, per codec',

  cases(quick) {
    const params = (rows: FlightRows): Params => ({
      keys: 0,
      durability: 'os',
      rows,
      flights: quick ? 2_000 : 200_000,
      // In one process, after one that is not counted.
      repeats: quick ? 1 : 7,
    })
    const rounds = quick ? 1 : 3
    return [
      { params: params('state'), engines: ENGINES, rounds },
      { params: params('json'), engines: ENGINES, rounds },
    ]
  },

  async oracle(params): Promise<Content> {
    const sum = new ContentSum()
    for (const [key, value] of await rowsOf(params)) sum.add(key, value)
    return sum.content()
  },

  async measure({ engine, params }: MeasureContext): Promise<Measurement> {
    const rows = await rowsOf(params)
    const codec = engine === GZIP ? await gzipOf(rows) : stateFileOf(engine, rows)
    const writes: number[] = []
    const reads: number[] = []
    for (let i = 0; i <= Number(params.repeats); i++) {
      const started = nowMs()
      codec.write()
      const written = nowMs()
      await codec.read(NO_SINK)
      const read = nowMs()
      if (i === 0) continue
      writes.push(written - started)
      reads.push(read - written)
    }

    const sum = new ContentSum()
    await codec.readRows({ onPut: (key, value) => sum.add(key, value), onRemove: () => undefined })
    return {
      figures: {
        writeBytesPerSecond: (codec.plainBytes / median(writes)) * 1000,
        readBytesPerSecond: (codec.plainBytes / median(reads)) * 1000,
        packedRatio: codec.packedBytes / codec.plainBytes,
        packedBytes: codec.packedBytes,
      },
      content: sum.content(),
      ...(engine === GZIP && {
        standsFor: 'the same record stream in one call, no rows or checksums',
      }),
    }
  },
}

const NO_SINK: RowSink = { onPut: () => undefined, onRemove: () => undefined }

interface Codec {
  readonly plainBytes: number
  readonly packedBytes: number
  write(): void
  /** As fast as it goes. */
  read(sink: RowSink): Promise<void>
  /** So that every row reaches the sink. */
  readRows(sink: RowSink): Promise<void>
}

async function rowsOf(params: Params): Promise<Row[]> {
  return await flightRows(params.rows as FlightRows, Number(params.flights))
}

function stateFileOf(name: string, rows: readonly Row[]): Codec {
  if (!isCompressionName(name)) throw new RangeError(`Expected a codec, got ${name}`)
  let file = writeFile(COMPRESSIONS[name], rows)
  const read = async (sink: RowSink) => await readFile(file.bytes, sink)
  return {
    plainBytes: file.plainBytes,
    packedBytes: file.bytes.length,
    write: () => void (file = writeFile(COMPRESSIONS[name], rows)),
    read,
    readRows: read,
  }
}

async function gzipOf(rows: readonly Row[]): Promise<Codec> {
  const { bytes: plain } = writeFile(COMPRESSIONS.none, rows)
  let packed = gzipSync(plain)
  return {
    plainBytes: plain.length,
    packedBytes: packed.length,
    write: () => void (packed = gzipSync(plain)),
    read: async () => void gunzipSync(packed),
    readRows: async (sink) => await readFile(gunzipSync(packed), sink),
  }
}

interface StateFile {
  readonly bytes: Buffer
  readonly plainBytes: number
}

function writeFile(compression: Compression, rows: readonly Row[]): StateFile {
  const chunks: Uint8Array[] = []
  const writer = new StateFileWriter({
    kind: 'delta',
    compression,
    rowChecksums: false,
    emit: (chunk) => chunks.push(chunk),
  })
  for (const [key, value] of rows) writer.put(key, value)
  const totals = writer.seal()
  const { streamHash, streamBytes, puts, removes } = totals
  const id = { parent: GENESIS_ID, storeId: STORE, version: VERSION }
  writer.appendTrailer({
    store: STORE,
    kind: 'delta',
    version: VERSION,
    id: commitId({ ...id, streamHash, streamBytes, puts, removes }),
    parent: GENESIS_ID,
    stamp: [1, 1],
    codec: compression.name,
    rows: { put: puts, remove: removes },
    keys: puts,
    plainBytes: streamBytes,
  })
  return { bytes: Buffer.concat(chunks), plainBytes: streamBytes }
}

async function readFile(bytes: Buffer, sink: RowSink): Promise<void> {
  const source = {
    path: 'in memory',
    sizeBytes: bytes.length,
    read: async (offset: number, length: number) => bytes.subarray(offset, offset + length),
  }
  const options = { kind: 'delta', store: STORE, version: VERSION } as const
  await readStateFile(source, { ...options, rowChecksums: false, floorValues: false }, sink)
}
