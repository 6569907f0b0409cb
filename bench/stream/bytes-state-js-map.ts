// A JS Map per operator, keyed by the bytes as a latin-1 string. A batch writes a delta per operator, the file that tidemark writes, the position in the
// last of them. No snapshot is ever written: a restart would read all deltas.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { intoMap, latin1 } from '../compare/js-map.ts'
import { JsMapFiles, type OpenFile } from '../compare/js-map-files.ts'
import type { ByteSlice } from '../../src/index.ts'
import type { EngineOptions } from '../harness/engine.ts'
import { nowMs } from '../harness/figures.ts'
import {
  type BytesState,
  type Expired,
  type KeyedState,
  sliceOf,
  type StateBatch,
} from './bytes-state.ts'

const POSITION_KEY = Buffer.from('position')

export class JsMapBytesState implements BytesState {
  readonly standsFor =
    'a JS Map per operator, one version only; a batch writes the same delta, nothing writes snapshots'
  #operators: Operator[] = []

  async open({
    operators,
    directory,
    durability,
  }: EngineOptions & { readonly operators: number }): Promise<void> {
    for (let operator = 0; operator < operators; operator++) {
      const folder = join(directory, `operator-${operator}`)
      await mkdir(folder, { recursive: true })
      const state = new Operator(new JsMapFiles({ directory: folder, durability }))
      await state.load()
      this.#operators.push(state)
    }
  }

  async run({ expired, position, apply }: StateBatch): Promise<number> {
    const operators = this.#operators
    for (const operator of operators) operator.begin()
    if (expired !== undefined) operators[0].evict(expired)
    apply(operators)
    const applied = nowMs()
    operators.at(-1)!.delta.rows.put(POSITION_KEY, Buffer.from(String(position)))
    for (const operator of operators) await operator.commit()
    return nowMs() - applied
  }

  scan(operator: number, visit: (key: Uint8Array, value: Uint8Array) => void): void {
    for (const [key, value] of this.#operators[operator].rows) {
      visit(Buffer.from(key, 'latin1'), value)
    }
  }

  async close(): Promise<void> {
    this.#operators = []
  }
}

class Operator implements KeyedState {
  readonly rows = new Map<string, Uint8Array>()
  delta!: OpenFile
  readonly #files: JsMapFiles

  constructor(files: JsMapFiles) {
    this.#files = files
  }

  async load(): Promise<void> {
    await this.#files.load(intoMap(this.rows))
    this.rows.delete(latin1(POSITION_KEY))
  }

  begin(): void {
    this.delta = this.#files.start('delta')
  }

  async commit(): Promise<void> {
    await this.#files.publish(this.delta, this.rows.size)
  }

  /** A Map is not sorted: every row is looked at. */
  evict(expired: Expired): void {
    for (const [text, value] of this.rows) {
      const key = Buffer.from(text, 'latin1')
      if (!expired.includes(key)) continue
      expired.emit(key, value)
      this.rows.delete(text)
      this.delta.rows.remove(key)
    }
  }

  has(key: Uint8Array): boolean {
    return this.rows.has(latin1(key))
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.rows.get(latin1(key))
  }

  getSlice(key: Uint8Array, into: ByteSlice): boolean {
    return sliceOf(this.get(key), into)
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.rows.set(latin1(key), Buffer.from(value))
    this.delta.rows.put(key, value)
  }
}
