// What the answers of S3 mean: the one place where its error codes are told apart and mapped to ours.
//
// Of a failure three things are asked. Is asking again of any use? Is it certain that this attempt changed nothing? What can a person do?
// A failure that is no word of S3 (a reset, a timeout, a 5xx that is not in the table) is a lost answer: the attempt may have happened, and
// may still happen. What the SDK throws is not passed on: a refused signature comes with the headers that were signed, and a session's token
// is one of them.

import { type ErrorCode, StateStoreError } from '../../errors.ts'
import { type CallSubject, describeSubject } from '../call-subject.ts'

interface Meaning {
  readonly code: ErrorCode
  readonly words: string
  readonly advice: string
  /** Absent: asking again helps nobody. 'again': it did not happen, and may work later. 'lost': it may have happened. */
  readonly verdict?: 'again' | 'lost'
}

/** 'refused': no use asking again. The other two as in the table. */
export type Verdict = 'refused' | 'again' | 'lost'

const UNAVAILABLE = 'TIDEMARK_STORAGE_UNAVAILABLE'
const NO_PERMISSION: Meaning = {
  code: UNAVAILABLE,
  words: 'Permission denied',
  advice:
    'Check the credentials, and the policies of user and bucket: reading, listing, writing and deleting are needed.',
}
const NOT_KNOWN: Meaning = {
  code: UNAVAILABLE,
  words: 'S3 does not accept who we are',
  advice: 'Check the credentials.',
}
const NO_CREDENTIALS: Meaning = {
  code: UNAVAILABLE,
  words: 'There are no credentials',
  advice: 'Give the option `credentials`, or set what the AWS SDK looks for.',
}
const WRONG_REGION: Meaning = {
  code: 'TIDEMARK_INVALID_OPTIONS',
  words: 'The bucket is elsewhere',
  advice: 'Give its region as the option `region`, or another `endpoint`.',
}
const NO_REGION: Meaning = {
  code: 'TIDEMARK_INVALID_OPTIONS',
  words: 'The region is not known',
  advice: 'Give the option `region`, or set AWS_REGION.',
}
const NO_BUCKET: Meaning = {
  code: 'TIDEMARK_INVALID_OPTIONS',
  words: 'There is no such bucket',
  advice: 'Create it, or check the location.',
}
const SLOW_DOWN: Meaning = {
  code: UNAVAILABLE,
  words: 'S3 asks us to slow down',
  advice: 'It works again when fewer requests are made.',
  verdict: 'again',
}
const CONFLICT: Meaning = {
  code: UNAVAILABLE,
  words: 'Another write to the same name was under way',
  advice: 'Try again.',
  verdict: 'again',
}
const FULL: Meaning = {
  code: UNAVAILABLE,
  words: 'The storage is full',
  advice: 'Free some space or raise the quota; then it works again.',
}
const UNSUPPORTED: Meaning = {
  code: 'TIDEMARK_UNSUPPORTED',
  words: 'This server cannot do that',
  advice: 'Expected a service that has the S3 calls of 2024 and later.',
}
const IMPOSSIBLE_NAME: Meaning = {
  code: 'TIDEMARK_INVALID_OPTIONS',
  words: 'S3 cannot have this name',
  advice: 'Use another, or a shorter, location or store name.',
}
const VANISHED: Meaning = {
  code: UNAVAILABLE,
  words: 'It is not there any more',
  advice: 'Check who deletes it.',
}
const UNREACHABLE: Meaning = {
  code: UNAVAILABLE,
  words: 'S3 is not to be reached',
  advice: 'Check the endpoint and the network.',
}

const NOT_NOW: Meaning = { ...UNREACHABLE, verdict: 'again' }
const NO_ANSWER: Meaning = {
  code: UNAVAILABLE,
  words: 'S3 gave no clear answer',
  advice: 'Try again; then check the service and what stands before it.',
  verdict: 'lost',
}

