// The options of getStore, getReadStore and commit, looked at where they come in: a name that is misspelt would else be ignored, and a commit with
// `offset` instead of `progress` would keep no progress. Wrong arguments, so TypeError; which numbers and which JSON it may be is for the calls to say.

import { checkOptions, type OptionEntry } from '../base/option-entries.ts'
import type { GetReadStoreOptions } from './provider.ts'
import type { CommitOptions } from './state-store.ts'
import type { GetStoreOptions } from './store-writer.ts'

type Entries<Options> = { readonly [Name in keyof Options]-?: OptionEntry }

const ANYTHING: OptionEntry = { expected: 'anything', check: () => true }
const SIGNAL: OptionEntry = {
  expected: 'an AbortSignal',
  check: (value) => value instanceof AbortSignal,
}

const GET_STORE: Entries<GetStoreOptions> = {
  committedThrough: ANYTHING,
  rewind: { expected: "'allow'", check: (value) => value === 'allow' },
  signal: SIGNAL,
}
const GET_READ_STORE: Entries<GetReadStoreOptions> = { signal: SIGNAL }
const COMMIT: Entries<CommitOptions> = {
  progress: ANYTHING,
  committedThrough: ANYTHING,
  signal: SIGNAL,
}

const CALLS = { getStore: GET_STORE, getReadStore: GET_READ_STORE, commit: COMMIT }

/** TypeError unless `options` is an object that has no members but those of `call`, each undefined or what it may be. */
export function checkCallOptions(call: keyof typeof CALLS, options: unknown): void {
  checkOptions(options, CALLS[call], { call, refused: (problem) => new TypeError(problem) })
}
