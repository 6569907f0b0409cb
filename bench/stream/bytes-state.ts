// State in bytes, as a job of several operators sees it: read what this batch wrote, write, and at the end of the batch all of it is durable or nothing.

import type { ByteSlice } from '../../src/index.ts'
import type { EngineOptions } from '../harness/engine.ts'

/** The rows of one operator, in a batch that is running. */
export interface KeyedState {
  has(key: Uint8Array): boolean
  /** Holds until the next call. */
  get(key: Uint8Array): Uint8Array | undefined
  /** As get, by where the value lies; false if there is none. */
  getSlice(key: Uint8Array, into: ByteSlice): boolean
  /** Copies both. */
  put(key: Uint8Array, value: Uint8Array): void
}

/** Rows of operator 0 that leave it when a batch begins. */
export interface Expired {
  /** They are those below this key, for a store that is sorted. */
  readonly below: Uint8Array
  /** Whether a row is one of them, for a store that is not. */
  includes(key: Uint8Array): boolean
  /** Gets each of them, before it goes. The bytes hold during the call. */
  emit(key: Uint8Array, value: Uint8Array): void
}

export interface StateBatch {
  readonly expired?: Expired | undefined
  /** The source position behind this batch. */
  readonly position: number
  readonly apply: (operators: readonly KeyedState[]) => void
}

export interface BytesState {
  readonly standsFor?: string
  /** With the rows of the last batch that is durable. */
  open(options: EngineOptions & { readonly operators: number }): Promise<void>
  /** Milliseconds from the end of apply() until the batch was durable. */
  run(batch: StateBatch): Promise<number>
  /** All rows of an operator. */
  scan(operator: number, visit: (key: Uint8Array, value: Uint8Array) => void): void | Promise<void>
  close(): Promise<void>
}

/** For states that hand out values: where `value` lies, namely all of it. */
export function sliceOf(value: Uint8Array | undefined, into: ByteSlice): boolean {
  if (value === undefined) return false
  into.bytes = value
  into.offset = 0
  into.length = value.length
  return true
}
