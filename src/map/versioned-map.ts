// The in-memory multi-version map: one map holds all versions in memory of one store id, at the cost of what differs between them.
//
// The newest state is what the index leads to; a record leads to the one it replaced, so an older version is read by following
// `previous` down to its sequence. One transaction at a time writes. Commit is a stamp, abort and rewind walk what was written, releasing
// an old version walks to the removals above it, a stretch at a time: nothing here ever costs the size of the state in one call, with the exception
// of iteration.
//
// Records carry *sequences*, not versions: a version that is rewound and written again gets new ones, so a reader pinned to the old one
// never sees a mixture. A cursor freezes what it sees by advancing the sequence; only records of the current sequence, which nobody can
// have seen, are overwritten in place.
//
// Pure and synchronous: no I/O, no promises, no clock. Arguments arrive validated (Uint8Array keys and values). Where records lie is
// arena.ts's and record.ts's knowledge, what compaction moves is compaction.ts's.
//
// Long, because its parts share private state on the path of every put and get: PERF: each boundary between files would be a call there.

import { assert } from '../base/assert.ts'
import { type ByteSlice, copyOfSlice, NO_BYTES, noBytes, viewOfSlice } from '../base/byte-slice.ts'
import { noRow, type RowWords } from '../base/row-words.ts'
import { StateStoreError } from '../errors.ts'
import { Arena, SEGMENT_BYTES_MAX_DEFAULT } from './arena.ts'
import { Compactor } from './compaction.ts'
import { HashIndex } from './hash-index.ts'
import { Journal } from './journal.ts'
import { KeyWords, wordsForKey, writeKey } from './key-words.ts'
import { SegmentCursor } from './map-cursor.ts'
import type { MapCursor } from './map-cursor.ts'
import { PinnedView } from './map-view.ts'
import type { MapReader, MapView, VersionEntry } from './map-view.ts'
import { MemoryBudget } from './memory-budget.ts'
import { PinTable } from './pin-table.ts'
import type { Pin } from './pin-table.ts'
import { PutGroup } from './put-group.ts'
import { KEY_WORDS_AHEAD, READ_AHEAD_KEYS, ReadAhead, ROW_WORDS_AHEAD } from './read-ahead.ts'
import { Reclaimer } from './reclaim.ts'
import * as layout from './record-layout.ts'
import {
  copyBytes,
  keyLengthAt,
  locateRow,
  recordUnits,
  sliceOfValue,
  valueLengthAt,
} from './record.ts'
import { restampJournal } from './restamp.ts'
import { NO_SPARE_BUFFERS, type SpareBuffers } from './spare-buffers.ts'
import { newestAtOrBelow, undoJournal } from './undo.ts'

export type { MapCursor } from './map-cursor.ts'
export type { MapReader, MapView } from './map-view.ts'

// PERF: an imported constant is looked up at each use, one of the module itself is not (docs/decisions/0026-hot-functions-are-written-for-few-instructions.md).
const { HEAD, PREVIOUS, REMOVED, SEQUENCE, SUPERSEDED_BY, UNIT_BYTES } = layout

/** Some hundred microseconds to a millisecond. */
const RECORDS_RECLAIMED_MAX_DEFAULT = 2048
const MEMORY_BYTES_MAX_DEFAULT = 32 * 1024 ** 3
const SEED_BYTES = 8
/** Version 0. */
const EMPTY: VersionEntry = { version: 0, sequence: 1, keyCount: 0, plainBytes: 0 }

// The keys that a read of many is at. Shared by all maps: nobody looks at them after the call.
const readKeys = Array.from({ length: READ_AHEAD_KEYS }, () => new KeyWords())
const readHashes = new Int32Array(READ_AHEAD_KEYS)

export interface VersionedMapOptions {
  /** 8 unpredictable bytes: the key of the index hash. */
  hashSeed: Uint8Array
  /** All buffers of the map together, default 32 GiB. */
  memoryBytesMax?: number
  /** Power of two from 64 to 2^31, default 4 MiB. For tests: smaller segments make their edges frequent. */
  segmentBytesMax?: number
  /** Records of released versions that are walked to in one go, default 2048. For tests: a smaller number makes halves frequent. */
  recordsReclaimedMax?: number
  /** Sizes the index from the start, so that loading so many keys does not grow it. Default 0. */
  expectedKeys?: number
  /** Where large buffers come from and go to when the map ends. Default: the system. */
  spare?: SpareBuffers
}

