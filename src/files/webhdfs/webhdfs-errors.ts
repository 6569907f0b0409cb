// What the answers of HDFS mean: the one place where its exceptions are told apart and mapped to our codes.
//
// Two questions are asked of an answer. Is it certain that nothing happened? Only then may a caller be told so, and only then is a call
// that changes something tried again: an exception not in this table leaves it open, since a gateway or router may have wrapped what went
// wrong after the act. And is it worth waiting? A standby, a NameNode that is starting or in safe mode, a DataNode that died are.

import { type ErrorCode, StateStoreError } from '../../errors.ts'
import { type CallSubject, describeSubject } from '../call-subject.ts'
import type { Endpoint } from './location.ts'
import { describeEndpoint } from './location.ts'

interface Meaning {
  readonly code: ErrorCode
  readonly words: string
  readonly advice: string
  /** 'other': ask another NameNode; 'wait': ask again later; absent: asking again helps nobody. */
  readonly again?: 'other' | 'wait'
}

const UNAVAILABLE = 'TIDEMARK_STORAGE_UNAVAILABLE'
const NO_PERMISSION: Meaning = {
  code: UNAVAILABLE,
  words: 'Permission denied',
  advice: 'Check owner, mode and the user this process is for HDFS.',
}
const NOT_KNOWN: Meaning = {
  code: UNAVAILABLE,
  words: 'HDFS does not accept who we are',
  advice: 'Check the delegation token, or the user.',
}
const QUOTA: Meaning = {
  code: UNAVAILABLE,
  words: 'Quota used up',
  advice: 'Free some space or raise the quota; then it works again.',
}
const IMPOSSIBLE_NAME: Meaning = {
  code: 'TIDEMARK_INVALID_OPTIONS',
  words: 'HDFS cannot have this name',
  advice: 'Use another, or a shorter, location or store name.',
}
const BEING_WRITTEN: Meaning = {
  code: UNAVAILABLE,
  words: 'Somebody else is writing this file',
  advice: 'Names are expected to be unique: check who.',
}

/** By simple class name. INVARIANT: none of these is thrown after the act it refuses. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  StandbyException: {
    code: UNAVAILABLE,
    words: 'The NameNode is a standby',
    advice: 'None of the NameNodes was active in time.',
    again: 'other',
  },
  RetriableException: {
    code: UNAVAILABLE,
    words: 'The NameNode is starting',
    advice: 'It works again once it has started.',
    again: 'wait',
  },
  SafeModeException: {
    code: UNAVAILABLE,
    words: 'The NameNode is in safe mode',
    advice: 'It works again once it has left it.',
    again: 'wait',
  },
  AccessControlException: NO_PERMISSION,
  InvalidToken: NOT_KNOWN,
  SecurityException: NOT_KNOWN,
  AuthenticationException: NOT_KNOWN,
  AuthorizationException: NOT_KNOWN,
  NSQuotaExceededException: QUOTA,
  DSQuotaExceededException: QUOTA,
  QuotaByStorageTypeExceededException: QUOTA,
  InvalidPathException: IMPOSSIBLE_NAME,
  PathComponentTooLongException: IMPOSSIBLE_NAME,
  MaxDirectoryItemsExceededException: {
    code: UNAVAILABLE,
    words: 'The folder holds too many entries',
    advice: 'Raise dfs.namenode.fs-limits.max-directory-items, or clean it.',
  },
  FileAlreadyExistsException: {
    code: UNAVAILABLE,
    words: 'Something exists already',
    advice: 'Check who made it.',
  },
  FileNotFoundException: {
    code: UNAVAILABLE,
    words: 'No such file or folder',
    advice: 'It was there a moment ago: check who deletes it.',
  },
  ParentNotDirectoryException: {
    code: UNAVAILABLE,
    words: 'A file stands where a folder belongs',
    advice: 'Move it away.',
  },
  PathIsNotEmptyDirectoryException: {
    code: UNAVAILABLE,
    words: 'The folder is not empty',
    advice: 'Check who writes there.',
  },
  UnresolvedPathException: {
    code: 'TIDEMARK_CORRUPT_FILE',
    words: 'A symbolic link stands in the path',
    advice: 'Links below the location are not followed.',
  },
  AlreadyBeingCreatedException: BEING_WRITTEN,
  RecoveryInProgressException: BEING_WRITTEN,
  UnsupportedOperationException: {
    code: 'TIDEMARK_UNSUPPORTED',
    words: 'This server cannot do that',
    advice: 'Expected WebHDFS of Hadoop 3.',
  },
  IllegalArgumentException: {
    code: 'TIDEMARK_UNSUPPORTED',
    words: 'This server does not understand the call',
    advice: 'Expected WebHDFS of Hadoop 3.',
  },
}

/** An exception that HDFS reported. The message is one line, without the server's stack, and holds no secret. */
export class RemoteException extends Error {
  readonly status: number
  readonly endpoint: Endpoint
  readonly exception: string
  readonly #meaning: Meaning | undefined

