// S3 services on loopback, each with an empty bucket in a folder of its own.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  BucketAlreadyExists,
  BucketAlreadyOwnedByYou,
  CreateBucketCommand,
  S3Client,
} from '@aws-sdk/client-s3'

const HOST = '127.0.0.1'
const BUCKET = 'tidemark'
const REGION = 'us-east-1'
const START_TIMEOUT_MS = 30_000
const START_STEP_MS = 50
const LOG_CHARACTERS_MAX = 4000
/**
 * Runs a service until its own stdin ends, so until the tests do, however they end; then takes its folder away. Says its pid first. That the service
 * was killed it keeps to itself: nobody reads it any more, and the write would end the shell before its last line.
 */
const KEEPER =
  '"$@" </dev/null & pid=$!; echo $pid; cat >/dev/null; kill -9 $pid; wait $pid 2>/dev/null; rm -rf "$0"'

export interface S3Server extends AsyncDisposable {
  readonly name: string
  /** As in http://127.0.0.1:1234. */
  readonly endpoint: string
  readonly host: string
  readonly port: number
  readonly bucket: string
  readonly region: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** Of a checkpoint below `prefix`. */
  location(prefix: string): string
  stop(): Promise<void>
}

const TEST_USER = { accessKeyId: 'test', secretAccessKey: 'testsecret' }

export function startVersitygw(program: string): Promise<S3Server> {
  return start('versitygw', TEST_USER, (port, folder) => ({
    command: program,
    args: ['--port', `${HOST}:${port}`, '--quiet', '--keep-alive', 'posix', folder],
    env: { ROOT_ACCESS_KEY: TEST_USER.accessKeyId, ROOT_SECRET_KEY: TEST_USER.secretAccessKey },
  }))
}

export function startMinio(program: string): Promise<S3Server> {
  return start('MinIO', TEST_USER, (port, folder) => ({
    command: program,
    args: ['server', '--address', `${HOST}:${port}`, '--quiet', folder],
    env: {
      MINIO_ROOT_USER: TEST_USER.accessKeyId,
      MINIO_ROOT_PASSWORD: TEST_USER.secretAccessKey,
      MINIO_BROWSER: 'off',
      MINIO_UPDATE: 'off',
    },
  }))
}

/** One that takes conditions for decoration. */
export function startS3rver(program: string): Promise<S3Server> {
  // The only user that it knows.
  const user = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }
  return start('s3rver', user, (port, folder) => ({
    command: process.execPath,
    args: [program, '--address', HOST, '--port', String(port), '--directory', folder, '--silent'],
    env: {},
  }))
}

/**
 * One that runs already, at `endpoint`: with a bucket of the name that TIDEMARK_S3_BUCKET gives, made if it is not there, and as who AWS_ACCESS_KEY_ID
 * and AWS_SECRET_ACCESS_KEY say. It is left as it is. Proofs with a proxy need one without TLS.
 */
export async function reachEndpoint(endpoint: string): Promise<S3Server> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw new Error(
      'With TIDEMARK_S3_ENDPOINT, expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    )
  const credentials = { accessKeyId, secretAccessKey }
  const region = process.env['AWS_REGION'] ?? REGION
  const bucket = process.env['TIDEMARK_S3_BUCKET'] ?? BUCKET
  const { hostname, port, protocol } = new URL(endpoint)
  await createBucket({ endpoint, credentials, region, bucket }, () => true)
  return {
    name: endpoint,
    endpoint,
    host: hostname,
    port: Number(port || (protocol === 'https:' ? 443 : 80)),
    bucket,
    region,
    credentials,
    location: (prefix) => `s3://${bucket}/${prefix}`,
    stop: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

async function start(
  name: string,
  credentials: S3Server['credentials'],
  how: (
    port: number,
    folder: string,
  ) => { command: string; args: readonly string[]; env: Readonly<Record<string, string>> },
): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-s3-'))
  const port = await freePort()
  const { command, args, env } = how(port, folder)
  const child = spawn('sh', ['-c', KEEPER, folder, command, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  const log = logOf(child)
  const ended = once(child, 'close')
  const pid = firstLineOf(child).then(Number)
  const stop = async (): Promise<void> => {
    child.stdin.end()
    await ended
  }
  const endpoint = `http://${HOST}:${port}`
  try {
    const service = await pid
    const where = { endpoint, credentials, region: REGION, bucket: BUCKET }
    await createBucket(where, () => isAlive(service))
  } catch (cause) {
    await stop()
    throw new Error(`${name} did not start: ${log()}`, { cause })
  }
  return {
    name,
    endpoint,
    host: HOST,
    port,
    bucket: BUCKET,
    region: REGION,
    credentials,
    location: (prefix) => `s3://${BUCKET}/${prefix}`,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Tried until the service is there to do it. */
async function createBucket(
  { bucket, ...where }: Pick<S3Server, 'endpoint' | 'credentials' | 'region' | 'bucket'>,
  isUp: () => boolean,
): Promise<void> {
  const client = new S3Client({ ...where, forcePathStyle: true })
  const untilMs = performance.now() + START_TIMEOUT_MS
  try {
    for (;;) {
      try {
        await client.send(new CreateBucketCommand({ Bucket: bucket }))
        return
      } catch (error) {
        // If it is somebody else's, whatever is asked next says so.
        if (error instanceof BucketAlreadyOwnedByYou || error instanceof BucketAlreadyExists) return
        if (!isUp() || performance.now() > untilMs) throw error
        await sleep(START_STEP_MS)
      }
    }
  } finally {
    client.destroy()
  }
}

function firstLineOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.stdout?.once('data', (text: string) => resolve(text.split('\n', 1)[0]))
  })
}

function logOf(child: ChildProcess): () => string {
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-LOG_CHARACTERS_MAX)
    })
  child.on('error', (error) => {
    log += error.message
  })
  return () => log
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, HOST, listening))
  const { port } = server.address() as AddressInfo
  await new Promise((closed) => server.close(closed))
  return port
}
