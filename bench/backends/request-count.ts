import diagnostics from 'node:diagnostics_channel'

const CHANNEL = 'http.client.request.start'

/** HTTP requests that leave this process between begin() and end(). Counts from the start. */
export class RequestCount {
  #count = 0
  readonly #seen = (): void => {
    this.#count++
  }

  constructor() {
    diagnostics.subscribe(CHANNEL, this.#seen)
  }

  begin(): void {
    this.#count = 0
  }

  end(): number {
    return this.#count
  }

  close(): void {
    diagnostics.unsubscribe(CHANNEL, this.#seen)
  }
}
