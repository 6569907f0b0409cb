import { MemoryFileManager } from '../../src/index.ts'
import { storeHistories } from '../support/proofs/store-histories.ts'

storeHistories({
  runs: 1500,
  timeoutMs: 240_000,
  create: async () => {
    let files = new MemoryFileManager({ losesPower: true })
    return {
      openFiles: async () => new MemoryFileManager({ disk: files.disk }),
      losePower: (seed) => void (files = files.crash(seed)),
      [Symbol.asyncDispose]: async () => undefined,
    }
  },
})
