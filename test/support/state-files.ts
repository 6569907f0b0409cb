// Deltas and snapshots as bytes in memory, for tests of the format and of what reads it.

import { concatBytes } from '../../src/base/bytes.ts'
import type { RowWords } from '../../src/base/row-words.ts'
import type { CompressionName } from '../../src/codec/compression.ts'
import { compressionOf } from '../../src/codec/compressions.ts'
import { commitId, GENESIS_ID, type StoreIdTuple } from '../../src/format/commit-id.ts'
import type { StateFileKind } from '../../src/format/file-names.ts'
import {
  readStateFile,
  type ReadStateFileOptions,
  type StateFileContent,
  type StateFileSource,
} from '../../src/format/state-file-reader.ts'
import { StateFileWriter } from '../../src/format/state-file-writer.ts'
import type { Trailer } from '../../src/format/trailer.ts'
import { sourceOf } from '../../src/testing/source-of.ts'

/** A put, or with value undefined a removal. */
export type Row = readonly [key: Uint8Array, value: Uint8Array | undefined]

/** The row as a map tells where it has it. */
export function rowOf(key: Uint8Array, value: Uint8Array): RowWords {
  const valueWord = Math.ceil(key.length / 4)
  const words = new Int32Array(valueWord + Math.ceil(value.length / 4))
  const bytes = new Uint8Array(words.buffer)
  bytes.set(key)
  bytes.set(value, valueWord * 4)
  return { words, keyWord: 0, keyLength: key.length, valueWord, valueLength: value.length }
}

export const STORE: StoreIdTuple = [0, 3, 'default']

export interface StateFileSpec {
  kind?: StateFileKind
  version?: number
  codec?: CompressionName
  rowChecksums?: boolean
  /** Default true. */
  trailer?: boolean
  /** Put over the fields that the trailer should have. */
  trailerFields?: Partial<Trailer>
  progress?: unknown
  rows?: readonly Row[]
}

/** The bytes of a file, and where its trailer begins (its size, without one). */
export function encodeStateFile(spec: StateFileSpec): {
  bytes: Uint8Array
  compressedBytes: number
} {
  const { kind = 'delta', version = 7, codec = 'lz4', rows = [], rowChecksums = false } = spec
  const chunks: Uint8Array[] = []
  const writer = new StateFileWriter({
    kind,
    compression: compressionOf(codec),
    rowChecksums,
    emit: (chunk) => chunks.push(chunk),
  })
  for (const [key, value] of rows) {
    if (value === undefined) writer.remove(key)
    else writer.put(key, value)
  }
  const totals = writer.seal()
  if (spec.trailer !== false) {
    const { streamHash, streamBytes, puts, removes } = totals
    const stream = { streamHash, streamBytes, puts, removes, progress: spec.progress }
    writer.appendTrailer({
      store: STORE,
      kind,
      version,
      id: commitId({ parent: GENESIS_ID, storeId: STORE, version, ...stream }),
      parent: GENESIS_ID,
      stamp: [1, 2],
      codec,
      rows: { put: puts, remove: removes },
      keys: puts,
      plainBytes: streamBytes,
      ...(rowChecksums && { rowChecksums }),
      ...(spec.progress !== undefined && { progress: spec.progress }),
      ...spec.trailerFields,
    })
  }
  return { bytes: concatBytes(chunks), compressedBytes: totals.compressedBytes }
}

export const READ_OPTIONS: ReadStateFileOptions = {
  kind: 'delta',
  store: STORE,
  version: 7,
  rowChecksums: false,
  floorValues: false,
}

/** Reads `bytes` and collects the rows, copied. */
export async function readRows(
  bytes: Uint8Array | StateFileSource,
  options: Partial<ReadStateFileOptions> = {},
): Promise<{ content: StateFileContent; rows: Row[] }> {
  const rows: Row[] = []
  const source = bytes instanceof Uint8Array ? sourceOf(bytes) : bytes
  const content = await readStateFile(
    source,
    { ...READ_OPTIONS, ...options },
    {
      onPut: (key, value) => rows.push([key.slice(), value.slice()]),
      onRemove: (key) => rows.push([key.slice(), undefined]),
    },
  )
  return { content, rows }
}
