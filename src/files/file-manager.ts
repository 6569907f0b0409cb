// CheckpointFileManager — the one contract between the engine and a storage.
//
// It is Spark's CheckpointFileManager made precise: every method says what an absent file, an existing file, a concurrent caller, a lost
// response and a partial failure mean. One contract suite (src/testing/file-manager-contract.ts) runs on every backend.
//
// Paths are relative to the checkpoint location, with `/` between segments, never starting or ending with one; the empty path is the
// location itself. A segment is never empty, `.` or `..` and holds neither `/`, `\` nor NUL (checkPath throws RangeError). A manager
// never follows a symbolic link below its location: it reports the link as type 'other', and refuses to read or write through it.
//
// What everybody may expect and what is expected of everybody
// - Outcomes that a caller decides on (exists, missing) are returned as data. Everything else that fails is a StateStoreError: the native
//   error is mapped in one place per backend and stands in `cause`. Unknown native errors are rethrown mapped, never swallowed.
// - TIDEMARK_STORAGE_TIMEOUT, and only it, means "it may or may not have happened". So an outcome returned as data is certain: a manager
//   that repeats a call by itself must not say 'source-missing' or 'exists' where an earlier attempt of its own may be the reason.
// - TIDEMARK_POISONED means that an fsync failed; the caller must not go on writing.
// - `durability: 'fsync'` makes the effect survive power loss before the call returns; 'os' leaves it to the operating system.
// - Buffers handed in belong to the manager until the promise settles (on storage that losesAnswers for good); buffers handed out belong to the caller.

/** First letters of the names that probeMove uses. SPARK: no dot in them, its maintenance trips over a stray x.y. */
export const PROBE_PREFIX = '_probe-'

/** How hard a write is pushed: 'fsync' survives power loss, 'os' survives the death of the process. */
export type Durability = 'fsync' | 'os'

export interface FileStatus {
  /** Last segment of the path. */
  readonly name: string
  /** 'other' is a symbolic link, device, socket or pipe: never read, never followed. */
  readonly type: 'file' | 'directory' | 'other'
  readonly sizeBytes: number
  /**
   * When the content was written, milliseconds since the epoch; nothing is ordered by it. INVARIANT: a file written anew 100 ms later or more has
   * another modifiedMs or another revision, in `stat` and in `list`, which tell the same of both (where there is a revision, of that). A version
   * without a trailer is taken from memory if its files have the size, time and revision they had.
   */
  readonly modifiedMs: number
  /** Names the content that is there now, where the storage tells (S3's ETag): another content has another revision. */
  readonly revision?: string
}

export interface ByteRange {
  /** First byte. Default 0. */
  readonly offset?: number
  /** How many bytes at most; fewer are returned where the file ends. Default: to the end. */
  readonly length?: number
}

export interface FileManagerCapabilities {
  /** Shown in messages: 'local', 'memory', 'webhdfs', 's3'. */
  readonly name: string
  /**
   * True if a file can be moved to another folder in one atomic step, and refused if the target exists. False: moves are UNSUPPORTED, and there is
   * `conditional`, which there is not if it is true.
   */
  readonly atomicMove: boolean
  /**
   * True if a call may take effect although its answer is lost, or be under way when another attempt has been answered: storage behind a network.
   * What was published is then told by its trailer, so files without one cannot be written there. Default false.
   */
  readonly losesAnswers?: boolean
  /**
   * True if a new file is made only when enough of it is written, or when it is closed: then it is `write` or `close` that says what createFile
   * says elsewhere. Default false.
   */
  readonly createsLate?: boolean
}

/** A new file being written. It has no name that any reader looks at until it is moved to one. */
export interface FileWriter {
  /**
   * Appends `chunk` whole, or rejects; a short write by the system is continued. Once it resolves nothing looks at `chunk` any more, unless the
   * storage losesAnswers. One call at a time.
   */
  write(chunk: Uint8Array): Promise<void>
  /** Makes the file complete; with 'fsync' also durable. After a rejection the file is to be abandoned: never retried on the same writer. */
  close(): Promise<void>
  /** Closes and deletes, quietly: never rejects. Allowed at any time, also after a failed write or close. */
  abort(): Promise<void>
}

