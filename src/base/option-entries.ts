// The options of a call or constructor, checked name by name against a table.

import { describeValue } from './describe-value.ts'

/** What an option may be. */
export interface OptionEntry {
  /** In words. */
  readonly expected: string
  readonly check: (value: unknown) => boolean
}

export const hasMethods = (...names: string[]): OptionEntry => ({
  expected: `an object with the methods ${names.join(', ')}`,
  check: (v) =>
    typeof v === 'object' &&
    v !== null &&
    names.every((name) => typeof (v as Record<string, unknown>)[name] === 'function'),
})

export const A_CLOCK = hasMethods('nowMs', 'elapsedMs', 'randomBytes', 'sleep', 'turn')

/** Throws what `refused` makes of the problem unless `options` (of `call`, if it is of one) is an object of members of `entries`, each undefined or what it may be. */
export function checkOptions(
  options: unknown,
  entries: Readonly<Record<string, OptionEntry>>,
  { call, refused }: { readonly call?: string; readonly refused: (problem: string) => Error },
): void {
  const ofCall = call === undefined ? '' : ` of ${call}`
  if (typeof options !== 'object' || options === null) {
    throw refused(`Expected the options${ofCall} to be an object, got ${describeValue(options)}`)
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(entries, name)) {
      const names = Object.keys(entries).join(', ')
      const there = call === undefined ? 'the options are' : 'its options are'
      throw refused(`Unknown option \`${name}\`${ofCall}; ${there} ${names}`)
    }
    const { expected, check } = entries[name]
    if (value === undefined || check(value)) continue
    throw refused(
      `Expected option \`${name}\`${ofCall} to be ${expected}, got ${describeValue(value)}`,
    )
  }
}
