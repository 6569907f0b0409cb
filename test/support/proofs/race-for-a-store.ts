// Eight processes race for one store, 200 times. In each round all of them claim at the same moment; in every second one they also commit at
// once, so that commits meet claims. Then everyone commits: exactly one may succeed, and all others are FENCED.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { StateStores } from '../../../src/index.ts'
import { checkVersion } from '../lineage.ts'
import { ServingProcess } from '../processes.ts'
import type { ProofOptions, ProofStorage, StorageOpener } from '../proof-storage.ts'
import type { Raced } from '../race-child.ts'
import { type Attempt, ZOMBIE_STORE } from '../zombie.ts'

const WRITERS = 8
const ROUNDS = 200
/** How far ahead the common moment is set: all must have heard of it by then. */
const LEAD_MS = 4

const succeeded = (attempts: readonly (Attempt | undefined)[]): Attempt[] =>
  attempts.filter((attempt) => attempt !== undefined && attempt.code === undefined) as Attempt[]

export interface RaceOptions extends ProofOptions {
  /**
   * How long after the one before each writer claims in the rounds where they commit at once, milliseconds. Default 0. Where a claim takes several
   * equal steps, the losers are refused before the winner has anything to commit; then only a later claim meets a commit.
   */
  readonly staggerMs?: number
}

export function raceForAStore(
  openStorage: StorageOpener,
  { timeoutMs, staggerMs = 0 }: RaceOptions = {},
): void {
  let storage: ProofStorage
  let location: string
  let writers: ServingProcess[] = []
  beforeAll(async () => {
    storage = await openStorage()
    location = await storage.newLocation()
    const script = new URL('../race-child.ts', import.meta.url)
    writers = Array.from({ length: WRITERS }, () => new ServingProcess(script))
    await everyone((writer) => writer.call('open', location))
  })
  afterAll(async () => {
    await everyone((writer) => writer.kill())
    await storage?.[Symbol.asyncDispose]()
  })

  async function everyone<T>(
    action: (writer: ServingProcess, index: number) => Promise<T>,
  ): Promise<T[]> {
    return await Promise.all(writers.map(action))
  }

  const timed = timeoutMs === undefined ? {} : { timeout: timeoutMs }
  test(
    'of eight writers that claim at once exactly one can commit, 200 times, and no commit is lost',
    timed,
    async () => {
      const acknowledged = new Map<number, string>()
      /** Tags whose writers were told that nobody knows. */
      const unknown = new Set<string>()
      const generations: number[] = []
      const acknowledge = ({ version, tag }: Attempt): void => {
        expect(acknowledged.get(version!), `who else committed version ${version}`).toBeUndefined()
        acknowledged.set(version!, tag!)
      }
      let claimsRefused = 0
      let commitsRefused = 0

      for (let round = 1; round <= ROUNDS; round++) {
        const atMs = Date.now() + LEAD_MS
        const raced = await everyone((writer, index) =>
          writer.call<Raced>('claim', {
            atMs: round % 2 === 0 ? atMs + index * staggerMs : atMs,
            ...(round % 2 === 0 && { tag: `${index}-at-once-${round}` }),
          }),
        )
        const final = await everyone((writer, index) =>
          writer.call<Attempt>('commit', `${index}-last-${round}`),
        )

        const attempts = [...raced.flatMap(({ claim, commit }) => [claim, commit]), ...final]
        for (const attempt of attempts) {
          expect(attempt?.code ?? 'TIDEMARK_FENCED', attempt?.message).toBe('TIDEMARK_FENCED')
          if (attempt?.published === 'unknown') unknown.add(attempt.tag!)
        }
        succeeded(raced.map(({ commit }) => commit))
          .sort((a, b) => a.version! - b.version!)
          .forEach(acknowledge)
        expect(succeeded(final), `round ${round}: who has a usable lease`).toHaveLength(1)
        succeeded(final).forEach(acknowledge)
        generations.push(...raced.flatMap((each) => each.generations))
        claimsRefused += raced.filter(({ claim }) => claim.code !== undefined).length
        commitsRefused += raced.filter(({ commit }) => commit?.code !== undefined).length

        await everyone((writer, index) =>
          writer.call('leave', { won: final[index].code === undefined }),
        )
      }

      console.log(`${ROUNDS} races: ${claimsRefused} claims and ${commitsRefused} commits refused`)
      expect(new Set(generations).size, 'a number was given out twice').toBe(generations.length)
      // Else the writers did not meet, and nothing was shown.
      expect(claimsRefused).toBeGreaterThan(ROUNDS / 4)
      expect(commitsRefused).toBeGreaterThan(0)
      await checkHistory(location, acknowledged, storage.onlyObjects === true ? unknown : new Set())
    },
  )
}

/**
 * Every version is one that somebody was told of, and the other way round; but that of a tag in `adopted` may be there, once, though its writer was
 * refused.
 */
async function checkHistory(
  location: string,
  acknowledged: ReadonlyMap<number, string>,
  adopted: ReadonlySet<string>,
): Promise<void> {
  const reader = await StateStores.open(location, { readOnly: true })
  const provider = reader.provider(ZOMBIE_STORE)
  const latest = await provider.latestVersion()
  const lineage = await checkVersion(provider, latest)
  const adoptedCount = lineage.filter((tag) => adopted.has(tag)).length
  expect(lineage).toEqual(
    Array.from({ length: latest }, (_, index) => {
      const isAdopted = adopted.has(lineage[index]) && !acknowledged.has(index + 1)
      return isAdopted ? lineage[index] : acknowledged.get(index + 1)
    }),
  )
  expect(latest).toBe(acknowledged.size + adoptedCount)
  expect(new Set(lineage).size, 'a commit is there twice').toBe(latest)
  for (let version = latest - 10; version < latest; version++) await checkVersion(provider, version)
  await reader.close()
}
