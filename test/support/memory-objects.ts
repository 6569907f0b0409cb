// Object storage in memory: no moves, no folders, writes under a condition, revisions. Strongly consistent, as S3 is. What it can do besides is to
// hold writes back and let them arrive later, whatever their writer was told.

import { StateStoreError } from '../../src/errors.ts'
import {
  type ByteRange,
  type CheckpointFileManager,
  checkPath,
  type ConditionalUpload,
  type ConditionalWrites,
  type FileStatus,
  type WriteCondition,
} from '../../src/files/file-manager.ts'

interface StoredObject {
  readonly bytes: Uint8Array
  readonly revision: string
  readonly modifiedMs: number
  readonly upload: number
}

/** What all managers of one location share. */
export class ObjectStorage {
  readonly objects = new Map<string, StoredObject>()
  #count = 0
  #uploads = 0

  nextUpload(): number {
    return ++this.#uploads
  }

  /** One step: the condition holds, or nothing happens. A write that took effect before is not refused because of itself. */
  put(path: string, bytes: Uint8Array, condition: WriteCondition, upload: number): boolean {
    const there = this.objects.get(path)
    if (there?.upload === upload) return true
    const holds =
      condition === 'absent' ? there === undefined : there?.revision === condition.revision
    if (!holds) return false
    this.objects.set(path, {
      bytes: bytes.slice(),
      revision: `r${++this.#count}`,
      modifiedMs: Date.now(),
      upload,
    })
    return true
  }
}

/** What stands between a manager and its storage: may wait before a write, and throw instead of giving its answer. */
export interface WriteHooks {
  before?(path: string): Promise<void>
  after?(path: string): Promise<void>
}

export class MemoryObjects implements CheckpointFileManager {
  hooks: WriteHooks = {}
  readonly location = 'memory objects'
  readonly capabilities = { name: 'memory objects', atomicMove: false, losesAnswers: true }
  readonly storage: ObjectStorage
  readonly conditional: ConditionalWrites = {
    upload: (path) => Promise.resolve(new Upload(this, checkPath(path))),
    probe: () => Promise.resolve(),
    cleanUploads: () => Promise.resolve(0),
  }

  constructor(storage = new ObjectStorage()) {
    this.storage = storage
  }

  async stat(path: string): Promise<FileStatus | undefined> {
    checkPath(path)
    const name = path.slice(path.lastIndexOf('/') + 1)
    const found = this.storage.objects.get(path)
    if (found !== undefined) return statusOf(name, found)
    const below = path === '' ? '' : `${path}/`
    const isFolder = [...this.storage.objects.keys()].some((key) => key.startsWith(below))
    return isFolder ? { name, type: 'directory', sizeBytes: 0, modifiedMs: 0 } : undefined
  }

  async list(directory: string, after?: string): Promise<FileStatus[] | undefined> {
    const below = checkPath(directory) === '' ? '' : `${directory}/`
    const entries = new Map<string, FileStatus>()
    for (const [path, object] of this.storage.objects) {
      if (!path.startsWith(below)) continue
      const [name, ...deeper] = path.slice(below.length).split('/')
      if (after !== undefined && name <= after) continue
      entries.set(
        name,
        deeper.length === 0
          ? statusOf(name, object)
          : { name, type: 'directory', sizeBytes: 0, modifiedMs: 0 },
      )
    }
    return entries.size === 0 ? undefined : [...entries.values()]
  }

  async read(
    path: string,
    { offset = 0, length }: ByteRange = {},
    signal?: AbortSignal,
    revision?: string,
  ): Promise<Uint8Array | undefined> {
    signal?.throwIfAborted()
    const found = this.storage.objects.get(checkPath(path))
    if (found === undefined || (revision !== undefined && found.revision !== revision))
      return undefined
    return found.bytes.slice(offset, length === undefined ? undefined : offset + length)
  }

  async createExclusive(path: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    const upload = this.storage.nextUpload()
    return (await this.put(checkPath(path), bytes, 'absent', upload)) ? 'created' : 'exists'
  }

  async put(
    path: string,
    bytes: Uint8Array,
    condition: WriteCondition,
    upload: number,
  ): Promise<boolean> {
    const { hooks } = this
    await hooks.before?.(path)
    const isWritten = this.storage.put(path, bytes, condition, upload)
    await hooks.after?.(path)
    return isWritten
  }

  async deleteFile(path: string): Promise<boolean> {
    return this.storage.objects.delete(checkPath(path))
  }

  async deleteTree(directory: string): Promise<void> {
    const below = `${checkPath(directory)}/`
    for (const path of this.storage.objects.keys())
      if (path.startsWith(below)) this.storage.objects.delete(path)
  }

  async makeDirectory(): Promise<'created'> {
    return 'created'
  }

  async makeDirectories(): Promise<void> {}

  async syncDirectory(): Promise<void> {}

  createFile(): Promise<never> {
    return Promise.reject(unsupported('createFile'))
  }

  moveIfAbsent(): Promise<never> {
    return Promise.reject(unsupported('moveIfAbsent'))
  }

  moveReplacing(): Promise<never> {
    return Promise.reject(unsupported('moveReplacing'))
  }

  moveDirectory(): Promise<never> {
    return Promise.reject(unsupported('moveDirectory'))
  }
}

class Upload implements ConditionalUpload {
  readonly #files: MemoryObjects
  readonly #path: string
  readonly #id: number
  #chunks: Uint8Array[] = []

  constructor(files: MemoryObjects, path: string) {
    this.#files = files
    this.#path = path
    this.#id = files.storage.nextUpload()
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#chunks.push(new Uint8Array(chunk))
  }

  async complete(condition: WriteCondition): Promise<'written' | 'refused'> {
    const bytes = Buffer.concat(this.#chunks)
    return (await this.#files.put(this.#path, bytes, condition, this.#id)) ? 'written' : 'refused'
  }

  async abort(): Promise<void> {
    this.#chunks = []
  }
}

function statusOf(name: string, { bytes, revision, modifiedMs }: StoredObject): FileStatus {
  return { name, type: 'file', sizeBytes: bytes.length, modifiedMs, revision }
}

function unsupported(call: string): StateStoreError {
  return new StateStoreError('TIDEMARK_UNSUPPORTED', `Objects cannot be moved (${call})`)
}