/** Is told of puts. */
export interface PutLog {
  /** The row lies there during the call only. Must not throw, nor ask the map anything. */
  putRow(row: RowWords): void
}

export class VersionedMap implements MapReader {
  #budget: MemoryBudget
  #spare: SpareBuffers
  #arena: Arena
  #index: HashIndex
  #pins = new PinTable()
  #openCursorCount = 0
  #compactor: Compactor
  #reclaimer: Reclaimer
  #recordsReclaimedMax: number

  /** Held versions, ascending; never empty. */
  #versions: VersionEntry[] = [EMPTY]
  /** Journals of committed versions that something below may still be read, ascending by sequence. */
  #journals: Journal[] = []
  /** The open transaction's. */
  #journal: Journal | undefined
  /** What the arena had appended when the transaction began. */
  #unitsBefore = 0
  /** For so many changes beside those that wait there is room in the journal and the index. */
  #room = 0
  /** The key of the call under way. */
  #probe = new KeyWords()
  /** Puts that are written and not linked. Empty outside a transaction; whatever looks at the index or walks the arena links them first. */
  #group: PutGroup
  #readAhead = new ReadAhead()
  /** Where the value lies that is made a view or a copy of. Empty between calls: it would keep a segment that is given back. */
  readonly #found = noBytes()
  /** Whether the last call read. INVARIANT: then no put waits; else put() would overwrite what is to be overwritten by those that do. */
  #hasRead = false
  #log: PutLog | undefined
  #loggedRow = noRow()
  #isRetired = false
  /** Stamped on what is written next. INVARIANT: larger than what any version, view or cursor reads at. */
  #sequence = 2
  /** Whether something was written at the current sequence. */
  #isSequenceUsed = false
  #keyCount = 0
  #plainBytes = 0

