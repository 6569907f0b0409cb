// S3Objects — the calls of S3 that the engine needs, on the keys below one prefix, with one rule for failures.
//
// The rule: everything is tried again while it is of use and the budget lasts, because everything here may happen twice. Reads and deletes may
// anyway; a write says what must be there, and the object carries the id of its upload, so that a refusal because of an earlier attempt of the
// very same write is told from any other. Which attempts had no answer is remembered in a Doubt: with it, a failure or a refusal by somebody
// else's object leaves open what happened (ours may have been there in between), and that is said: STORAGE_TIMEOUT, or 'unclear'.
//
// One request each where nothing goes wrong, but stat of what is no object 2, and a refused write 2 (a HEAD tells whose object is there).
// One file, because every call is the rule applied once more.

import type { CompletedPart, GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3'
import type { Readable } from 'node:stream'
import { untilAborted } from '../../base/until-aborted.ts'
import { StateStoreError } from '../../errors.ts'
import { ATTEMPTS_MAX, backoffMs } from '../backoff.ts'
import type { CallSubject } from '../call-subject.ts'
import type { ByteRange, FileStatus, WriteCondition } from '../file-manager.ts'
import { Semaphore } from '../../base/semaphore.ts'
import type { ResolvedS3Options } from './options.ts'
import { readBody } from './read-body.ts'
import {
  conditionHeaders,
  decoderOf,
  isRefusal,
  quoted,
  revisionOf,
  serverTimeMs,
  statusOf,
} from './s3-answers.ts'
import { failureOf, S3Failure, strangeAnswer, timeoutError, unavailableError } from './s3-errors.ts'
import type { Sdk } from './sdk.ts'

const BACKOFF_MAX_MS = 2000
/** In the object's metadata, as `x-amz-meta-…`: names the upload that made it. Stored, never renamed. */
const UPLOAD_ID_NAME = 'tidemark-upload'
/** As many as S3 takes at once. */
export const DELETES_MAX = 1000
/** Letters that a key may have, and the body of a request may not, or not safely. */
const NOT_IN_XML = /[^\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u

/** Whether an attempt of a write had no answer. Lives as long as the write. */
export interface Doubt {
  lost: boolean
}

/** 'unclear': ours is not there, but an earlier attempt had no answer; it may have been there before. */
export type WriteOutcome = 'written' | 'refused' | 'unclear'

/** What a write leaves in the object so that it is known again. */
export interface WriteIdentity {
  readonly uploadId: string
  readonly doubt: Doubt
}

export interface Listing {
  readonly files: readonly { readonly key: string; readonly status: FileStatus }[]
  /** With their last slash. */
  readonly prefixes: readonly string[]
}

/** An object, and the write that made it. */
interface Head {
  readonly status: FileStatus
  readonly uploadId: string | undefined
}

/** Where a page of a listing of uploads ended. */
interface UploadMarker {
  readonly KeyMarker: string
  readonly UploadIdMarker: string
}

export interface BegunUpload {
  readonly key: string
  readonly multipartId: string
  /** By the server's clock. */
  readonly ageMs: number
}

interface CallOptions<T> {
  /** Absent: a call that changes nothing, or nothing that matters if it happens late. */
  readonly doubt?: Doubt
  /** Makes data of a failure; what it leaves undefined is a failure. */
  readonly outcome?: (failure: S3Failure) => T | undefined | Promise<T | undefined>
  readonly signal?: AbortSignal | undefined
}

export class S3Objects {
  readonly #location: string
  readonly #bucket: string
  /** Of every key; ends with a slash unless it is empty. */
  readonly #prefix: string
  readonly #sdk: Sdk
  readonly #client: S3Client
  readonly #options: ResolvedS3Options
  /** The SDK takes the wait for a free socket for a slow connection, so nobody waits there. */
  readonly #slots: Semaphore

  constructor(parts: {
    location: string
    bucket: string
    prefix: string
    sdk: Sdk
    client: S3Client
    options: ResolvedS3Options
  }) {
    this.#location = parts.location
    this.#bucket = parts.bucket
    this.#prefix = parts.prefix
    this.#sdk = parts.sdk
    this.#client = parts.client
    this.#options = parts.options
    this.#slots = new Semaphore(parts.options.socketsMax)
  }

  /** Of an object. */
  async stat(path: string): Promise<FileStatus | 'absent'> {
    const found = await this.#head(path)
    return found === 'absent' ? 'absent' : found.status
  }

  /** The bytes in `range`, cut where the object ends; at `revision`, if one is given. An aborted `signal` ends it with its reason. */
  read(
    path: string,
    range: ByteRange,
    signal: AbortSignal | undefined,
    revision: string | undefined,
  ): Promise<Uint8Array | 'absent'> {
    const subject = this.subject('GET', path)
    return this.#call<Uint8Array | 'absent'>(
      subject,
      async () => {
        const { offset = 0, length } = range
        const last =
          length === undefined ? '' : Math.min(offset + length - 1, Number.MAX_SAFE_INTEGER)
        const command = new this.#sdk.GetObjectCommand({
          ...this.#object(path),
          ...((offset > 0 || length !== undefined) && { Range: `bytes=${offset}-${last}` }),
          ...(revision !== undefined && { IfMatch: quoted(revision) }),
        })
        const answer = await this.#client.send(command, signal && { abortSignal: signal })
        // A page of a proxy must not be taken for the object, or for another one.
        if (answer.ETag === undefined) {
          discard(answer)
          throw strangeAnswer('Expected an ETag of the object, got none')
        }
        // Some services do not know If-Match here.
        if (revision !== undefined && revisionOf(answer.ETag) !== revision) {
          discard(answer)
          return 'absent'
        }
        return await readBody(answer, range, subject, signal)
      },
      {
        signal,
        outcome: (failure) => {
          if (failure.noSuchKey || failure.preconditionFailed) return 'absent'
          return failure.status === 416 ? new Uint8Array(0) : undefined
        },
      },
    )
  }

  /** One page of what begins with `prefix`, and sorts behind the key `after`; with a delimiter, what has a slash after it is told by prefixes. */
  async listPage(
    path: string,
    prefix: string,
    options: {
      readonly delimiter: boolean
      /** The tokens of the pages before. */
      readonly tokens?: readonly string[]
      readonly max?: number
      readonly after?: string
    },
  ): Promise<{ listing: Listing; next: string | undefined }> {
    const { delimiter, tokens = [], max, after } = options
    const token = tokens.at(-1)
    return this.#call(this.subject('LIST', path), async () => {
      const answer = await this.#client.send(
        new this.#sdk.ListObjectsV2Command({
          Bucket: this.#bucket,
          Prefix: prefix,
          EncodingType: 'url',
          ...(delimiter && { Delimiter: '/' }),
          ...(token !== undefined && { ContinuationToken: token }),
          ...(after !== undefined && { StartAfter: after }),
          ...(max !== undefined && { MaxKeys: max }),
        }),
      )
      const { IsTruncated: more, NextContinuationToken: next } = answer
      // A page of a proxy, or of another service, must not be taken for an empty listing.
      if (typeof more !== 'boolean') throw strangeAnswer('Expected a listing, got something else')
      if (more && (next === undefined || tokens.includes(next)))
        throw strangeAnswer(
          'Expected a token for the next page of the listing, got none, or an old one',
        )
      const decode = decoderOf(answer.EncodingType)
      const files = (answer.Contents ?? []).map(({ Key, Size, LastModified, ETag }) => {
        const key = decode(Key ?? '')
        return { key, status: statusOf(key, Size, LastModified, ETag) }
      })
      const prefixes = (answer.CommonPrefixes ?? []).map(({ Prefix }) => decode(Prefix ?? ''))
      return { listing: { files, prefixes }, next: more ? next : undefined }
    })
  }

  /** Writes an object in one request, if `condition` holds. */
  async put(
    path: string,
    bytes: Uint8Array,
    condition: WriteCondition,
    { uploadId, doubt }: WriteIdentity,
  ): Promise<WriteOutcome> {
    const subject = this.subject('PUT', path)
    return this.#call<WriteOutcome>(
      subject,
      async () => {
        const command = new this.#sdk.PutObjectCommand({
          ...this.#object(path),
          ...conditionHeaders(condition),
          Body: bytes,
          ContentLength: bytes.length,
          Metadata: { [UPLOAD_ID_NAME]: uploadId },
        })
        const { ETag } = await this.#client.send(command)
        if (ETag === undefined) throw strangeAnswer('Expected an ETag for what was written')
        return 'written'
      },
      {
        doubt,
        outcome: (failure) =>
          isRefusal(failure, condition) ? this.#whose(subject, { uploadId, doubt }) : undefined,
      },
    )
  }

  /** Begins an upload in parts. One whose answer is lost is left to `cleanUploads`. */
  async beginParts(path: string, uploadId: string): Promise<string> {
    return this.#call(this.subject('CreateMultipartUpload', path), async () => {
      const command = new this.#sdk.CreateMultipartUploadCommand({
        ...this.#object(path),
        ChecksumAlgorithm: 'CRC32',
        Metadata: { [UPLOAD_ID_NAME]: uploadId },
      })
      const { UploadId } = await this.#client.send(command)
      if (UploadId === undefined) throw strangeAnswer('Expected the id of an upload, got none')
      return UploadId
    })
  }

  /** Sends part `number`, from 1. */
  async putPart(
    path: string,
    multipartId: string,
    number: number,
    bytes: Uint8Array,
  ): Promise<CompletedPart> {
    return this.#call(this.subject(`UploadPart ${number}`, path), async () => {
      const command = new this.#sdk.UploadPartCommand({
        ...this.#object(path),
        UploadId: multipartId,
        PartNumber: number,
        Body: bytes,
        ContentLength: bytes.length,
        ChecksumAlgorithm: 'CRC32',
      })
      const { ETag, ChecksumCRC32 } = await this.#client.send(command)
      if (ETag === undefined) throw strangeAnswer('Expected an ETag for the part')
      return { PartNumber: number, ETag, ...(ChecksumCRC32 !== undefined && { ChecksumCRC32 }) }
    })
  }

  /** Makes an object of its parts, if `condition` holds. The parts outlive a refusal. */
  async completeParts(
    path: string,
    multipartId: string,
    parts: readonly CompletedPart[],
    condition: WriteCondition,
    identity: WriteIdentity,
  ): Promise<WriteOutcome> {
    const subject = this.subject('CompleteMultipartUpload', path)
    return this.#call<WriteOutcome>(
      subject,
      async () => {
        const command = new this.#sdk.CompleteMultipartUploadCommand({
          ...this.#object(path),
          ...conditionHeaders(condition),
          UploadId: multipartId,
          MultipartUpload: { Parts: [...parts] },
        })
        const { ETag } = await this.#client.send(command)
        if (ETag === undefined) throw strangeAnswer('Expected an ETag for what was written')
        return 'written'
      },
      {
        doubt: identity.doubt,
        outcome: async (failure) => {
          if (isRefusal(failure, condition)) return this.#whose(subject, identity)
          if (!failure.noSuchUpload) return undefined
          // Completed by an attempt before, or aborted by somebody: then, with nothing there, no attempt can complete it any more.
          const found = await this.#look(subject, identity)
          const whose = whoseIs(found, identity)
          if (whose === 'unclear' && found === 'absent' && condition === 'absent') return 'refused'
          return whose === 'refused' ? undefined : whose
        },
      },
    )
  }

  /** False where it is gone already, completed or aborted. */
  async abortParts(key: string, multipartId: string): Promise<boolean> {
    return this.#call(
      this.subject('AbortMultipartUpload', key.slice(this.#prefix.length)),
      async () => {
        const where = { Bucket: this.#bucket, Key: key, UploadId: multipartId }
        await this.#client.send(new this.#sdk.AbortMultipartUploadCommand(where))
        return true
      },
      { outcome: (failure) => (failure.noSuchUpload ? false : undefined) },
    )
  }

  /** All uploads in parts below `prefix` that are neither completed nor aborted. */
  async listBegun(path: string, prefix: string): Promise<BegunUpload[]> {
    const all: BegunUpload[] = []
    const markers: UploadMarker[] = []
    for (;;) {
      const page = await this.#begunPage(path, prefix, markers)
      all.push(...page.uploads)
      if (page.next === undefined) return all
      markers.push(page.next)
    }
  }

  async #begunPage(
    path: string,
    prefix: string,
    markers: readonly UploadMarker[],
  ): Promise<{ uploads: BegunUpload[]; next: UploadMarker | undefined }> {
    return this.#call(this.subject('ListMultipartUploads', path), async () => {
      const command = new this.#sdk.ListMultipartUploadsCommand({
        Bucket: this.#bucket,
        Prefix: prefix,
        EncodingType: 'url',
        ...markers.at(-1),
      })
      let nowMs = NaN
      command.middlewareStack.add(
        (next) => async (args) => {
          const result = await next(args)
          nowMs = serverTimeMs(result.response)
          return result
        },
        { step: 'deserialize', name: 'tidemarkServerDate' },
      )
      const answer = await this.#client.send(command)
      const { IsTruncated: more, NextKeyMarker: key, NextUploadIdMarker: id } = answer
      if (typeof more !== 'boolean') throw strangeAnswer('Expected a listing, got something else')
      const isOld = markers.some(({ UploadIdMarker }) => UploadIdMarker === id)
      if (more && (key === undefined || id === undefined || isOld))
        throw strangeAnswer(
          'Expected a marker for the next page of the listing, got none, or an old one',
        )
      const decode = decoderOf(answer.EncodingType)
      const uploads = (answer.Uploads ?? []).map(({ Key, UploadId, Initiated }) => ({
        key: decode(Key ?? ''),
        multipartId: UploadId ?? '',
        ageMs: nowMs - (Initiated?.getTime() ?? NaN),
      }))
      const next = more ? { KeyMarker: decode(key!), UploadIdMarker: id! } : undefined
      return { uploads, next }
    })
  }

  /** Gone afterwards, whether it was there or not. */
  async remove(path: string): Promise<void> {
    await this.#call(
      this.subject('DELETE', path),
      async () => {
        await this.#client.send(new this.#sdk.DeleteObjectCommand(this.#object(path)))
      },
      { doubt: { lost: false }, outcome: (failure) => (failure.noSuchKey ? null : undefined) },
    )
  }

  /** Up to DELETES_MAX of them, all gone afterwards. */
  async removeAll(path: string, keys: readonly string[]): Promise<void> {
    for (const key of keys.filter((name) => NOT_IN_XML.test(name)))
      await this.remove(key.slice(this.#prefix.length))
    const rest = keys.filter((name) => !NOT_IN_XML.test(name))
    if (rest.length > 0) await this.#removeTogether(path, rest)
  }

  async #removeTogether(path: string, keys: readonly string[]): Promise<void> {
    await this.#call(
      this.subject('DeleteObjects', path),
      async () => {
        const { Errors: errors = [] } = await this.#client.send(
          new this.#sdk.DeleteObjectsCommand({
            Bucket: this.#bucket,
            Delete: { Quiet: true, Objects: keys.map((Key) => ({ Key })) },
          }),
        )
        const wrong = errors.find(({ Code }) => Code !== 'NoSuchKey')
        if (wrong !== undefined)
          throw new S3Failure(wrong.Code ?? 'UnknownError', wrong.Message ?? '')
      },
      { doubt: { lost: false } },
    )
  }

  /** The key of `path`; for a folder, what its keys begin with. */
  keyOf(path: string): string {
    return `${this.#prefix}${path}`
  }

  prefixOf(directory: string): string {
    return directory === '' ? this.#prefix : `${this.keyOf(directory)}/`
  }

  subject(operation: string, path: string): CallSubject {
    return { operation: `${operation} of`, location: this.#location, path }
  }

  #object(path: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: this.keyOf(path) }
  }

  #head(path: string): Promise<Head | 'absent'> {
    return this.#call<Head | 'absent'>(
      this.subject('HEAD', path),
      async () => {
        const answer = await this.#client.send(new this.#sdk.HeadObjectCommand(this.#object(path)))
        const { ContentLength, LastModified, ETag, Metadata } = answer
        return {
          status: statusOf(path, ContentLength, LastModified, ETag),
          uploadId: Metadata?.[UPLOAD_ID_NAME],
        }
      },
      // It has no body that could say more.
      { outcome: (failure) => (failure.status === 404 ? 'absent' : undefined) },
    )
  }

  /** Decides the refusal of a write by what is there. */
  async #whose(subject: CallSubject, identity: WriteIdentity): Promise<WriteOutcome> {
    return whoseIs(await this.#look(subject, identity), identity)
  }

  /** What is there. Where nobody can look, an attempt before that had no answer leaves it open. */
  async #look(subject: CallSubject, { doubt }: WriteIdentity): Promise<Head | 'absent'> {
    return await this.#head(subject.path).catch((error: unknown) => {
      const failure = error instanceof StateStoreError ? error.cause : undefined
      if (doubt.lost && failure instanceof S3Failure) throw timeoutError(subject, failure)
      throw error
    })
  }

  /** Runs `attempt` until it succeeds, its failure is data, or the budget is spent. */
  async #call<T>(
    subject: CallSubject,
    attempt: () => Promise<T>,
    { doubt, outcome, signal }: CallOptions<T> = {},
  ): Promise<T> {
    const { clock, retryTimeMs } = this.#options
    const startedMs = clock.elapsedMs()
    for (let count = 1; ; count++) {
      signal?.throwIfAborted()
      const tried = await this.#slots.run(() => this.#try(attempt), signal)
      if ('result' in tried) return tried.result
      signal?.throwIfAborted()
      const { failure } = tried
      const data = await outcome?.(failure)
      if (data !== undefined) return data
      if (doubt !== undefined && failure.verdict === 'lost') doubt.lost = true
      const waitMs = Math.max(backoffMs(count, BACKOFF_MAX_MS, clock), failure.retryAfterMs)
      const spent =
        count >= ATTEMPTS_MAX || clock.elapsedMs() - startedMs + failure.retryAfterMs >= retryTimeMs
      if (failure.verdict === 'refused' || spent)
        throw doubt?.lost === true
          ? timeoutError(subject, failure)
          : unavailableError(subject, failure)
      await untilAborted(clock.turn(waitMs), signal)
    }
  }

  async #try<T>(attempt: () => Promise<T>): Promise<{ result: T } | { failure: S3Failure }> {
    try {
      return { result: await attempt() }
    } catch (error) {
      const failure = failureOf(error)
      if (failure instanceof StateStoreError) throw failure
      return { failure }
    }
  }
}

function whoseIs(found: Head | 'absent', { uploadId, doubt }: WriteIdentity): WriteOutcome {
  if (found !== 'absent' && found.uploadId === uploadId) return 'written'
  return doubt.lost ? 'unclear' : 'refused'
}

function discard({ Body }: GetObjectCommandOutput): void {
  ;(Body as Readable | undefined)?.on('error', () => undefined).destroy()
}
