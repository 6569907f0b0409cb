import { expect } from 'vitest'
import { isStateStoreError, type StateStoreError } from '../errors.ts'

export type ExpectedError = Pick<StateStoreError, 'code'> &
  Partial<Pick<StateStoreError, 'path' | 'published'>>

/** That `error` is like `expected`, and one that the engine knows: an object which only has the code is a bug to it. */
export function expectError(error: unknown, expected: ExpectedError, label = ''): void {
  expect(error, label).toMatchObject(expected)
  const known = isStateStoreError(error)
  expect(known, `${label} throw the StateStoreError of tidemark: ${String(error)}`).toBe(true)
}

/** That `call` rejects with such an error. */
export async function expectRejected(
  call: Promise<unknown>,
  expected: ExpectedError,
  label = '',
): Promise<void> {
  const succeeded = (value: unknown): never => {
    throw new Error(`${label} Expected ${expected.code}, got success: ${String(value)}`)
  }
  expectError(await call.then(succeeded, (error: unknown) => error), expected, label)
}
