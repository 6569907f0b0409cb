// The oracle: one plain Map per version, copied whole at every turn. Slow, and obviously right. It has the interface of VersionedMap, so
// that one contract suite runs on both and random histories can be played on both at once.

import { compareBytes, toHex } from '../../src/base/bytes.ts'
import { type ByteSlice, copyOfSlice, noBytes } from '../../src/base/byte-slice.ts'
import { noRow, type RowWords } from '../../src/base/row-words.ts'
import { StateStoreError } from '../../src/errors.ts'
import type { MapCursor, MapReader, MapView } from '../../src/map/versioned-map.ts'

type Rows = Map<string, readonly [key: Uint8Array, value: Uint8Array]>

/** A state that was frozen: by a commit, or by a cursor in a transaction. `id` grows with every one that is made. */
interface Frozen {
  readonly id: number
  readonly rows: Rows
}

class ModelReader implements MapReader {
  rows: Rows = new Map()

  get(key: Uint8Array): Uint8Array | undefined {
    return this.getView(key)?.slice()
  }

  getView(key: Uint8Array): Uint8Array | undefined {
    return this.rows.get(toHex(key))?.[1]
  }

  getMany(keys: readonly Uint8Array[]): (Uint8Array | undefined)[] {
    return keys.map((key) => this.get(key))
  }

  getViews(keys: readonly Uint8Array[]): (Uint8Array | undefined)[] {
    return keys.map((key) => this.getView(key))
  }

  getSlice(key: Uint8Array, into: ByteSlice): boolean {
    const value = this.getView(key)
    if (value === undefined) return false
    setSlice(into, value)
    return true
  }

  has(key: Uint8Array): boolean {
    return this.rows.has(toHex(key))
  }

  cursor(): MapCursor {
    return new ModelCursor(this.rows, () => undefined)
  }

  get keyCount(): number {
    return this.rows.size
  }

  get plainBytes(): number {
    let bytes = 0
    for (const [key, value] of this.rows.values()) bytes += key.length + value.length
    return bytes
  }
}

