// NameNodes — which of the NameNodes of a location to ask: the one that answered last, and after it the others in turn.
//
// `confirmed` matters for writing alone: a standby answers the first step of a CREATE as if it were active, and the DataNode then waits for
// minutes. So before a write somebody must have seen the NameNode answer what a standby refuses.

import type { Endpoint } from './location.ts'

export class NameNodes {
  readonly #endpoints: readonly Endpoint[]
  #index = 0
  #confirmed = false

  constructor(endpoints: readonly Endpoint[]) {
    this.#endpoints = endpoints
  }

  get count(): number {
    return this.#endpoints.length
  }

  get current(): Endpoint {
    return this.#endpoints[this.#index]
  }

  /** True if the current one is known to be active, or is the only one there is. */
  get confirmed(): boolean {
    return this.#confirmed || this.#endpoints.length === 1
  }

  /** `endpoint` has answered what only an active NameNode answers. An answer that ends after it was left says nothing of now. */
  active(endpoint: Endpoint): void {
    if (this.current === endpoint) this.#confirmed = true
  }

  /** `endpoint` is down or a standby: the next one is asked. Of many callers that say so of the same one, the first counts. */
  failed(endpoint: Endpoint): void {
    if (this.current !== endpoint) return
    this.#index = (this.#index + 1) % this.#endpoints.length
    this.#confirmed = false
  }

  /** Something behind the current one failed as it does behind a standby. */
  doubt(): void {
    this.#confirmed = false
  }
}
