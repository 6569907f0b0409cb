// WriterLease — who may write a store: the newest claimant, and nobody older.
//
//   1. claim   take the next number in _tidemark/writers/<store>; one claimant wins a number (claims.ts)
//   2. stage   make the staging folder of that number, once, then list the claims again: a higher one means FENCED
//   3. fence   move every older staging folder away, each in one atomic step
//
// Only after 3 does the new holder list the store and load. A file reaches (or leaves) the store directory only by a move out of (or into) the
// writer's own staging folder, so from 3 on every pending publish and delete of an older writer fails: its source or its target is gone.
//
// Storage that cannot move files (S3) has no 2 and 3: what keeps an older writer from changing anything there stands in files/conditional-directory.ts.
//
// INVARIANT: nothing ever makes a staging folder anew. An older writer that wakes up between its own steps 1 and 2 makes a folder we could not
// see, but then lists the claims, sees ours, and stops before it uses the folder.
// DURABILITY: a claim is synced whatever the `durability` option says: a number must not be given out twice, or stamps would repeat.
// "Am I still the highest?" is always a listing after one's own number, never a look-up of the next one.
// Not here: what the staged files hold (store/commit.ts), how they move (files/leased-directory.ts).

import type { Clock } from '../base/clock.ts'
import { publishStep } from '../base/diagnostics.ts'
import { toHex } from '../base/bytes.ts'
import { StateStoreError } from '../errors.ts'
import {
  type CheckpointFileManager,
  type Durability,
  joinPath,
  PROBE_PREFIX,
} from '../files/file-manager.ts'
import { ConditionalDirectory } from '../files/conditional-directory.ts'
import { LeasedDirectory } from '../files/leased-directory.ts'
import type { WritableDirectory } from '../files/writable-directory.ts'
import {
  type Claimed,
  createClaim,
  generationName,
  listClaimed,
  parseGeneration,
  pruneClaims,
} from './claims.ts'
import {
  type ResolvedStoreId,
  stagingDirectory,
  storeDirectory,
  storeIdText,
  writersDirectory,
} from './store-id.ts'

const FENCED_PREFIX = '.fenced-'

export interface LeaseContext {
  readonly id: ResolvedStoreId
  readonly files: CheckpointFileManager
  readonly durability: Durability
  readonly clock: Clock
  readonly owner: string
}

export class WriterLease {
  readonly generation: number
  /** The store directory, writable by this generation as long as it is the newest. */
  readonly directory: WritableDirectory
  readonly #context: LeaseContext
  #sequence = 0
  #lost: StateStoreError | undefined

  private constructor(context: LeaseContext, generation: number) {
    this.#context = context
    this.generation = generation
    this.directory = writableDirectory(context, generation, (error) => {
      this.#lost ??= error
    })
  }

  /** The error with which an operation found the lease lost; undefined while none has. */
  get lost(): StateStoreError | undefined {
    return this.#lost
  }

  /** Becomes the writer of a store. FENCED if another claims at the same moment; STORAGE_UNAVAILABLE if the storage fails. */
  static async claim(context: LeaseContext): Promise<WriterLease> {
    const { id, files } = context
    const hasFolders = files.conditional === undefined
    await files.conditional?.probe() // Before anything is written where conditions do not hold.
    const generation = await claimNext(context, await prepare(context)) // 1
    if (hasFolders) await stage(context, generation) // 2
    const claimed = await refuseIfOvertaken(context, generation)
    if (hasFolders) await fenceOlder(context, generation) // 3

    const lease = new WriterLease(context, generation)
    if (hasFolders) await lease.directory.probe()
    // DURABILITY: the last writer may have died between moving a file in and syncing the folder; what we are about to report must stay.
    await files.syncDirectory(storeDirectory(id))
    await pruneClaims(files, id, claimed)
    publishStep('claim', { storeId: storeIdText(id), generation })
    return lease
  }

  /** [generation, sequence], strictly greater than any this lease or an older one has given out. */
  nextStamp(): [number, number] {
    this.#sequence++
    return [this.generation, this.#sequence]
  }

  /** Whether nextStamp() has given out `stamp`. */
  hasGivenOut([generation, sequence]: readonly [number, number]): boolean {
    return generation === this.generation && sequence <= this.#sequence
  }

  /** Gives up writing: the staging folder, where there is one, goes, and nothing can be published any more. The claim stays, for its number. */
  async release(): Promise<void> {
    if (!this.directory.movesAtomically) return
    await this.#context.files.deleteTree(
      joinPath(stagingDirectory(this.#context.id), generationName(this.generation)),
    )
  }

  /**
   * Deletes what fenced and dead writers left: their staging folders, their probes in the store directory, and this one's own dead temp
   * files. Returns how many entries went.
   */
  async cleanLeftovers(): Promise<number> {
    const { files } = this.#context
    // Each costs a listing, so nobody looks where there can be none.
    const probes = files.probeMove === undefined ? 0 : await this.#cleanProbes()
    const own = await this.directory.cleanLeftovers()
    const folders = files.conditional === undefined ? await this.#cleanStaging() : 0
    return probes + own + folders
  }

  async #cleanProbes(): Promise<number> {
    let cleaned = 0
    for (const { name, type } of await this.directory.list()) {
      if (type !== 'file' || !name.startsWith(PROBE_PREFIX)) continue
      if (await this.directory.remove(name)) cleaned++
    }
    return cleaned
  }

  async #cleanStaging(): Promise<number> {
    const { id, files } = this.#context
    const root = stagingDirectory(id)
    let cleaned = 0
    for (const { name } of (await files.list(root)) ?? []) {
      // A folder of an older number: its claimant woke up after we had fenced, made it, and died before it saw our claim.
      const older = (parseGeneration(name) ?? this.generation) < this.generation
      if (!older && !name.startsWith(FENCED_PREFIX)) continue
      await files.deleteTree(joinPath(root, name))
      cleaned++
    }
    return cleaned
  }
}

