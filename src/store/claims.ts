// Claims — the numbers that the writers of a store have taken, in _tidemark/writers/<store>: one entry a number, made by one claimant alone.
//
// An entry is a file that says who and when; or, on storage with makeLabelledDirectory (HDFS, where a file is work for a DataNode), a
// folder, and in it an empty folder whose name says the same. Only the entry's own name decides anything. A store may have entries of both
// kinds, if its checkpoint was copied from one storage to another; a number that one kind has taken the other cannot take.
//
// INVARIANT: the highest entry is never deleted, so no number is given out twice.
// A claim whose answer was lost may arrive after its claimant has given up. Then either somebody has its number: it is refused. Or nobody has:
// it is the highest, and nobody's. Who holds the store does not look at claims any more (on object storage it does, and is FENCED); who is just claiming is FENCED and may try again; the
// next number lies above. Or its number was taken and is long pruned: one more old number.

import { type Clock, processIdentity } from '../base/clock.ts'
import { type CheckpointFileManager, type FileStatus, joinPath } from '../files/file-manager.ts'
import { type ResolvedStoreId, writersDirectory } from './store-id.ts'

/** Digits of a generation in names: names sort as numbers, and 2^53 has 16. */
const GENERATION_DIGITS = 16
/** The newest claims are kept for people to read; a zombie needs only the highest to see that it is one. */
const CLAIMS_KEPT_MAX = 64
/** Of a label, encoded: with the names, the process id and the time it stays below the 255 bytes that a name may have. */
const OWNER_BYTES_MAX = 100
const HOST_BYTES_MAX = 80

/** One line of history in _tidemark/writers: who claimed a store, and when. For people; nothing is decided by it. */
export interface Claim {
  readonly generation: number
  /** Where a claim is a folder, cut to 100 bytes of its percent-encoded form. */
  readonly owner: string
  /** Cut to 80 bytes there. */
  readonly host: string
  readonly pid: number
  /** ISO 8601. */
  readonly claimedAt: string
}

/** An entry of _tidemark/writers. */
export interface Claimed {
  readonly generation: number
  readonly type: FileStatus['type']
}

/** Takes the number `generation`, durably. 'exists': another has it. 'parent-missing': the folder of the claims is gone. */
export async function createClaim(
  files: CheckpointFileManager,
  id: ResolvedStoreId,
  generation: number,
  { owner, clock }: { readonly owner: string; readonly clock: Clock },
): Promise<'created' | 'exists' | 'parent-missing'> {
  const claim: Claim = {
    generation,
    owner,
    ...processIdentity(),
    claimedAt: new Date(clock.nowMs()).toISOString(),
  }
  const path = pathOf(id, generation)
  // PERF: three requests to an HDFS NameNode instead of two and a file on a DataNode, bench/backends.ts, phase open.
  if (files.makeLabelledDirectory !== undefined)
    return await files.makeLabelledDirectory(path, labelOf(claim), 'fsync')
  const bytes = new TextEncoder().encode(JSON.stringify(claim))
  return await files.createExclusive(path, bytes, 'fsync')
}

/** What was claimed, oldest first; with `after`, at least what was claimed after that generation. */
export async function listClaimed(
  files: CheckpointFileManager,
  id: ResolvedStoreId,
  after?: number,
): Promise<Claimed[]> {
  const claimed: Claimed[] = []
  // Names sort as numbers do.
  const behind = after === undefined ? [] : [generationName(after)]
  for (const { name, type } of (await files.list(writersDirectory(id), ...behind)) ?? []) {
    const generation = parseGeneration(name)
    if (generation !== undefined) claimed.push({ generation, type })
  }
  return claimed.sort((a, b) => a.generation - b.generation)
}

/** The claims of a store, oldest first, or none. Unreadable ones (a crash cut them) show with empty fields. Never writes. */
export async function listClaims(
  files: CheckpointFileManager,
  id: ResolvedStoreId,
): Promise<Claim[]> {
  const claims: Claim[] = []
  for (const { generation, type } of await listClaimed(files, id)) {
    const path = pathOf(id, generation)
    const told =
      type === 'directory'
        ? parseLabel((await files.list(path))?.[0]?.name)
        : parseFile(await files.read(path))
    claims.push({ owner: '', host: '', pid: 0, claimedAt: '', ...told, generation })
  }
  return claims
}

/** Deletes all but the newest of `claimed`, which is in order. */
export async function pruneClaims(
  files: CheckpointFileManager,
  id: ResolvedStoreId,
  claimed: readonly Claimed[],
): Promise<void> {
  for (const { generation, type } of claimed.slice(0, -CLAIMS_KEPT_MAX)) {
    const path = pathOf(id, generation)
    if (type === 'directory') await files.deleteTree(path)
    else await files.deleteFile(path)
  }
}

/** The name of a generation's claim, and of its staging folder. */
export function generationName(generation: number): string {
  return String(generation).padStart(GENERATION_DIGITS, '0')
}

/** Undefined for what is no generation's name. */
export function parseGeneration(name: string): number | undefined {
  if (!/^\d{16}$/.test(name)) return undefined
  const generation = Number(name)
  return Number.isSafeInteger(generation) && generation >= 1 ? generation : undefined
}

function pathOf(id: ResolvedStoreId, generation: number): string {
  return joinPath(writersDirectory(id), generationName(generation))
}

/** As in a form: `owner=…&host=…`. HDFS takes no colon in a name; JSON would be hard to read with all its quotes encoded. */
function labelOf({ owner, host, pid, claimedAt }: Claim): string {
  return new URLSearchParams({
    owner: fitting(owner, OWNER_BYTES_MAX),
    host: fitting(host, HOST_BYTES_MAX),
    pid: String(pid),
    claimedAt,
  }).toString()
}

/** As much of `text`, in whole letters, as fits in so many bytes when encoded. */
function fitting(text: string, encodedBytesMax: number): string {
  let fits = ''
  let left = encodedBytesMax
  for (const letter of text) {
    left -= new URLSearchParams({ '': letter }).toString().length - 1
    if (left < 0) break
    fits += letter
  }
  return fits
}

function parseLabel(label = ''): Partial<Claim> {
  const {
    owner = '',
    host = '',
    pid,
    claimedAt = '',
  } = Object.fromEntries(new URLSearchParams(label)) as Record<string, string | undefined>
  return { owner, host, claimedAt, pid: /^\d{1,15}$/.test(pid ?? '') ? Number(pid) : 0 }
}

function parseFile(bytes: Uint8Array | undefined): Partial<Claim> {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Partial<Claim>
  } catch {
    return {}
  }
}
