// S3FileManager — a checkpoint in a bucket of S3, or of a service that speaks its language.
//
// - There are no moves. What must not be overwritten is written under a condition, under its final name (`conditional`): the object is there
//   whole or not at all, decided by the service in one step. The engine's commits on such storage rest on that; `probe` tries it.
// - There are no folders: a name with keys below it is shown as one, an empty one is nothing, and making one is nothing to do. So nothing is
//   ever 'parent-missing', and whoever writes late is stopped by a condition, not by a folder that is gone.
// - DURABILITY: S3 answers when what was written is durable, so 'os' and 'fsync' are the same. Listings show what was written before them.
// - An attempt whose answer was lost is repeated, because a write is known again by its own id (client.ts).
//
// Cost in requests: an object written 1 (in parts: their number and 2), refused 2, read 1, stat 1, stat of a folder or of nothing 2, list 1 per
// 1 000 keys and folders, deleteFile 2, deleteTree 2 per 1 000 keys.

import { assert } from '../../base/assert.ts'
import { toHex } from '../../base/bytes.ts'
import { isStateStoreError, StateStoreError } from '../../errors.ts'
import {
  type ByteRange,
  type CheckpointFileManager,
  checkPath,
  checkSegment,
  type ConditionalWrites,
  type Durability,
  type FileManagerCapabilities,
  type FileStatus,
  type FileWriter,
  PROBE_PREFIX,
} from '../file-manager.ts'
import { checkRange } from '../read-range.ts'
import { DELETES_MAX, S3Objects } from './client.ts'
import { KEY_BYTES_MAX, parseS3Location } from './location.ts'
import { type ResolvedS3Options, resolveS3Options, type S3Options } from './options.ts'
import { probeConditions } from './probe.ts'
import { S3Upload } from './s3-upload.ts'
import { loadSdk, newClient } from './sdk.ts'

export type { S3Options } from './options.ts'

/** Listings of one deleteTree, 1 000 keys each: new ones may appear while it deletes. */
const DELETE_PASSES_MAX = 100_000

export class S3FileManager implements CheckpointFileManager {
  readonly location: string
  readonly capabilities: FileManagerCapabilities = {
    name: 's3',
    atomicMove: false,
    losesAnswers: true,
  }
  readonly conditional: ConditionalWrites
  readonly #objects: S3Objects
  readonly #options: ResolvedS3Options
  #probed: Promise<void> | undefined

  private constructor(location: string, objects: S3Objects, options: ResolvedS3Options) {
    this.location = location
    this.#objects = objects
    this.#options = options
    this.conditional = {
      upload: (path) => this.#upload(path),
      probe: () => this.#probe(),
      cleanUploads: (directory, ageMs) => this.#cleanUploads(directory, ageMs),
    }
  }

  /**
   * The manager of the checkpoint at `location`: `s3://bucket/prefix`. The prefix is taken as it stands, without percent-decoding. Nothing
   * is sent yet. INVALID_OPTIONS where `location` or an option is not right, and where the package @aws-sdk/client-s3 is not installed.
   */
  static async open(location: string, options: S3Options = {}): Promise<S3FileManager> {
    const resolved = resolveS3Options(options)
    const { bucket, segments } = parseS3Location(location)
    const sdk = await loadSdk()
    const objects = new S3Objects({
      location,
      bucket,
      prefix: segments.map((segment) => `${segment}/`).join(''),
      sdk,
      client: newClient(sdk, resolved),
      options: resolved,
    })
    return new S3FileManager(location, objects, resolved)
  }

  async stat(path: string): Promise<FileStatus | undefined> {
    this.#check(path)
    const found = path === '' ? 'absent' : await this.#objects.stat(path)
    if (found !== 'absent') return found
    const prefix = this.#objects.prefixOf(path)
    const { listing } = await this.#objects.listPage(path, prefix, { delimiter: false, max: 1 })
    return listing.files.length === 0
      ? undefined
      : directoryStatus(path.slice(path.lastIndexOf('/') + 1))
  }

