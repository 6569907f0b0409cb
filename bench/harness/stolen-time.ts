// What the host of a virtual machine takes of its processors for others ("steal" in /proc/stat). While it takes much, what is measured is the
// host: batches were seen to take three times as long, in processor time too, for caches and cores are shared.

import { readFile } from 'node:fs/promises'

/** What is measured while the host takes a larger share of the processors is measured again, */
export const STOLEN_SHARE_MAX = 0.05
/** so many times in all. */
export const ATTEMPTS_MAX = 2

/** Ticks of all processors since the machine started. */
export interface ProcessorTimes {
  readonly busy: number
  readonly stolen: number
}

/** Undefined where the system does not tell: it is not Linux. */
export async function processorTimes(): Promise<ProcessorTimes | undefined> {
  try {
    return parseProcessorTimes(await readFile('/proc/stat', 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** `stat` is the content of /proc/stat (man 5 proc_stat). */
export function parseProcessorTimes(stat: string): ProcessorTimes | undefined {
  const match = /^cpu +(\d+) (\d+) (\d+) \d+ \d+ (\d+) (\d+) (\d+)/.exec(stat)
  if (match === null) return undefined
  const [user, nice, system, interrupts, softInterrupts, stolen] = match.slice(1).map(Number)
  return { busy: user + nice + system + interrupts + softInterrupts, stolen }
}

/** Of the time that the processors had something to do from `before` to `after`, the share that the host took, from 0 to 1; 0 where it is not known. */
export function stolenShare(
  before: ProcessorTimes | undefined,
  after: ProcessorTimes | undefined,
): number {
  if (before === undefined || after === undefined) return 0
  const stolen = after.stolen - before.stolen
  const wanted = after.busy - before.busy + stolen
  return wanted === 0 ? 0 : stolen / wanted
}

export interface Undisturbed<T> {
  readonly answer: T
  /** What the host took meanwhile. */
  readonly stolenShare: number
}

/**
 * What `measure` answers while the host takes little, or else the least of all attempts. Undefined as soon as it answers so: there is nothing to
 * measure. `times` is replaced in tests.
 */
export async function undisturbed<T>(
  measure: () => Promise<T | undefined>,
  attemptsMax = ATTEMPTS_MAX,
  times: () => Promise<ProcessorTimes | undefined> = processorTimes,
): Promise<Undisturbed<T> | undefined> {
  let best: Undisturbed<T> | undefined
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const before = await times()
    const answer = await measure()
    if (answer === undefined) return undefined
    const share = stolenShare(before, await times())
    if (best === undefined || share < best.stolenShare) best = { answer, stolenShare: share }
    if (share <= STOLEN_SHARE_MAX) break
  }
  return best
}