  constructor(status: number, exception: string, message: string, endpoint: Endpoint) {
    super(message)
    this.name = exception
    this.status = status
    this.endpoint = endpoint
    this.exception = exception
    this.#meaning =
      exception === 'IOException'
        ? meaningOfIoException(message)
        : Object.hasOwn(MEANINGS, exception)
          ? MEANINGS[exception]
          : undefined
    // What HDFS says of a path that goes through a file, to those who are not the superuser.
    if (exception === 'AccessControlException' && this.belowFile)
      this.#meaning = MEANINGS.ParentNotDirectoryException
  }

  /** True if it is certain that nothing was changed. */
  get certain(): boolean {
    return this.#meaning !== undefined
  }

  get again(): 'other' | 'wait' | undefined {
    return this.#meaning?.again
  }

  /** The path is absent: nothing has this name. */
  get notFound(): boolean {
    return this.status === 404 && this.exception === 'FileNotFoundException'
  }

  /** The path goes through a file. */
  get belowFile(): boolean {
    return (
      this.exception === 'ParentNotDirectoryException' ||
      / \(is not a directory\)/.test(this.message)
    )
  }

  get exists(): boolean {
    return this.exception === 'FileAlreadyExistsException'
  }

  /** As `exists`, of a file that somebody has not closed yet. */
  get beingWritten(): boolean {
    return this.exception === 'AlreadyBeingCreatedException'
  }

  /** A file was to be moved to where a folder is, or the other way round. */
  get kindsDiffer(): boolean {
    return KINDS_DIFFER.test(this.message)
  }

  get refusesToken(): boolean {
    return this.status === 401 || this.#meaning === NOT_KNOWN
  }

  get meaning(): Meaning {
    return this.#meaning ?? { code: UNAVAILABLE, words: this.exception, advice: 'See the cause.' }
  }
}

const KINDS_DIFFER = /must both be directories/

/** Hadoop says many things with a plain IOException; these few are certain. */
function meaningOfIoException(message: string): Meaning | undefined {
  if (KINDS_DIFFER.test(message)) return MEANINGS.FileAlreadyExistsException
  if (message.startsWith('Failed to find datanode'))
    return {
      code: UNAVAILABLE,
      words: 'No DataNode can be used',
      advice: 'It works again once one is up and has space.',
      again: 'wait',
    }
  return undefined
}

/** An answer that no NameNode or DataNode gives: of a proxy, a gateway, another service. What became of the request is unknown. */
export class StrangeAnswer extends Error {
  override readonly name = 'StrangeAnswer'
  readonly endpoint: Endpoint

  constructor(what: string, endpoint: Endpoint) {
    super(`${what} (${describeEndpoint(endpoint)})`)
    this.endpoint = endpoint
  }
}

/** The error of a call that certainly changed nothing, or only read. Our own errors pass unchanged. */
export function unavailableError(subject: CallSubject, error: unknown): StateStoreError {
  if (error instanceof StateStoreError) return error
  const { path } = subject
  if (error instanceof RemoteException) {
    const { code, words, advice } = error.meaning
    return new StateStoreError(
      code,
      `${words}: ${describeSubject(subject)} was refused by ${describeEndpoint(error.endpoint)} (${error.exception}: ${error.message}). ${advice}`,
      { path, cause: error },
    )
  }
  return new StateStoreError(
    UNAVAILABLE,
    `HDFS is not to be reached: ${describeSubject(subject)} failed: ${messageOf(error)}. Check the hosts of the location, its DataNodes, and the network between.`,
    { path, cause: error },
  )
}

/** The error of a call that may or may not have taken effect. */
export function timeoutError(subject: CallSubject, error: unknown): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_STORAGE_TIMEOUT',
    `No certain answer to ${describeSubject(subject)}: it may or may not have happened, so it was not repeated (${messageOf(error)}).`,
    { path: subject.path, cause: error },
  )
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const inner = error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return `${error.message}${inner}`
}