export class ModelMap extends ModelReader {
  #versions: { version: number; state: Frozen }[] = [
    { version: 0, state: { id: 0, rows: new Map() } },
  ]
  #nextId = 1
  #base: Rows | undefined
  #pinned = new Set<{ id: number; revoke?: () => void }>()

  get inTransaction(): boolean {
    return this.#base !== undefined
  }

  get versions(): readonly number[] {
    return this.#versions.map((entry) => entry.version)
  }

  get newestVersion(): number {
    return this.versions.at(-1)!
  }

  get pinCount(): number {
    return this.#pinned.size
  }

  begin(): void {
    this.#base = this.rows
    this.rows = new Map(this.rows)
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.rows.set(toHex(key), [key.slice(), value.slice()])
  }

  remove(key: Uint8Array): boolean {
    return this.rows.delete(toHex(key))
  }

  commit(version: number): void {
    this.#versions.push({ version, state: { id: this.#nextId++, rows: new Map(this.rows) } })
    this.#base = undefined
  }

  abort(): void {
    const baseId = this.#versions.at(-1)!.state.id
    for (const pin of this.#pinned) if (pin.id > baseId) pin.revoke!()
    this.rows = this.#base!
    this.#base = undefined
  }

  release(version: number): void {
    this.#versions = this.#versions.filter((entry) => entry.version !== version)
  }

  rewindTo(version: number): boolean {
    const target = this.#versions.find((entry) => entry.version === version)
    if (target === undefined) return false
    for (const pin of this.#pinned) if (pin.id > target.state.id) return false
    this.#versions = this.#versions.filter((entry) => entry.version <= version)
    this.rows = new Map(target.state.rows)
    return true
  }

  view(version: number): MapView | undefined {
    const entry = this.#versions.find((held) => held.version === version)
    return entry && new ModelView(version, entry.state, (state) => this.#pin(state))
  }

  override cursor(): MapCursor {
    const newest = this.#versions.at(-1)!.state
    const id = this.inTransaction ? this.#nextId++ : newest.id
    return this.#pin({ id, rows: new Map(this.rows) })
  }

  #pin(state: Frozen): ModelCursor {
    const pin: { id: number; revoke?: () => void } = { id: state.id }
    const cursor = new ModelCursor(state.rows, () => this.#pinned.delete(pin))
    pin.revoke = () => cursor.revoke()
    this.#pinned.add(pin)
    return cursor
  }
}

class ModelView extends ModelReader implements MapView {
  readonly version: number
  #state: Frozen
  #pin: (state: Frozen) => ModelCursor
  #held: ModelCursor

  constructor(version: number, state: Frozen, pin: (state: Frozen) => ModelCursor) {
    super()
    this.version = version
    this.rows = state.rows
    this.#state = state
    this.#pin = pin
    this.#held = pin(state)
  }

  override cursor(): MapCursor {
    return this.#pin(this.#state)
  }

  override getView(key: Uint8Array): Uint8Array | undefined {
    this.#assertHeld()
    return super.getView(key)
  }

  override has(key: Uint8Array): boolean {
    this.#assertHeld()
    return super.has(key)
  }

  release(): void {
    this.#held.close()
  }

  #assertHeld(): void {
    if (!this.#held.isOpen) throw new StateStoreError('TIDEMARK_STORE_FINISHED', 'released')
  }
}

class ModelCursor implements MapCursor {
  isOpen = true
  #rows: Iterator<readonly [Uint8Array, Uint8Array]>
  #current: readonly [Uint8Array, Uint8Array] | undefined
  #onClose: () => void
  #isRevoked = false

  constructor(rows: Rows, onClose: () => void) {
    this.#rows = [...rows.values()].values()
    this.#onClose = onClose
  }

  next(): boolean {
    if (!this.isOpen) return false
    if (this.#isRevoked) throw new StateStoreError('TIDEMARK_STORE_FINISHED', 'aborted')
    const step = this.#rows.next()
    if (step.done) this.close()
    this.#current = step.done ? undefined : step.value
    return !step.done
  }

  get key(): Uint8Array {
    return this.#row()[0]
  }

  get value(): Uint8Array {
    return this.#row()[1]
  }

  get keyLength(): number {
    return this.#row()[0].length
  }

  get valueLength(): number {
    return this.#row()[1].length
  }

  keySlice(into: ByteSlice): void {
    setSlice(into, this.#row()[0])
  }

  valueSlice(into: ByteSlice): void {
    setSlice(into, this.#row()[1])
  }

  locate(row: RowWords): void {
    const [key, value] = this.#row()
    row.valueWord = Math.ceil(key.length / 4)
    row.keyWord = 0
    row.keyLength = key.length
    row.valueLength = value.length
    const bytes = new Uint8Array((row.valueWord + Math.ceil(value.length / 4)) * 4)
    bytes.set(key)
    bytes.set(value, row.valueWord * 4)
    row.words = new Int32Array(bytes.buffer)
  }

  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#current = undefined
    this.#onClose()
  }

  revoke(): void {
    this.#isRevoked = true
    this.#onClose()
  }

  #row(): readonly [Uint8Array, Uint8Array] {
    if (this.#current === undefined || this.#isRevoked) {
      throw new StateStoreError('TIDEMARK_STORE_FINISHED', 'no current row')
    }
    return this.#current
  }
}

function setSlice(into: ByteSlice, bytes: Uint8Array): void {
  into.bytes = bytes
  into.offset = 0
  into.length = bytes.length
}

/** All rows of a cursor as sorted text, `key=value` in hex: what two readers are compared by. Reads the cursor to its end. */
export function drain(cursor: MapCursor): string[] {
  const rows: [Uint8Array, Uint8Array][] = []
  const row = noRow()
  const [keySlice, valueSlice] = [noBytes(), noBytes()]
  while (cursor.next()) {
    const [key, value] = [cursor.key.slice(), cursor.value.slice()]
    cursor.keySlice(keySlice)
    cursor.valueSlice(valueSlice)
    cursor.locate(row)
    const { words, keyWord, keyLength, valueWord, valueLength } = row
    const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
    const isSame = (where: Uint8Array, there: Uint8Array) => toHex(where) === toHex(there)
    if (
      !isSame(bytes.slice(keyWord * 4, keyWord * 4 + keyLength), key) ||
      !isSame(bytes.slice(valueWord * 4, valueWord * 4 + valueLength), value) ||
      !isSame(copyOfSlice(keySlice), key) ||
      !isSame(copyOfSlice(valueSlice), value)
    ) {
      throw new Error(`Expected the row ${toHex(key)} where the cursor says it lies`)
    }
    rows.push([key, value])
  }
  rows.sort((a, b) => compareBytes(a[0], b[0]))
  return rows.map(([key, value]) => `${toHex(key)}=${toHex(value)}`)
}
