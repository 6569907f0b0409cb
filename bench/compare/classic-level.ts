// classic-level: LevelDB, a log-structured merge tree. A batch is one chained batch; reads inside a batch see the last commit.

import { ClassicLevel } from 'classic-level'
import type { Engine, EngineOptions } from '../harness/engine.ts'

type Database = ClassicLevel<Uint8Array, Uint8Array>

const ENCODING = { keyEncoding: 'view', valueEncoding: 'view' } as const
const MIB = 1024 * 1024
/** All that any question reads again and again; the default is 8 MiB. */
export const CACHE_BYTES = 512 * MIB
/** Of what is written before it is sorted into files: with the default of 4 MiB records of 1 KB stalled, with this one short rows took longer. */
const LONG_VALUES_BUFFER_BYTES = 64 * MIB

export class ClassicLevelEngine implements Engine {
  readonly changesAtCommit = true
  readonly standsFor =
    'one version only; a batch is one write of its log, no delta file; puts are timed with the commit; cache of 512 MiB, write buffer of 4 MiB (the default), for records of 1 KB 64 MiB'
  #db!: Database
  #sync = false
  #batch!: ReturnType<Database['batch']>

  async open({ directory, durability, hasLongValues = false }: EngineOptions): Promise<void> {
    this.#sync = durability === 'fsync'
    this.#db = new ClassicLevel<Uint8Array, Uint8Array>(directory, {
      ...ENCODING,
      cacheSize: CACHE_BYTES,
      ...(hasLongValues && { writeBufferSize: LONG_VALUES_BUFFER_BYTES }),
    })
    await this.#db.open()
  }

  async begin(): Promise<void> {
    this.#batch = this.#db.batch()
  }

  put(key: Buffer, value: Buffer): void {
    this.#batch.put(key, value)
  }

  remove(key: Buffer): void {
    this.#batch.del(key)
  }

  getView(key: Buffer): Uint8Array | undefined {
    return this.#db.getSync(key)
  }

  get(key: Buffer): Uint8Array | undefined {
    return this.#db.getSync(key)
  }

  async scan(visit: (key: Uint8Array, value: Uint8Array) => void): Promise<void> {
    const iterator = this.#db.iterator()
    for (;;) {
      const rows = await iterator.nextv(1000)
      if (rows.length === 0) break
      for (const [key, value] of rows) visit(key, value)
    }
    await iterator.close()
  }

  async range(
    start: Buffer,
    rows: number,
    visit: (key: Uint8Array, value: Uint8Array) => void,
  ): Promise<void> {
    for (const [key, value] of await this.#db.iterator({ gte: start, limit: rows }).all())
      visit(key, value)
  }

  async commit(): Promise<void> {
    await this.#batch.write({ sync: this.#sync })
  }

  async close(): Promise<void> {
    await this.#db.close()
  }
}
