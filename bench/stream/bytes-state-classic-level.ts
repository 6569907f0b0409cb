// A batch is one chained batch over a sublevel per operator. LevelDB reads the last commit only, so what the batch has written is kept in a Map
// beside it, and looked up there first.

import { ClassicLevel } from 'classic-level'
import { CACHE_BYTES } from '../compare/classic-level.ts'
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

type Level = ClassicLevel<Uint8Array, Uint8Array>
type Batch = ReturnType<Level['batch']>
type Sublevel = ReturnType<typeof sublevelOf>

const ENCODING = { keyEncoding: 'view', valueEncoding: 'view' } as const
const POSITION_KEY = Buffer.from('position')
const ROWS_READ_AT_ONCE = 1_000

export class ClassicLevelBytesState implements BytesState {
  readonly standsFor =
    'one version only; a batch is one write of its log, its changes in a Map until then; cache of 512 MiB'
  #db!: Level
  #operators: Sublevel[] = []
  #sync = false

  async open({
    directory,
    durability,
    operators,
  }: EngineOptions & { readonly operators: number }): Promise<void> {
    this.#sync = durability === 'fsync'
    this.#db = new ClassicLevel<Uint8Array, Uint8Array>(directory, {
      ...ENCODING,
      cacheSize: CACHE_BYTES,
    })
    await this.#db.open()
    this.#operators = Array.from({ length: operators }, (_, operator) =>
      sublevelOf(this.#db, `operator-${operator}`),
    )
    for (const sublevel of this.#operators) await sublevel.open()
  }

  async run({ expired, position, apply }: StateBatch): Promise<number> {
    const batch = this.#db.batch()
    if (expired !== undefined) await evict(this.#operators[0], batch, expired)
    apply(this.#operators.map((sublevel) => new ClassicLevelState(sublevel, batch)))
    const applied = nowMs()
    batch.put(POSITION_KEY, Buffer.from(String(position)))
    await batch.write({ sync: this.#sync })
    return nowMs() - applied
  }

  async scan(operator: number, visit: (key: Uint8Array, value: Uint8Array) => void): Promise<void> {
    await visitRange(this.#operators[operator], undefined, visit)
  }

  async close(): Promise<void> {
    await this.#db.close()
  }
}

function sublevelOf(db: Level, name: string) {
  return db.sublevel<Uint8Array, Uint8Array>(name, ENCODING)
}

async function evict(sublevel: Sublevel, batch: Batch, expired: Expired): Promise<void> {
  await visitRange(sublevel, expired.below, (key, value) => {
    expired.emit(key, value)
    batch.del(key, { sublevel })
  })
}

async function visitRange(
  sublevel: Sublevel,
  below: Uint8Array | undefined,
  visit: (key: Uint8Array, value: Uint8Array) => void,
): Promise<void> {
  const iterator = sublevel.iterator(below === undefined ? {} : { lt: below })
  for (;;) {
    const rows = await iterator.nextv(ROWS_READ_AT_ONCE)
    if (rows.length === 0) break
    for (const [key, value] of rows) visit(key, value)
  }
  await iterator.close()
}

class ClassicLevelState implements KeyedState {
  readonly #sublevel: Sublevel
  readonly #batch: Batch
  readonly #changes = new Map<string, Uint8Array>()

  constructor(sublevel: Sublevel, batch: Batch) {
    this.#sublevel = sublevel
    this.#batch = batch
  }

  has(key: Uint8Array): boolean {
    return this.get(key) !== undefined
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#changes.get(mapKey(key)) ?? this.#sublevel.getSync(key)
  }

  getSlice(key: Uint8Array, into: ByteSlice): boolean {
    return sliceOf(this.get(key), into)
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#changes.set(mapKey(key), new Uint8Array(value))
    this.#batch.put(key, value, { sublevel: this.#sublevel })
  }
}

/** A Map compares objects by identity. */
function mapKey(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
}
