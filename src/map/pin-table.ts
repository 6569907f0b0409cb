// Which sequences readers hold. Views and cursors pin the sequence they read at; what a pinned sequence sees is neither reclaimed nor, for
// cursors, moved. The table is sorted and has one entry per distinct sequence, so its length is bounded by the readers that are open;
// readers that are forgotten show in `holderCount`.

import { assert } from '../base/assert.ts'

export class Pin {
  readonly sequence: number
  holderCount = 0
  /** The transaction this reader looked into was aborted: what it saw is gone. */
  isRevoked = false

  constructor(sequence: number) {
    this.sequence = sequence
  }
}

export class PinTable {
  /** Ascending by sequence. */
  #pins: Pin[] = []
  #holderCount = 0

  get holderCount(): number {
    return this.#holderCount
  }

  /** Infinity if nothing is pinned. */
  get sequenceMin(): number {
    return this.#pins[0]?.sequence ?? Infinity
  }

  /** 0 if nothing is pinned. */
  get sequenceMax(): number {
    return this.#pins.at(-1)?.sequence ?? 0
  }

  acquire(sequence: number): Pin {
    // Most pins are for the newest sequences, so look from the end.
    let at = this.#pins.length
    while (at > 0 && this.#pins[at - 1].sequence >= sequence) at--
    let pin = this.#pins[at]
    if (pin === undefined || pin.sequence !== sequence) {
      pin = new Pin(sequence)
      this.#pins.splice(at, 0, pin)
    }
    pin.holderCount++
    this.#holderCount++
    return pin
  }

  release(pin: Pin): void {
    if (pin.isRevoked) return
    assert(pin.holderCount > 0, `a pin of sequence ${pin.sequence} is released once per holder`)
    pin.holderCount--
    this.#holderCount--
    if (pin.holderCount === 0) this.#pins.splice(this.#pins.indexOf(pin), 1)
  }

  /** Takes their pins from all who hold a sequence above `sequence`; returns how many holders that were. */
  revokeAbove(sequence: number): number {
    const before = this.#holderCount
    for (let pin = this.#pins.at(-1); pin && pin.sequence > sequence; pin = this.#pins.at(-1)) {
      pin.isRevoked = true
      this.#holderCount -= pin.holderCount
      this.#pins.pop()
    }
    return before - this.#holderCount
  }
}
