// NativeFiles — the dozen system calls that LocalFileManager is made of, as an interface.
//
// It exists for three callers: the real disk (systemFiles, below), a disk in memory that can lose power (memory-disk.ts) and, in tests,
// wrappers that make the N-th call fail or stop. So the code that orders links and fsyncs is the same in all three, and a test of that
// order is a test of what runs in production.
//
// Every method is one system call (or the open and stat that belong together), takes absolute paths, and rejects with a Node error whose
// `code` is the errno name. Nothing here retries, checks or interprets.
// Numeric descriptors rather than FileHandle keep the interface small enough to be written twice; the two cost the same.

import * as fs from 'node:fs'

export interface NativeStat {
  readonly type: 'file' | 'directory' | 'other'
  readonly sizeBytes: number
  readonly modifiedMs: number
}

export interface NativeFiles {
  /** Opens an existing file for reading. A symbolic link: ELOOP. Never waits for the other end of a pipe. */
  openExisting(path: string): Promise<number>
  /** Creates a file that must not exist (EEXIST) and opens it for writing. */
  openNew(path: string): Promise<number>
  /** Opens a directory, to be synced. A file: ENOTDIR. A symbolic link is followed: the location itself may be one. */
  openDirectory(path: string): Promise<number>
  close(descriptor: number): Promise<void>
  /** Reads at most `into.length` bytes from `position`; 0 at the end. */
  read(descriptor: number, into: Uint8Array, position: number): Promise<number>
  /** Writes some of `chunk` at `position` and returns how many bytes. */
  write(descriptor: number, chunk: Uint8Array, position: number): Promise<number>
  sync(descriptor: number): Promise<void>
  statOpen(descriptor: number): Promise<NativeStat>
  /** Of the entry itself: a symbolic link is 'other'. */
  stat(path: string): Promise<NativeStat>
  names(directory: string): Promise<string[]>
  link(existing: string, created: string): Promise<void>
  unlink(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  makeDirectory(path: string): Promise<void>
  removeDirectory(path: string): Promise<void>
}

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = fs.constants

/** Node refuses 2 GiB and more in one call. */
const WRITE_BYTES_MAX = 1024 ** 3

/** The real disk. */
export const systemFiles: NativeFiles = {
  openExisting: (path) => open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
  openNew: (path) => open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW),
  openDirectory: (path) => open(path, O_RDONLY | O_DIRECTORY),
  close: (descriptor) => call((done) => fs.close(descriptor, done)),
  read: (descriptor, into, position) =>
    value((done) => fs.read(descriptor, into, 0, into.length, position, done)),
  write: (descriptor, chunk, position) =>
    value((done) => {
      fs.write(descriptor, chunk, 0, Math.min(chunk.length, WRITE_BYTES_MAX), position, done)
    }),
  sync: (descriptor) => call((done) => fs.fsync(descriptor, done)),
  statOpen: async (descriptor) =>
    describe(await value<fs.Stats>((done) => fs.fstat(descriptor, done))),
  stat: async (path) => describe(await value<fs.Stats>((done) => fs.lstat(path, done))),
  names: (directory) => value((done) => fs.readdir(directory, done)),
  link: (existing, created) => call((done) => fs.link(existing, created, done)),
  unlink: (path) => call((done) => fs.unlink(path, done)),
  rename: (from, to) => call((done) => fs.rename(from, to, done)),
  makeDirectory: (path) => call((done) => fs.mkdir(path, done)),
  removeDirectory: (path) => call((done) => fs.rmdir(path, done)),
}

function open(path: string, flags: number): Promise<number> {
  return value((done) => fs.open(path, flags, 0o666, done))
}

function describe(stats: fs.Stats): NativeStat {
  return {
    type: stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other',
    sizeBytes: stats.size,
    modifiedMs: stats.mtimeMs,
  }
}

function call(start: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error === null || error === undefined ? resolve() : reject(error)))
  })
}

function value<T>(start: (done: (error: Error | null, result: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error === null ? resolve(result) : reject(error)))
  })
}