  /** A folder with nothing in it is not there. */
  async list(directory: string, after?: string): Promise<FileStatus[] | undefined> {
    const prefix = this.#objects.prefixOf(this.#check(directory))
    if (after !== undefined) checkSegment(after)
    const all: FileStatus[] = []
    const tokens: string[] = []
    for (;;) {
      const { listing, next } = await this.#objects.listPage(directory, prefix, {
        delimiter: true,
        tokens,
        ...(after !== undefined && { after: prefix + after }),
      })
      for (const { status } of listing.files) all.push(status)
      for (const key of listing.prefixes) all.push(directoryStatus(key.slice(prefix.length, -1)))
      if (next === undefined) break
      tokens.push(next)
    }
    // The key of the folder itself, which some tools make, and names that no path can have.
    const named = all.filter(({ name }) => !/^\.{0,2}$|[\\\0]/.test(name))
    return all.length === 0 ? undefined : named
  }

  async read(
    path: string,
    range: ByteRange = {},
    signal?: AbortSignal,
    revision?: string,
  ): Promise<Uint8Array | undefined> {
    this.#check(path)
    checkRange(range)
    signal?.throwIfAborted()
    if (path === '') return undefined
    if (range.length === 0) {
      const found = await this.#objects.stat(path)
      const there = found !== 'absent' && (revision === undefined || found.revision === revision)
      return there ? new Uint8Array(0) : undefined
    }
    const bytes = await this.#objects.read(path, range, signal, revision)
    return bytes === 'absent' ? undefined : bytes
  }

  async createExclusive(
    path: string,
    bytes: Uint8Array,
    _durability: Durability,
  ): Promise<'created' | 'exists'> {
    assert(this.#check(path) !== '', `${this.location} is to be created as a file`)
    const identity = { uploadId: this.#newId(), doubt: { lost: false } }
    const outcome = await this.#objects.put(path, bytes, 'absent', identity)
    // 'unclear' too: what is there is not ours.
    return outcome === 'written' ? 'created' : 'exists'
  }

  /** UNSUPPORTED: `conditional.upload` writes under the final name. */
  async createFile(path: string, _durability: Durability): Promise<FileWriter | undefined> {
    this.#check(path)
    throw this.#unsupported('createFile', path)
  }

  /** UNSUPPORTED. */
  async moveIfAbsent(source: string, target: string, _durability: Durability): Promise<'moved'> {
    this.#check(source)
    this.#check(target)
    throw this.#unsupported('moveIfAbsent', target)
  }

  /** UNSUPPORTED. */
  async moveReplacing(source: string, target: string, _durability: Durability): Promise<'moved'> {
    this.#check(source)
    this.#check(target)
    throw this.#unsupported('moveReplacing', target)
  }

  /** Nothing that has keys below it is told from nothing. Two callers at once may both be told true. */
  async deleteFile(path: string): Promise<boolean> {
    assert(this.#check(path) !== '', `${this.location} is to be deleted as a file`)
    // S3 does not say whether there was one.
    if ((await this.#objects.stat(path)) === 'absent') return false
    await this.#objects.remove(path)
    return true
  }

  async deleteTree(directory: string): Promise<void> {
    const prefix = this.#objects.prefixOf(this.#check(directory))
    // From the top each time: pages that go on after a deleted key are not sure to be right everywhere.
    for (let pass = 0; pass < DELETE_PASSES_MAX; pass++) {
      const { listing, next } = await this.#objects.listPage(directory, prefix, {
        delimiter: false,
        max: DELETES_MAX,
      })
      const keys = listing.files.map(({ key }) => key)
      if (keys.length > 0) await this.#objects.removeAll(directory, keys)
      if (next === undefined) return
    }
  }

  /** UNSUPPORTED. */
  async moveDirectory(source: string, target: string): Promise<'moved'> {
    this.#check(source)
    this.#check(target)
    throw this.#unsupported('moveDirectory', target)
  }

  /** Nothing to do: folders are what the keys say. */
  async makeDirectory(directory: string, _durability: Durability): Promise<'created'> {
    this.#check(directory)
    return 'created'
  }

  /** Nothing to do. */
  async makeDirectories(directory: string, _durability: Durability): Promise<void> {
    this.#check(directory)
  }

  /** Nothing to do. */
  async syncDirectory(directory: string): Promise<void> {
    this.#check(directory)
  }

  async #upload(path: string): Promise<S3Upload> {
    assert(this.#check(path) !== '', `${this.location} is to be written as a file`)
    const { partSizeBytes } = this.#options
    return new S3Upload({ objects: this.#objects, path, uploadId: this.#newId(), partSizeBytes })
  }

  #probe(): Promise<void> {
    this.#probed ??= probeConditions({
      objects: this.#objects,
      path: `${PROBE_PREFIX}${this.#newId()}`,
      endpoint: this.#options.endpoint ?? 'AWS',
      newUploadId: () => this.#newId(),
    }).catch((error: unknown) => {
      // The service's nature does not change; everything else may.
      if (!isStateStoreError(error, 'TIDEMARK_UNSUPPORTED')) this.#probed = undefined
      throw error
    })
    return this.#probed
  }

  async #cleanUploads(directory: string, ageMs: number): Promise<number> {
    const prefix = this.#objects.prefixOf(this.#check(directory))
    let count = 0
    for (const begun of await this.#objects.listBegun(directory, prefix)) {
      // By the server's clock, and not where it does not tell.
      if (!(begun.ageMs > ageMs) || !begun.key.startsWith(prefix)) continue
      if (await this.#objects.abortParts(begun.key, begun.multipartId)) count++
    }
    return count
  }

  #newId(): string {
    return toHex(this.#options.clock.randomBytes(16))
  }

  #check(path: string): string {
    checkPath(path)
    const keyBytes = Buffer.byteLength(this.#objects.keyOf(path))
    if (keyBytes <= KEY_BYTES_MAX) return path
    throw new StateStoreError(
      'TIDEMARK_INVALID_OPTIONS',
      `${path} in ${this.location} makes a key of ${keyBytes} bytes; expected at most ${KEY_BYTES_MAX}, which is all S3 takes. Use a shorter location or store name.`,
      { path },
    )
  }

  #unsupported(call: string, path: string): StateStoreError {
    return new StateStoreError(
      'TIDEMARK_UNSUPPORTED',
      `${call} of ${path} in ${this.location}: S3 cannot move. Expected what is written there to be uploaded under its final name.`,
      { path },
    )
  }
}

function directoryStatus(name: string): FileStatus {
  return { name, type: 'directory', sizeBytes: 0, modifiedMs: 0 }
}
