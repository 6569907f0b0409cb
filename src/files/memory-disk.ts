// MemoryDisk — a POSIX file system in memory that knows what has been synced, so that the power can fail.
//
// It answers the system calls of NativeFiles with the same outcomes and errno names as Linux. With `losesPower` it also keeps, apart from
// what everybody sees, what a disk would still hold after a power failure:
// - of a file, the bytes of its last fsync. What was written since may be there, cut at any byte, or there in length but zero from any byte;
// - of a directory, each entry as of the directory's last fsync. Each change since may have reached the disk or not, by itself: entries
//   do not wait for each other, and a rename may be seen at one end only. Real file systems are kinder; code that survives this survives them.
// `crash(seed)` returns the disk as it comes up again; the seed decides the choices. The old disk goes on as if nothing had happened: what
// dead processes do to it reaches nobody.
//
// No symbolic links: the real disk is where those are tested.

import type { NativeFiles, NativeStat } from './local-native.ts'

interface FileNode {
  readonly type: 'file'
  bytes: Uint8Array
  sizeBytes: number
  /** How many bytes the last fsync covered. Files only grow here, so this names the content too. */
  syncedBytes: number
  modifiedMs: number
}

interface DirectoryNode {
  readonly type: 'directory'
  readonly entries: Map<string, DiskNode>
  /** Per name changed since the last fsync: what it was then, and then each thing it was after (the present one included). */
  readonly unsynced: Map<string, (DiskNode | undefined)[]>
  modifiedMs: number
}

type DiskNode = FileNode | DirectoryNode

export interface MemoryDiskOptions {
  /** Remember what was not synced, for `crash`. Costs memory for every file deleted or replaced since its folder was synced. Default false. */
  readonly losesPower?: boolean
}

export class MemoryDisk implements NativeFiles {
  readonly #root: DirectoryNode
  readonly #losesPower: boolean
  readonly #open = new Map<number, DiskNode>()
  #nextDescriptor = 3
  /** Stands for the time of a change: a count, so that runs are alike. */
  #tick = 0

  constructor(options: MemoryDiskOptions = {}) {
    this.#losesPower = options.losesPower ?? false
    this.#root = newDirectory(0)
  }

  /** How many descriptors are open. For tests that look for leaks. */
  get openCount(): number {
    return this.#open.size
  }

