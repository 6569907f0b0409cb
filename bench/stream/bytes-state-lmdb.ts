// One environment, a database per operator; a batch is one write transaction, which reads its own writes. 'os' commits without syncing.

import { type Database, open, type RootDatabase } from 'lmdb'
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

type Rows = Database<Uint8Array, Uint8Array>

const MAP_BYTES = 64 * 1024 ** 3
const POSITION_KEY = Buffer.from('position')

export class LmdbBytesState implements BytesState {
  readonly standsFor =
    'one version only; a batch is one transaction over a database per operator; os: noSync and useWritemap'
  #db!: RootDatabase<Uint8Array, Uint8Array>
  #operators: Rows[] = []
  #states: KeyedState[] = []
  #durability: EngineOptions['durability'] = 'os'

  async open({
    directory,
    durability,
    operators,
  }: EngineOptions & { readonly operators: number }): Promise<void> {
    this.#durability = durability
    const encoding = { keyEncoding: 'binary', encoding: 'binary' } as const
    this.#db = open<Uint8Array, Uint8Array>({
      path: directory,
      ...encoding,
      noSync: durability === 'os',
      // Its README's fast path with noSync: twice to three times the rows a second here.
      useWritemap: durability === 'os',
      overlappingSync: false,
      mapSize: MAP_BYTES,
    })
    this.#operators = Array.from({ length: operators }, (_, operator) =>
      this.#db.openDB<Uint8Array, Uint8Array>({ name: `operator-${operator}`, ...encoding }),
    )
    this.#states = this.#operators.map((rows) => new LmdbState(rows))
  }

  async run({ expired, position, apply }: StateBatch): Promise<number> {
    let applied = 0
    this.#db.transactionSync(() => {
      if (expired !== undefined) evict(this.#operators[0], expired)
      apply(this.#states)
      applied = nowMs()
      this.#db.putSync(POSITION_KEY, Buffer.from(String(position)))
    })
    if (this.#durability === 'fsync') await this.#db.flushed
    return nowMs() - applied
  }

  scan(operator: number, visit: (key: Uint8Array, value: Uint8Array) => void): void {
    for (const { key, value } of this.#operators[operator].getRange()) visit(key, value)
  }

  async close(): Promise<void> {
    await this.#db.close()
  }
}

/** Collected first: the tree is not to be changed under a range that is being read. */
function evict(rows: Rows, expired: Expired): void {
  for (const { key, value } of Array.from(rows.getRange({ end: expired.below }))) {
    expired.emit(key, value)
    rows.removeSync(key)
  }
}

class LmdbState implements KeyedState {
  readonly #rows: Rows

  constructor(rows: Rows) {
    this.#rows = rows
  }

  has(key: Uint8Array): boolean {
    return this.#rows.getBinaryFast(key) !== undefined
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#rows.getBinaryFast(key)
  }

  getSlice(key: Uint8Array, into: ByteSlice): boolean {
    return sliceOf(this.get(key), into)
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#rows.putSync(key, value)
  }
}
