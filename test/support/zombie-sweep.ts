// What happens while writer A of zombie.ts is stopped, and what must hold afterwards. B claims the store, reads what is there, commits, undoes,
// cleans; then A goes on. For each operation before which A can be stopped:
//
// - the law: the caller of commit V is told success if and only if the file with that commit's id was in place when the next holder listed
// - not a byte of what B has written, or found, is changed by A after B's claim
// - A ends FENCED (or had finished before), and stays so; where A had not yet claimed, A is the newer one and the same holds of B
// - every version that is to be kept is there with its rows, by a reader who starts from nothing
// - a round of maintenance leaves nothing behind under staging/
//
// B's view of A's commits is told by their lineage (lineage.ts): it is the content of the versions B recovers.

import { expect } from 'vitest'
import { type CheckpointFileManager, StateStores, type StateStoreOptions } from '../../src/index.ts'
import { verifyCheckpoint } from '../../src/checkpoint/verify.ts'
import { PROBE_PREFIX } from '../../src/files/file-manager.ts'
import { listClaims } from '../../src/store/claims.ts'
import { resolveStoreId, stagingDirectory, storeDirectory } from '../../src/store/store-id.ts'
import { encodeTrailer, parseTrailer } from '../../src/format/trailer.ts'
import { checkRows, checkVersion, commitNext, type Lineage } from './lineage.ts'
import {
  attempt,
  type Attempt,
  CLEANED_END,
  HISTORY_LENGTH,
  Interrupter,
  type Scenario,
  Zombie,
  ZOMBIE_STORE,
} from './zombie.ts'
import type { Around } from '../../src/testing/around-calls.ts'

const ID = resolveStoreId(ZOMBIE_STORE)

const SUCCESSOR_OPTIONS: StateStoreOptions = {
  owner: 'B',
  maintenanceIntervalMs: 0,
  minDeltasForSnapshot: 1,
  // B removes nothing itself: what A was about to remove is there when A goes on.
  minBatchesToRetain: 100,
}

/** Versions up to the newest that must be readable in the end: as many as A retains. */
const VERSIONS_CHECKED = 3

/**
 * How B goes on from what it finds: with the next version, by undoing the newest first, or with snapshots and cleaning too. The last must not be
 * the only one: cleaning deletes the staging folders of dead writers, and would hide it if the claim had not fenced them.
 */
export const SUCCESSIONS = ['appends', 'undoes', 'maintains'] as const
export type Succession = (typeof SUCCESSIONS)[number]

/** More operations than any scenario has: a sweep that does not end by itself is broken. */
const OPERATIONS_MAX = 400

/** Runs `hauntAt` for 1, 2, 3 … until there is no such operation. Each end must have been met: a zombie that was refused, and one that was not. */
export async function sweep(hauntAt: (at: number) => Promise<Haunted>, lanes = 1): Promise<void> {
  let next = 1
  const codes = new Set<string | undefined>()
  const lane = async (): Promise<void> => {
    while (next <= OPERATIONS_MAX) {
      const at = next++
      const { outcome, code } = await naming(`stopped before operation ${at}`, () => hauntAt(at))
      codes.add(code)
      if (outcome === 'ended') return
    }
    throw new Error(`The sweep did not end after ${OPERATIONS_MAX} operations`)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  expect(codes).toEqual(new Set(['TIDEMARK_FENCED', undefined]))
}

async function naming<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof Error) error.message = `${what}: ${error.message}`
    throw error
  }
}

/** A, wherever it runs. */
export interface HeldZombie {
  arrange(scenario: Scenario): Promise<void>
  /** Lets A act; resolves when it is stopped before its operation `at` (from 1), or has finished without getting there. */
  actUntil(at: number | undefined): Promise<'stopped' | 'ended'>
  /** Lets A go on, and returns what its calls came to. */
  resume(): Promise<Attempt[]>
  goOn(): Promise<Attempt[]>
  /** The operations of `act`, for messages. */
  calls(): Promise<readonly string[]>
  close(): Promise<void>
}

/** A in this process, on files made around the function that holds it. */
export class PromisedZombie implements HeldZombie {
  readonly #open: (around: Around) => Promise<CheckpointFileManager>
  readonly #interrupter = new Interrupter()
  #zombie: Zombie | undefined
  #acting: Promise<Attempt[]> = Promise.resolve([])
  #release: () => void = () => undefined

  constructor(open: (around: Around) => Promise<CheckpointFileManager>) {
    this.#open = open
  }

  async arrange(scenario: Scenario): Promise<void> {
    this.#zombie = await Zombie.arrange(await this.#open(this.#interrupter.around), scenario)
  }

