// What an engine must do to be measured: the shape of a stream processor's state, batch by batch.
//
// An engine without versions or deltas does the nearest thing its users would do, and says so in `standsFor`; the tables print it.

import type { Durability } from '../../src/files/file-manager.ts'

export interface EngineOptions {
  /** An empty folder, or one this engine has written and closed. */
  readonly directory: string
  /** 'os': a commit survives the death of the process. 'fsync': power loss as well. */
  readonly durability: Durability
  /** Values are of about 1 KB, not of 32 bytes: for engines that are set up for one or the other. Default false. */
  readonly hasLongValues?: boolean
}

export interface Engine {
  /** What a version and a delta are here, if not what they are in Spark. */
  readonly standsFor?: string | undefined
  /** put and remove only queue: whoever times them has to time the commit, too. */
  readonly changesAtCommit?: boolean
  open(options: EngineOptions): Promise<void>
  /** Opens the last version for update. */
  begin(): Promise<void>
  /** The buffers are the caller's again when it returns, or when the commit has ended. */
  put(key: Buffer, value: Buffer): void
  remove(key: Buffer): void
  /** Waits for what put and remove have left to do beside them: a block of a delta that is being compressed. */
  settle?(): Promise<void>
  /** The value as the engine's fastest read hands it out; it may be gone with the next call. A promise if the engine has nothing better. */
  getView(key: Buffer): Uint8Array | undefined | Promise<Uint8Array | undefined>
  /** Whether there is a value, told by the call that makes nothing on the way, where the engine has one. What it says where the value lies may be gone with the next call. */
  getSlice?(key: Buffer): boolean
  /** A value to keep. */
  get(key: Buffer): Uint8Array | undefined | Promise<Uint8Array | undefined>
  /** The same for many keys at once, where the engine has a call for it. */
  getViews?(keys: readonly Buffer[]): readonly (Uint8Array | undefined)[]
  getMany?(keys: readonly Buffer[]): readonly (Uint8Array | undefined)[]
  /** All rows, in any order. */
  scan(visit: (key: Uint8Array, value: Uint8Array) => void): void | Promise<void>
  /** The same without a view of each key and value, where there is a way: `visit` gets the bytes they lie in, and from where on. */
  scanSlices?(
    visit: (key: Uint8Array, keyAt: number, value: Uint8Array, valueAt: number) => void,
  ): void
  /** The same as copies to keep, where scan() hands out views. */
  scanCopies?(visit: (key: Uint8Array, value: Uint8Array) => void): void | Promise<void>
  /** The first `rows` rows from `start` on, by the unsigned bytes of their keys, as copies; where the engine can. */
  range?(
    start: Buffer,
    rows: number,
    visit: (key: Uint8Array, value: Uint8Array) => void,
  ): void | Promise<void>
  commit(): Promise<void>
  /** Writes what a restart begins with, where the engine has such a thing. */
  snapshot?(): Promise<void>
  /** What the engine itself says it has allocated. */
  memoryUsedBytes?(): number
  /** Key and value bytes of the state, where the engine counts them. */
  plainBytes?(): number
  close(): Promise<void>
}
