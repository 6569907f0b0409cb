// The oracle of whole stores: which versions there are, and what each holds. One plain Map per version, rows as text (`key` and `value` in
// hex), and the rules of commits and rewinds in their plainest form: a commit over an older version undoes what followed, unless it is the very
// same commit, which undoes nothing as long as the file is there by which it is recognised.

import type { Entry, StateReader } from '../../src/index.ts'

export type Rows = ReadonlyMap<string, string>

export interface VersionRecord {
  readonly version: number
  /** What makes two commits the same one: parent, version, operations, progress. */
  readonly identity: string
  readonly rows: Rows
  readonly progress: unknown
  /** No version up to this one may be undone. */
  readonly committedThrough: number
}

export interface ModelCommit {
  /** The version that was opened. */
  readonly parent: number
  readonly rows: Rows
  /** Each operation in order, as text. */
  readonly operations: readonly string[]
  readonly progress?: unknown
  readonly committedThrough?: number
  /** The version that is committed was cleaned, so nothing is left to recognise the same commit by. Default false. */
  readonly forgotten?: boolean
}

const EMPTY: VersionRecord = {
  version: 0,
  identity: '',
  rows: new Map(),
  progress: undefined,
  committedThrough: 0,
}

export class VersionHistory {
  /** Versions 1 to latest, those that were cleaned included. */
  #records: VersionRecord[] = []
  /** Versions below may have been cleaned. */
  #floor = 0
  readonly #chained: boolean

  /** `chained`: whether files carry the trailer that lets a repeated commit be recognised. */
  constructor(chained = true) {
    this.#chained = chained
  }

  get latest(): number {
    return this.#records.length
  }

  get newest(): VersionRecord {
    return this.at(this.latest)
  }

  /** Whether reading `version` must work. */
  isKept(version: number): boolean {
    return version <= this.latest && (version === 0 || version >= this.#floor)
  }

  /** The highest promise in any version, which those above it may or may not repeat. */
  get committedThroughMax(): number {
    return Math.max(0, ...this.#records.map((record) => record.committedThrough))
  }

  at(version: number): VersionRecord {
    const record = version === 0 ? EMPTY : this.#records[version - 1]
    if (record === undefined) throw new RangeError(`The model has no version ${version}`)
    return record
  }

  commit(commit: ModelCommit): 'new' | 'repeated' {
    const version = commit.parent + 1
    const parent = this.at(commit.parent)
    const identity = JSON.stringify([
      this.#chained ? hashText(parent.identity) : Math.random(),
      version,
      commit.operations,
      commit.progress ?? null,
    ])
    const known = version <= this.latest && !commit.forgotten ? this.at(version) : undefined
    if (this.#chained && known?.identity === identity) {
      const committedThrough = Math.max(known.committedThrough, commit.committedThrough ?? 0)
      this.#records[version - 1] = { ...known, committedThrough }
      return 'repeated'
    }
    this.#floor = Math.min(this.#floor, version)
    this.#records.length = commit.parent
    this.#records.push({
      version,
      identity,
      rows: new Map(commit.rows),
      progress: commit.progress,
      committedThrough: commit.committedThrough ?? 0,
    })
    return 'new'
  }

  /** A round of maintenance may clean what lies more than `retain` versions below the newest. */
  cleaned(retain: number): void {
    this.#floor = Math.max(this.#floor, this.latest - retain)
  }

  /** The same history without what lies above `version`. */
  undoneTo(version: number): VersionHistory {
    const undone = this.copy()
    undone.#records.length = version
    return undone
  }

  /** The same history, to be changed apart. */
  copy(): VersionHistory {
    const copy = new VersionHistory(this.#chained)
    copy.#records = [...this.#records]
    copy.#floor = this.#floor
    return copy
  }
}

/** Short, so that identities do not grow with the history. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0) + text.length * 2 ** 32
}

/** What a store holds, in the form of the oracle. */
export function rowsOf(reader: StateReader): Map<string, string> {
  return new Map([...reader.entries()].map(rowText))
}

export function rowText([key, value]: Entry): [string, string] {
  return [Buffer.from(key).toString('hex'), Buffer.from(value).toString('hex')]
}

/** Undefined if they are equal, else the first rows that differ. */
export function difference(found: Rows, expected: Rows): string | undefined {
  const lines: string[] = []
  for (const [key, value] of expected) {
    if (found.get(key) !== value)
      lines.push(`${key}: expected ${value}, found ${found.get(key) ?? 'nothing'}`)
  }
  for (const [key, value] of found) {
    if (!expected.has(key)) lines.push(`${key}: expected nothing, found ${value}`)
  }
  return lines.length === 0 ? undefined : lines.slice(0, 5).join('; ')
}
