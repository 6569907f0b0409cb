// The files of the JS Map: the same as tidemark's, made with its writer and read with its reader, so that neither side does less. Written
// beside their target and renamed into place; 'fsync' syncs file and folder. No lease, no retries, no maintenance.

import { open, readdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { COMPRESSIONS } from '../../src/codec/compressions.ts'
import { commitId, GENESIS_ID } from '../../src/format/commit-id.ts'
import { type StateFileKind, stateFileName } from '../../src/format/file-names.ts'
import {
  readStateFile,
  type RowSink,
  type StateFileSource,
} from '../../src/format/state-file-reader.ts'
import { StateFileWriter } from '../../src/format/state-file-writer.ts'
import type { EngineOptions } from '../harness/engine.ts'

const STORE = [0, 0, 'default'] as const

/** Rows of one file on their way to the disk. */
export interface OpenFile {
  readonly kind: StateFileKind
  readonly rows: StateFileWriter
  readonly chunks: Uint8Array[]
}

export class JsMapFiles {
  readonly #options: EngineOptions
  /** Of the newest version. */
  #version = 0
  #id = GENESIS_ID
  #parent = GENESIS_ID

  constructor(options: EngineOptions) {
    this.#options = options
  }

  start(kind: StateFileKind): OpenFile {
    const chunks: Uint8Array[] = []
    const rows = new StateFileWriter({
      kind,
      compression: COMPRESSIONS.lz4,
      rowChecksums: false,
      apart: true,
      emit: (chunk) => chunks.push(chunk),
    })
    return { kind, rows, chunks }
  }

  /** Makes a delta the next version, or a snapshot that of the newest. Returns how many rows it has. */
  async publish({ kind, rows, chunks }: OpenFile, keys: number): Promise<number> {
    await rows.settle()
    const { streamHash, streamBytes, puts, removes } = rows.seal()
    if (kind === 'delta') {
      this.#version++
      this.#parent = this.#id
      this.#id = commitId({
        parent: this.#parent,
        storeId: STORE,
        version: this.#version,
        streamHash,
        streamBytes,
        puts,
        removes,
      })
    }
    rows.appendTrailer({
      store: STORE,
      kind,
      version: this.#version,
      id: this.#id,
      parent: this.#parent,
      stamp: [1, this.#version],
      codec: 'lz4',
      rows: { put: puts, remove: removes },
      keys,
      plainBytes: streamBytes,
    })
    await this.#write(stateFileName(kind, this.#version), chunks)
    return puts + removes
  }

  async #write(name: string, chunks: readonly Uint8Array[]): Promise<void> {
    const { directory, durability } = this.#options
    const target = join(directory, name)
    const file = await open(`${target}.tmp`, 'wx')
    await file.writev(chunks)
    if (durability === 'fsync') await file.sync()
    await file.close()
    await rename(`${target}.tmp`, target)
    if (durability === 'fsync') {
      const folder = await open(directory)
      await folder.sync()
      await folder.close()
    }
  }

  /** Goes on after the newest delta, for one who keeps the rows elsewhere. Returns how many rows that has; 0 if there is none. */
  async resume(): Promise<number> {
    const { newest } = await this.#list()
    let rows = 0
    const count = () => void rows++
    if (newest > 0) await this.#read('delta', newest, { onPut: count, onRemove: count })
    return rows
  }

  /** Hands the rows of the newest snapshot and of the deltas after it to `sink`. */
  async load(sink: RowSink): Promise<void> {
    const { names, newest } = await this.#list()
    let version = newest
    while (version > 0 && !names.has(stateFileName('snapshot', version))) version--
    if (version > 0) await this.#read('snapshot', version, sink)
    while (version < newest) await this.#read('delta', ++version, sink)
  }

  async #list(): Promise<{ names: Set<string>; newest: number }> {
    const names = new Set(await readdir(this.#options.directory))
    const versions = [...names].map((name) => Number.parseInt(name, 10))
    return { names, newest: Math.max(0, ...versions) }
  }

  async #read(kind: StateFileKind, version: number, sink: RowSink): Promise<void> {
    const path = join(this.#options.directory, stateFileName(kind, version))
    const source = await openStateFile(path)
    try {
      const options = { kind, store: STORE, version, rowChecksums: false, floorValues: false }
      const content = await readStateFile(source, options, sink)
      this.#version = version
      this.#parent = content.trailer?.parent ?? GENESIS_ID
      this.#id = content.id
    } finally {
      await source.close()
    }
  }
}

/** A file as the reader wants it. */
export async function openStateFile(
  path: string,
): Promise<StateFileSource & { close(): Promise<void> }> {
  const { size } = await stat(path)
  const file = await open(path)
  return {
    path,
    sizeBytes: size,
    read: async (offset, length) => {
      const bytes = Buffer.allocUnsafe(Math.min(length, size - offset))
      await file.read(bytes, 0, bytes.length, offset)
      return bytes
    },
    close: () => file.close(),
  }
}
