import { setImmediate as turn } from 'node:timers/promises'
import type { Engine } from './engine.ts'
import { RowBatch, type Rows } from './workload.ts'

export const LOAD_BATCH_ROWS = 100_000
export const LOAD_STAMP = 1

/** Rows made ahead of their puts, where the engine copies what it is given. */
const PIECE_ROWS = 10_000

export interface LoadOptions {
  /** Other rows than those of RowBatch. */
  readonly makeRows?: (size: number) => Rows
  /** Called after each PIECE_ROWS puts, with the number of rows put so far. */
  readonly afterPiece?: (rows: number) => void
}

/** Fills the engine with keys 0 to `keys` − 1, in commits of LOAD_BATCH_ROWS. */
export async function load(
  engine: Engine,
  keys: number,
  { makeRows = (size) => new RowBatch(size), afterPiece }: LoadOptions = {},
): Promise<void> {
  const batchRows = Math.min(keys, LOAD_BATCH_ROWS)
  const piece = makeRows(pieceRowsOf(engine, batchRows))
  for (let from = 0; from < keys; from += batchRows) {
    const end = Math.min(keys, from + batchRows)
    await engine.begin()
    for (let n = from; n < end; n += piece.size) {
      const rows = Math.min(piece.size, end - n)
      for (let i = 0; i < rows; i++) piece.set(i, n + i, LOAD_STAMP)
      for (let i = 0; i < rows; i++) engine.put(piece.keys[i], piece.values[i])
      afterPiece?.(n + rows)
      // As in a program that reads its input: what waits to be written has its chance.
      await turn()
    }
    await engine.commit()
  }
}

/** How many of the rows of a batch are made at a time: buffers for many would take as much memory as what they are put into. */
export function pieceRowsOf(engine: Engine, batchRows: number): number {
  return engine.changesAtCommit ? batchRows : Math.min(batchRows, PIECE_ROWS)
}
