import { beforeEach } from 'vitest'
import { unpackGolden } from './goldens.ts'

/** Gives each test of a file its own copy of a golden, to damage. Call it once, at the top of the file; `path` is the folder of the test under way. */
export function goldenForEachTest(name: string): { readonly path: string } {
  let copy: Awaited<ReturnType<typeof unpackGolden>>
  beforeEach(async () => {
    copy = await unpackGolden(name)
    return () => copy[Symbol.asyncDispose]()
  })
  return {
    get path() {
      return copy.path
    },
  }
}
