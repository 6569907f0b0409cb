import { MemoryObjects } from '../support/memory-objects.ts'
import { storeHistories } from '../support/proofs/store-histories.ts'

storeHistories({
  runs: 400,
  timeoutMs: 240_000,
  limits: { trailer: true, checksumFiles: false },
  create: async () => {
    const { storage } = new MemoryObjects()
    return {
      openFiles: async () => new MemoryObjects(storage),
      [Symbol.asyncDispose]: async () => undefined,
    }
  },
})
