// Bids after Nexmark's generator: half of them go to one hot auction, which changes with every hundredth, the others to any of those in flight. They
// arrive out of order by up to BID_DELAY_MS. Unlike there, as many auctions are in flight as to make a state worth the name (Nexmark: 100).

import { Random } from '../harness/workload.ts'
import type { EventSource } from './job.ts'

export interface Bid {
  /** Milliseconds since the stream began. */
  readonly timeMs: number
  readonly auction: number
  readonly price: number
}

export const BID_DELAY_MS = 5_000

const SEED = 7
const AUCTIONS_IN_FLIGHT = 100_000
/** Nexmark's proportions: of 50 events 46 are bids and 3 are new auctions. */
const BIDS_PER_AUCTION = 46 / 3
const HOT_AUCTION_EVERY = 100
const PRICE_MAX = 1_000_000

export class BidSource implements EventSource<Bid> {
  readonly #random = new Random(SEED)
  readonly #bidsPerSecond: number
  #next = 0

  constructor(bidsPerSecond: number) {
    this.#bidsPerSecond = bidsPerSecond
  }

  read(start: number, end: number): Bid[] {
    if (start !== this.#next)
      throw new RangeError(`Expected \`start\` to be ${this.#next}, got ${start}`)
    const bids: Bid[] = []
    for (; this.#next < end; this.#next++) bids.push(this.#bid(this.#next))
    return bids
  }

  #bid(i: number): Bid {
    const random = this.#random
    const newest = AUCTIONS_IN_FLIGHT + Math.floor(i / BIDS_PER_AUCTION)
    const isHot = random.below(2) === 0
    const auction = isHot
      ? newest - (newest % HOT_AUCTION_EVERY)
      : newest - random.below(AUCTIONS_IN_FLIGHT)
    const arrivalMs = Math.floor((i * 1000) / this.#bidsPerSecond) + BID_DELAY_MS
    return {
      timeMs: arrivalMs - random.below(BID_DELAY_MS),
      auction,
      price: random.below(PRICE_MAX),
    }
  }
}
