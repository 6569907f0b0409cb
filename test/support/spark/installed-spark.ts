// Finds or installs what the interop tests run against: Java, and a Python environment with one release of pyspark.
//
// An environment that is there already is named by TIDEMARK_SPARK_VENV (several are separated by ':'); else one is made under .cache/, which
// takes a minute and 500 MB a release. What cannot be had is said with a reason, and the tests that need it are skipped with it.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const CACHE = join(import.meta.dirname, '../../../.cache')
const SHAPES = join(import.meta.dirname, 'Shapes.scala')

const INSTALL_TIMEOUT_MS = 10 * 60_000
const COMPILE_TIMEOUT_MS = 2 * 60_000

export type SparkVersion = '4.1.4' | '4.3.0'

export interface InstalledSpark {
  readonly version: SparkVersion
  readonly python: string
  /** The folder of what Shapes.scala compiles to. */
  readonly classes: string
}

/** Why there is no Spark. */
export interface MissingSpark {
  readonly version: SparkVersion
  readonly missing: string
}

export async function findOrInstallSpark(
  version: SparkVersion,
): Promise<InstalledSpark | MissingSpark> {
  try {
    await step('Java is not installed', () => run('java', ['-version']))
    const venv = existingVenv(version) ?? (await install(version))
    return { version, python: join(venv, 'bin/python'), classes: await compile(version, venv) }
  } catch (error) {
    if (error instanceof MissingError) return { version, missing: error.message }
    throw error
  }
}

class MissingError extends Error {}

async function step<T>(problem: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    const { stderr, message } = cause as { stderr?: string; message: string }
    const lines = (stderr === undefined || stderr === '' ? message : stderr).trim().split('\n')
    throw new MissingError(`${problem}: ${lines.at(-1)}`, { cause })
  }
}

function existingVenv(version: SparkVersion): string | undefined {
  const named = (process.env['TIDEMARK_SPARK_VENV'] ?? '').split(delimiter)
  const venvs = [...named.filter((path) => path !== ''), join(CACHE, `spark-${version}`)]
  return venvs.find((venv) => sparkFolder(venv, version) !== undefined)
}

/** Where pyspark lies in an environment; undefined if it is not there, or another version. */
function sparkFolder(venv: string, version: SparkVersion): string | undefined {
  const [folder] = globSync(join(venv, 'lib/python3*/site-packages/pyspark'))
  if (folder === undefined || !existsSync(join(venv, 'bin/python'))) return undefined
  const found = /__version__.*?['"]([^'"]+)['"]/.exec(
    readFileSync(join(folder, 'version.py'), 'utf8'),
  )
  return found?.[1] === version ? folder : undefined
}

async function install(version: SparkVersion): Promise<string> {
  const venv = join(CACHE, `spark-${version}`)
  // What is left of an installation that was interrupted.
  await rm(venv, { recursive: true, force: true })
  await mkdir(CACHE, { recursive: true })
  await step('No Python environment could be made', () => run('python3', ['-m', 'venv', venv]))
  await step(`pyspark ${version} could not be installed`, () =>
    run(join(venv, 'bin/python'), ['-m', 'pip', 'install', '-q', `pyspark==${version}`], {
      timeout: INSTALL_TIMEOUT_MS,
    }),
  )
  return venv
}

/** Compiles Shapes.scala with the compiler that Spark brings, once for each release and text. */
async function compile(version: SparkVersion, venv: string): Promise<string> {
  const digest = createHash('sha256').update(readFileSync(SHAPES)).digest('hex').slice(0, 12)
  const classes = join(CACHE, `interop-classes/${version}-${digest}`)
  if (existsSync(classes)) return classes
  const building = `${classes}.${process.pid}`
  await mkdir(building, { recursive: true })
  const jars = join(sparkFolder(venv, version)!, 'jars/*')
  await step('Shapes.scala could not be compiled', () =>
    run(
      'java',
      ['-Xmx1g', '-cp', jars, 'scala.tools.nsc.Main', '-usejavacp', '-d', building, SHAPES],
      { timeout: COMPILE_TIMEOUT_MS },
    ),
  )
  await rename(building, classes)
  return classes
}
