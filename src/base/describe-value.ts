import { inspect } from 'node:util'

/** A value that was not what was expected, for a message; whatever it is. */
export function describeValue(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : inspect(value, { depth: 0 })
}