  /** Holds version 0, which is empty. */
  constructor(options: VersionedMapOptions) {
    const segmentBytesMax = options.segmentBytesMax ?? SEGMENT_BYTES_MAX_DEFAULT
    assert(options.hashSeed.length === SEED_BYTES, 'the hash seed is 8 bytes')
    assert(
      segmentBytesMax >= 64 &&
        segmentBytesMax <= 2 ** 31 &&
        Number.isInteger(Math.log2(segmentBytesMax)),
      'segmentBytesMax is a power of two from 64 to 2^31',
    )
    this.#budget = new MemoryBudget(options.memoryBytesMax ?? MEMORY_BYTES_MAX_DEFAULT)
    this.#spare = options.spare ?? NO_SPARE_BUFFERS
    this.#group = new PutGroup(this.#budget, this.#spare)
    this.#arena = new Arena(this.#budget, this.#spare, segmentBytesMax)
    this.#index = new HashIndex(
      this.#arena,
      this.#budget,
      this.#spare,
      options.hashSeed,
      options.expectedKeys ?? 0,
    )
    this.#compactor = new Compactor(this.#arena, this.#index, this.#journals)
    this.#reclaimer = new Reclaimer(this.#arena, this.#index)
    this.#recordsReclaimedMax = options.recordsReclaimedMax ?? RECORDS_RECLAIMED_MAX_DEFAULT
  }

  // Reading: the newest state, including what the open transaction wrote.

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#copyOfValue(this.#locate(key))
  }

  getView(key: Uint8Array): Uint8Array | undefined {
    return this.#viewOfValue(this.#locate(key))
  }

  getMany(keys: readonly Uint8Array[]): (Uint8Array | undefined)[] {
    return this.#locateMany(keys, ROW_WORDS_AHEAD, (ref) => this.#copyOfValue(ref))
  }

  getViews(keys: readonly Uint8Array[]): (Uint8Array | undefined)[] {
    return this.#locateMany(keys, KEY_WORDS_AHEAD, (ref) => this.#viewOfValue(ref))
  }

  getSlice(key: Uint8Array, into: ByteSlice): boolean {
    return this.#sliceOfValue(this.#locate(key), into)
  }

  has(key: Uint8Array): boolean {
    return this.#isValue(this.#locate(key))
  }

  cursor(): MapCursor {
    this.#link()
    return this.#openCursor(this.#freeze())
  }

  get keyCount(): number {
    this.#link()
    return this.#keyCount
  }

  get plainBytes(): number {
    this.#link()
    return this.#plainBytes
  }

  // Writing: one transaction at a time.

  get inTransaction(): boolean {
    return this.#journal !== undefined
  }

  /** Bytes of records the open transaction has written so far, 0 without one. */
  get transactionBytes(): number {
    return this.inTransaction ? (this.#arena.appendedUnits - this.#unitsBefore) * UNIT_BYTES : 0
  }

  /** `log` hears of every put once, of those of a key in their order, when logPuts() or commit() returns at the latest. */
  begin(log?: PutLog): void {
    assert(!this.#isRetired, 'a map that was retired is not written')
    assert(this.#journal === undefined, 'a map has one transaction at a time')
    while (this.#index.prepare()) continue
    while (this.reclaim()) continue
    this.#journal = new Journal(this.#budget, this.#spare, this.#sequence)
    this.#log = log
    this.#unitsBefore = this.#arena.appendedUnits
    this.#room = 0
    this.#isSequenceUsed = false
  }

  /** The log has heard of all puts when this returns. */
  logPuts(): void {
    this.#link()
  }

  /** Copies both. Throws TIDEMARK_MEMORY_LIMIT, and nothing has changed, if there is no room. */
  put(key: Uint8Array, value: Uint8Array): void {
    if (this.#room === 0) this.#makeRoom()
    this.#room--
    if (this.#hasRead) return this.#putRead(key, value)
    const keyLength = key.length
    const ref = this.#appendPut(keyLength, value.length)
    const { unitBits, words, bytes, appendedKeyWord } = this.#arena
    const slot = ref >>> unitBits
    const hash = this.#index.takeAt(key, words[slot], appendedKeyWord)
    copyBytes(bytes[slot], (appendedKeyWord + wordsForKey(keyLength)) * 4, value)
    if (this.#group.add(hash, ref)) this.#linkLane(this.#group.laneOf(hash))
  }

  /** As put(), of a key and a value that lie in `source` at these offsets. For loads: nothing is made of them on the way. */
  putAt(
    source: DataView,
    keyAt: number,
    keyLength: number,
    valueAt: number,
    valueLength: number,
  ): void {
    if (!this.#group.isWide) this.#widen()
    if (this.#room === 0) this.#makeRoom()
    this.#room--
    const arena = this.#arena
    const sequence = this.#sequence
    let ref = 0
    do ref = arena.appendFrom(sequence, source, keyAt, keyLength, valueAt, valueLength)
    while (ref === 0 && this.#giveWay())
    if (ref === 0) this.#throwMemoryLimit()
    this.#isSequenceUsed = true
    this.#plainBytes += keyLength + valueLength
    this.#hasRead = false
    const hash = this.#index.hashOf(ref)
    if (this.#group.add(hash, ref)) this.#linkLane(this.#group.laneOf(hash))
  }

  /**
   * Does some of the work that waits, for 100 to 200 microseconds, and says whether more may be left: a new map may have its index to clear, one that
   * is loaded puts to link. What comes next does it as well, but in one go.
   */
  settle(): boolean {
    if (this.#index.prepare()) return true
    const group = this.#group
    if (group.count > 0) this.#linkLane(group.fills.findIndex((fill) => fill > 0))
    return group.count > 0
  }

  /** True if there was something to remove; otherwise nothing is written. Throws like put. */
  remove(key: Uint8Array): boolean {
    if (this.#room === 0) this.#makeRoom()
    this.#room--
    const probe = this.#probe
    const hash = this.#index.take(key, probe)
    // Puts of other keys may wait on.
    this.#linkLane(this.#group.laneOf(hash))
    const head = this.#index.locate(hash, probe)
    if (head === 0) return false
    const arena = this.#arena
    const words = arena.words[head >>> arena.unitBits]
    const w = (head & arena.unitMask) << 1
    const oldLength = valueLengthAt(words, w)
    if (oldLength === REMOVED) return false
    const journal = this.#transaction()
    const isOwn = words[w + SEQUENCE] === this.#sequence
    if (isOwn && words[w + PREVIOUS] === 0) {
      // No older version knows the key: no trace is needed.
      this.#giveUp(head, words, w)
      this.#index.removeLocated()
    } else {
      if (!isOwn || !arena.overwrite(head, undefined)) {
        const { isWide } = this.#group
        const ref = this.#appendRemoval(isOwn ? words[w + PREVIOUS] : head)
        // Where memory was short the puts of other lanes were linked meanwhile.
        if (isWide && !this.#group.isWide) this.#index.locate(hash, probe)
        journal.push(ref)
        this.#giveUp(head, words, w)
        this.#index.replaceLocated(ref)
      }
      journal.removalCount++
    }
    this.#count(-1, -key.length - oldLength)
    return true
  }

  /** Installs what was written as `version`, which must be above the newest. */
  commit(version: number): void {
    const journal = this.#transaction()
    this.#link()
    assert(version > this.newestVersion, `version ${version} is above ${this.newestVersion}`)
    const { firstSequence } = journal
    if (this.#sequence > firstSequence && this.#pins.sequenceMax < firstSequence) {
      restampJournal(this.#arena, journal)
      this.#sequence = firstSequence
    }
    journal.sequence = this.#sequence
    if (journal.count > 0) this.#journals.push(journal)
    else journal.drop()
    this.#versions.push({
      version,
      sequence: this.#sequence,
      keyCount: this.#keyCount,
      plainBytes: this.#plainBytes,
    })
    this.#endTransaction()
    this.reclaim()
  }

  /** Takes everything back that was written since begin(). Cursors opened on the map meanwhile are finished. */
  abort(): void {
    const journal = this.#transaction()
    this.#log = undefined
    this.#link()
    const base = this.#versions.at(-1)!
    // Only cursors look into a transaction; those that do count as closed from here on.
    this.#openCursorCount -= this.#pins.revokeAbove(base.sequence)
    undoJournal(this.#arena, this.#index, journal, base.sequence)
    this.#restoreCounts(base)
    this.#sequence = journal.firstSequence
    this.#arena.lowerNewestSequences(this.#sequence)
    this.#endTransaction()
    this.reclaim()
    if (this.#isRetired) this.#dissolveUnlessRead()
  }

  // Versions.

  /** Versions held, ascending. */
  get versions(): readonly number[] {
    return this.#versions.map((entry) => entry.version)
  }

  get newestVersion(): number {
    return this.#versions.at(-1)!.version
  }

  /** Lets go of a held version that is not the newest. What only it saw is freed, unless a reader has it pinned; of a great deal a part: see reclaim(). */
  release(version: number): void {
    const at = this.#versions.findIndex((entry) => entry.version === version)
    assert(at !== -1, `version ${version} is held`)
    assert(at < this.#versions.length - 1, 'the newest version is not released')
    this.#versions.splice(at, 1)
    this.reclaim()
  }

  /**
   * Makes `version` the newest again by undoing those above it. False, and nothing done, if it is not held or if a reader has a state
   * above it pinned: load it into a fresh map then, and let the readers keep this one.
   */
  rewindTo(version: number): boolean {
    assert(this.#journal === undefined, 'a map is not rewound during a transaction')
    const at = this.#versions.findIndex((entry) => entry.version === version)
    if (at === -1) return false
    while (this.reclaim()) continue
    const target = this.#versions[at]
    if (this.#pins.sequenceMax > target.sequence) return false
    for (let journal = this.#journals.at(-1); journal; journal = this.#journals.at(-1)) {
      if (journal.sequence <= target.sequence) break
      undoJournal(this.#arena, this.#index, journal, target.sequence)
      this.#journals.pop()
    }
    this.#versions.length = at + 1
    this.#restoreCounts(target)
    return true
  }

  /** Pins `version` and reads it; undefined if it is not held. */
  view(version: number): MapView | undefined {
    const entry = this.#versions.find((held) => held.version === version)
    if (entry === undefined) return undefined
    return new PinnedView(entry, this.#pins.acquire(entry.sequence), {
      get: (key, sequence) => this.#copyOfValue(this.#locateAt(key, sequence)),
      getView: (key, sequence) => this.#viewOfValue(this.#locateAt(key, sequence)),
      getMany: (keys, sequence) =>
        this.#locateMany(keys, ROW_WORDS_AHEAD, (ref) =>
          this.#copyOfValue(newestAtOrBelow(this.#arena, ref, sequence)),
        ),
      getViews: (keys, sequence) =>
        this.#locateMany(keys, KEY_WORDS_AHEAD, (ref) =>
          this.#viewOfValue(newestAtOrBelow(this.#arena, ref, sequence)),
        ),
      getSlice: (key, into, sequence) => this.#sliceOfValue(this.#locateAt(key, sequence), into),
      has: (key, sequence) => this.#isValue(this.#locateAt(key, sequence)),
      cursor: (sequence) => this.#openCursor(sequence),
      release: (pin) => this.#unpin(pin),
    })
  }

  // Memory.

  /** Bytes of all buffers the map has allocated. */
  get memoryUsedBytes(): number {
    return this.#budget.usedBytes
  }

  /** Views and cursors that are open: one that is forgotten holds memory for ever, and shows here. */
  get pinCount(): number {
    return this.#pins.holderCount
  }

  /**
   * The map is asked nothing any more but by the views and cursors that are open. Once the last of them is released its memory is left to other
   * maps; what somebody still has of getView() is empty then, or keeps its bytes.
   */
  retire(): void {
    this.#isRetired = true
    this.#dissolveUnlessRead()
  }

  /**
   * Frees what became invisible, and says whether to call it again: removals are walked to, a stretch at a time. What comes next does the rest as well, but
   * in one go. INVARIANT: no journal is half reclaimed during a transaction, which may be undone; there a long one waits for its end.
   */
  reclaim(): boolean {
    // Nothing to do unless the oldest sequence anyone reads has moved past a journal.
    const sequenceMin = Math.min(this.#versions[0].sequence, this.#pins.sequenceMin)
    const journals = this.#journals
    let left = this.#recordsReclaimedMax
    let isMore = false
    while (!isMore && journals.length > 0 && journals[0].sequence <= sequenceMin) {
      isMore = journals[0].unwalkedCount > left
      if (isMore && this.inTransaction) break
      left -= this.#reclaimer.reclaim(journals[0], left)
      if (!isMore) journals.shift()
    }
    // A cursor opened in a transaction may be what reads furthest back, at a sequence within that version: what the version itself had replaced
    // up to there is seen by no one, but its journal names it.
    const journaledMin = journals.length > 0 ? journals[0].firstSequence : Infinity
    this.#arena.floor = Math.min(sequenceMin, journaledMin - 1)
    return isMore && !this.inTransaction
  }

  /**
   * Moves up to about `maxBytes` of records out of segments that are less than half alive and returns how many bytes it moved. Call it
   * after a commit with a small multiple of what the commit wrote. Does nothing during a transaction, while a cursor is open, or while reclaim()
   * has more to do: what a removal replaced is still in sight then, and the removal that led to it may have gone.
   */
  compactSlice(maxBytes: number): number {
    if (this.#journal !== undefined || this.#openCursorCount > 0) return 0
    if (this.#journals.length > 0 && this.#journals[0].walkedCount > 0) return 0
    return this.#compactor.slice(maxBytes)
  }

  // The rest is inside.

  /** The newest record of `key`, 0 if there is none. */
  #locate(key: Uint8Array): number {
    if (!this.#hasRead) {
      this.#link()
      this.#hasRead = true
    }
    const probe = this.#probe
    const index = this.#index
    return index.find(index.take(key, probe), probe)
  }

  /** What `take` makes of the newest record of each key, in order. */
  #locateMany<T>(keys: readonly Uint8Array[], wordsAhead: number, take: (ref: number) => T): T[] {
    this.#link()
    this.#hasRead = true
    const index = this.#index
    const taken: T[] = []
    for (let from = 0; from < keys.length; from += READ_AHEAD_KEYS) {
      const count = Math.min(READ_AHEAD_KEYS, keys.length - from)
      for (let i = 0; i < count; i++) {
        readHashes[i] = index.take(keys[from + i], readKeys[i])
      }
      this.#readAhead.run(index, this.#arena, readHashes, 0, count, wordsAhead)
      for (let i = 0; i < count; i++) {
        taken.push(take(index.find(readHashes[i], readKeys[i])))
      }
    }
    return taken
  }

  /** Room for more changes beside those that wait: for a group of them, or for one where that is too much. */
  #makeRoom(): void {
    const journal = this.#transaction()
    this.#room = READ_AHEAD_KEYS
    if (this.#reserve(journal, READ_AHEAD_KEYS)) return
    this.#room = 1
    if (this.#reserve(journal, 1)) return
    this.#link()
    if (this.#group.isWide) this.#widen()
    const slots = this.#arena.segments.length
    if (journal.reserve(1, slots) && this.#index.reserve()) return
    // What the lanes hold may be just what is missing.
    this.#group.narrow()
    this.#room = 0
    if (!journal.reserve(1, slots) || !this.#index.reserve()) this.#throwMemoryLimit()
    this.#room = 1
  }

  #reserve(journal: Journal, changes: number): boolean {
    // A growing index is carried over change by change.
    if (changes > 1 && this.#index.isGrowing) return false
    const count = this.#group.count + changes
    const slots = this.#arena.segments.length + changes
    return journal.reserve(count, slots) && this.#index.reserveFor(count)
  }

  /** A put behind a read: most often of the key that was read, so that its memory is near already. No other put waits. */
  #putRead(key: Uint8Array, value: Uint8Array): void {
    this.#hasRead = false
    const probe = this.#probe
    const hash = this.#index.take(key, probe)
    const head = this.#index.locate(hash, probe)
    if (head !== 0 && this.#overwriteOwn(head, value)) return this.#logPut(head)
    const ref = this.#appendPut(probe.length, value.length)
    const { unitBits, words, bytes, appendedKeyWord } = this.#arena
    const slot = ref >>> unitBits
    const valueWord = writeKey(words[slot], appendedKeyWord, probe)
    copyBytes(bytes[slot], valueWord * 4, value)
    this.#logPut(ref)
    // Nothing that made room has moved the head, or the place in the index that was found.
    this.#linkLocated(hash, head, ref)
  }

  #logPut(ref: number): void {
    if (this.#log === undefined) return
    const { words, unitBits, unitMask } = this.#arena
    locateRow(words[ref >>> unitBits], (ref & unitMask) << 1, this.#loggedRow)
    this.#log.putRow(this.#loggedRow)
  }

  /** PERF: not by #logPut: the arena and the log are asked for once, which is some 5 % of a put with 10,000 keys. */
  #logPuts(log: PutLog, refs: Int32Array, from: number, to: number): void {
    const { words: segments, unitBits, unitMask } = this.#arena
    const row = this.#loggedRow
    for (let i = from; i < to; i = (i + 1) | 0) {
      const ref = refs[i]
      locateRow(segments[ref >>> unitBits], (ref & unitMask) << 1, row)
      log.putRow(row)
    }
  }

  /** Makes a record that is linked to nothing. Its bytes are the caller's to write next. */
  #appendPut(keyLength: number, valueLength: number): number {
    let ref = 0
    do ref = this.#arena.append(this.#sequence, 0, keyLength, valueLength)
    while (ref === 0 && this.#giveWay())
    if (ref === 0) this.#throwMemoryLimit()
    this.#isSequenceUsed = true
    this.#plainBytes += keyLength + valueLength
    return ref
  }

  /** Puts the value into the record `head` if this transaction has written it and it fits. */
  #overwriteOwn(head: number, value: Uint8Array): boolean {
    const arena = this.#arena
    const words = arena.words[head >>> arena.unitBits]
    const w = (head & arena.unitMask) << 1
    const oldLength = valueLengthAt(words, w)
    if (words[w + SEQUENCE] !== this.#sequence || oldLength === REMOVED) return false
    if (!arena.overwrite(head, value)) return false
    this.#plainBytes += value.length - oldLength
    return true
  }

  /** Writes a removal of the key in #probe. */
  #appendRemoval(previous: number): number {
    const probe = this.#probe
    let ref = 0
    do ref = this.#arena.append(this.#sequence, previous, probe.length, REMOVED)
    while (ref === 0 && this.#giveWay())
    if (ref === 0) this.#throwMemoryLimit()
    const { unitBits, words, appendedKeyWord } = this.#arena
    writeKey(words[ref >>> unitBits], appendedKeyWord, probe)
    this.#isSequenceUsed = true
    return ref
  }

  /** Makes the puts that wait the newest records of their keys. Room for them was made. */
  #link(): void {
    this.#hasRead = false
    const { fills } = this.#group
    for (let lane = 0; this.#group.count > 0; lane++) if (fills[lane] > 0) this.#linkLane(lane)
  }

  #linkLane(lane: number): void {
    const group = this.#group
    const { hashes, refs, isWide, lanePuts } = group
    this.#hasRead = false
    const fill = group.fills[lane]
    if (fill === 0) return
    group.fills[lane] = 0
    group.count -= fill
    const start = lane * lanePuts
    const end = start + fill
    // Before they are linked: of puts of one key all records but one are free space then.
    if (this.#log !== undefined) this.#logPuts(this.#log, refs, start, end)
    for (let from = start; from < end; from += READ_AHEAD_KEYS) {
      const to = Math.min(from + READ_AHEAD_KEYS, end)
      if (fill > 1) this.#readAhead.run(this.#index, this.#arena, hashes, from, to)
      for (let i = from; i < to; i++) {
        if (!isWide || !this.#linkFresh(hashes[i], refs[i])) this.#linkPut(hashes[i], refs[i])
      }
    }
  }

  /** At the memory limit: lets go of what may be just what is missing, the lanes or the free space of a segment half evacuated. False if there is neither. */
  #giveWay(): boolean {
    const group = this.#group
    if (!group.isWide) return this.#compactor.giveUp()
    this.#link()
    group.narrow()
    return true
  }

  /** Makes lanes for the index as it is. */
  #widen(): void {
    this.#link()
    this.#group.widen(this.#index.bits)
  }

  /** Links a put of a key that is new for sure. PERF: without a look at the record, which in a load has left the caches. */
  #linkFresh(hash: number, ref: number): boolean {
    if (!this.#index.insertFresh(hash, ref)) return false
    this.#journal!.push(ref)
    this.#keyCount++
    return true
  }

  #linkPut(hash: number, ref: number): void {
    this.#linkLocated(hash, this.#index.locateHashedKeyOf(hash, ref), ref)
  }

  /** Makes `ref` the newest record of its key in place of `head`, which the index has just located; of a new key if that is 0. */
  #linkLocated(hash: number, head: number, ref: number): void {
    const journal = this.#journal!
    if (head === 0) {
      this.#index.insertLocated(hash, ref)
      journal.push(ref)
      this.#keyCount++
      return
    }
    const { unitBits, unitMask, words: segments } = this.#arena
    const words = segments[ref >>> unitBits]
    const w = (ref & unitMask) << 1
    const headWords = segments[head >>> unitBits]
    const h = (head & unitMask) << 1
    const oldLength = valueLengthAt(headWords, h)
    if (oldLength === REMOVED) this.#keyCount++
    else this.#plainBytes -= keyLengthAt(words, w) + oldLength
    if (headWords[h + SEQUENCE] !== this.#sequence) {
      words[w + PREVIOUS] = head
    } else if (this.#arena.overwrite(head, this.#viewOfValue(ref))) {
      // Only this transaction can have seen the record at `head`.
      this.#arena.free(ref)
      return
    } else {
      words[w + PREVIOUS] = headWords[h + PREVIOUS]
    }
    this.#index.replaceLocated(ref)
    journal.push(ref)
    this.#giveUp(head, headWords, h)
  }

  #giveUp(head: number, words: Int32Array, w: number): void {
    words[w + SUPERSEDED_BY] = this.#sequence
    this.#journal!.tally(head >>> this.#arena.unitBits, recordUnits(words, w))
  }

  #count(keys: number, bytes: number): void {
    this.#keyCount += keys
    this.#plainBytes += bytes
  }

  #restoreCounts(entry: VersionEntry): void {
    this.#keyCount = entry.keyCount
    this.#plainBytes = entry.plainBytes
  }

  #transaction(): Journal {
    assert(this.#journal !== undefined, 'writing needs an open transaction')
    return this.#journal
  }

  #endTransaction(): void {
    this.#journal = undefined
    this.#room = 0
    this.#log = undefined
    this.#loggedRow = noRow()
    this.#group.narrow()
    this.#advanceSequence()
  }

  #advanceSequence(): void {
    this.#sequence++
    this.#isSequenceUsed = false
    assert(this.#sequence < HEAD, 'sequences last for two thousand million commits')
  }

  /** The sequence at which the newest state, as of now, can be read for ever. */
  #freeze(): number {
    const base = this.#versions.at(-1)!.sequence
    if (this.#journal === undefined) return base
    // A sequence above the base marks the reader as the transaction's own, even if nothing was written yet.
    if (this.#isSequenceUsed || this.#sequence - 1 === base) this.#advanceSequence()
    return this.#sequence - 1
  }

  #openCursor(sequence: number): MapCursor {
    this.#openCursorCount++
    return new SegmentCursor(this.#arena, this.#pins.acquire(sequence), this.#closeCursor)
  }

  #closeCursor = (pin: Pin): void => {
    if (pin.isRevoked) return
    this.#openCursorCount--
    this.#unpin(pin)
  }

  #unpin(pin: Pin): void {
    this.#pins.release(pin)
    this.reclaim()
    if (this.#isRetired) this.#dissolveUnlessRead()
  }

  #dissolveUnlessRead(): void {
    if (this.#journal !== undefined || this.pinCount > 0) return
    for (const journal of this.#journals.splice(0)) journal.drop()
    this.#index.dissolve()
    this.#arena.dissolve()
    this.#restoreCounts(EMPTY)
    this.#versions = [EMPTY]
  }

  #locateAt(key: Uint8Array, sequence: number): number {
    return newestAtOrBelow(this.#arena, this.#locate(key), sequence)
  }

  #isValue(ref: number): boolean {
    const arena = this.#arena
    return (
      ref !== 0 &&
      valueLengthAt(arena.words[ref >>> arena.unitBits], (ref & arena.unitMask) << 1) !== REMOVED
    )
  }

  #sliceOfValue(ref: number, into: ByteSlice): boolean {
    if (ref === 0) return false
    const { words, bytes, unitBits, unitMask } = this.#arena
    const slot = ref >>> unitBits
    return sliceOfValue(words[slot], bytes[slot], (ref & unitMask) << 1, into)
  }

  #viewOfValue(ref: number): Uint8Array | undefined {
    const found = this.#found
    if (!this.#sliceOfValue(ref, found)) return undefined
    const view = viewOfSlice(found)
    found.bytes = NO_BYTES
    return view
  }

  #copyOfValue(ref: number): Uint8Array | undefined {
    const found = this.#found
    if (!this.#sliceOfValue(ref, found)) return undefined
    const copy = copyOfSlice(found)
    found.bytes = NO_BYTES
    return copy
  }

  #throwMemoryLimit(): never {
    const { usedBytes, bytesMax, isSystemShort } = this.#budget
    throw new StateStoreError(
      'TIDEMARK_MEMORY_LIMIT',
      isSystemShort
        ? `The map holds ${usedBytes} bytes, and the system has no memory for what it needs next, although its limit is ${bytesMax}; ` +
            'give the process more, hold fewer versions in memory, or spread the keys over more partitions and processes'
        : `The map holds ${usedBytes} bytes and what it needs next would exceed its limit of ${bytesMax}; ` +
            'raise memoryBytesMax, hold fewer versions in memory, or spread the keys over more partitions',
    )
  }
}
