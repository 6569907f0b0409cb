// What must come out, computed the plain way: one pass over the input with two JavaScript Maps, no stores, no batches, no bytes. Rows are spelled as
// text, so that this side shares nothing with the encodings of the job.

import type { Flight, RouteStats } from './flight.ts'
import type { FlightSource } from './input.ts'

/** The rows of both operators, as text: key → value. */
export interface Expected {
  flights: Map<string, string>
  routes: Map<string, string>
}

/** Rows read at a time; only memory depends on it. */
const CHUNK_ROWS = 50_000

export async function computeExpected(source: FlightSource, rows: number): Promise<Expected> {
  const flights = new Map<string, string>()
  const routes = new Map<string, RouteStats>()
  for (let row = 0; row < rows; row += CHUNK_ROWS) {
    for (const flight of await source.read(row, Math.min(row + CHUNK_ROWS, rows))) {
      const key = flightText(flight)
      if (flights.has(key)) continue
      flights.set(key, '')
      addFlight(routes, flight)
    }
  }
  return {
    flights,
    routes: new Map([...routes].map(([route, stats]) => [route, statsText(stats)])),
  }
}

function addFlight(routes: Map<string, RouteStats>, flight: Flight): void {
  const { minute: lastMinute, delay: lastDelay, distance: lastDistance } = flight
  const last = { lastMinute, lastDelay, lastDistance }
  const stats = routes.get(routeText(flight))
  if (stats === undefined) {
    routes.set(routeText(flight), { count: 1, sumDelays: lastDelay, maxDelay: lastDelay, ...last })
  } else {
    stats.count++
    stats.sumDelays += lastDelay
    if (lastDelay > stats.maxDelay) stats.maxDelay = lastDelay
    Object.assign(stats, last)
  }
}

export function flightText(flight: Omit<Flight, 'distance'>): string {
  return `${flight.origin}-${flight.destination} ${flight.minute} ${flight.delay}`
}

export function routeText(route: Pick<Flight, 'origin' | 'destination'>): string {
  return `${route.origin}-${route.destination}`
}

export function statsText(stats: RouteStats): string {
  return (
    `${stats.count} flights, delays sum ${stats.sumDelays} max ${stats.maxDelay}, ` +
    `last minute ${stats.lastMinute} delay ${stats.lastDelay} distance ${stats.lastDistance}`
  )
}
