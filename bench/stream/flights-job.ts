// The job of docs/examples/flights: operator 0 drops flights seen before, operator 1 keeps count, sum and maximum of the delays and the last flight by
// route. Here once over bytes and once over a JS Map; the demo's own one is written against tidemark's stores.

import {
  computeExpected,
  flightText,
  routeText,
  statsText,
} from '../../docs/examples/flights/expected.ts'
import {
  decodeFlightKey,
  decodeRouteKey,
  decodeRouteStats,
  type Flight,
  FlightKeyEncoder,
  RouteKeyEncoder,
  type RouteStats,
  RouteStatsEncoder,
} from '../../docs/examples/flights/flight.ts'
import { FlightSource } from '../../docs/examples/flights/input.ts'
import { withFlight } from '../../docs/examples/flights/job.ts'
import type { EngineOptions } from '../harness/engine.ts'
import { nowMs } from '../harness/figures.ts'
import { type Content, ContentSum } from '../harness/workload.ts'
import type { BytesState, KeyedState } from './bytes-state.ts'
import type { StreamJob } from './job.ts'
import { JSON_FILE_STANDS_FOR, readJsonCheckpoint, writeJsonCheckpoint } from './json-checkpoint.ts'

const SEEN = 0
const ROUTES = 1
const NOTHING = new Uint8Array(0)

const TEXT_BYTES_MAX = 256
const keyText = Buffer.alloc(TEXT_BYTES_MAX)
const valueText = Buffer.alloc(TEXT_BYTES_MAX)

/** Rows are compared as the text they stand for, not as bytes: a Map has none. */
function addText(sum: ContentSum, key: string, value: string): void {
  sum.add(
    keyText.subarray(0, keyText.write(key, 'latin1')),
    valueText.subarray(0, valueText.write(value, 'latin1')),
  )
}

/** Computed as the demo checks itself: in one pass, without batches and bytes. */
export async function flightsOracle(rows: number): Promise<Content> {
  const { flights, routes } = await computeExpected(await FlightSource.open(), rows)
  const sum = new ContentSum()
  for (const [key, value] of flights) addText(sum, key, value)
  for (const [key, value] of routes) addText(sum, key, value)
  return sum.content()
}

export class FlightsOnBytes implements StreamJob<Flight> {
  readonly #state: BytesState
  readonly #flightKeys = new FlightKeyEncoder()
  readonly #routeKeys = new RouteKeyEncoder()
  readonly #stats = new RouteStatsEncoder()

  constructor(state: BytesState) {
    this.#state = state
  }

  get standsFor(): string | undefined {
    return this.#state.standsFor
  }

  async open(options: EngineOptions): Promise<void> {
    await this.#state.open({ ...options, operators: 2 })
  }

  async batch(flights: readonly Flight[], position: number): Promise<number> {
    return await this.#state.run({
      position,
      apply: (operators) => this.#apply(flights, operators[SEEN], operators[ROUTES]),
    })
  }

  #apply(flights: readonly Flight[], seen: KeyedState, routes: KeyedState): void {
    for (const flight of flights) {
      const flightKey = this.#flightKeys.encode(flight)
      if (seen.has(flightKey)) continue
      seen.put(flightKey, NOTHING)
      const routeKey = this.#routeKeys.encode(flight)
      const value = routes.get(routeKey)
      const stats = withFlight(value && decodeRouteStats(value), flight)
      routes.put(routeKey, this.#stats.encode(stats))
    }
  }

  async content(): Promise<Content> {
    const sum = new ContentSum()
    await this.#state.scan(SEEN, (key) => addText(sum, flightText(decodeFlightKey(key)), ''))
    await this.#state.scan(ROUTES, (key, value) =>
      addText(sum, routeText(decodeRouteKey(key)), statsText(decodeRouteStats(value))),
    )
    return sum.content()
  }

  async close(): Promise<void> {
    await this.#state.close()
  }
}

interface FlightsCheckpoint {
  readonly position: number
  readonly seen: string[]
  readonly routes: [string, RouteStats][]
}

export class FlightsOnMap implements StreamJob<Flight> {
  readonly standsFor = JSON_FILE_STANDS_FOR
  #seen = new Set<string>()
  #routes = new Map<string, RouteStats>()
  #options!: EngineOptions

  async open(options: EngineOptions): Promise<void> {
    this.#options = options
    const checkpoint = await readJsonCheckpoint<FlightsCheckpoint>(options)
    this.#seen = new Set(checkpoint?.seen)
    this.#routes = new Map(checkpoint?.routes)
  }

  async batch(flights: readonly Flight[], position: number): Promise<number> {
    for (const flight of flights) {
      const key = flightText(flight)
      if (this.#seen.has(key)) continue
      this.#seen.add(key)
      const route = routeText(flight)
      this.#routes.set(route, withFlight(this.#routes.get(route), flight))
    }
    const applied = nowMs()
    const state: FlightsCheckpoint = {
      position,
      seen: [...this.#seen],
      routes: [...this.#routes],
    }
    await writeJsonCheckpoint(this.#options, state)
    return nowMs() - applied
  }

  async content(): Promise<Content> {
    const sum = new ContentSum()
    for (const key of this.#seen) addText(sum, key, '')
    for (const [route, stats] of this.#routes) addText(sum, route, statsText(stats))
    return sum.content()
  }

  async close(): Promise<void> {}
}
