// A writer that commits batch after batch while its storage has trouble, and keeps book of what it was told; then everything is compared with
// what a reader finds who starts from nothing.
//
// - what was acknowledged as version V is version V of every later version's lineage
// - no batch is there twice, and none that was refused with `published: 'no'`
// - the caller gets success or a typed error of the storage

import { expect } from 'vitest'
import {
  type CheckpointFileManager,
  isStateStoreError,
  type StateStoreOptions,
  StateStores,
  verifyCheckpoint,
} from '../../src/index.ts'
import { assertTyped } from './fault-play.ts'
import { checkVersion, commitNext, fewRows, type Lineage, type Workload } from './lineage.ts'
import { type Attempt, attempt, ZOMBIE_STORE } from './zombie.ts'

const OPTIONS: StateStoreOptions = {
  maintenanceIntervalMs: 0,
  minDeltasForSnapshot: 4,
  minBatchesToRetain: 10,
}
/** Versions below the newest that are read in the end. */
const VERSIONS_CHECKED = 8
/** Every how many commits there is a round of maintenance. */
const MAINTENANCE_STEP = 5

export class SteadyWriter implements AsyncDisposable {
  /** Opens the storage. */
  readonly #files: CheckpointFileManager
  readonly #workload: Workload
  readonly #attempts: Attempt[] = []
  #stores: StateStores | undefined
  #working: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(files: CheckpointFileManager, workload: Workload = fewRows) {
    this.#files = files
    this.#workload = workload
  }

  get acknowledged(): readonly Attempt[] {
    return this.#attempts.filter(({ code }) => code === undefined)
  }

  get refused(): readonly Attempt[] {
    return this.#attempts.filter(({ code }) => code !== undefined)
  }

  /** Opens the newest version and commits one batch on it. Of errors, only those of a storage are allowed. */
  async commit(): Promise<Attempt> {
    const tag = `batch-${this.#attempts.length + 1}`
    const made = await attempt(
      'commit',
      async () => {
        this.#stores ??= await StateStores.open(this.#files, OPTIONS)
        return await commitNext(this.#stores.provider(ZOMBIE_STORE), tag, undefined, this.#workload)
      },
      tag,
    )
    this.#attempts.push(made)
    if (made.code !== undefined) await this.#recover(made)
    return made
  }

  /** Commits until `stop`, one batch after the other. */
  start(): void {
    this.#stopped = false
    this.#working = this.#work()
    this.#working.catch(() => undefined) // Told by stop().
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#working
  }

  /** Resolves when `count` more batches have been acknowledged. */
  async committed(count: number): Promise<void> {
    const target = this.acknowledged.length + count
    await expect
      .poll(() => this.acknowledged.length, { timeout: 60_000, interval: 20 })
      .toBeGreaterThanOrEqual(target)
  }

  /** The storage is well again: the next commit works, and everything is as it was told. */
  async checkSurvived(): Promise<void> {
    // The first one may still find what the fault has left: a lease that could not be claimed.
    const first = await this.commit()
    const next = first.code === undefined ? first : await this.commit()
    expect(next.code, `${next.message} (after ${first.code})`).toBeUndefined()
    await this.#stores!.doMaintenance()
    const lineage = await this.#lineage()
    for (const { tag, version } of this.acknowledged)
      expect(lineage[version! - 1], `version ${version}, acknowledged`).toBe(tag)
    expect(new Set(lineage).size, 'a batch is there twice').toBe(lineage.length)
    for (const { tag, published, message } of this.refused) {
      if (published === 'no') expect(lineage, `refused: ${message}`).not.toContain(tag)
    }
    const findings = await verifyCheckpoint(this.#files)
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await this.#stores?.close()
  }

  async #work(): Promise<void> {
    while (!this.#stopped) {
      const { code } = await this.commit()
      if (code !== undefined || this.#attempts.length % MAINTENANCE_STEP !== 0) continue
      await this.#stores!.doMaintenance().catch(assertTyped)
    }
  }

  async #recover({ code, message }: Attempt): Promise<void> {
    expect(code, message).toMatch(
      /^TIDEMARK_(STORAGE_(UNAVAILABLE|TIMEOUT)|COMMIT_OUTCOME_UNKNOWN|FENCED)$/,
    )
    // Nobody else writes here. A claim whose answer was lost may have been made all the same, and so fence the one before.
    if (code !== 'TIDEMARK_FENCED') return
    await this.#stores?.close().catch((error: unknown) => {
      if (!isStateStoreError(error)) throw error
    })
    this.#stores = undefined
  }

  async #lineage(): Promise<Lineage> {
    await using reader = await StateStores.open(this.#files, { readOnly: true })
    const provider = reader.provider(ZOMBIE_STORE)
    const latest = await provider.latestVersion()
    const lineage = await checkVersion(provider, latest, this.#workload)
    for (let version = Math.max(1, latest - VERSIONS_CHECKED); version < latest; version++)
      expect(await checkVersion(provider, version, this.#workload)).toEqual(
        lineage.slice(0, version),
      )
    return lineage
  }
}
