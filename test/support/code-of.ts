import { StateStoreError } from '../../src/errors.ts'

/** The code that a call rejects with; 'ok' if it resolves, and 'plain …' for an error without a code. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'ok'
  } catch (error) {
    return error instanceof StateStoreError ? error.code : `plain ${String(error)}`
  }
}
