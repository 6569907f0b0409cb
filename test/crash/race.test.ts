import { memoryBackedFolder } from '../support/folders.ts'
import { localStorage } from '../support/proof-storage.ts'
import { raceForAStore } from '../support/proofs/race-for-a-store.ts'

raceForAStore(() => localStorage(memoryBackedFolder()), { timeoutMs: 300_000 })