  /** The disk after a power failure at this moment: what was synced, and of the rest what `seed` chooses. All of it counts as synced then. */
  crash(seed: number): MemoryDisk {
    if (!this.#losesPower) throw new TypeError('Expected a disk made with `losesPower: true`')
    const after = new MemoryDisk({ losesPower: true })
    const chance = mulberry32(seed)
    for (const [name, node] of survivors(this.#root, chance))
      after.#root.entries.set(name, cloneAfterCrash(node, chance))
    return after
  }

  async openExisting(path: string): Promise<number> {
    return this.#openNode(this.#find(path))
  }

  async openNew(path: string): Promise<number> {
    const { parent, name } = this.#parent(path)
    if (parent.entries.has(name)) throw errno('EEXIST', 'open', path)
    const node = newFile(++this.#tick)
    this.#set(parent, name, node)
    return this.#openNode(node)
  }

  async openDirectory(path: string): Promise<number> {
    return this.#openNode(this.#findDirectory(path))
  }

  async close(descriptor: number): Promise<void> {
    if (!this.#open.delete(descriptor)) throw errno('EBADF', 'close', String(descriptor))
  }

  async read(descriptor: number, into: Uint8Array, position: number): Promise<number> {
    const node = this.#opened(descriptor)
    if (node.type !== 'file') throw errno('EISDIR', 'read', String(descriptor))
    const bytes = node.bytes.subarray(position, Math.min(position + into.length, node.sizeBytes))
    into.set(bytes)
    return bytes.length
  }

  async write(descriptor: number, chunk: Uint8Array, position: number): Promise<number> {
    const node = this.#opened(descriptor)
    if (node.type !== 'file' || position !== node.sizeBytes)
      throw errno('EINVAL', 'write', String(descriptor))
    const sizeBytes = position + chunk.length
    if (sizeBytes > node.bytes.length) {
      const grown = new Uint8Array(Math.max(sizeBytes, node.bytes.length * 2))
      grown.set(node.bytes.subarray(0, node.sizeBytes))
      node.bytes = grown
    }
    node.bytes.set(chunk, position)
    node.sizeBytes = sizeBytes
    node.modifiedMs = ++this.#tick
    return chunk.length
  }

  async sync(descriptor: number): Promise<void> {
    const node = this.#opened(descriptor)
    if (node.type === 'file') node.syncedBytes = node.sizeBytes
    else node.unsynced.clear()
  }

  async statOpen(descriptor: number): Promise<NativeStat> {
    return describe(this.#opened(descriptor))
  }

  async stat(path: string): Promise<NativeStat> {
    return describe(this.#find(path))
  }

  async names(directory: string): Promise<string[]> {
    return [...this.#findDirectory(directory).entries.keys()]
  }

  async link(existing: string, created: string): Promise<void> {
    const node = this.#find(existing)
    const { parent, name } = this.#parent(created)
    if (parent.entries.has(name)) throw errno('EEXIST', 'link', created)
    if (node.type === 'directory') throw errno('EPERM', 'link', existing)
    this.#set(parent, name, node)
  }

  async unlink(path: string): Promise<void> {
    const node = this.#find(path)
    if (node.type === 'directory') throw errno('EISDIR', 'unlink', path)
    const { parent, name } = this.#parent(path)
    this.#set(parent, name, undefined)
  }

  async rename(from: string, to: string): Promise<void> {
    const source = this.#parent(from)
    const target = this.#parent(to)
    const node = this.#find(from)
    if (`${to}/`.startsWith(`${from}/`) && to !== from) throw errno('EINVAL', 'rename', to)
    // As Linux: a folder that what is moved lies in is not empty, whatever is moved.
    if (from.startsWith(`${to}/`)) throw errno('ENOTEMPTY', 'rename', to)
    const replaced = target.parent.entries.get(target.name)
    if (replaced === node) return // Two names of one file: POSIX does nothing.
    if (replaced?.type === 'directory') {
      if (node.type === 'file') throw errno('EISDIR', 'rename', to)
      if (replaced.entries.size > 0) throw errno('ENOTEMPTY', 'rename', to)
    } else if (replaced?.type === 'file' && node.type === 'directory')
      throw errno('ENOTDIR', 'rename', to)
    this.#set(source.parent, source.name, undefined)
    this.#set(target.parent, target.name, node)
  }

  async makeDirectory(path: string): Promise<void> {
    const { parent, name } = this.#parent(path)
    if (parent.entries.has(name)) throw errno('EEXIST', 'mkdir', path)
    this.#set(parent, name, newDirectory(++this.#tick))
  }

  async removeDirectory(path: string): Promise<void> {
    if (this.#findDirectory(path).entries.size > 0) throw errno('ENOTEMPTY', 'rmdir', path)
    const { parent, name } = this.#parent(path)
    this.#set(parent, name, undefined)
  }

  #openNode(node: DiskNode): number {
    this.#open.set(this.#nextDescriptor, node)
    return this.#nextDescriptor++
  }

  #opened(descriptor: number): DiskNode {
    const node = this.#open.get(descriptor)
    if (node === undefined) throw errno('EBADF', 'use', String(descriptor))
    return node
  }

  #find(path: string): DiskNode {
    let node: DiskNode = this.#root
    for (const name of segmentsOf(path)) {
      if (node.type !== 'directory') throw errno('ENOTDIR', 'find', path)
      const next = node.entries.get(name)
      if (next === undefined) throw errno('ENOENT', 'find', path)
      node = next
    }
    return node
  }

  #findDirectory(path: string): DirectoryNode {
    const node = this.#find(path)
    if (node.type !== 'directory') throw errno('ENOTDIR', 'find', path)
    return node
  }

  #parent(path: string): { parent: DirectoryNode; name: string } {
    const name = segmentsOf(path).at(-1)
    if (name === undefined) throw errno('EBUSY', 'change', path)
    return { parent: this.#findDirectory(path.slice(0, path.lastIndexOf('/'))), name }
  }

  /** The one place where an entry changes. */
  #set(directory: DirectoryNode, name: string, node: DiskNode | undefined): void {
    if (this.#losesPower) {
      const past = directory.unsynced.get(name) ?? [directory.entries.get(name)]
      directory.unsynced.set(name, [...past, node])
    }
    directory.modifiedMs = ++this.#tick
    if (node === undefined) directory.entries.delete(name)
    else directory.entries.set(name, node)
  }
}

/** The entries that the disk holds after the crash. */
function survivors(directory: DirectoryNode, chance: () => number): Map<string, DiskNode> {
  const left = new Map(directory.entries)
  for (const [name, states] of directory.unsynced) {
    const state = states[Math.floor(chance() * states.length)]
    if (state === undefined) left.delete(name)
    else left.set(name, state)
  }
  return left
}

function cloneAfterCrash(node: DiskNode, chance: () => number): DiskNode {
  if (node.type === 'directory') {
    const clone = newDirectory(node.modifiedMs)
    for (const [name, child] of survivors(node, chance))
      clone.entries.set(name, cloneAfterCrash(child, chance))
    return clone
  }
  const unsyncedBytes = node.sizeBytes - node.syncedBytes
  const kept = node.syncedBytes + Math.floor(chance() * (unsyncedBytes + 1))
  const keepsLength = unsyncedBytes > 0 && chance() < 0.3 // Then what was not kept reads as zeros.
  const sizeBytes = keepsLength ? node.sizeBytes : kept
  const bytes = new Uint8Array(sizeBytes)
  bytes.set(node.bytes.subarray(0, kept))
  return { type: 'file', bytes, sizeBytes, syncedBytes: sizeBytes, modifiedMs: node.modifiedMs }
}

function newFile(modifiedMs: number): FileNode {
  return { type: 'file', bytes: new Uint8Array(0), sizeBytes: 0, syncedBytes: 0, modifiedMs }
}

function newDirectory(modifiedMs: number): DirectoryNode {
  return { type: 'directory', entries: new Map(), unsynced: new Map(), modifiedMs }
}

function describe(node: DiskNode): NativeStat {
  const sizeBytes = node.type === 'file' ? node.sizeBytes : 0
  return { type: node.type, sizeBytes, modifiedMs: node.modifiedMs }
}

/** Also enforces the limits that Linux has, so that what works in memory works on disk. */
function segmentsOf(path: string): string[] {
  const segments = path.split('/').filter((segment) => segment !== '')
  if (
    Buffer.byteLength(path) > 4095 ||
    segments.some((segment) => Buffer.byteLength(segment) > 255)
  )
    throw errno('ENAMETOOLONG', 'find', path)
  return segments
}

function errno(code: string, syscall: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${syscall} '${path}'`), { code, syscall, path })
}

/** A small seeded generator (Tommy Ettinger's mulberry32), for numbers in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