/** What storage without moves has instead: writes under a condition, decided by the storage in one step. */
export interface ConditionalWrites {
  /** Starts a new object under its final name. Nothing of it is there for readers before `complete`. */
  upload(path: string): Promise<ConditionalUpload>
  /**
   * UNSUPPORTED, naming the endpoint, unless it honours the conditions: tried once per manager with an object of its own, which is deleted.
   */
  probe(): Promise<void>
  /** Aborts uploads below `directory` that were begun more than `ageMs` ago and never completed. Returns how many. */
  cleanUploads(directory: string, ageMs: number): Promise<number>
}

/** Where a path must stand for a write to happen: 'absent', or at one revision (FileStatus.revision). */
export type WriteCondition = 'absent' | { readonly revision: string }

export interface ConditionalUpload {
  /** Appends `chunk`, which is free again when the promise settles. One call at a time. */
  write(chunk: Uint8Array): Promise<void>
  /**
   * Makes the object, whole, if `condition` holds at that moment; 'refused' if not, and nothing changed. An outcome is certain: a refusal
   * because of an earlier attempt of this very upload is 'written'. STORAGE_TIMEOUT: it may or may not have happened, or may still happen;
   * calling it again, with the same condition, decides. After 'refused' it may be called again with another condition.
   */
  complete(condition: WriteCondition): Promise<'written' | 'refused'>
  /** Gives it up, quietly: never rejects. Nothing after 'written'. */
  abort(): Promise<void>
}

export interface CheckpointFileManager {
  /** The checkpoint location as the user wrote it, for messages. */
  readonly location: string
  readonly capabilities: FileManagerCapabilities
  /** Storage where this is present has no `createFile` and no moves: UNSUPPORTED. */
  readonly conditional?: ConditionalWrites

  /** Absent, or below a file: undefined. */
  stat(path: string): Promise<FileStatus | undefined>

  /**
   * The entries of a directory, in no particular order, without `.` and `..`. Absent, or a file: undefined. An entry removed meanwhile may or may not
   * show. With `after`, only what sorts behind that name, as bytes, is asked for: storage to which less is cheaper may leave out the rest, and
   * say undefined where nothing is behind it.
   */
  list(directory: string, after?: string): Promise<FileStatus[] | undefined>

  /**
   * The bytes of a file, or of a range of it. Absent: undefined. Not a file: CORRUPT_FILE. Starting past the end: empty. With a `revision`, what
   * is of another one counts as absent; storage that knows none takes no notice.
   */
  read(
    path: string,
    range?: ByteRange,
    signal?: AbortSignal,
    revision?: string,
  ): Promise<Uint8Array | undefined>

  /**
   * Creates `path` with `bytes`, unless it exists. Of concurrent callers exactly one gets 'created'. Parent absent: 'parent-missing', and it
   * is not made. A crash in the middle may leave the file empty or cut, but then nobody was told 'created' and everybody else gets 'exists'.
   */
  createExclusive(
    path: string,
    bytes: Uint8Array,
    durability: Durability,
  ): Promise<'created' | 'exists' | 'parent-missing'>

  /**
   * Starts a new file. Parent absent: undefined, and it is not made. Existing: INVARIANT_VIOLATED (callers use unique names). Storage that
   * `createsLate` always gives a writer, and says these two at the latest when it is closed: STORAGE_UNAVAILABLE for the absent parent,
   * which is not made there either.
   */
  createFile(path: string, durability: Durability): Promise<FileWriter | undefined>

  /**
   * Moves the file `source` to `target` unless `target` exists, in one atomic step as seen by readers: `target` is absent or whole. Of
   * concurrent callers with one target exactly one gets 'moved'. A crash in the middle may leave the file under both names.
   * 'source-missing' also where the source's folder is gone; 'parent-missing' where the target's is; either where both are. With 'fsync' the
   * target's folder is durable before it returns. The step that removes the source's name may come after the one that makes the target's,
   * so the source must be a name that nobody else will ever use. The source is a directory: CORRUPT_FILE where the storage can tell in the same
   * step; HDFS cannot, and moves it.
   */
  moveIfAbsent(
    source: string,
    target: string,
    durability: Durability,
  ): Promise<'moved' | 'exists' | 'source-missing' | 'parent-missing'>

