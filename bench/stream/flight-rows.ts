// Flights as rows of state files.

import {
  type Flight,
  FlightKeyEncoder,
  RouteKeyEncoder,
  type RouteStats,
  RouteStatsEncoder,
} from '../../docs/examples/flights/flight.ts'
import { withFlight } from '../../docs/examples/flights/job.ts'
import { FlightColumns } from './flight-columns.ts'

/** 'state': what both operators of the demo write for a flight. 'json': a flight under its key. */
export type FlightRows = 'state' | 'json'

export type Row = readonly [key: Uint8Array, value: Uint8Array]

/** Of the first `flights` flights. */
export async function flightRows(kind: FlightRows, flights: number): Promise<Row[]> {
  const columns = await FlightColumns.load(flights)
  const all = columns.read(0, flights)
  return kind === 'json' ? jsonRows(all) : stateRows(all)
}

function jsonRows(flights: readonly Flight[]): Row[] {
  const keys = new FlightKeyEncoder()
  return flights.map((flight) => [keys.encode(flight).slice(), Buffer.from(JSON.stringify(flight))])
}

function stateRows(flights: readonly Flight[]): Row[] {
  const flightKeys = new FlightKeyEncoder()
  const routeKeys = new RouteKeyEncoder()
  const values = new RouteStatsEncoder()
  const routes = new Map<string, RouteStats>()
  return flights.flatMap((flight): Row[] => {
    const route = flight.origin + flight.destination
    const stats = withFlight(routes.get(route), flight)
    routes.set(route, stats)
    return [
      [flightKeys.encode(flight).slice(), new Uint8Array(0)],
      [routeKeys.encode(flight).slice(), values.encode(stats).slice()],
    ]
  })
}
