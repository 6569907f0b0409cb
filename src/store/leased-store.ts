// LeasedStore — a store whose writer lease is held here: the lease, what it may still do, and the files it writes.
//
// Once an operation has met FENCED or POISONED the lease has ended, whoever asked: everything that writes asks here first.

import { publishStep } from '../base/diagnostics.ts'
import { compressionOf } from '../codec/compressions.ts'
import { isStateStoreError, StateStoreError } from '../errors.ts'
import { sidecarName, type StateFileKind } from '../format/file-names.ts'
import { StagedStateFile } from './staged-state-file.ts'
import { type SidecarSubject, writeSidecar } from './state-sidecar.ts'
import { storeIdText } from './store-id.ts'
import type { StoreParts } from './store-parts.ts'
import { WriterLease } from './writer-lease.ts'

export class LeasedStore {
  readonly parts: StoreParts
  readonly lease: WriterLease
  readonly storeId: string
  /** Sidecars known to lie in the store directory. */
  readonly sidecars = new Set<string>()
  #ended: StateStoreError | undefined

  private constructor(parts: StoreParts, lease: WriterLease) {
    this.parts = parts
    this.lease = lease
    this.storeId = storeIdText(parts.id)
  }

  static async claim(parts: StoreParts): Promise<LeasedStore> {
    const { id, files, options } = parts
    const { durability, clock, owner } = options
    refuseWithoutTrailer(parts)
    refuseSidecars(parts)
    return new LeasedStore(parts, await WriterLease.claim({ id, files, durability, clock, owner }))
  }

  // --- the end of it

  /** The error after which this writer may not go on, if there was one. */
  get endedBy(): StateStoreError | undefined {
    return this.#ended ?? this.lease.lost
  }

  /** Throws FENCED or POISONED if the lease has ended. */
  checkUsable(): void {
    const ended = this.endedBy
    if (ended === undefined) return
    throw new StateStoreError(
      ended.code,
      `The writer of ${this.storeId} (generation ${this.lease.generation}) was ended by an earlier error and stays ended; close this provider and ask for a new one: ${ended.message}`,
      { storeId: this.storeId, published: 'no', cause: ended },
    )
  }

  /** Remembers an error after which this writer may not go on. Returns it. */
  ending(error: unknown): unknown {
    const ends = isStateStoreError(error, 'TIDEMARK_FENCED', 'TIDEMARK_POISONED')
    // The first counts: what follows is the same loss.
    if (ends && this.#ended === undefined) {
      this.#ended = error
      if (error.code === 'TIDEMARK_FENCED') publishStep('fenced', { storeId: this.storeId, error })
    }
    return error
  }

  /**
   * What a newer writer does to the files looks to an older one like missing or broken versions. So before anybody is told that, we look
   * whether the lease is lost: then that is the matter. All of these are found by reading, before anything was published.
   */
  async orFenced(error: unknown): Promise<unknown> {
    const kind = isStateStoreError(error) ? error.kind : undefined
    if (kind !== 'missing' && kind !== 'corrupt' && kind !== 'conflict') return error
    try {
      await this.lease.directory.refuseIfFenced()
    } catch (reason) {
      if (isStateStoreError(reason, 'TIDEMARK_FENCED')) return reason
    }
    return error
  }

  // --- files

  /** A delta or snapshot to be written, not yet in any file. */
  stage(kind: StateFileKind, name: string): StagedStateFile {
    const { compression, rowChecksums } = this.parts.options
    return new StagedStateFile({
      directory: this.lease.directory,
      name,
      kind,
      compression: compressionOf(compression),
      rowChecksums,
    })
  }

  /** Publishes the sidecar of a file that is in place. A sidecar is an extra: if it fails, nothing else does. */
  async addSidecar(subject: SidecarSubject): Promise<void> {
    try {
      await writeSidecar(this.lease.directory, subject, this.parts.options.clock)
      this.sidecars.add(sidecarName(subject.name))
    } catch (error) {
      this.#sidecarFailed(this.ending(error))
    }
  }

  /** Puts an end to a sidecar that contradicts its file: writes it anew, or removes it where none are written. */
  async repairSidecar(subject: SidecarSubject): Promise<void> {
    if (this.parts.options.checksumFiles) return await this.addSidecar(subject)
    try {
      await this.lease.directory.remove(sidecarName(subject.name))
    } catch (error) {
      this.#sidecarFailed(this.ending(error))
    }
  }

  #sidecarFailed(error: unknown): void {
    this.parts.counters.sidecarFailures++
    this.parts.options.logger.warn(
      `A sidecar of ${this.storeId} could not be written; the version stands: ${String(error)}`,
    )
  }
}

/** Whether a lost answer was a commit is told by the trailer alone. */
function refuseWithoutTrailer({ id, files, options }: StoreParts): void {
  if (options.trailer || files.capabilities.losesAnswers !== true) return
  throw new StateStoreError(
    'TIDEMARK_INVALID_OPTIONS',
    `Expected \`trailer\` to be true to write ${storeIdText(id)} on ${files.capabilities.name}: an answer may get lost there, and only a trailer tells afterwards whose commit took effect. Pure Spark files can be written on local disk.`,
    { storeId: storeIdText(id) },
  )
}

/** A sidecar is removed before its file is replaced, and on such storage nobody could tell when that removal arrives. */
function refuseSidecars({ id, files, options }: StoreParts): void {
  if (!options.checksumFiles || files.conditional === undefined) return
  throw new StateStoreError(
    'TIDEMARK_INVALID_OPTIONS',
    `Expected \`checksumFiles\` to be false to write ${storeIdText(id)} on ${files.capabilities.name}, which cannot move files; the trailer's checksums do the work there.`,
    { storeId: storeIdText(id) },
  )
}