/** By the code of S3, or of the system. INVARIANT: none of these but the lost ones is said after the act that it refuses. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  AccessDenied: NO_PERMISSION,
  AllAccessDisabled: NO_PERMISSION,
  AccountProblem: NO_PERMISSION,
  InvalidAccessKeyId: NOT_KNOWN,
  SignatureDoesNotMatch: NOT_KNOWN,
  InvalidToken: NOT_KNOWN,
  ExpiredToken: { ...NOT_KNOWN, advice: 'The credentials have expired: get new ones.' },
  RequestTimeTooSkewed: {
    code: UNAVAILABLE,
    words: 'The clocks of this machine and of S3 differ too much',
    advice: 'Set the clock.',
    // The SDK has learned the difference from this very answer.
    verdict: 'again',
  },
  CredentialsProviderError: NO_CREDENTIALS,
  PermanentRedirect: WRONG_REGION,
  TemporaryRedirect: WRONG_REGION,
  AuthorizationHeaderMalformed: WRONG_REGION,
  IllegalLocationConstraintException: WRONG_REGION,
  NoSuchBucket: NO_BUCKET,
  InvalidBucketName: NO_BUCKET,
  SlowDown: SLOW_DOWN,
  SlowDownRead: SLOW_DOWN,
  // MinIO, where fewer drives than it takes have answered: the others may have done it.
  SlowDownWrite: { ...SLOW_DOWN, verdict: 'lost' },
  ThrottlingException: SLOW_DOWN,
  TooManyRequests: SLOW_DOWN,
  RequestLimitExceeded: SLOW_DOWN,
  ConditionalRequestConflict: CONFLICT,
  OperationAborted: CONFLICT,
  // The server got no whole request in its time.
  RequestTimeout: NOT_NOW,
  IncompleteBody: NOT_NOW,
  BadDigest: NOT_NOW,
  XAmzContentSHA256Mismatch: NOT_NOW,
  XAmzContentChecksumMismatch: NOT_NOW,
  QuotaExceeded: FULL,
  XMinioStorageFull: FULL,
  XMinioAdminBucketQuotaExceeded: FULL,
  KeyTooLongError: IMPOSSIBLE_NAME,
  InvalidObjectName: IMPOSSIBLE_NAME,
  XMinioInvalidObjectName: IMPOSSIBLE_NAME,
  ObjectParentIsFile: {
    code: UNAVAILABLE,
    words: 'A file stands where a folder belongs',
    advice: 'Move it away.',
  },
  EntityTooLarge: { ...UNSUPPORTED, advice: 'It is larger than this service takes.' },
  EntityTooSmall: { ...UNSUPPORTED, advice: 'Raise the option `partSizeBytes`.' },
  InvalidObjectState: { ...UNSUPPORTED, advice: 'It is in an archive: restore it first.' },
  NotImplemented: UNSUPPORTED,
  MethodNotAllowed: UNSUPPORTED,
  NoSuchKey: VANISHED,
  NoSuchUpload: VANISHED,
  ECONNREFUSED: NOT_NOW,
  EHOSTUNREACH: NOT_NOW,
  ENETUNREACH: NOT_NOW,
  EAI_AGAIN: NOT_NOW,
  ENOTFOUND: { ...UNREACHABLE, words: 'There is no such host' },
}

/** What the SDK calls an answer without a code, as that of a HEAD is: it has no body. */
const NO_CODE = /^(Unknown|UnknownError|Error|NotFound|\d+)$/
const BY_STATUS: Readonly<Record<number, Meaning>> = {
  301: WRONG_REGION,
  307: WRONG_REGION,
  400: NOT_KNOWN,
  401: NOT_KNOWN,
  403: NO_PERMISSION,
  405: UNSUPPORTED,
  501: UNSUPPORTED,
}

/** A request that failed. It holds what may be shown, and nothing else. */
export class S3Failure extends Error {
  /** Of the HTTP answer, where there was one. */
  readonly status: number | undefined
  readonly retryAfterMs: number
  readonly requestId: string | undefined
  readonly #meaning: Meaning

  constructor(
    name: string,
    message: string,
    details: { status?: number; retryAfterMs?: number; requestId?: string; meaning?: Meaning } = {},
  ) {
    super(message)
    this.name = name
    this.status = details.status
    this.retryAfterMs = details.retryAfterMs ?? 0
    this.requestId = details.requestId
    this.#meaning = details.meaning ?? meaningOf(name, message, details.status)
  }

  get verdict(): Verdict {
    return this.#meaning.verdict ?? 'refused'
  }

  get meaning(): { readonly code: ErrorCode; readonly words: string; readonly advice: string } {
    return this.#meaning
  }