  async actUntil(at: number | undefined): Promise<'stopped' | 'ended'> {
    const released = new Promise<void>((resolve) => (this.#release = resolve))
    const stopped = new Promise<'stopped'>((resolve) => {
      this.#interrupter.arm(at, () => {
        resolve('stopped')
        return released
      })
    })
    this.#acting = this.#zombie!.act()
    const ended = this.#acting.then(
      () => 'ended' as const,
      () => 'ended' as const,
    )
    return await Promise.race([stopped, ended])
  }

  async resume(): Promise<Attempt[]> {
    this.#release()
    return await this.#acting
  }

  async goOn(): Promise<Attempt[]> {
    this.#interrupter.disarm()
    return await this.#zombie!.goOn()
  }

  async calls(): Promise<readonly string[]> {
    return this.#interrupter.calls
  }

  async close(): Promise<void> {
    this.#release()
    await this.#zombie?.close()
  }
}

export interface Haunted {
  readonly outcome: 'stopped' | 'ended'
  readonly code: string | undefined
}

/** Stops A before its operation `at`, has it overtaken, and checks all of the above. 'ended': there is no such operation. `code` is what A's first call came to. */
export async function haunt(
  zombie: HeldZombie,
  files: CheckpointFileManager,
  scenario: Scenario,
  at: number | undefined,
  succession: Succession,
): Promise<Haunted> {
  await zombie.arrange(scenario)
  const outcome = await zombie.actUntil(at)
  const successor = await Successor.takeOver(files, succession)
  let code: string | undefined
  try {
    const left = await contentOf(files)
    const duringAct = await zombie.resume()
    code = duringAct[0].code
    // Where A had not made its claim yet, that claim is the newer one; else not a byte may change from here on.
    const newest = (await listClaims(files, ID)).at(-1)?.owner
    const allowed: Allowed = { scenario, newest }
    await expectUntouched(files, left, 'what A did after B had committed', allowed)
    await successor.checkLaw(duringAct)

    const attempts = [...duringAct, ...(await zombie.goOn())]
    if (newest === 'B') {
      await expectUntouched(files, left, 'what A did in the end', allowed)
      expectFencedForGood(attempts)
      await successor.commit('Bz')
      await checkAfterwards(files, successor.acknowledged)
      await successor.stores.doMaintenance()
      await expectTidy(files)
    } else {
      const beforeClaim = 'only a claim not yet made can be newer than that of B'
      expect(scenario, beforeClaim).toBe('claim')
      expect(attempts.filter(({ code }) => code !== undefined)).toEqual([])
      const refused = await attempt('commit', () => successor.commit('Bz'))
      expect(refused.code, 'B is the zombie now').toBe('TIDEMARK_FENCED')
      await checkAfterwards(files, [...successor.acknowledged, 'Ay', 'Ax'])
    }
  } finally {
    await successor.stores.close()
    await zombie.close()
  }
  return { outcome, code }
}

interface Allowed {
  readonly scenario: Scenario
  /** Who has the newest claim. */
  readonly newest: string | undefined
}

/**
 * The store directory holds what it held when B had committed. Where nothing is moved four things may differ, none of which changes what is read:
 * A has stamped the newest version anew, being the newer one; its snapshot of a version that B found came late; so did its commit, above the
 * newest version, where nobody takes it for one; what it was to clean is gone.
 */
async function expectUntouched(
  files: CheckpointFileManager,
  left: Readonly<Record<string, string>>,
  what: string,
  { scenario, newest }: Allowed,
): Promise<void> {
  const found = await contentOf(files)
  if (files.capabilities.atomicMove) return expect(found, what).toEqual(left)
  const newestDelta = Math.max(...Object.keys(left).map((name) => Number.parseInt(name, 10)))
  if (newest === 'B') expect(await latestRead(files), `${what}: latest version`).toBe(newestDelta)
  const late = newest === 'B' ? [`${newestDelta + 1}.delta`] : []
  if (scenario === 'snapshot') late.push(`${HISTORY_LENGTH}.snapshot`)
  const stampless = (name: string, content: string): string =>
    newest === 'A' ? withoutStamp(name, content) : content
  for (const [name, content] of Object.entries(found)) {
    const before = left[name]
    if (before !== undefined)
      expect(stampless(name, content), `${what}: ${name}`).toBe(stampless(name, before))
    else expect(late, `${what}: ${name} is new`).toContain(name)
  }
  for (const name of Object.keys(left).filter((each) => found[each] === undefined)) {
    expect(scenario, `${what}: ${name} is gone`).toMatch(/^(snapshot|cleaning)$/)
    expect(Number.parseInt(name, 10), `${what}: ${name} is gone`).toBeLessThan(CLEANED_END)
  }
}

/** By a reader who starts from nothing. */
async function latestRead(files: CheckpointFileManager): Promise<number> {
  await using reader = await StateStores.open(files, { readOnly: true })
  return await reader.provider(ZOMBIE_STORE).latestVersion()
}

function withoutStamp(name: string, content: string): string {
  const bytes = Buffer.from(content, 'latin1')
  const found = parseTrailer(bytes, bytes.length, name)
  if (found.outcome !== 'found') throw new Error(`${name} has no trailer`)
  const trailer = encodeTrailer({ ...found.trailer, stamp: [1, 1] }, found.compressedCrc)
  return Buffer.concat([bytes.subarray(0, found.compressedBytes), trailer]).toString('latin1')
}

