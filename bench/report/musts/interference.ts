import type { Must } from '../musts.ts'
import type { Results } from '../results.ts'
import { FIVE_MILLION, HDFS, OURS, quotient } from './sides.ts'

const PHASES = [
  { phase: 'snapshot', text: 'while a snapshot is written' },
  { phase: 'growth', text: 'while the index grows' },
  { phase: 'compaction', text: 'while segments are compacted' },
  { phase: 'recovery', text: 'during recovery' },
]

function figureIn(phase: string, name: string, engine = OURS) {
  return (results: Results) =>
    results.figure('interference', { ...FIVE_MILLION, phase }, engine, name)
}

export const EVENT_LOOP: readonly Must[] = PHASES.flatMap(({ phase, text }): Must[] => [
  {
    row: 8,
    text: `event loop, 5 M keys, ${text}: p99.9 (the worst, where there are fewer than 1,000 slices) of slices, the job’s own puts among them, processor time`,
    bound: { atMost: 10 },
    unit: 'ms',
    reached: figureIn(phase, 'slicesCpuP999Ms'),
  },
  {
    row: 8,
    text: 'the same by the clock, with what the machine took for other processes',
    unit: 'ms',
    reached: figureIn(phase, 'slicesP999Ms'),
  },
  {
    row: 8,
    text: 'the same: worst delay less that of an idle process',
    unit: 'ms',
    reached: figureIn(phase, 'worstDelayOverIdleMs'),
  },
])

/** The time of ours beside batches by that of Spark's snapshot alone. */
function snapshotRatio(name: string) {
  return (results: Results) =>
    quotient(figureIn('snapshot', name)(results), figureIn('snapshot', 'snapshotMs', HDFS)(results))
}

export const SNAPSHOT: readonly Must[] = [
  {
    row: 9,
    text: 'throughput while a snapshot of 5 M keys is written, by that before it',
    bound: { atLeast: 0.8 },
    reached: figureIn('snapshot', 'throughputRatio'),
  },
  {
    row: 9,
    text: 'the same throughput beside the first snapshot of a process, which meets its memory for the first time',
    reached: figureIn('snapshot', 'firstThroughputRatio'),
  },
  {
    row: 9,
    text: 'the time of the snapshot beside whole batches, not the first, by the time Spark HDFS takes for one with nothing beside it',
    bound: { atMost: 4 },
    reached: snapshotRatio('snapshotDuringBatchesMs'),
  },
  {
    row: 9,
    text: 'the same throughput, batches put in pieces with a turn of the event loop between',
    bound: { atLeast: 0.8 },
    reached: figureIn('snapshot', 'throughputInPiecesRatio'),
  },
  {
    row: 9,
    text: 'the time of the snapshot beside batches in pieces by Spark HDFS’s',
    bound: { atMost: 4 },
    reached: snapshotRatio('snapshotDuringPiecesMs'),
  },
  {
    row: 9,
    text: 'throughput after a snapshot, which has put off compaction, by that before it, whole batches',
    reached: figureIn('snapshot', 'afterThroughputRatio'),
  },
  {
    row: 9,
    text: 'the same, batches in pieces',
    reached: figureIn('snapshot', 'afterThroughputInPiecesRatio'),
  },
  {
    row: 9,
    text: 'the throughput of Spark HDFS while a snapshot is written, its snapshot written by another thread',
    reached: figureIn('snapshot', 'throughputRatio', HDFS),
  },
  {
    row: 9,
    text: 'the same, after it',
    reached: figureIn('snapshot', 'afterThroughputRatio', HDFS),
  },
]
