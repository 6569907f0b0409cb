// The names and files behind the fake HDFS, in memory, with the rules of a NameNode as the recorded answers show them: what each operation does, and
// which exception with which words it throws where it does not.

const BLOCK_SIZE_BYTES = 134_217_728
const NAME_BYTES_MAX = 255
const SUPERUSER = 'hdfs'
const GROUP = 'supergroup'
const CLIENT = 'DFSClient_NONMAPREDUCE_1_1'

const EXCEPTIONS = {
  AccessControlException: 'org.apache.hadoop.security.',
  AlreadyBeingCreatedException: 'org.apache.hadoop.hdfs.protocol.',
  EOFException: 'java.io.',
  FileAlreadyExistsException: 'org.apache.hadoop.fs.',
  FileNotFoundException: 'java.io.',
  IllegalArgumentException: 'java.lang.',
  InvalidPathException: 'org.apache.hadoop.fs.',
  IOException: 'java.io.',
  ParentNotDirectoryException: 'org.apache.hadoop.fs.',
  PathComponentTooLongException: 'org.apache.hadoop.hdfs.protocol.FSLimitException$',
  PathIsNotEmptyDirectoryException: 'org.apache.hadoop.fs.',
  RemoteException: 'org.apache.hadoop.ipc.',
  SafeModeException: 'org.apache.hadoop.hdfs.server.namenode.',
  StandbyException: 'org.apache.hadoop.ipc.',
} as const

/** An exception as a server tells it. */
export class FakeHdfsError extends Error {
  readonly exception: keyof typeof EXCEPTIONS
  readonly javaClassName: string
  readonly status: number

  constructor(exception: keyof typeof EXCEPTIONS, message: string) {
    super(message)
    this.exception = exception
    this.javaClassName = `${EXCEPTIONS[exception]}${exception}`
    this.status =
      exception === 'FileNotFoundException'
        ? 404
        : exception === 'IllegalArgumentException' || exception === 'InvalidPathException'
          ? 400
          : 403
  }
}

interface Entry {
  name: string
  parent: Folder | undefined
  readonly owner: string
  readonly permission: string
  modifiedMs: number
}

interface Folder extends Entry {
  readonly type: 'DIRECTORY'
  readonly entries: Map<string, File | Folder>
}

interface File extends Entry {
  readonly type: 'FILE'
  bytes: Uint8Array
  /** While it is being written, nothing of it is seen. */
  open: boolean
}

/** A file being written: which file it is stays so under whatever name. */
export interface FakeWriter {
  /** The path under which it was made. */
  readonly path: string
  readonly file: File
}

export interface FakeFileStatus {
  readonly pathSuffix: string
  readonly type: 'FILE' | 'DIRECTORY'
  readonly length: number
  readonly [name: string]: string | number
}

export class FakeNamespace {
  readonly #root = newFolder('', undefined, SUPERUSER, '755')
  #lastId = 16_385
  /** Nothing can be changed. */
  safeMode = false

