// Attempts — when a call to HDFS is tried again, and what its failure means.
//
// The rule: a call is tried again while that is safe and the budget lasts. Always safe: what certainly did not happen (no connection, a
// standby, safe mode). Safe for reading, and for changes that may happen twice: also what may have happened (a lost or strange answer).
// A RENAME and the bytes of a CREATE are never sent again after that: STORAGE_TIMEOUT. What a repeated call answers may be the work of the
// attempt before it, so each attempt is told whether there was one.

import { untilAborted } from '../../base/until-aborted.ts'
import type { Clock } from '../../base/clock.ts'
import { StateStoreError } from '../../errors.ts'
import { ATTEMPTS_MAX, backoffMs } from '../backoff.ts'
import type { CallSubject } from '../call-subject.ts'
import { StepFailure } from './http-step.ts'
import type { Endpoint } from './location.ts'
import type { NameNodes } from './name-nodes.ts'
import { RemoteException, StrangeAnswer, timeoutError, unavailableError } from './webhdfs-errors.ts'

const BACKOFF_MAX_MS = 1000

/**
 * What may be done when an answer is lost. 'read' and 'repeatable' calls are sent again; 'once' is not; 'upload' is not either, but an
 * exception that HDFS reports is its last word on a file that nobody knows yet.
 */
export type Safety = 'read' | 'repeatable' | 'once' | 'upload'

export interface AttemptsOptions {
  readonly clock: Clock
  readonly retryTimeMs: number
  /** Makes the next attempt ask for the delegation token anew; undefined where that would give the same. */
  readonly renewToken: (() => void) | undefined
}

export class Attempts {
  readonly #nameNodes: NameNodes
  readonly #options: AttemptsOptions

  constructor(nameNodes: NameNodes, options: AttemptsOptions) {
    this.#nameNodes = nameNodes
    this.#options = options
  }

  /**
   * Runs `attempt` against one NameNode after the other, by the rule above. `outcome` makes data of an exception that HDFS reports; what it
   * leaves undefined is thrown. `attempt` is told whether an attempt before it may have happened.
   */
  async run<T>(
    subject: CallSubject,
    safety: Safety,
    attempt: (nameNode: Endpoint, lostBefore: boolean) => Promise<T>,
    outcome: (error: RemoteException, lostBefore: boolean) => T | undefined = () => undefined,
    signal?: AbortSignal,
  ): Promise<T> {
    const { clock, retryTimeMs, renewToken } = this.#options
    const startedMs = clock.elapsedMs()
    let lost = false
    let renewed = false
    for (let count = 1; ; count++) {
      signal?.throwIfAborted()
      const nameNode = this.#nameNodes.current
      // What follows may take long: it was active when it was asked.
      const askedAtMs = clock.elapsedMs()
      try {
        const result = await attempt(nameNode, lost)
        if (safety !== 'upload') this.#nameNodes.seenActive(nameNode, askedAtMs)
        return result
      } catch (error) {
        if (signal?.aborted === true) throw signal.reason
        if (error instanceof StateStoreError) throw error
        if (error instanceof RemoteException) {
          const data = outcome(error, lost)
          if (data !== undefined) {
            if (error.endpoint === nameNode) this.#nameNodes.seenActive(nameNode, askedAtMs)
            return data
          }
          if (error.refusesToken && renewToken !== undefined && !renewed) {
            renewed = true
            renewToken()
            continue
          }
        }
        const verdict = judge(error, safety)
        if (verdict === 'unknown') {
          // Doubted, but not left for another: what settles this is best asked of the one that may have it under way.
          this.#nameNodes.doubt()
          throw timeoutError(subject, error)
        }
        if (verdict === 'lost') lost = true
        this.#learn(nameNode, error)
        // A NameNode that hangs may use up all the time: the others are asked all the same.
        const overdue =
          clock.elapsedMs() - startedMs >= retryTimeMs && count >= this.#nameNodes.count
        const spent = count >= ATTEMPTS_MAX || overdue
        if (verdict === 'refused' || spent)
          throw lost && safety === 'repeatable'
            ? timeoutError(subject, error)
            : unavailableError(subject, error)
      }
      await untilAborted(clock.turn(backoffMs(count, BACKOFF_MAX_MS, clock)), signal)
    }
  }

  /** What a failure says about the NameNodes. */
  #learn(nameNode: Endpoint, error: unknown): void {
    if (error instanceof RemoteException) {
      if (error.again === 'other' && error.endpoint === nameNode) this.#nameNodes.failed(nameNode)
      else if (error.again !== undefined) this.#nameNodes.doubt()
    } else if (
      (error instanceof StepFailure || error instanceof StrangeAnswer) &&
      error.endpoint === nameNode
    ) {
      this.#nameNodes.failed(nameNode)
    } else this.#nameNodes.doubt()
  }
}

/** 'again': it did not happen; 'lost': it may have, and may happen twice; 'unknown': it may have, and must not; 'refused': no use asking again. */
function judge(error: unknown, safety: Safety): 'again' | 'lost' | 'unknown' | 'refused' {
  const repeatable = safety === 'read' || safety === 'repeatable'
  if (error instanceof StepFailure && error.sent === 'no') return 'again'
  if (error instanceof StepFailure || error instanceof StrangeAnswer)
    return repeatable ? 'lost' : 'unknown'
  if (!(error instanceof RemoteException)) throw error
  if (error.again !== undefined) return 'again'
  if (error.certain || safety === 'upload') return 'refused'
  return repeatable ? 'lost' : 'unknown'
}
