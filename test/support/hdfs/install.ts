// Finds or installs what the tests against real HDFS run: Java, the jars of the Hadoop minicluster, and MiniCluster.java compiled.
//
// Jars that are there already are named by TIDEMARK_HADOOP_LIB; else Maven brings them into .cache/, which takes half a minute and 90 MB, once. Two
// processes that ask at the same moment do it once: the second waits. What cannot be had is said with a reason.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fillOnce } from '../fill-once.ts'

const run = promisify(execFile)

export const HADOOP_VERSION = '3.4.2'

const CACHE = join(import.meta.dirname, '../../../.cache')
const POM = join(import.meta.dirname, 'pom.xml')
const SOURCE = join(import.meta.dirname, 'MiniCluster.java')
const INSTALL_TIMEOUT_MS = 10 * 60_000
const COMPILE_TIMEOUT_MS = 2 * 60_000

export interface InstalledHadoop {
  /** What `java -cp` takes to run MiniCluster. */
  readonly classPath: string
}

/** Why there is no Hadoop. */
export interface MissingHadoop {
  readonly missing: string
}

class MissingError extends Error {}

/** Prints what it installs. */
export async function findOrInstallHadoop(): Promise<InstalledHadoop | MissingHadoop> {
  try {
    await step('Java is not installed', () => run('javac', ['-version']))
    const named = process.env['TIDEMARK_HADOOP_LIB'] ?? ''
    const lib = named === '' ? await installJars() : named
    const classes = await compile(lib)
    return { classPath: `${classes}:${join(lib, '*')}` }
  } catch (error) {
    if (error instanceof MissingError) return { missing: error.message }
    throw error
  }
}

async function step<T>(problem: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    const { stderr, stdout, message } = cause as Record<string, string>
    const said = [stderr, stdout, message].find((text) => text !== undefined && text.trim() !== '')
    throw new MissingError(`${problem}: ${said!.trim().split('\n').at(-1)}`, { cause })
  }
}

async function installJars(): Promise<string> {
  const folder = join(CACHE, `hadoop-${HADOOP_VERSION}`)
  const lib = join(folder, 'lib')
  await fillOnce(folder, async () => {
    await step('Maven is not installed', () => run('mvn', ['-version']))
    console.log(`Installing the Hadoop ${HADOOP_VERSION} minicluster into ${lib} by Maven`)
    const args = ['-B', '-q', '-ntp', '-f', POM, `-Dhadoop.version=${HADOOP_VERSION}`]
    const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${lib}`]
    await step('Maven could not install Hadoop', () =>
      run('mvn', [...args, ...goal, '-DincludeScope=runtime'], { timeout: INSTALL_TIMEOUT_MS }),
    )
  })
  return lib
}

/** Compiles MiniCluster.java, once for each set of jars and text. */
async function compile(lib: string): Promise<string> {
  const digest = createHash('sha256').update(lib).update(readFileSync(SOURCE)).digest('hex')
  const folder = join(CACHE, `minicluster-classes/${digest.slice(0, 12)}`)
  await fillOnce(folder, async () => {
    await step('MiniCluster.java could not be compiled', () =>
      run('javac', ['-nowarn', '-proc:none', '-cp', join(lib, '*'), '-d', folder, SOURCE], {
        timeout: COMPILE_TIMEOUT_MS,
      }),
    )
  })
  return folder
}
