// Finds or installs the S3 services that the tests run: versitygw; MinIO if TIDEMARK_MINIO is set (it takes long to build and much memory to run);
// s3rver as the one that must be refused. Where TIDEMARK_S3_ENDPOINT names a service that runs already, the proofs run on that one alone.
//
// They are built from source by Go, and brought by npm, into .cache/, which takes minutes, once. What cannot be had is said with a reason.

import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fillOnce } from '../fill-once.ts'

const run = promisify(execFile)

export const VERSITYGW_VERSION = '1.8.0'
/** Of the last release that is open source. */
export const MINIO_VERSION = '0.0.0-20260212201848-7aac2a2c5b7c'
export const S3RVER_VERSION = '3.7.1'

const CACHE = join(import.meta.dirname, '../../../.cache')
const GO_OF_ARCHIVE = '/usr/local/go/bin/go'
const INSTALL_TIMEOUT_MS = 30 * 60_000

/** 'endpoint': the service that TIDEMARK_S3_ENDPOINT names. */
export type S3Kind = 'versitygw' | 'minio' | 'endpoint' | 's3rver'

/** What every proof runs on. */
export const PROVEN_ON: readonly S3Kind[] = isSet(process.env['TIDEMARK_S3_ENDPOINT'])
  ? ['endpoint']
  : isSet(process.env['TIDEMARK_MINIO'])
    ? ['versitygw', 'minio']
    : ['versitygw']

/** The programs, or why one is not there; of 'endpoint' the URL. */
export type InstalledS3 = Readonly<Record<S3Kind, string | MissingS3>>

export interface MissingS3 {
  readonly missing: string
}

/** Of what the proofs run on, and of the one that must be refused. Prints what it installs. */
export async function findOrInstallS3(): Promise<InstalledS3> {
  const isNeeded = (kind: S3Kind) => PROVEN_ON.includes(kind)
  const unasked = { missing: 'was not asked for' }
  return {
    versitygw: isNeeded('versitygw') ? await findOrInstallVersitygw() : unasked,
    minio: isNeeded('minio') ? await findOrInstallMinio() : unasked,
    endpoint: isNeeded('endpoint') ? process.env['TIDEMARK_S3_ENDPOINT']! : unasked,
    s3rver: await nodeProgram('s3rver', S3RVER_VERSION),
  }
}

export function findOrInstallVersitygw(): Promise<string | MissingS3> {
  return goProgram('versitygw', {
    version: VERSITYGW_VERSION,
    source: `github.com/versity/versitygw/cmd/versitygw@v${VERSITYGW_VERSION}`,
  })
}

function findOrInstallMinio(): Promise<string | MissingS3> {
  return goProgram('minio', {
    version: MINIO_VERSION,
    source: `github.com/minio/minio@v${MINIO_VERSION}`,
  })
}

async function goProgram(
  name: string,
  { version, source }: { readonly version: string; readonly source: string },
): Promise<string | MissingS3> {
  const folder = join(CACHE, `${name}-${version}`)
  return installed(join(folder, name), () =>
    fillOnce(folder, async () => {
      const go = await findGo()
      console.log(`Building ${name} ${version} into ${folder} by Go`)
      await run(go, ['install', source], {
        // Not in this package, whose folder may be within another Go module.
        cwd: folder,
        // Distributions set GOTOOLCHAIN so that no newer Go is fetched where the program wants one.
        env: { ...process.env, GOBIN: folder, GOFLAGS: '', GOTOOLCHAIN: 'auto' },
        timeout: INSTALL_TIMEOUT_MS,
      })
    }),
  )
}

/** On the PATH, or where Go's own archive is unpacked to. */
async function findGo(): Promise<string> {
  for (const go of ['go', GO_OF_ARCHIVE]) {
    try {
      await run(go, ['version'])
      return go
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  throw new Error(`Expected Go on the PATH or at ${GO_OF_ARCHIVE}, found none`)
}

async function nodeProgram(name: string, version: string): Promise<string | MissingS3> {
  const folder = join(CACHE, `${name}-${version}`)
  return installed(join(folder, 'node_modules', name, 'bin', `${name}.js`), () =>
    fillOnce(folder, async () => {
      console.log(`Installing ${name} ${version} into ${folder} by npm`)
      await mkdir(join(folder, 'node_modules'))
      const where = ['--prefix', folder, '--no-save', '--no-package-lock', '--ignore-scripts']
      await run('npm', ['install', ...where, `${name}@${version}`], {
        timeout: INSTALL_TIMEOUT_MS,
      })
    }),
  )
}

async function installed(
  program: string,
  install: () => Promise<void>,
): Promise<string | MissingS3> {
  try {
    await install()
    return program
  } catch (cause) {
    const { stderr, message } = cause as { stderr?: string; message: string }
    const said = stderr !== undefined && stderr.trim() !== '' ? stderr : message
    return { missing: said.trim().split('\n').at(-1)! }
  }
}

function isSet(text: string | undefined): boolean {
  return text !== undefined && text !== '' && text !== '0'
}
