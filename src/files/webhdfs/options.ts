// The options of WebHdfsFileManager: defaults and checks.

import { validateHeaderName, validateHeaderValue } from 'node:http'
import { userInfo } from 'node:os'
import { type ConnectionOptions, createSecureContext } from 'node:tls'
import { type Clock, systemClock } from '../../base/clock.ts'
import { A_CLOCK } from '../../base/option-entries.ts'
import { StateStoreError } from '../../errors.ts'
import { wholeNumbersOf } from '../whole-numbers.ts'
import type { AllowedHosts } from './allowed-hosts.ts'

/** Options of a WebHDFS file manager. All are optional. */
export interface WebHdfsOptions {
  /**
   * The name sent as `user.name`, where the cluster trusts names. Default: the environment variable HADOOP_USER_NAME, then the name of the
   * user that runs this process, as every Hadoop client does. Not together with `delegationToken`, which names its user itself.
   */
  user?: string
  /**
   * A delegation token for the NameNodes, or a function that gives one. A function is called once before the first request, and anew when the
   * token was refused. It is sent to the NameNodes alone (for DataNodes they issue one of their own) and shown nowhere.
   */
  delegationToken?: string | (() => string | Promise<string>)
  /** Headers for each request to the hosts of the location, as a gateway may want. Not sent to the hosts they redirect to. Default none. */
  headers?: Readonly<Record<string, string>>
  /**
   * The hosts that a NameNode may send us to. Default: the hosts of the location; loopback where the location is on loopback; hosts without
   * a dot where a NameNode is named without one; and the NameNodes' domain, if it has two labels or more.
   */
  allowedHosts?: AllowedHosts
  /** TLS settings (`ca`, `cert`, `key`, …) for swebhdfs locations, as node:tls takes them. Default: the certificates Node trusts. */
  tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'passphrase' | 'rejectUnauthorized'>
  /** Longest wait for a connection, TLS included, milliseconds, 1 to 3 600 000. Default 5 000. */
  connectTimeoutMs?: number
  /**
   * Longest wait for the first byte of an answer, milliseconds, 1 to 3 600 000. Default 30 000: a NameNode without a usable DataNode takes 10
   * to 20 s to say so.
   */
  answerTimeoutMs?: number
  /** Longest pause in the middle of a body, either way, milliseconds, 1 to 3 600 000. Default 30 000. */
  idleTimeoutMs?: number
  /**
   * How long a call is tried again, where that is safe, before it fails, milliseconds, 0 to 3 600 000. It covers a failover or a short safe
   * mode; the attempt under way at its end is not cut short. Default 20 000.
   */
  retryTimeMs?: number
  /** Most connections at once to each NameNode, and most files read at once. 1 to 1 024. Default 32. */
  socketsMax?: number
  /** Time and chance. Default: the system's. */
  clock?: Clock
}

export interface ResolvedWebHdfsOptions {
  readonly user: string | undefined
  readonly token: (() => string | Promise<string>) | undefined
  /** Whether asking for the token again may give another. */
  readonly tokenRenewable: boolean
  readonly headers: Readonly<Record<string, string>>
  readonly allowedHosts: AllowedHosts | undefined
  readonly tls: WebHdfsOptions['tls']
  readonly connectTimeoutMs: number
  readonly answerTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly retryTimeMs: number
  readonly socketsMax: number
  readonly clock: Clock
}

const KNOWN: Readonly<Record<keyof WebHdfsOptions, true>> = {
  user: true,
  delegationToken: true,
  headers: true,
  allowedHosts: true,
  tls: true,
  connectTimeoutMs: true,
  answerTimeoutMs: true,
  idleTimeoutMs: true,
  retryTimeMs: true,
  socketsMax: true,
  clock: true,
}
const HOUR_MS = 3_600_000

/** `options` with defaults. INVALID_OPTIONS names the first one that is not right. */
export function resolveWebHdfsOptions(options: WebHdfsOptions): ResolvedWebHdfsOptions {
  if (typeof options !== 'object' || options === null) {
    throw new StateStoreError(
      'TIDEMARK_INVALID_OPTIONS',
      `Expected the WebHDFS options to be an object; found ${options === null ? 'null' : typeof options}`,
    )
  }
  for (const name of Object.keys(options))
    if (!Object.hasOwn(KNOWN, name)) throw invalid(name, 'an option of WebHDFS', 'an unknown name')
  const { user, delegationToken, headers = {}, allowedHosts, tls, clock = systemClock } = options
  if (user !== undefined && (typeof user !== 'string' || user === ''))
    throw invalid('user', 'a name', user === '' ? 'an empty one' : typeof user)
  if (user?.isWellFormed() === false) throw invalid('user', 'a name', 'one with a lone surrogate')
  if (tls !== undefined) checkTls(tls)
  if (!A_CLOCK.check(clock)) throw invalid('clock', A_CLOCK.expected, kindOf(clock))
  if (user !== undefined && delegationToken !== undefined)
    throw invalid('user', 'absent beside `delegationToken`, which names its user itself', 'both')
  // What was found is not shown: it may be the secret.
  if (!['undefined', 'string', 'function'].includes(typeof delegationToken))
    throw invalid('delegationToken', 'a string or a function', typeof delegationToken)
  if (!isRecord(headers)) throw invalid('headers', 'HTTP headers by name', kindOf(headers))
  for (const [name, value] of Object.entries(headers)) {
    try {
      if (typeof value !== 'string') throw new TypeError('Expected a string')
      validateHeaderName(name)
      validateHeaderValue(name, value)
    } catch {
      throw invalid('headers', 'HTTP headers by name', 'one that cannot be sent')
    }
  }
  const isList = Array.isArray(allowedHosts) && allowedHosts.every((v) => typeof v === 'string')
  if (allowedHosts !== undefined && typeof allowedHosts !== 'function' && !isList)
    throw invalid('allowedHosts', 'a list of names or a function', typeof allowedHosts)
  const number = wholeNumbersOf(options, invalid)
  return Object.freeze({
    user: delegationToken === undefined ? (user ?? userOfProcess()) : undefined,
    token: typeof delegationToken === 'string' ? () => delegationToken : delegationToken,
    tokenRenewable: typeof delegationToken === 'function',
    headers,
    allowedHosts,
    tls,
    connectTimeoutMs: number('connectTimeoutMs', 5000, 1, HOUR_MS),
    answerTimeoutMs: number('answerTimeoutMs', 30_000, 1, HOUR_MS),
    idleTimeoutMs: number('idleTimeoutMs', 30_000, 1, HOUR_MS),
    retryTimeMs: number('retryTimeMs', 20_000, 0, HOUR_MS),
    socketsMax: number('socketsMax', 32, 1, 1024),
    clock,
  })
}

/** What OpenSSL does not take would be thrown by each request. What was found is not shown: it may be the key. */
function checkTls(tls: NonNullable<WebHdfsOptions['tls']>): void {
  if (!isRecord(tls)) throw invalid('tls', 'settings that OpenSSL takes', kindOf(tls))
  try {
    createSecureContext(tls)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw invalid('tls', 'settings that OpenSSL takes', `others (${why})`)
  }
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value
}

function userOfProcess(): string | undefined {
  const named = process.env.HADOOP_USER_NAME
  if (named !== undefined && named !== '') return named
  try {
    return userInfo().username
  } catch {
    return undefined // No such user in this container: the server then takes its own default.
  }
}

function invalid(name: string, expected: string, found: string): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_INVALID_OPTIONS',
    `Expected the WebHDFS option \`${name}\` to be ${expected}; found ${found}`,
  )
}
