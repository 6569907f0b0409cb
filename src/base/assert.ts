import { StateStoreError } from '../errors.ts'

/** Throws TIDEMARK_INVARIANT_VIOLATED unless `condition` holds. Stays on in production: a wrong answer costs more than a check. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) {
    throw new StateStoreError(
      'TIDEMARK_INVARIANT_VIOLATED',
      `Invariant violated: ${message}. This is a bug in tidemark.`,
    )
  }
}
