// The AWS SDK, which is an optional peer: loaded when an S3 location is opened, and configured so that it leaves to us what we decide.
//
// It must not retry by itself (we must know which attempts had no answer), not wait for a `100 Continue` (a round trip for nothing on
// what fits one part), and not log.

import type { S3Client } from '@aws-sdk/client-s3'
import { within } from '../../base/clock.ts'
import { StateStoreError } from '../../errors.ts'
import type { ResolvedS3Options, S3Options } from './options.ts'
import { credentialsFailure } from './s3-errors.ts'

export type Sdk = typeof import('@aws-sdk/client-s3')

/** Servers close idle connections after 5 s and more; a request on one just then would be a lost answer. */
const IDLE_CONNECTION_MS = 3000

/** INVALID_OPTIONS where it is not installed. */
export async function loadSdk(): Promise<Sdk> {
  try {
    return await import('@aws-sdk/client-s3')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new StateStoreError(
      'TIDEMARK_INVALID_OPTIONS',
      'Expected the package @aws-sdk/client-s3 to be installed for an s3:// location, found none: npm install @aws-sdk/client-s3',
      { cause: error },
    )
  }
}

export function newClient(sdk: Sdk, options: ResolvedS3Options): S3Client {
  const { region, endpoint, credentials, socketsMax } = options
  const agent = { keepAlive: true, maxSockets: socketsMax, timeout: IDLE_CONNECTION_MS }
  return new sdk.S3Client({
    ...(region !== undefined && { region }),
    ...(region === undefined && endpoint !== undefined && { region: regionOfProcess() }),
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials: guarded(credentials, options) }),
    forcePathStyle: options.forcePathStyle,
    maxAttempts: 1,
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: options.connectTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
      throwOnRequestTimeout: true,
      socketTimeout: options.requestTimeoutMs,
      httpAgent: agent,
      httpsAgent: agent,
    },
  })
}

/** Services other than AWS mostly do not care, but the SDK wants one. */
function regionOfProcess(): string {
  const { AWS_REGION: region, AWS_DEFAULT_REGION: other } = process.env
  return [region, other].find((name) => name !== undefined && name !== '') ?? 'us-east-1'
}

type Credentials = NonNullable<S3Options['credentials']>

/**
 * A function of the caller's own. What it throws that is no error of a service or of the system (a TypeError of `fetch`, say) is as good as no answer, and
 * so is no answer within the time of a request.
 */
function guarded(credentials: Credentials, { requestTimeoutMs }: ResolvedS3Options): Credentials {
  if (typeof credentials !== 'function') return credentials
  const late = () => credentialsFailure(`gave none within ${requestTimeoutMs} ms`, 'again')
  const guard: typeof credentials = async (...identity) => {
    let given: Awaited<ReturnType<typeof credentials>>
    try {
      given = await within(Promise.resolve(credentials(...identity)), requestTimeoutMs, late)
    } catch (error) {
      const isPlain = error instanceof TypeError || error instanceof RangeError
      if (error instanceof Error && !isPlain) throw error
      throw credentialsFailure(`failed: ${isPlain ? error.message : typeof error}`, 'again')
    }
    if (typeof given?.accessKeyId === 'string' && typeof given.secretAccessKey === 'string')
      return given
    throw credentialsFailure('gave no `accessKeyId` and `secretAccessKey`')
  }
  // The SDK reads properties of providers, such as `memoized`.
  return Object.assign(guard, credentials)
}
