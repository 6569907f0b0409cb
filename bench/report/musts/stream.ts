import type { Must } from '../musts.ts'
import type { Results, Where } from '../results.ts'
import { OURS, quotient } from './sides.ts'

const STREAM_RIVALS = ['lmdb', 'classic-level', 'js-map-json']
/** Older results lack them. */
const LATER_RIVALS = ['js-map-delta']

/** Our rows a second by those of the fastest rival; undefined if one of the first rivals is missing, which might be the fastest. */
function streamLead(where: Where) {
  return (results: Results) => {
    const rate = (engine: string) => results.figure('stream', where, engine, 'rowsPerSecond')
    const rivals = STREAM_RIVALS.map(rate).filter((one) => one !== undefined)
    if (rivals.length < STREAM_RIVALS.length) return undefined
    const later = LATER_RIVALS.map(rate).filter((one) => one !== undefined)
    return quotient(rate(OURS), Math.max(...rivals, ...later))
  }
}

export const STREAM: readonly Must[] = [
  {
    row: 10,
    text: 'stream job, flights, os, rows a second: tidemark by the fastest other',
    bound: { above: 1 },
    reached: streamLead({ job: 'flights', durability: 'os' }),
  },
  {
    row: 10,
    text: 'stream job, flights, fsync, rows a second: tidemark by the fastest other',
    bound: { above: 1 },
    reached: streamLead({ job: 'flights', durability: 'fsync' }),
  },
  {
    row: 10,
    text: 'stream job, bids counted per window, os, rows a second: tidemark by the fastest other',
    bound: { above: 1 },
    reached: streamLead({ job: 'bids', durability: 'os' }),
  },
]
