// node:sqlite in WAL mode. A batch is one transaction; reads inside it see its own writes.

import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Engine, EngineOptions } from '../harness/engine.ts'

interface Row {
  k: Uint8Array
  v: Uint8Array
}

export class SqliteEngine implements Engine {
  readonly standsFor =
    'one version only; a batch is one transaction in its WAL, no delta file; cache of 2 GB, checkpoints of the WAL as by default (20 times rarer was no faster)'
  #db!: DatabaseSync
  #put!: StatementSync
  #remove!: StatementSync
  #get!: StatementSync
  #range!: StatementSync

  async open({ directory, durability }: EngineOptions): Promise<void> {
    this.#db = new DatabaseSync(join(directory, 'state.sqlite'))
    this.#db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${durability === 'fsync' ? 'FULL' : 'OFF'};
      PRAGMA cache_size = -2000000;
      CREATE TABLE IF NOT EXISTS state (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID, STRICT;
    `)
    this.#put = this.#db.prepare(
      'INSERT INTO state VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v',
    )
    this.#remove = this.#db.prepare('DELETE FROM state WHERE k = ?')
    this.#get = this.#db.prepare('SELECT v FROM state WHERE k = ?')
    this.#range = this.#db.prepare('SELECT k, v FROM state WHERE k >= ? ORDER BY k LIMIT ?')
  }

  async begin(): Promise<void> {
    this.#db.exec('BEGIN')
  }

  put(key: Buffer, value: Buffer): void {
    this.#put.run(key, value)
  }

  remove(key: Buffer): void {
    this.#remove.run(key)
  }

  getView(key: Buffer): Uint8Array | undefined {
    return this.get(key)
  }

  get(key: Buffer): Uint8Array | undefined {
    return (this.#get.get(key) as unknown as Row | undefined)?.v
  }

  scan(visit: (key: Uint8Array, value: Uint8Array) => void): void {
    const rows = this.#db.prepare('SELECT k, v FROM state').iterate()
    for (const row of rows as Iterable<unknown> as Iterable<Row>) visit(row.k, row.v)
  }

  range(start: Buffer, rows: number, visit: (key: Uint8Array, value: Uint8Array) => void): void {
    for (const row of this.#range.all(start, rows) as unknown as Row[]) visit(row.k, row.v)
  }

  async commit(): Promise<void> {
    this.#db.exec('COMMIT')
  }

  async close(): Promise<void> {
    this.#db.close()
  }
}
