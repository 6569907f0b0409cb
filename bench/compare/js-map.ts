// A JS Map, keyed by the bytes as a latin-1 string (Map compares objects by identity). A commit writes the changes as the same delta file that
// tidemark writes, checksums, trailer and all, beside its target and renamed into place; 'fsync' syncs file and folder.

import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { COMPRESSIONS } from '../../src/codec/compressions.ts'
import { StateFileWriter } from '../../src/format/state-file-writer.ts'
import type { Engine, EngineOptions } from '../harness/engine.ts'

export type MapVersions = 'one' | 'copied'

export class JsMapEngine implements Engine {
  readonly standsFor: string
  readonly #versions: MapVersions
  #options!: EngineOptions
  #map = new Map<string, Uint8Array>()
  #chunks: Uint8Array[] = []
  #delta!: StateFileWriter
  #version = 0

  constructor(versions: MapVersions) {
    this.#versions = versions
    this.standsFor =
      versions === 'one'
        ? 'one version only, no abort; writes the same delta'
        : 'copies the whole map at each open, as Spark does; writes the same delta'
  }

  async open(options: EngineOptions): Promise<void> {
    this.#options = options
  }

  async begin(): Promise<void> {
    if (this.#versions === 'copied') this.#map = new Map(this.#map)
    this.#chunks = []
    this.#delta = new StateFileWriter({
      kind: 'delta',
      compression: COMPRESSIONS.lz4,
      rowChecksums: false,
      emit: (chunk) => this.#chunks.push(chunk),
    })
  }

  put(key: Buffer, value: Buffer): void {
    this.#map.set(key.toString('latin1'), Buffer.from(value))
    this.#delta.put(key, value)
  }

  remove(key: Buffer): void {
    if (this.#map.delete(key.toString('latin1'))) this.#delta.remove(key)
  }

  getView(key: Buffer): Uint8Array | undefined {
    return this.#map.get(key.toString('latin1'))
  }

  get(key: Buffer): Uint8Array | undefined {
    const value = this.getView(key)
    return value === undefined ? undefined : Buffer.from(value)
  }

  scan(visit: (key: Uint8Array, value: Uint8Array) => void): void {
    for (const [key, value] of this.#map) visit(Buffer.from(key, 'latin1'), value)
  }

  async commit(): Promise<void> {
    const totals = this.#delta.seal()
    this.#version++
    this.#delta.appendTrailer({
      store: [0, 0, 'default'],
      kind: 'delta',
      version: this.#version,
      id: '0'.repeat(32),
      parent: '0'.repeat(32),
      stamp: [1, this.#version],
      codec: 'lz4',
      rows: { put: totals.puts, remove: totals.removes },
      keys: this.#map.size,
      plainBytes: totals.streamBytes,
    })
    const { directory, durability } = this.#options
    const target = join(directory, `${this.#version}.delta`)
    const file = await open(`${target}.tmp`, 'wx')
    await file.writev(this.#chunks)
    if (durability === 'fsync') await file.sync()
    await file.close()
    await rename(`${target}.tmp`, target)
    if (durability === 'fsync') {
      const folder = await open(directory)
      await folder.sync()
      await folder.close()
    }
  }

  async close(): Promise<void> {}
}
