// NameNodes — which of the NameNodes of a location to ask: one until it fails, and then the others in turn.
//
// `confirmed` matters for writing alone: a standby answers the first step of a CREATE as if it were active, and the DataNode then waits for
// minutes. So before a write somebody must have seen the NameNode answer what a standby refuses, a moment ago.

import type { Clock } from '../../base/clock.ts'
import type { Endpoint } from './location.ts'

/** How long what a NameNode has shown counts, milliseconds: who writes more seldom asks once more before each write. */
const CONFIRMED_MS = 2000

export class NameNodes {
  readonly #endpoints: readonly Endpoint[]
  readonly #clock: Clock
  #index = 0
  /** When the current one was last seen to be active. */
  #confirmedAtMs = -Infinity
  /** Nothing that was seen before this counts. */
  #doubtedAtMs = -Infinity
  #leaving = new AbortController()

  constructor(endpoints: readonly Endpoint[], clock: Clock) {
    this.#endpoints = endpoints
    this.#clock = clock
  }

  get count(): number {
    return this.#endpoints.length
  }

  get current(): Endpoint {
    return this.#endpoints[this.#index]
  }

  /** Aborted once the current one is left for another: who waits for a connection to it need not wait any more. */
  get left(): AbortSignal {
    return this.#leaving.signal
  }

  /** True if the current one is known to be active, or is the only one there is. */
  get confirmed(): boolean {
    const sinceMs = this.#clock.elapsedMs() - this.#confirmedAtMs
    return sinceMs < CONFIRMED_MS || this.#endpoints.length === 1
  }

  /** `endpoint` has answered what only an active NameNode answers, at this time or later. Of one that was left or doubted since, it says nothing. */
  seenActive(endpoint: Endpoint, atMs = this.#clock.elapsedMs()): void {
    if (this.current !== endpoint || atMs < this.#doubtedAtMs) return
    this.#confirmedAtMs = Math.max(this.#confirmedAtMs, atMs)
  }

  /** `endpoint` is down or a standby: the next one is asked. Of many callers that say so of the same one, the first counts. */
  failed(endpoint: Endpoint): void {
    if (this.current !== endpoint) return
    this.#index = (this.#index + 1) % this.#endpoints.length
    this.doubt()
    if (this.current === endpoint) return
    this.#leaving.abort()
    this.#leaving = new AbortController()
  }

  /** Something behind the current one failed as it does behind a standby. */
  doubt(): void {
    this.#confirmedAtMs = -Infinity
    this.#doubtedAtMs = this.#clock.elapsedMs()
  }
}
