// SlateDB: a log-structured merge tree on an object store, here a folder. 'os' does not wait for its WAL to be written; 'fsync' does.

import { DbBuilder, ObjectStore, WriteBatch, type Db } from '@slatedb/uniffi'
import type { Engine, EngineOptions } from '../harness/engine.ts'

export class SlateDbEngine implements Engine {
  readonly changesAtCommit = true
  readonly standsFor =
    'one version only; a batch is one WriteBatch; reads and scans are one promise a row; os does not wait for its log; puts are timed with the commit'
  #store!: ObjectStore
  #db!: Db
  #batch = new WriteBatch()
  #isChanged = false
  #awaitDurable = false

  async open({ directory, durability }: EngineOptions): Promise<void> {
    this.#awaitDurable = durability === 'fsync'
    this.#store = ObjectStore.resolve(`file://${directory}`)
    const builder = new DbBuilder('state', this.#store)
    this.#db = await builder.build()
    builder.dispose()
  }

  async begin(): Promise<void> {}

  put(key: Buffer, value: Buffer): void {
    this.#batch.put(key, value)
    this.#isChanged = true
  }

  remove(key: Buffer): void {
    this.#batch.delete(key)
    this.#isChanged = true
  }

  async getView(key: Buffer): Promise<Uint8Array | undefined> {
    return await this.#db.get(key)
  }

  async get(key: Buffer): Promise<Uint8Array | undefined> {
    return await this.#db.get(key)
  }

  async scan(visit: (key: Uint8Array, value: Uint8Array) => void): Promise<void> {
    const rows = await this.#db.scan({
      start: undefined,
      start_inclusive: true,
      end: undefined,
      end_inclusive: true,
    })
    for (let row = await rows.next(); row !== undefined; row = await rows.next()) {
      visit(row.key, row.value)
    }
    rows.dispose()
  }

  async commit(): Promise<void> {
    if (!this.#isChanged) return
    const batch = this.#batch
    await this.#db.write_with_options(batch, { await_durable: this.#awaitDurable })
    batch.dispose()
    this.#batch = new WriteBatch()
    this.#isChanged = false
  }

  async close(): Promise<void> {
    await this.#db.shutdown()
    this.#db.dispose()
    this.#store.dispose()
  }
}
