// A JS Map, keyed by the bytes as a latin-1 string (Map compares objects by identity). A commit writes the changes as the same delta file that
// tidemark writes, checksums, trailer and all (js-map-files.ts); a snapshot holds all rows, and an open reads them back.

import type { RowSink } from '../../src/format/state-file-reader.ts'
import type { Engine, EngineOptions } from '../harness/engine.ts'
import { JsMapFiles, type OpenFile } from './js-map-files.ts'

export type MapVersions = 'one' | 'copied'

export class JsMapEngine implements Engine {
  readonly standsFor: string
  readonly #versions: MapVersions
  #files!: JsMapFiles
  #map = new Map<string, Uint8Array>()
  #delta!: OpenFile

  constructor(versions: MapVersions) {
    this.#versions = versions
    this.standsFor =
      versions === 'one'
        ? 'one version only, no abort; writes the same delta'
        : 'copies the whole map at each open, as Spark does; writes the same delta'
  }

  async open(options: EngineOptions): Promise<void> {
    this.#files = new JsMapFiles(options)
    this.#map = new Map()
    await this.#files.load(intoMap(this.#map))
  }

  async begin(): Promise<void> {
    if (this.#versions === 'copied') this.#map = new Map(this.#map)
    this.#delta = this.#files.start('delta')
  }

  put(key: Buffer, value: Buffer): void {
    this.#map.set(latin1(key), Buffer.from(value))
    this.#delta.rows.put(key, value)
  }

  remove(key: Buffer): void {
    if (this.#map.delete(latin1(key))) this.#delta.rows.remove(key)
  }

  getView(key: Buffer): Uint8Array | undefined {
    return this.#map.get(latin1(key))
  }

  get(key: Buffer): Uint8Array | undefined {
    const value = this.getView(key)
    return value === undefined ? undefined : Buffer.from(value)
  }

  scan(visit: (key: Uint8Array, value: Uint8Array) => void): void {
    for (const [key, value] of this.#map) visit(Buffer.from(key, 'latin1'), value)
  }

  range(start: Buffer, rows: number, visit: (key: Uint8Array, value: Uint8Array) => void): void {
    const first = latin1(start)
    const keys = [...this.#map.keys()].filter((key) => key >= first).sort()
    for (const key of keys.slice(0, rows)) visit(Buffer.from(key, 'latin1'), this.#map.get(key)!)
  }

  async settle(): Promise<void> {
    await this.#delta.rows.settle()
  }

  async commit(): Promise<void> {
    await this.#files.publish(this.#delta, this.#map.size)
  }

  async snapshot(): Promise<void> {
    const file = this.#files.start('snapshot')
    this.scan((key, value) => file.rows.put(key, value))
    await this.#files.publish(file, this.#map.size)
  }

  async close(): Promise<void> {
    this.#map = new Map()
  }
}

/** Buffer's own, which its types leave out; it takes any bytes. */
const { latin1Slice } = Buffer.prototype as unknown as {
  readonly latin1Slice: (this: Uint8Array, from: number, to: number) => string
}

/** What files are read into. */
export function intoMap(map: Map<string, Uint8Array>): RowSink {
  return {
    onPut: (key, value) => map.set(latin1(key), Buffer.from(value)),
    onRemove: (key) => map.delete(latin1(key)),
  }
}

/** A key of the Map. */
export function latin1(bytes: Uint8Array): string {
  return latin1Slice.call(bytes, 0, bytes.length)
}
