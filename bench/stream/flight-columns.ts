// The flights of docs/examples/flights in memory, in typed arrays: decoding the Parquet file costs as much as a job on it, and nobody's store has a
// part in that. Rows become objects batch by batch, as the demo's source makes them.

import type { Flight } from '../../docs/examples/flights/flight.ts'
import { FlightSource } from '../../docs/examples/flights/input.ts'
import type { EventSource } from './job.ts'

const CHUNK_ROWS = 50_000

export class FlightColumns implements EventSource<Flight> {
  readonly #minutes: Uint32Array
  readonly #delays: Int16Array
  readonly #distances: Uint16Array
  readonly #origins: Uint16Array
  readonly #destinations: Uint16Array
  readonly #airports: string[] = []
  readonly #airportNumbers = new Map<string, number>()

  private constructor(rows: number) {
    this.#minutes = new Uint32Array(rows)
    this.#delays = new Int16Array(rows)
    this.#distances = new Uint16Array(rows)
    this.#origins = new Uint16Array(rows)
    this.#destinations = new Uint16Array(rows)
  }

  /** The first `rows` flights. */
  static async load(rows: number): Promise<FlightColumns> {
    const source = await FlightSource.open()
    const columns = new FlightColumns(rows)
    for (let row = 0; row < rows; row += CHUNK_ROWS) {
      const flights = await source.read(row, Math.min(row + CHUNK_ROWS, rows))
      flights.forEach((flight, i) => columns.#set(row + i, flight))
    }
    return columns
  }

  read(start: number, end: number): Flight[] {
    const flights: Flight[] = []
    for (let i = start; i < end; i++) {
      flights.push({
        minute: this.#minutes[i],
        delay: this.#delays[i],
        distance: this.#distances[i],
        origin: this.#airports[this.#origins[i]],
        destination: this.#airports[this.#destinations[i]],
      })
    }
    return flights
  }

  #set(i: number, flight: Flight): void {
    this.#minutes[i] = flight.minute
    this.#delays[i] = flight.delay
    this.#distances[i] = flight.distance
    this.#origins[i] = this.#airportNumber(flight.origin)
    this.#destinations[i] = this.#airportNumber(flight.destination)
  }

  #airportNumber(code: string): number {
    const known = this.#airportNumbers.get(code)
    if (known !== undefined) return known
    this.#airports.push(code)
    this.#airportNumbers.set(code, this.#airports.length - 1)
    return this.#airports.length - 1
  }
}
