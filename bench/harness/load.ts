import type { Engine } from './engine.ts'
import { RowBatch } from './workload.ts'

export const LOAD_BATCH_ROWS = 100_000
export const LOAD_STAMP = 1

/** Fills the engine with keys 0 to `keys` − 1, in commits of LOAD_BATCH_ROWS. */
export async function load(engine: Engine, keys: number): Promise<void> {
  const batch = new RowBatch(Math.min(keys, LOAD_BATCH_ROWS))
  for (let from = 0; from < keys; from += batch.size) {
    const rows = Math.min(batch.size, keys - from)
    for (let i = 0; i < rows; i++) batch.set(i, from + i, LOAD_STAMP)
    await engine.begin()
    for (let i = 0; i < rows; i++) engine.put(batch.keys[i], batch.values[i])
    await engine.commit()
  }
}
