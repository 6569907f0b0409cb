// A flight, and the bytes under which the job keeps it. Fixed widths, big-endian, as keys and values of a state store are plain bytes:
//
//   flight key   12 bytes   origin 3 | destination 3 | minute u32 | delay i16          what makes two flights duplicates
//   route key     6 bytes   origin 3 | destination 3
//   route value  24 bytes   count u32 | maxDelay i16 | lastDelay i16 | sumDelays f64 | lastMinute u32 | lastDistance u16 | 0 0
//
// The encoders write into one buffer each and hand it out again and again: a store's put() copies what it is given, so nothing is allocated
// per row. What an encoder returned holds until its next call.

export interface Flight {
  /** Minutes since 1970-01-01T00:00Z. */
  minute: number
  /** Minutes; negative when early. */
  delay: number
  /** Miles. */
  distance: number
  /** Airport codes of three capital letters. */
  origin: string
  destination: string
}

/** What the job keeps per route. Delays in minutes. */
export interface RouteStats {
  count: number
  sumDelays: number
  maxDelay: number
  /** The last flight to arrive at the job. */
  lastMinute: number
  lastDelay: number
  lastDistance: number
}

const CODE_LETTERS = 3
const ROUTE_KEY_BYTES = 6
const FLIGHT_KEY_BYTES = 12
const ROUTE_VALUE_BYTES = 24

/** The key under which operator 0 remembers a flight: date, origin, destination and delay, but not distance. */
export class FlightKeyEncoder {
  readonly #bytes = new Uint8Array(FLIGHT_KEY_BYTES)
  readonly #view = viewOf(this.#bytes)

  encode(flight: Flight): Uint8Array {
    writeCode(this.#bytes, 0, flight.origin)
    writeCode(this.#bytes, 3, flight.destination)
    this.#view.setUint32(6, flight.minute)
    this.#view.setInt16(10, flight.delay)
    return this.#bytes
  }
}

export function decodeFlightKey(key: Uint8Array): Omit<Flight, 'distance'> {
  const view = viewOf(key)
  return {
    origin: readCode(key, 0),
    destination: readCode(key, 3),
    minute: view.getUint32(6),
    delay: view.getInt16(10),
  }
}

/** The key under which operator 1 keeps a route. */
export class RouteKeyEncoder {
  readonly #bytes = new Uint8Array(ROUTE_KEY_BYTES)

  encode(flight: Pick<Flight, 'origin' | 'destination'>): Uint8Array {
    writeCode(this.#bytes, 0, flight.origin)
    writeCode(this.#bytes, 3, flight.destination)
    return this.#bytes
  }
}

export function decodeRouteKey(key: Uint8Array): Pick<Flight, 'origin' | 'destination'> {
  return { origin: readCode(key, 0), destination: readCode(key, 3) }
}

export class RouteStatsEncoder {
  readonly #bytes = new Uint8Array(ROUTE_VALUE_BYTES)
  readonly #view = viewOf(this.#bytes)

  encode(stats: RouteStats): Uint8Array {
    this.#view.setUint32(0, stats.count)
    this.#view.setInt16(4, stats.maxDelay)
    this.#view.setInt16(6, stats.lastDelay)
    this.#view.setFloat64(8, stats.sumDelays)
    this.#view.setUint32(16, stats.lastMinute)
    this.#view.setUint16(20, stats.lastDistance)
    return this.#bytes
  }
}

export function decodeRouteStats(value: Uint8Array): RouteStats {
  const view = viewOf(value)
  return {
    count: view.getUint32(0),
    maxDelay: view.getInt16(4),
    lastDelay: view.getInt16(6),
    sumDelays: view.getFloat64(8),
    lastMinute: view.getUint32(16),
    lastDistance: view.getUint16(20),
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function writeCode(bytes: Uint8Array, offset: number, code: string): void {
  for (let i = 0; i < CODE_LETTERS; i++) bytes[offset + i] = code.charCodeAt(i)
}

function readCode(bytes: Uint8Array, offset: number): string {
  return String.fromCharCode(bytes[offset], bytes[offset + 1], bytes[offset + 2])
}
