import { localStorage } from '../support/proof-storage.ts'
import { twentyDeaths } from '../support/proofs/twenty-deaths.ts'

// Half a minute alone, several times that where other work shares the machine.
twentyDeaths(localStorage, { timeoutMs: 300_000 })
