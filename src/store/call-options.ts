// The options of getStore, getReadStore and commit, looked at where they come in: a name that is misspelt would else be ignored, and a commit with
// `offset` instead of `progress` would keep no progress. Wrong arguments, so TypeError; which numbers and which JSON it may be is for the calls to say.

import { describeValue } from '../base/describe-value.ts'
import type { GetReadStoreOptions } from './provider.ts'
import type { CommitOptions } from './state-store.ts'
import type { GetStoreOptions } from './store-writer.ts'

interface Member {
  readonly expected: string
  readonly check: (value: unknown) => boolean
}
type Members<Options> = { readonly [Name in keyof Options]-?: Member }

const ANYTHING: Member = { expected: 'anything', check: () => true }
const SIGNAL: Member = {
  expected: 'an AbortSignal',
  check: (value) => value instanceof AbortSignal,
}

const GET_STORE: Members<GetStoreOptions> = {
  committedThrough: ANYTHING,
  rewind: { expected: "'allow'", check: (value) => value === 'allow' },
  signal: SIGNAL,
}
const GET_READ_STORE: Members<GetReadStoreOptions> = { signal: SIGNAL }
const COMMIT: Members<CommitOptions> = {
  progress: ANYTHING,
  committedThrough: ANYTHING,
  signal: SIGNAL,
}

const CALLS = { getStore: GET_STORE, getReadStore: GET_READ_STORE, commit: COMMIT }

/** TypeError unless `options` is an object that has no members but those of `call`, each undefined or what it may be. */
export function checkCallOptions(call: keyof typeof CALLS, options: unknown): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(
      `Expected the options of ${call} to be an object, got ${describeValue(options)}`,
    )
  }
  const members: Readonly<Record<string, Member>> = CALLS[call]
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(members, name)) {
      throw new TypeError(
        `Unknown option \`${name}\` of ${call}; its options are ${Object.keys(members).join(', ')}`,
      )
    }
    const { expected, check } = members[name]
    if (value === undefined || check(value)) continue
    throw new TypeError(
      `Expected option \`${name}\` of ${call} to be ${expected}, got ${describeValue(value)}`,
    )
  }
}
