// lmdb-js: a memory-mapped B+ tree. A batch is one transaction, applied at the commit; reads inside a batch see the last commit. 'os' commits without
// syncing, by its README's fast path (`useWritemap`) or, as most will find it, without.

import { open, type RootDatabase } from 'lmdb'
import type { Engine, EngineOptions } from '../harness/engine.ts'

const MAP_BYTES = 64 * 1024 ** 3

export class LmdbEngine implements Engine {
  readonly changesAtCommit = true
  readonly standsFor: string
  readonly #usesWritemap: boolean
  #db: RootDatabase<Buffer, Buffer> | undefined
  #durability: EngineOptions['durability'] = 'os'
  #puts: Buffer[] = []
  #removes: Buffer[] = []

  constructor(settings: 'fastest' | 'default' = 'fastest') {
    this.#usesWritemap = settings === 'fastest'
    this.standsFor = `one version only; a batch is one transaction of its B+ tree, no delta file; puts are timed with the commit; os: noSync ${this.#usesWritemap ? 'and useWritemap' : 'alone'}`
  }

  async open({ directory, durability }: EngineOptions): Promise<void> {
    this.#durability = durability
    this.#db = open<Buffer, Buffer>({
      path: directory,
      keyEncoding: 'binary',
      encoding: 'binary',
      noSync: durability === 'os',
      // Twice to three times the rows a second here.
      useWritemap: this.#usesWritemap && durability === 'os',
      overlappingSync: false,
      mapSize: MAP_BYTES,
    })
  }

  get #open(): RootDatabase<Buffer, Buffer> {
    if (this.#db === undefined) throw new Error('The database is not open')
    return this.#db
  }

  async begin(): Promise<void> {}

  put(key: Buffer, value: Buffer): void {
    this.#puts.push(key, value)
  }

  remove(key: Buffer): void {
    this.#removes.push(key)
  }

  // getBinary reads the very bytes; getBinaryFast reuses its buffer.
  getView(key: Buffer): Uint8Array | undefined {
    return this.#open.getBinaryFast(key)
  }

  get(key: Buffer): Uint8Array | undefined {
    return this.#open.getBinary(key)
  }

  scan(visit: (key: Uint8Array, value: Uint8Array) => void): void {
    for (const { key, value } of this.#open.getRange()) visit(key, value)
  }

  range(start: Buffer, rows: number, visit: (key: Uint8Array, value: Uint8Array) => void): void {
    for (const { key, value } of this.#open.getRange({ start, limit: rows })) visit(key, value)
  }

  async commit(): Promise<void> {
    const db = this.#open
    const puts = this.#puts
    db.transactionSync(() => {
      for (let i = 0; i < puts.length; i += 2) db.putSync(puts[i], puts[i + 1])
      for (const key of this.#removes) db.removeSync(key)
    })
    this.#puts = []
    this.#removes = []
    if (this.#durability === 'fsync') await db.flushed
  }

  async close(): Promise<void> {
    await this.#db?.close()
  }
}