/**
 * Makes the folders of a store, and returns the highest number claimed so far.
 * DURABILITY: all three are made and synced before the first claim is; so whoever sees a claim need not make the other two again.
 */
async function prepare({ id, files }: LeaseContext): Promise<number> {
  const [claimed] = await bothEnded(
    listClaimed(files, id),
    files.makeDirectories(storeDirectory(id), 'fsync'),
  )
  const highest = claimed.at(-1)?.generation ?? 0
  if (highest > 0) return highest
  await bothEnded(
    files.makeDirectories(writersDirectory(id), 'fsync'),
    files.makeDirectories(stagingDirectory(id), 'fsync'),
  )
  return 0
}

/** As Promise.all, but what fails leaves nothing under way: who is told of it may close the stores, and delete their folder. */
async function bothEnded<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([one, other])
  return await Promise.all([one, other])
}

async function claimNext(context: LeaseContext, highest: number): Promise<number> {
  const { id, files } = context
  const generation = highest + 1
  const outcome = await createClaim(files, id, generation, context)
  if (outcome === 'created') return generation
  if (outcome === 'exists')
    throw fenced(context, generation, 'was claimed by another writer at the same moment')
  throw new StateStoreError(
    'TIDEMARK_STORAGE_UNAVAILABLE',
    `Cannot claim ${storeIdText(id)}: the folder ${writersDirectory(id)} vanished while it was being used`,
    { storeId: storeIdText(id), path: writersDirectory(id) },
  )
}

async function stage(context: LeaseContext, generation: number): Promise<void> {
  const { id, files } = context
  const staging = joinPath(stagingDirectory(id), generationName(generation))
  let outcome = await files.makeDirectory(staging, 'fsync')
  if (outcome === 'parent-missing') {
    // There are claims, but somebody has deleted what else there was; a copy may also have come without empty folders.
    await files.makeDirectories(stagingDirectory(id), 'fsync')
    outcome = await files.makeDirectory(staging, 'fsync')
  }
  if (outcome === 'created') return
  throw new StateStoreError(
    'TIDEMARK_STORAGE_UNAVAILABLE',
    `Cannot claim ${storeIdText(id)}: expected to make the staging folder ${staging}, found ${outcome}`,
    { storeId: storeIdText(id), path: staging },
  )
}

/** Returns the claims as they are now, oldest first, of which `generation` is the newest; else FENCED. */
async function refuseIfOvertaken(context: LeaseContext, generation: number): Promise<Claimed[]> {
  const { id, files } = context
  const claimed = await listClaimed(files, id)
  const highest = claimed.at(-1)?.generation ?? 0
  if (highest <= generation) return claimed
  if (files.conditional === undefined)
    await files.deleteTree(joinPath(stagingDirectory(id), generationName(generation)))
  throw fenced(context, generation, `was overtaken by generation ${highest}`)
}

/** The store directory as generation `generation` may write it. */
function writableDirectory(
  { id, files, durability, clock }: LeaseContext,
  generation: number,
  onFenced: (error: StateStoreError) => void,
): WritableDirectory {
  const directory = storeDirectory(id)
  if (files.conditional !== undefined) {
    const writes = files.conditional
    // PERF: behind our own claim there is nothing as a rule, and a listing of 64 claims takes as long as the commit's PUT; bench/backends.ts.
    const isNewest = async (): Promise<boolean> =>
      ((await listClaimed(files, id, generation)).at(-1)?.generation ?? 0) <= generation
    return new ConditionalDirectory({ files, writes, directory, isNewest, onFenced })
  }
  const staging = joinPath(stagingDirectory(id), generationName(generation))
  return new LeasedDirectory({ files, directory, staging, durability, clock, onFenced })
}

async function fenceOlder(context: LeaseContext, generation: number): Promise<void> {
  const { id, files, clock } = context
  const root = stagingDirectory(id)
  for (const entry of (await files.list(root)) ?? []) {
    const older = parseGeneration(entry.name)
    if (older === undefined || older >= generation) continue
    const grave = `${FENCED_PREFIX}${entry.name}-${toHex(clock.randomBytes(6))}`
    await files.moveDirectory(joinPath(root, entry.name), joinPath(root, grave))
    // Emptying it can wait (cleanLeftovers); the move is the fence.
  }
}

function fenced(context: LeaseContext, generation: number, what: string): StateStoreError {
  const storeId = storeIdText(context.id)
  return new StateStoreError(
    'TIDEMARK_FENCED',
    `Generation ${generation} of ${storeId} ${what}. Only the newest writer may write; if it should be this one, close this provider and ask for a new one.`,
    { storeId, published: 'no' },
  )
}