  constructor() {
    const open = newFolder('tmp', this.#root, SUPERUSER, '1777')
    this.#root.entries.set('tmp', open)
  }

  status(path: string): FakeFileStatus {
    const entry = this.#find(path)
    if (entry === undefined)
      throw new FakeHdfsError('FileNotFoundException', `File does not exist: ${path}`)
    return this.#statusOf(entry, '')
  }

  /** A page of the entries after a name, in the order of a NameNode, and how many are left. */
  list(
    path: string,
    startAfter: string,
    pageSize: number,
  ): { page: FakeFileStatus[]; remaining: number } {
    this.#refuseBelowFile(path, 'AccessControlException')
    const entry = this.#find(path)
    if (entry === undefined)
      throw new FakeHdfsError('FileNotFoundException', `File ${path} does not exist.`)
    if (entry.type === 'FILE') return { page: [this.#statusOf(entry, '')], remaining: 0 }
    const after = [...entry.entries.values()]
      .filter(({ name }) => startAfter === '' || compareNames(name, startAfter) > 0)
      .sort((a, b) => compareNames(a.name, b.name))
    return {
      page: after.slice(0, pageSize).map((child) => this.#statusOf(child, child.name)),
      remaining: Math.max(0, after.length - pageSize),
    }
  }

  /** What a NameNode checks before it redirects an OPEN. */
  checkOpen(path: string, offset: number): void {
    const entry = this.#find(path)
    if (entry === undefined)
      throw new FakeHdfsError('FileNotFoundException', `File ${path} not found.`)
    const length = entry.type === 'FILE' ? visible(entry).length : 0
    if (length > 0 && offset >= length)
      throw new FakeHdfsError(
        'IOException',
        `Offset=${offset} out of the range [0, ${length}); OPEN, path=${path}`,
      )
  }

  read(path: string, offset: number, length: number | undefined): Uint8Array {
    const entry = this.#find(path)
    if (entry?.type === 'DIRECTORY')
      throw new FakeHdfsError('FileNotFoundException', `Path is not a file: ${path}`)
    if (entry === undefined)
      throw new FakeHdfsError('FileNotFoundException', `File does not exist: ${path}`)
    const bytes = visible(entry)
    if (offset > bytes.length) throw new FakeHdfsError('EOFException', 'Cannot seek after EOF')
    return bytes.subarray(offset, length === undefined ? undefined : offset + length)
  }

  beginFile(
    path: string,
    user: string,
    options: { overwrite: boolean; createParent: boolean; mustExist: boolean },
  ): FakeWriter {
    this.#refuseSafeMode(`Cannot create file${path}`)
    this.#refuseBelowFile(path, 'ParentNotDirectoryException')
    this.#checkWritable(path, user)
    const existing = this.#find(path)
    if (existing?.type === 'DIRECTORY')
      throw new FakeHdfsError('FileAlreadyExistsException', `${path} already exists as a directory`)
    if (existing === undefined && options.mustExist)
      throw new FakeHdfsError('FileNotFoundException', `Can't overwrite non-existent ${path}`)
    if (existing !== undefined && !options.overwrite) throw alreadyThere(path, existing)
    checkNames(path, 'RemoteException')
    const folder = this.#parentOf(path, options.createParent ? user : undefined)
    if (folder === undefined)
      throw new FakeHdfsError(
        'FileNotFoundException',
        `Parent directory doesn't exist: ${parentPath(path)}`,
      )
    if (existing !== undefined) detach(existing)
    const file: File = {
      ...newEntry(lastName(path), folder, user, '644'),
      type: 'FILE',
      bytes: new Uint8Array(0),
      open: true,
    }
    attach(file, folder)
    return { path, file }
  }

  /** Makes what was written to be seen, under whatever name the file has by now. */
  finishFile({ path, file }: FakeWriter, bytes: Uint8Array): void {
    if (!this.#isAttached(file))
      throw new FakeHdfsError(
        'FileNotFoundException',
        `File does not exist: ${path} (inode ${++this.#lastId}) Holder ${CLIENT} does not have any open files.`,
      )
    file.bytes = bytes
    file.open = false
  }

  makeDirectories(path: string, user: string): void {
    checkColon(path, 'Invalid path name Invalid file name: ')
    this.#refuseSafeMode(`Cannot create directory ${path}`)
    this.#refuseBelowFile(path, 'ParentNotDirectoryException')
    const existing = this.#find(path)
    if (existing?.type === 'FILE')
      throw new FakeHdfsError('FileAlreadyExistsException', `Path is not a directory: ${path}`)
    if (existing !== undefined) return
    this.#checkWritable(path, user)
    checkNames(path, 'PathComponentTooLongException')
    const folder = this.#parentOf(path, user)!
    attach(newFolder(lastName(path), folder, user, '755'), folder)
  }

  delete(path: string, recursive: boolean, user: string): boolean {
    this.#refuseSafeMode(`Cannot delete ${path}`)
    this.#refuseBelowFile(path, 'AccessControlException')
    const entry = this.#find(path)
    if (entry === undefined || entry.parent === undefined) return false
    this.#checkWritable(path, user)
    if (entry.type === 'DIRECTORY' && entry.entries.size > 0 && !recursive)
      throw new FakeHdfsError(
        'PathIsNotEmptyDirectoryException',
        `\`${path} is non empty': Directory is not empty`,
      )
    detach(entry)
    return true
  }

  /** RENAME without options. */
  renamePlain(source: string, destination: string, user: string): boolean {
    this.#refuseSafeMode(`Cannot rename ${source}`)
    const entry = this.#find(source)
    if (entry === undefined) return false
    if (source === destination) return true
    const there = this.#find(destination)
    const into = there?.type === 'DIRECTORY'
    const folder = into ? there : this.#parentOf(destination, undefined)
    const name = into ? entry.name : lastName(destination)
    if (folder === undefined || (there !== undefined && !into) || folder.entries.has(name))
      return false
    if (isWithin(folder, entry)) return false
    this.#checkWritable(source, user)
    move(entry, folder, name)
    return true
  }

  /** RENAME with options NONE or OVERWRITE. */
  rename(source: string, destination: string, overwrite: boolean, user: string): void {
    checkColon(destination, 'Invalid path name Invalid file name: ')
    this.#refuseSafeMode(`Cannot rename ${source}`)
    this.#refuseBelowFile(source, 'AccessControlException')
    this.#refuseBelowFile(destination, 'ParentNotDirectoryException')
    this.#checkWritable(source, user)
    const entry = this.#find(source)
    if (entry === undefined)
      throw new FakeHdfsError('FileNotFoundException', `rename source ${source} is not found.`)
    if (source === destination)
      throw new FakeHdfsError(
        'FileAlreadyExistsException',
        `The source ${source} and destination ${destination} are the same`,
      )
    if (destination.startsWith(`${source}/`))
      throw new FakeHdfsError(
        'IOException',
        `Rename destination ${destination} is a directory or file under source ${source}`,
      )
    const there = this.#find(destination)
    if (there !== undefined) refuseTarget(source, entry, destination, there, overwrite)
    const folder = this.#parentOf(destination, undefined)
    if (folder === undefined)
      throw new FakeHdfsError(
        'FileNotFoundException',
        `rename destination parent ${destination} not found.`,
      )
    checkNames(destination, 'PathComponentTooLongException')
    if (there !== undefined) detach(there)
    move(entry, folder, lastName(destination))
  }

  #refuseSafeMode(what: string): void {
    if (this.safeMode)
      throw new FakeHdfsError('SafeModeException', `${what}. Name node is in safe mode.`)
  }

  /** Where a segment before the last is a file. */
  #refuseBelowFile(
    path: string,
    exception: 'AccessControlException' | 'ParentNotDirectoryException',
  ): void {
    let at = ''
    for (const segment of segmentsOf(path).slice(0, -1)) {
      at += `/${segment}`
      const entry = this.#find(at)
      if (entry === undefined) return
      if (entry.type === 'FILE') throw new FakeHdfsError(exception, `${at} (is not a directory)`)
    }
  }

  /** Whether the user may change the folder that holds, or is nearest to holding, the path. */
  #checkWritable(path: string, user: string): void {
    let at = parentPath(path)
    while (this.#find(at) === undefined) at = parentPath(at)
    const folder = this.#find(at)!
    const bits = folder.permission.at(folder.owner === user ? -3 : -1)!
    if (user === SUPERUSER || (Number(bits) & 2) !== 0) return
    const inode = `inode="${at}":${folder.owner}:${GROUP}:d${symbolic(folder.permission)}`
    throw new FakeHdfsError(
      'AccessControlException',
      `Permission denied: user=${user}, access=WRITE, ${inode}`,
    )
  }

  #find(path: string): File | Folder | undefined {
    let entry: File | Folder | undefined = this.#root
    for (const segment of segmentsOf(path))
      entry = entry?.type === 'DIRECTORY' ? entry.entries.get(segment) : undefined
    return entry
  }

  /** Missing folders are made for `owner` if there is one. */
  #parentOf(path: string, owner: string | undefined): Folder | undefined {
    let folder = this.#root
    for (const segment of segmentsOf(path).slice(0, -1)) {
      const next = folder.entries.get(segment)
      if (next?.type === 'DIRECTORY') {
        folder = next
        continue
      }
      if (next !== undefined || owner === undefined) return undefined
      const made = newFolder(segment, folder, owner, '755')
      attach(made, folder)
      folder = made
    }
    return folder
  }

  #isAttached(entry: Entry): boolean {
    let at: Entry | undefined = entry
    while (at?.parent !== undefined) {
      const { parent, name }: Entry = at
      if (parent.entries.get(name) !== at) return false
      at = parent
    }
    return at === this.#root
  }

