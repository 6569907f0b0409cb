// The JSON that HDFS answers with, checked field by field: an answer is believed only if it looks like one of HDFS. What a proxy or another
// service says, a 404 included, must not be taken for the state of a file.

import type { FileStatus } from '../file-manager.ts'
import type { StepAnswer } from './http-step.ts'
import type { Endpoint } from './location.ts'
import { RemoteException, StrangeAnswer } from './webhdfs-errors.ts'

type Json = Readonly<Record<string, unknown>>

export interface ListingPage {
  readonly entries: FileStatus[]
  /** How many follow after the last of these. */
  readonly remaining: number
}

/** Makes text of a server fit for messages. */
export type Scrub = (text: string) => string

/** The error that an answer stands for which does not have the status `expected`. */
export function refusalOf(
  answer: StepAnswer,
  expected: number,
  endpoint: Endpoint,
  scrub: Scrub,
): RemoteException | StrangeAnswer {
  const { RemoteException: remote } = parseObject(answer.body) ?? {}
  if (!isObject(remote) || typeof remote.exception !== 'string') {
    const hint = new TextDecoder().decode(answer.body).includes('Hadoop IPC port')
      ? '; this is the RPC port, the location needs the HTTP port (dfs.namenode.http-address, 9870 by default)'
      : ''
    return new StrangeAnswer(
      `Expected an answer of HDFS with HTTP status ${expected}, got status ${answer.status}${hint}`,
      endpoint,
    )
  }
  const message = typeof remote.message === 'string' ? remote.message : ''
  // DataNodes append their stack to it.
  const line = scrub(message.split('\n', 1)[0])
  return new RemoteException(answer.status, scrub(remote.exception), line, endpoint)
}

export function parseBoolean(answer: StepAnswer, endpoint: Endpoint): boolean {
  const { boolean } = parseObject(answer.body) ?? {}
  if (typeof boolean === 'boolean') return boolean
  throw new StrangeAnswer('Expected {"boolean": …} from HDFS, got something else', endpoint)
}

/** Throws StrangeAnswer unless the body is empty, as HDFS's is after a RENAME. */
export function parseNothing(answer: StepAnswer, endpoint: Endpoint): void {
  if (answer.body.length > 0)
    throw new StrangeAnswer(
      `Expected an empty answer from HDFS, got ${answer.body.length} bytes`,
      endpoint,
    )
}

export function parseFileStatus(answer: StepAnswer, name: string, endpoint: Endpoint): FileStatus {
  const { FileStatus: found } = parseObject(answer.body) ?? {}
  return statusOf(found, endpoint, name)
}

/** One page of a listing. An entry with an empty name: the path is a file. */
export function parseListingPage(answer: StepAnswer, endpoint: Endpoint): ListingPage {
  const { DirectoryListing: listing } = parseObject(answer.body) ?? {}
  const partial = isObject(listing) ? listing.partialListing : undefined
  const statuses = isObject(partial) ? partial.FileStatuses : undefined
  const found = isObject(statuses) ? statuses.FileStatus : undefined
  const remaining = isObject(listing) ? listing.remainingEntries : undefined
  if (!Array.isArray(found) || typeof remaining !== 'number')
    throw new StrangeAnswer('Expected a DirectoryListing from HDFS, got something else', endpoint)
  return { entries: found.map((entry) => statusOf(entry, endpoint)), remaining }
}

function statusOf(found: unknown, endpoint: Endpoint, name?: string): FileStatus {
  if (!isObject(found)) throw notAStatus(endpoint)
  const { pathSuffix, type, length, modificationTime } = found
  if (
    typeof pathSuffix !== 'string' ||
    typeof type !== 'string' ||
    typeof length !== 'number' ||
    typeof modificationTime !== 'number'
  )
    throw notAStatus(endpoint)
  return {
    name: name ?? pathSuffix,
    type: type === 'FILE' ? 'file' : type === 'DIRECTORY' ? 'directory' : 'other',
    sizeBytes: length,
    modifiedMs: modificationTime,
  }
}

function notAStatus(endpoint: Endpoint): StrangeAnswer {
  return new StrangeAnswer('Expected a FileStatus from HDFS, got something else', endpoint)
}

function parseObject(body: Uint8Array): Json | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null
}
