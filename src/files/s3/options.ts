// The options of S3FileManager: defaults and checks.

import type { S3ClientConfig } from '@aws-sdk/client-s3'
import { type Clock, systemClock } from '../../base/clock.ts'
import { A_CLOCK } from '../../base/option-entries.ts'
import { StateStoreError } from '../../errors.ts'
import { wholeNumbersOf } from '../whole-numbers.ts'

/** Options of an S3 file manager. All are optional. */
export interface S3Options {
  /** The bucket's region. Default: what the AWS SDK finds (AWS_REGION, the shared config file); where there is an endpoint, AWS_REGION, AWS_DEFAULT_REGION, then `us-east-1`. */
  region?: string
  /**
   * URL of an S3-compatible service, http or https. Default: the environment variable AWS_ENDPOINT_URL_S3, then AWS_ENDPOINT_URL, then AWS
   * itself.
   */
  endpoint?: string
  /** True: the bucket stands in the path of each request; false: in the host name. Default: true where there is an endpoint. */
  forcePathStyle?: boolean
  /**
   * Credentials or a provider of them, as `S3Client` takes them. Shown nowhere. A function that throws, or takes longer than `requestTimeoutMs`, counts as
   * a failed attempt and is called again. Default: the SDK's chain (environment, files, instance).
   */
  credentials?: NonNullable<S3ClientConfig['credentials']>
  /** Longest wait for a connection, without the TLS handshake, milliseconds, 1 to 3 600 000. Default 5 000. */
  connectTimeoutMs?: number
  /**
   * Longest time from the beginning of one request to the first byte of its answer, so it includes a TLS handshake and sending a part of `partSizeBytes`; and the
   * longest pause in the middle of an answer. Milliseconds, 1 to 3 600 000. Default 30 000.
   */
  requestTimeoutMs?: number
  /**
   * How long a call is tried again before it fails, milliseconds, 0 to 3 600 000. The attempt under way at its end is not cut short. Default
   * 40 000.
   */
  retryTimeMs?: number
  /** Most requests at once. 1 to 1 024. Default 32. */
  socketsMax?: number
  /**
   * What is written is kept until it has this size, and sent in one piece; what is larger is sent in parts of this size. Two parts more may be
   * on their way. Bytes, 5 MiB to 5 GiB, as S3 has it. Default 8 MiB, enough for files of 78 GiB.
   */
  partSizeBytes?: number
  /** Time and chance. Default: the system's. */
  clock?: Clock
}

export interface ResolvedS3Options {
  readonly region: string | undefined
  readonly endpoint: string | undefined
  readonly forcePathStyle: boolean
  readonly credentials: S3Options['credentials']
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly retryTimeMs: number
  readonly socketsMax: number
  readonly partSizeBytes: number
  readonly clock: Clock
}

const KNOWN: Readonly<Record<keyof S3Options, true>> = {
  region: true,
  endpoint: true,
  forcePathStyle: true,
  credentials: true,
  connectTimeoutMs: true,
  requestTimeoutMs: true,
  retryTimeMs: true,
  socketsMax: true,
  partSizeBytes: true,
  clock: true,
}
const HOUR_MS = 3_600_000
const MIB = 1024 * 1024

/** `options` with defaults. INVALID_OPTIONS names the first one that is not right. */
export function resolveS3Options(options: S3Options): ResolvedS3Options {
  if (typeof options !== 'object' || options === null) {
    throw new StateStoreError(
      'TIDEMARK_INVALID_OPTIONS',
      `Expected the S3 options to be an object; found ${options === null ? 'null' : typeof options}`,
    )
  }
  for (const name of Object.keys(options))
    if (!Object.hasOwn(KNOWN, name)) throw invalid(name, 'an option of S3', 'an unknown name')
  const { region, forcePathStyle, credentials, clock = systemClock } = options
  if (region !== undefined && (typeof region !== 'string' || region === ''))
    throw invalid('region', 'a name', region === '' ? 'an empty one' : typeof region)
  if (forcePathStyle !== undefined && typeof forcePathStyle !== 'boolean')
    throw invalid('forcePathStyle', 'true or false', typeof forcePathStyle)
  if (!A_CLOCK.check(clock))
    throw invalid('clock', A_CLOCK.expected, clock === null ? 'null' : typeof clock)
  checkCredentials(credentials)
  const endpoint = options.endpoint === undefined ? endpointOfProcess() : options.endpoint
  if (endpoint !== undefined) checkEndpoint(endpoint)
  const number = wholeNumbersOf(options, invalid)
  return Object.freeze({
    region,
    endpoint,
    forcePathStyle: forcePathStyle ?? endpoint !== undefined,
    credentials,
    connectTimeoutMs: number('connectTimeoutMs', 5000, 1, HOUR_MS),
    requestTimeoutMs: number('requestTimeoutMs', 30_000, 1, HOUR_MS),
    retryTimeMs: number('retryTimeMs', 40_000, 0, HOUR_MS),
    socketsMax: number('socketsMax', 32, 1, 1024),
    partSizeBytes: number('partSizeBytes', 8 * MIB, 5 * MIB, 5 * 1024 * MIB),
    clock,
  })
}

function endpointOfProcess(): string | undefined {
  const { AWS_ENDPOINT_URL_S3: own, AWS_ENDPOINT_URL: general } = process.env
  return [own, general].find((url) => url !== undefined && url !== '')
}

function checkEndpoint(endpoint: unknown): void {
  const expected = 'a URL as in https://s3.example:9000'
  if (typeof endpoint !== 'string') throw invalid('endpoint', expected, typeof endpoint)
  const url = URL.parse(endpoint)
  if (url === null || !/^https?:$/.test(url.protocol))
    throw invalid('endpoint', expected, 'something else')
  // Not shown: it may be a secret.
  if (url.username !== '' || url.password !== '')
    throw invalid('endpoint', `${expected}, without a user`, 'one with a user')
  if (url.search !== '' || url.hash !== '')
    throw invalid('endpoint', `${expected}, without a query`, 'one with a query')
}

/** What was found is not shown: it may be the secret. */
function checkCredentials(credentials: unknown): void {
  if (credentials === undefined || typeof credentials === 'function') return
  const { accessKeyId, secretAccessKey } = (
    typeof credentials === 'object' && credentials !== null ? credentials : {}
  ) as Record<string, unknown>
  if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string')
    throw invalid(
      'credentials',
      'an object with `accessKeyId` and `secretAccessKey`, or a function',
      'something else',
    )
}

function invalid(name: string, expected: string, found: string): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_INVALID_OPTIONS',
    `Expected the S3 option \`${name}\` to be ${expected}; found ${found}`,
  )
}
