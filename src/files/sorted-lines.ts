// SortedLines — any number of lines, sorted, in bounded memory: sorted runs go to a temporary file, and are merged as they are read.
//
// The order is that of the lines' UTF-8 bytes, which is that of their code points. Equal lines stay, all of them. The temporary file has no
// name once it is open, so nothing is left behind whatever becomes of the process; small inputs never make one.
//
// Runs are merged only with their like: 64 as they were sorted into one of level 1, 64 of those into one of level 2. So a line is written once a
// level, 16 MiB x 64^level of lines fill one (1 GiB, 64 GiB, 4 TiB), and at the end 63 runs a level are read at once. The file never gives
// space back before its end: it takes the size of the lines once a level.
//
// PERF: lines are held as one-character-a-byte strings of their UTF-8: half the memory, and the engine's own sort compares them.

import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../base/clock.ts'
import { localError } from './local-errors.ts'

export interface SortedLinesOptions {
  /** How many bytes of lines are held before they are sorted and written out. Default 16 MiB. */
  readonly runBytesMax?: number
  /** Where the temporary file is made. Default: the system's folder for those. */
  readonly folder?: string
  readonly clock?: Clock
}

const RUN_BYTES_MAX = 16 * 1024 * 1024

/** What a string costs beside its characters, roughly: a million short lines are more than their text. */
const LINE_OVERHEAD_BYTES = 32

/** So many runs of a level are merged into one of the next, each with a piece in memory. */
const RUNS_MAX = 64

/** A run is read in pieces of this size, and written so. */
const PIECE_BYTES = 64 * 1024

interface Run {
  readonly startOffset: number
  readonly endOffset: number
}

export class SortedLines implements Disposable {
  readonly #runBytesMax: number
  readonly #folder: string
  readonly #clock: Clock
  #lines: string[] = []
  #lineBytes = 0
  /** By level; fewer than RUNS_MAX in each. */
  #levels: Run[][] = []
  #descriptor: number | undefined
  #fileBytes = 0

  constructor(options: SortedLinesOptions = {}) {
    this.#runBytesMax = options.runBytesMax ?? RUN_BYTES_MAX
    this.#folder = options.folder ?? tmpdir()
    this.#clock = options.clock ?? systemClock
  }

  /** `line` holds no line feed and no lone surrogate. Now and then it writes to disk, and STORAGE_UNAVAILABLE says why it could not. */
  add(line: string): void {
    const packed = pack(line)
    this.#lines.push(packed)
    this.#lineBytes += packed.length + LINE_OVERHEAD_BYTES
    if (this.#lineBytes >= this.#runBytesMax) this.#spill()
  }

  /** How much of the temporary file is used; 0 while there is none. */
  get fileBytes(): number {
    return this.#fileBytes
  }

  /** The lines in order. Nothing may be added meanwhile. */
  *sorted(): Generator<string, void, void> {
    if (this.#levels.length === 0) {
      for (const line of this.#lines.sort()) yield unpack(line)
      return
    }
    this.#spill()
    for (const line of this.#merged(this.#levels.flat())) yield unpack(line)
  }

  /** Gives memory and disk back. */
  [Symbol.dispose](): void {
    this.#lines = []
    this.#levels = []
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  #spill(): void {
    if (this.#lines.length === 0) return
    const lines = this.#lines.sort()
    this.#lines = []
    this.#lineBytes = 0
    let run = this.#write(lines)
    for (let level = 0; ; level++) {
      const runs = (this.#levels[level] ??= [])
      runs.push(run)
      if (runs.length < RUNS_MAX) return
      run = this.#write(this.#merged(runs))
      this.#levels[level] = []
    }
  }

  #merged(runs: readonly Run[]): Generator<string, void, void> {
    return merge(runs.map((run) => this.#read(run)))
  }

  #write(lines: Iterable<string>): Run {
    const startOffset = this.#fileBytes
    let piece: string[] = []
    let pieceBytes = 0
    const flush = (): void => {
      this.#append(Buffer.from(piece.join(''), 'latin1'))
      piece = []
      pieceBytes = 0
    }
    for (const line of lines) {
      piece.push(line, '\n')
      pieceBytes += line.length + 1
      if (pieceBytes >= PIECE_BYTES) flush()
    }
    flush()
    return { startOffset, endOffset: this.#fileBytes }
  }

  #append(bytes: Uint8Array): void {
    this.#onDisk('writing', (descriptor) => {
      for (let done = 0; done < bytes.length;) {
        const written = writeSync(descriptor, bytes, done, bytes.length - done, this.#fileBytes)
        done += written
        this.#fileBytes += written
      }
    })
  }

  *#read({ startOffset, endOffset }: Run): Generator<string, void, void> {
    const piece = Buffer.allocUnsafe(PIECE_BYTES)
    // A line may be long: its pieces are joined once.
    let rest: string[] = []
    for (let at = startOffset; at < endOffset;) {
      const wanted = Math.min(PIECE_BYTES, endOffset - at)
      const count = this.#onDisk('reading', (descriptor) =>
        readSync(descriptor, piece, 0, wanted, at),
      )
      if (count === 0)
        throw localError(new Error('the file ends early'), 'reading', this.#folder, '')
      at += count
      const [first = '', ...lines] = piece.toString('latin1', 0, count).split('\n')
      rest.push(first)
      if (lines.length === 0) continue
      const last = lines.pop() ?? ''
      yield rest.join('')
      rest = [last]
      yield* lines
    }
  }

  #onDisk<T>(doing: string, call: (descriptor: number) => T): T {
    try {
      this.#descriptor ??= this.#openNameless()
      return call(this.#descriptor)
    } catch (error) {
      throw localError(error, `${doing} a temporary file in`, this.#folder, '')
    }
  }

  #openNameless(): number {
    const name = Buffer.from(this.#clock.randomBytes(8)).toString('hex')
    const path = join(this.#folder, `tidemark-sort-${name}`)
    const { O_RDWR, O_CREAT, O_EXCL } = constants
    const descriptor = openSync(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
    unlinkSync(path)
    return descriptor
  }
}

function pack(line: string): string {
  return Buffer.from(line).toString('latin1')
}

function unpack(packed: string): string {
  return Buffer.from(packed, 'latin1').toString()
}

/** The lines of sorted `runs`, sorted: a heap of their heads, the least on top. */
function* merge(runs: readonly Generator<string, void, void>[]): Generator<string, void, void> {
  const heap: { line: string; run: Generator<string, void, void> }[] = []
  const siftDown = (from: number): void => {
    for (let at = from; ;) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < heap.length && heap[child].line < heap[least].line) least = child
      if (least === at) return
      ;[heap[at], heap[least]] = [heap[least], heap[at]]
      at = least
    }
  }
  for (const run of runs) {
    const first = run.next()
    if (!first.done) heap.push({ line: first.value, run })
  }
  for (let at = heap.length >> 1; at >= 0; at--) siftDown(at)
  while (heap.length > 0) {
    const top = heap[0]
    yield top.line
    const next = top.run.next()
    if (!next.done) top.line = next.value
    else {
      const last = heap.pop()
      if (heap.length === 0 || last === undefined) return
      heap[0] = last
    }
    siftDown(0)
  }
}