  #statusOf(entry: File | Folder, pathSuffix: string): FakeFileStatus {
    const isFile = entry.type === 'FILE'
    return {
      accessTime: isFile ? entry.modifiedMs : 0,
      blockSize: isFile ? BLOCK_SIZE_BYTES : 0,
      childrenNum: isFile ? 0 : entry.entries.size,
      fileId: ++this.#lastId,
      group: GROUP,
      length: isFile ? visible(entry).length : 0,
      modificationTime: entry.modifiedMs,
      owner: entry.owner,
      pathSuffix,
      permission: entry.permission,
      replication: isFile ? 1 : 0,
      storagePolicy: 0,
      type: entry.type,
    }
  }
}

/** With a colon it is no name. */
export function checkColon(path: string, words: string): void {
  if (path.includes(':')) throw new FakeHdfsError('InvalidPathException', `${words}${path}`)
}

function checkNames(
  path: string,
  exception: 'PathComponentTooLongException' | 'RemoteException',
): void {
  const name = lastName(path)
  const length = Buffer.byteLength(name)
  if (length > NAME_BYTES_MAX)
    throw new FakeHdfsError(
      exception,
      `The maximum path component name limit of ${name} in directory ${parentPath(path)} is exceeded: limit=${NAME_BYTES_MAX} length=${length}`,
    )
}

