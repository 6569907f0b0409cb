// Bids per auction and window: count and highest price, in tumbling windows of event time. A window is put out and dropped once the watermark has
// passed it; the watermark of a batch is that of the batch before it, as in Spark. Where state is bytes, a batch is summed up before it meets it.
//
//   key      8 bytes   window u32 | auction u32, big-endian, so that a sorted store has the oldest windows in front
//   value    8 bytes   count u32 | highest price u32

import { noBytes } from '../../src/base/byte-slice.ts'
import type { EngineOptions } from '../harness/engine.ts'
import { nowMs } from '../harness/figures.ts'
import { type Content, ContentSum } from '../harness/workload.ts'
import { type Bid, BID_DELAY_MS, type BidSource } from './bid-source.ts'
import type { BytesState, Expired, KeyedState } from './bytes-state.ts'
import type { StreamJob } from './job.ts'
import { JSON_FILE_STANDS_FOR, readJsonCheckpoint, writeJsonCheckpoint } from './json-checkpoint.ts'

const WINDOW_MS = 30_000

interface Bids {
  count: number
  highest: number
}

const NO_BIDS: Bids = { count: 0, highest: 0 }

type Windows = Map<number, Map<number, Bids>>

/** Rows of the state, and those put out when their window was over. */
class BidsSum {
  readonly #sum = new ContentSum()
  readonly #key = new Uint32Array(3)
  readonly #value = new Uint32Array(2)
  readonly #keyBytes = new Uint8Array(this.#key.buffer)
  readonly #valueBytes = new Uint8Array(this.#value.buffer)

  add(isOut: boolean, window: number, auction: number, bids: Bids): void {
    this.#key[0] = isOut ? 1 : 0
    this.#key[1] = window
    this.#key[2] = auction
    this.#value[0] = bids.count
    this.#value[1] = bids.highest
    this.#sum.add(this.#keyBytes, this.#valueBytes)
  }

  content(): Content {
    return this.#sum.content()
  }
}

function windowOf(bid: Bid): number {
  return Math.floor(bid.timeMs / WINDOW_MS)
}

/** Knows which windows are over. */
class Watermark {
  #latestMs = 0
  #isAdvanced = false
  /** Windows below this one are over. */
  openWindow = 0

