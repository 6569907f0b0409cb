// The source of the stream: three million US flights of 2001, in the order in which they arrived, from the Parquet file of the package
// vega-datasets. A position in the stream is a row number, so any batch can be read again: that is all the job needs of a source.
//
// The file is decoded one row group at a time (273,000 rows, about 0.2 s), column by column; rows become objects only for the batch asked for.

import { zstdDecompressSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import { asyncBufferFromFile, parquetScan } from 'hyparquet'
import type { Flight } from './flight.ts'

type Scan = Awaited<ReturnType<typeof parquetScan>>

const MICROSECONDS_PER_MINUTE = 60_000_000n

interface RowGroup {
  rowStart: number
  rowEnd: number
  minutes: ArrayLike<number>
  delays: ArrayLike<bigint>
  distances: ArrayLike<bigint>
  origins: ArrayLike<string>
  destinations: ArrayLike<string>
}

export class FlightSource {
  readonly #scan: Scan
  /** How many rows there are. */
  readonly rows: number
  #group: RowGroup | undefined

  private constructor(scan: Scan) {
    this.#scan = scan
    this.rows = Number(scan.metadata.num_rows)
  }

  static async open(): Promise<FlightSource> {
    // The package exports its code only; the data lies beside it.
    const packageEntry = import.meta.resolve('vega-datasets')
    const path = fileURLToPath(new URL('../data/flights-3m.parquet', packageEntry))
    const scan = await parquetScan({
      file: await asyncBufferFromFile(path),
      compressors: { ZSTD: (bytes) => zstdDecompressSync(bytes) },
      parsers: {
        timestampFromMicroseconds: (micros) => Number(micros / MICROSECONDS_PER_MINUTE),
      },
    })
    return new FlightSource(scan)
  }

  /** The rows from `rowStart` up to, not including, `rowEnd`; fewer where the file ends. */
  async read(rowStart: number, rowEnd: number): Promise<Flight[]> {
    const flights: Flight[] = []
    const end = Math.min(rowEnd, this.rows)
    for (let row = rowStart; row < end;) {
      const group = await this.#groupOf(row)
      const stop = Math.min(end, group.rowEnd)
      for (; row < stop; row++) {
        const i = row - group.rowStart
        flights.push({
          minute: group.minutes[i],
          delay: Number(group.delays[i]),
          distance: Number(group.distances[i]),
          origin: group.origins[i],
          destination: group.destinations[i],
        })
      }
    }
    return flights
  }

  /** The row group that holds `row`. One is kept: a stream reads them in order. */
  async #groupOf(row: number): Promise<RowGroup> {
    if (this.#group && row >= this.#group.rowStart && row < this.#group.rowEnd) return this.#group
    const range = this.#scan.ranges.find((group) => row >= group.rowStart && row < group.rowEnd)
    if (!range) throw new RangeError(`Expected a row below ${this.rows}, got ${row}`)
    const column = async <T>(name: string): Promise<ArrayLike<T>> =>
      (await this.#scan.readColumn({ ...range, column: name })) as ArrayLike<T>
    this.#group = {
      ...range,
      minutes: await column<number>('date'),
      delays: await column<bigint>('delay'),
      distances: await column<bigint>('distance'),
      origins: await column<string>('origin'),
      destinations: await column<string>('destination'),
    }
    return this.#group
  }
}