function alreadyThere(path: string, existing: File): FakeHdfsError {
  return existing.open
    ? new FakeHdfsError(
        'AlreadyBeingCreatedException',
        `Failed to CREATE_FILE ${path} for ${CLIENT} on 127.0.0.1 because this file lease is currently owned by ${CLIENT} on 127.0.0.1`,
      )
    : new FakeHdfsError('FileAlreadyExistsException', `${path} for client 127.0.0.1 already exists`)
}

function refuseTarget(
  source: string,
  entry: File | Folder,
  destination: string,
  there: File | Folder,
  overwrite: boolean,
): void {
  if (entry.type !== there.type)
    throw new FakeHdfsError(
      'IOException',
      `Source ${source} and destination ${destination} must both be directories`,
    )
  if (!overwrite)
    throw new FakeHdfsError(
      'FileAlreadyExistsException',
      `rename destination ${destination} already exists`,
    )
  if (there.type === 'DIRECTORY' && there.entries.size > 0)
    throw new FakeHdfsError(
      'IOException',
      `rename destination directory is not empty: ${destination}`,
    )
}

/** A NameNode compares names byte by byte, and its bytes have a sign. */
function compareNames(a: string, b: string): number {
  const left = new Int8Array(Buffer.from(a))
  const right = new Int8Array(Buffer.from(b))
  for (let i = 0; i < Math.min(left.length, right.length); i++)
    if (left[i] !== right[i]) return left[i] - right[i]
  return left.length - right.length
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '')
}

function parentPath(path: string): string {
  return `/${segmentsOf(path).slice(0, -1).join('/')}`
}

function lastName(path: string): string {
  return segmentsOf(path).at(-1) ?? ''
}

function visible(file: File): Uint8Array {
  return file.open ? file.bytes.subarray(0, 0) : file.bytes
}

function newEntry(
  name: string,
  parent: Folder | undefined,
  owner: string,
  permission: string,
): Entry {
  return { name, parent, owner, permission, modifiedMs: Date.now() }
}

function newFolder(
  name: string,
  parent: Folder | undefined,
  owner: string,
  permission: string,
): Folder {
  return { ...newEntry(name, parent, owner, permission), type: 'DIRECTORY', entries: new Map() }
}

function attach(entry: File | Folder, folder: Folder): void {
  entry.parent = folder
  folder.entries.set(entry.name, entry)
}

function detach(entry: File | Folder): void {
  entry.parent!.entries.delete(entry.name)
}

function move(entry: File | Folder, folder: Folder, name: string): void {
  detach(entry)
  entry.name = name
  attach(entry, folder)
}

function isWithin(folder: Folder, entry: Entry): boolean {
  let at: Entry | undefined = folder
  while (at !== undefined && at !== entry) at = at.parent
  return at === entry
}

/** 755 as rwxr-xr-x, 1777 as rwxrwxrwt. */
function symbolic(permission: string): string {
  const letters = Array.from(permission.slice(-3))
    .map((digit) => [4, 2, 1].map((bit, i) => (Number(digit) & bit ? 'rwx'[i] : '-')).join(''))
    .join('')
  return permission.length > 3 ? `${letters.slice(0, -1)}t` : letters
}