  /** Called when a batch begins: true if windows are over that were not before. */
  advance(): boolean {
    const window = Math.floor(Math.max(0, this.#latestMs - BID_DELAY_MS) / WINDOW_MS)
    this.#isAdvanced = window > this.openWindow
    this.openWindow = window
    return this.#isAdvanced
  }

  see(bid: Bid): void {
    if (bid.timeMs > this.#latestMs) this.#latestMs = bid.timeMs
  }
}

/** In one pass; batches matter only to what is put out in the end. */
export function bidsOracle(source: BidSource, rows: number, batchRows: number): Content {
  const watermark = new Watermark()
  const windows: Windows = new Map()
  for (let row = 0; row < rows; row += batchRows) {
    watermark.advance()
    for (const bid of source.read(row, Math.min(row + batchRows, rows))) {
      watermark.see(bid)
      count(windows, bid)
    }
  }
  const sum = new BidsSum()
  for (const [window, auctions] of windows) {
    const isOut = window < watermark.openWindow
    for (const [auction, bids] of auctions) sum.add(isOut, window, auction, bids)
  }
  return sum.content()
}

function count(windows: Windows, bid: Bid): void {
  const window = windowOf(bid)
  let auctions = windows.get(window)
  if (auctions === undefined) windows.set(window, (auctions = new Map()))
  const bids = auctions.get(bid.auction)
  if (bids === undefined) {
    auctions.set(bid.auction, { count: 1, highest: bid.price })
  } else {
    bids.count++
    bids.highest = Math.max(bids.highest, bid.price)
  }
}

export class BidsOnBytes implements StreamJob<Bid> {
  readonly #state: BytesState
  readonly #watermark = new Watermark()
  readonly #sum = new BidsSum()
  readonly #key = Buffer.alloc(8)
  readonly #value = Buffer.alloc(8)
  readonly #found = noBytes()

  constructor(state: BytesState) {
    this.#state = state
  }

  get standsFor(): string | undefined {
    return this.#state.standsFor
  }

  async open(options: EngineOptions): Promise<void> {
    await this.#state.open({ ...options, operators: 1 })
  }

  async batch(bids: readonly Bid[], position: number): Promise<number> {
    const expired = this.#watermark.advance() ? this.#expired() : undefined
    return await this.#state.run({
      position,
      expired,
      apply: ([counts]) => {
        for (const [window, auctions] of this.#sumUp(bids))
          for (const [auction, bids] of auctions) this.#merge(counts, window, auction, bids)
      },
    })
  }

  /** The batch alone, before any state is looked at: Spark's partial aggregation. A key is then read and written once a batch. */
  #sumUp(bids: readonly Bid[]): Windows {
    const windows: Windows = new Map()
    for (const bid of bids) {
      this.#watermark.see(bid)
      count(windows, bid)
    }
    return windows
  }

  #merge(counts: KeyedState, window: number, auction: number, bids: Bids): void {
    const key = this.#key
    key.writeUInt32BE(window, 0)
    key.writeUInt32BE(auction, 4)
    const { count, highest } = counts.getSlice(key, this.#found)
      ? decodeBids(this.#found.bytes, this.#found.offset)
      : NO_BIDS
    this.#value.writeUInt32BE(count + bids.count, 0)
    this.#value.writeUInt32BE(Math.max(highest, bids.highest), 4)
    counts.put(key, this.#value)
  }

  #expired(): Expired {
    const { openWindow } = this.#watermark
    const below = Buffer.alloc(4)
    below.writeUInt32BE(openWindow)
    return {
      below,
      includes: (key) => readU32(key, 0) < openWindow,
      emit: (key, value) =>
        this.#sum.add(true, readU32(key, 0), readU32(key, 4), decodeBids(value, 0)),
    }
  }

  async content(): Promise<Content> {
    await this.#state.scan(0, (key, value) =>
      this.#sum.add(false, readU32(key, 0), readU32(key, 4), decodeBids(value, 0)),
    )
    return this.#sum.content()
  }

  async close(): Promise<void> {
    await this.#state.close()
  }
}

function decodeBids(bytes: Uint8Array, at: number): Bids {
  return { count: readU32(bytes, at), highest: readU32(bytes, at + 4) }
}

function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0
}

interface BidsCheckpoint {
  readonly position: number
  readonly windows: [number, [number, Bids][]][]
}

export class BidsOnMap implements StreamJob<Bid> {
  readonly standsFor = JSON_FILE_STANDS_FOR
  readonly #watermark = new Watermark()
  readonly #sum = new BidsSum()
  #windows: Windows = new Map()
  #options!: EngineOptions

  async open(options: EngineOptions): Promise<void> {
    this.#options = options
    const checkpoint = await readJsonCheckpoint<BidsCheckpoint>(options)
    this.#windows = new Map(
      checkpoint?.windows.map(([window, auctions]) => [window, new Map(auctions)]),
    )
  }

  async batch(bids: readonly Bid[], position: number): Promise<number> {
    if (this.#watermark.advance()) this.#evict()
    for (const bid of bids) {
      this.#watermark.see(bid)
      count(this.#windows, bid)
    }
    const applied = nowMs()
    const checkpoint: BidsCheckpoint = {
      position,
      windows: [...this.#windows].map(([window, auctions]) => [window, [...auctions]]),
    }
    await writeJsonCheckpoint(this.#options, checkpoint)
    return nowMs() - applied
  }

  #evict(): void {
    for (const [window, auctions] of this.#windows) {
      if (window >= this.#watermark.openWindow) continue
      for (const [auction, bids] of auctions) this.#sum.add(true, window, auction, bids)
      this.#windows.delete(window)
    }
  }

  async content(): Promise<Content> {
    for (const [window, auctions] of this.#windows)
      for (const [auction, bids] of auctions) this.#sum.add(false, window, auction, bids)
    return this.#sum.content()
  }

  async close(): Promise<void> {}
}
