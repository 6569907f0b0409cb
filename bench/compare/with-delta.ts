// An engine with a store of its own, and beside it the delta file that tidemark writes, checksums, trailer and all: what its users would do who
// want the changes of each batch where another machine can read them. The delta is published first, then the engine commits. When it is opened
// again, its newest delta must hold the rows of its last batch.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine, EngineOptions } from '../harness/engine.ts'
import { JsMapFiles, type OpenFile } from './js-map-files.ts'

/** Below the folder of the engine, which keeps files of its own there. */
const DELTAS = 'deltas'

export class EngineWithDelta implements Engine {
  readonly changesAtCommit: boolean
  readonly standsFor: string
  readonly #engine: Engine
  #files!: JsMapFiles
  #delta!: OpenFile
  /** Of the last batch; undefined before there was one. */
  #committedRows: number | undefined

  constructor(engine: Engine) {
    this.#engine = engine
    this.changesAtCommit = engine.changesAtCommit ?? false
    this.standsFor = 'one version only; writes the same delta beside its own files'
  }

  async open(options: EngineOptions): Promise<void> {
    const directory = join(options.directory, DELTAS)
    await mkdir(directory, { recursive: true })
    this.#files = new JsMapFiles({ ...options, directory })
    const rows = await this.#files.resume()
    if (this.#committedRows !== undefined && rows !== this.#committedRows) {
      throw new Error(`Expected a last delta of ${this.#committedRows} rows, found ${rows}`)
    }
    await this.#engine.open(options)
  }

  async begin(): Promise<void> {
    this.#delta = this.#files.start('delta')
    await this.#engine.begin()
  }

  put(key: Buffer, value: Buffer): void {
    this.#delta.rows.put(key, value)
    this.#engine.put(key, value)
  }

  remove(key: Buffer): void {
    this.#delta.rows.remove(key)
    this.#engine.remove(key)
  }

  getView(key: Buffer) {
    return this.#engine.getView(key)
  }

  get(key: Buffer) {
    return this.#engine.get(key)
  }

  scan(visit: (key: Uint8Array, value: Uint8Array) => void): void | Promise<void> {
    return this.#engine.scan(visit)
  }

  async settle(): Promise<void> {
    await this.#delta.rows.settle()
  }

  async commit(): Promise<void> {
    // How many keys it holds such an engine does not know without counting; the trailer says 0.
    this.#committedRows = await this.#files.publish(this.#delta, 0)
    await this.#engine.commit()
  }

  async close(): Promise<void> {
    await this.#engine.close()
  }
}
