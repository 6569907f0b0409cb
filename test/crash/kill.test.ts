import { localStorage } from '../support/proof-storage.ts'
import { twentyDeaths } from '../support/proofs/twenty-deaths.ts'

twentyDeaths(localStorage)