  /**
   * Moves the file `source` over `target`, in one atomic step: readers see the old file or the new one, and the name `source` is gone at
   * the same moment. Either is a directory: CORRUPT_FILE. Missing folders as above.
   */
  moveReplacing(
    source: string,
    target: string,
    durability: Durability,
  ): Promise<'moved' | 'source-missing' | 'parent-missing'>

  /** Deletes a file. Absent: false. A directory: INVARIANT_VIOLATED. */
  deleteFile(path: string): Promise<boolean>

  /** Deletes a directory and all below it. Absent: nothing. Two callers at once, or new files appearing: retried, then left. */
  deleteTree(directory: string): Promise<void>

  /** Renames a directory in one atomic step. Source absent: 'source-missing'. The target must not exist. */
  moveDirectory(source: string, target: string): Promise<'moved' | 'source-missing'>

  /** Makes one directory. Its parent is never made. With 'fsync' its entry in the parent is durable. */
  makeDirectory(
    directory: string,
    durability: Durability,
  ): Promise<'created' | 'exists' | 'parent-missing'>

  /**
   * As makeDirectory, with an empty directory named `label` in it: seen by anybody, the directory has it from the first moment. Missing on
   * storage where createExclusive does not cost more; where it is there, it is what claims are made with.
   */
  makeLabelledDirectory?(
    directory: string,
    label: string,
    durability: Durability,
  ): Promise<'created' | 'exists' | 'parent-missing'>

  /** Makes a directory and all its parents up to the location itself. A file in the way: STORAGE_UNAVAILABLE naming it. */
  makeDirectories(directory: string, durability: Durability): Promise<void>

  /** Makes the entries of a directory durable: a rename or creation in it that a dead process left unsynced. Absent: nothing. */
  syncDirectory(directory: string): Promise<void>

  /**
   * Tries whether a file can be moved from `sourceDirectory` to `targetDirectory` in one atomic step, and leaves no trace. It cannot:
   * UNSUPPORTED. Either absent: nothing. Missing on storage that always can. A crash in the middle may leave a file in either, with a name
   * that begins with PROBE_PREFIX.
   */
  probeMove?(sourceDirectory: string, targetDirectory: string): Promise<void>
}

/** Throws RangeError unless `path` keeps the rules above. Returns it. */
export function checkPath(path: string): string {
  if (path === '') return path
  for (const segment of path.split('/')) checkSegment(segment)
  return path
}

/** Throws RangeError unless `segment` can stand between two slashes. */
export function checkSegment(segment: string): string {
  const problem =
    segment === ''
      ? 'an empty segment'
      : segment === '.' || segment === '..'
        ? `the segment ${JSON.stringify(segment)}`
        : /[/\\\0]/.test(segment)
          ? `${JSON.stringify(segment)}, which holds a slash, backslash or NUL`
          : Buffer.byteLength(segment) > 255
            ? `a segment of ${Buffer.byteLength(segment)} bytes (255 at most)`
            : undefined
  if (problem !== undefined)
    throw new RangeError(`Expected a path below the checkpoint location, got ${problem}`)
  return segment
}

/** The segments of `path` as it stands in a URL, where a slash at either end means nothing. RangeError as above. */
export function segmentsOf(path: string): string[] {
  const trimmed = path.replace(/^\//, '').replace(/\/$/, '')
  return trimmed === '' ? [] : trimmed.split('/').map((segment) => checkSegment(segment))
}

/** The segments joined, each checked. */
export function joinPath(...segments: string[]): string {
  return checkPath(segments.filter((segment) => segment !== '').join('/'))
}

/** The path as messages show it. */
export function describePath(location: string, path: string): string {
  return path === '' ? location : `${path} in ${location}`
}