  /** No object has this name. */
  get noSuchKey(): boolean {
    return this.name === 'NoSuchKey' && this.status === 404
  }

  get noSuchUpload(): boolean {
    return this.name === 'NoSuchUpload'
  }

  get preconditionFailed(): boolean {
    return this.status === 412
  }

  /** The bytes that came are not the ones that were stored. */
  get checksumMismatch(): boolean {
    return this.message.startsWith('Checksum mismatch')
  }
}

/** An answer that S3 does not give: of a proxy, or of another service. */
export function strangeAnswer(what: string): S3Failure {
  return new S3Failure('StrangeAnswer', what, { meaning: NO_ANSWER })
}

/** The caller's function for credentials has failed: nothing was sent. */
export function credentialsFailure(what: string, verdict?: 'again'): S3Failure {
  return new S3Failure('CredentialsProviderError', `The option \`credentials\` ${what}`, {
    meaning: { ...NO_CREDENTIALS, ...(verdict && { verdict }) },
  })
}

function meaningOf(name: string, message: string, status: number | undefined): Meaning {
  if (Object.hasOwn(MEANINGS, name)) return MEANINGS[name]
  if (message === 'Region is missing') return NO_REGION
  if (/did not establish a connection/.test(message)) return NOT_NOW
  if (/CERT|SIGNATURE|^ERR_TLS/.test(name)) return { ...UNREACHABLE, advice: 'Check TLS.' }
  if (status === 429) return SLOW_DOWN
  if (status === undefined || status < 300 || status === 408 || status >= 500) return NO_ANSWER
  const byStatus = NO_CODE.test(name) ? BY_STATUS[status] : undefined
  return byStatus ?? { code: UNAVAILABLE, words: name, advice: 'See the cause.' }
}

/** The shape of what the SDK throws: an answer of the service, or an error of the system. A document may hold anything in the place of a text. */
interface Thrown {
  readonly name: unknown
  readonly message: unknown
  readonly code?: unknown
  readonly syscall?: string
  readonly Code?: unknown
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string }
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : 'UnknownError'
}

/** `error` of the SDK, or of a body being read, in terms of the table. Mistakes in code pass unchanged. */
export function failureOf(error: unknown): S3Failure | StateStoreError {
  if (error instanceof S3Failure || error instanceof StateStoreError) return error
  if (!(error instanceof Error)) throw error
  const thrown: Thrown = error
  const { code, syscall, $metadata, $response } = thrown
  const status = $metadata?.httpStatusCode
  if (status === undefined && (error instanceof TypeError || error instanceof RangeError))
    throw error
  const name = status === undefined && typeof code === 'string' ? code : textOf(thrown.name)
  // Of a connection that stood, it says nothing of what became of the request.
  const isLost =
    MEANINGS[name] === NOT_NOW && syscall !== undefined && !/^(connect|getaddrinfo)$/.test(syscall)
  const after = Number($response?.headers?.['retry-after'])
  return new S3Failure(name, firstLine(textOf(thrown.message)), {
    ...(status !== undefined && { status }),
    ...(isLost && { meaning: NO_ANSWER }),
    ...(after > 0 && { retryAfterMs: after * 1000 }),
    ...($metadata?.requestId !== undefined && { requestId: $metadata.requestId }),
  })
}

/** The error of a call that certainly changed nothing, or only read. */
export function unavailableError(subject: CallSubject, failure: S3Failure): StateStoreError {
  const { code, words, advice } = failure.meaning
  return new StateStoreError(
    failure.checksumMismatch ? 'TIDEMARK_CORRUPT_FILE' : code,
    `${words}: ${describeSubject(subject)} failed (${describeFailure(failure)}). ${advice}`,
    { path: subject.path, cause: failure },
  )
}

/** The error of a call that may or may not have taken effect. */
export function timeoutError(subject: CallSubject, failure: S3Failure): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_STORAGE_TIMEOUT',
    `No certain answer to ${describeSubject(subject)}: it may or may not have happened, or may still happen (${describeFailure(failure)}).`,
    { path: subject.path, cause: failure },
  )
}

function describeFailure({ name, message, status }: S3Failure): string {
  return `${name}${status === undefined ? '' : `, HTTP status ${status}`}: ${message}`
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]
}