/** Every call of A after the one that was refused is refused too; the last ones always. */
function expectFencedForGood(attempts: readonly Attempt[]): void {
  for (const { call, code, message } of attempts) {
    // A round of maintenance where the lease is not held any more does nothing, and says nothing.
    expect(code ?? 'nothing', `${call}: ${message}`).toMatch(/^(nothing|TIDEMARK_FENCED)$/)
  }
  const firstRefused = attempts.findIndex(({ code }) => code !== undefined)
  for (const { call, code } of attempts.slice(firstRefused)) {
    if (call !== 'doMaintenance')
      expect(code, `${call} after it was FENCED`).toBe('TIDEMARK_FENCED')
  }
  expect(attempts.at(-1)?.code).toBe('TIDEMARK_FENCED')
}

/** Writer B. */
class Successor {
  readonly stores: StateStores
  /** What B recovered right after its claim: what was in place when the next holder listed. */
  readonly #found: Lineage
  /** B's own commits that stand. */
  readonly acknowledged: string[] = []

  private constructor(stores: StateStores, found: Lineage) {
    this.stores = stores
    this.#found = found
  }

  static async takeOver(files: CheckpointFileManager, succession: Succession): Promise<Successor> {
    const stores = await StateStores.open(files, SUCCESSOR_OPTIONS)
    const provider = stores.provider(ZOMBIE_STORE)
    const open = await provider.getStore()
    const successor = new Successor(stores, checkRows(open))
    await open.abort()
    await successor.commit('B1', succession === 'undoes' ? open.version - 1 : undefined)
    await successor.commit('B2')
    if (succession === 'maintains') await provider.doMaintenance()
    await successor.commit('B3')
    return successor
  }

  async commit(tag: string, version?: number): Promise<number> {
    const committed = await commitNext(this.stores.provider(ZOMBIE_STORE), tag, version)
    this.acknowledged.push(tag)
    return committed
  }

  /** Told success if and only if it was in place; and a refusal that says `published: 'no'` means no. */
  async checkLaw(attempts: readonly Attempt[]): Promise<void> {
    for (const { call, tag, version, code, published, message } of attempts) {
      if (call !== 'commit') continue
      const inPlace = this.#found.includes(tag!)
      if (code === undefined) {
        expect(this.#found[version! - 1], `A was told that ${tag} is version ${version}`).toBe(tag)
      } else {
        expect(code, message).toBe('TIDEMARK_FENCED')
        if (published !== 'unknown') expect(inPlace, `A was told that ${tag} failed`).toBe(false)
      }
    }
  }
}

/** Every version that is to be kept, read by somebody who starts from nothing; and nothing is left behind. */
async function checkAfterwards(
  files: CheckpointFileManager,
  tags: readonly string[],
): Promise<void> {
  const reader = await StateStores.open(files, { readOnly: true })
  try {
    const provider = reader.provider(ZOMBIE_STORE)
    const latest = await provider.latestVersion()
    for (let version = latest - VERSIONS_CHECKED + 1; version <= latest; version++) {
      const lineage = await checkVersion(provider, version)
      if (version === latest) expect(lineage.slice(-tags.length)).toEqual(tags)
    }
  } finally {
    await reader.close()
  }
  const findings = await verifyCheckpoint(files)
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([])
}

/** Name and bytes of every file in the store directory. */
export async function contentOf(files: CheckpointFileManager): Promise<Record<string, string>> {
  const directory = storeDirectory(ID)
  const content: Record<string, string> = {}
  for (const { name } of (await files.list(directory)) ?? []) {
    // A claimant tries whether it can link into the directory, and takes its probe away again: no part of the store.
    if (name.startsWith(PROBE_PREFIX)) continue
    const bytes = await files.read(`${directory}/${name}`)
    content[name] = Buffer.from(bytes ?? []).toString('latin1')
  }
  return content
}

/**
 * After a round of maintenance by the only writer: under staging/ lies its own folder and nothing in it (and no folder where nothing is moved), and in
 * the store directory state files, each with its whole content under its own name, and their sidecars.
 */
export async function expectTidy(files: CheckpointFileManager): Promise<void> {
  const staging = stagingDirectory(ID)
  const left: string[] = []
  for (const { name } of (await files.list(staging)) ?? []) {
    if (/^\d{16}$/.test(name)) {
      const inside = (await files.list(`${staging}/${name}`)) ?? []
      left.push(...inside.map((file) => `${name}/${file.name}`))
    }
    left.push(name)
  }
  const own = files.capabilities.atomicMove ? [expect.stringMatching(/^\d{16}$/)] : []
  expect(left, 'what lies under staging/').toEqual(own)
  for (const { name } of (await files.list(storeDirectory(ID))) ?? [])
    expect(name).toMatch(/^[1-9]\d*\.(delta|snapshot)(\.crc)?$/)
}
