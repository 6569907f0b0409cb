// Real Spark: where it is found, and how the JVM that answers a question is started. The Java is in spark/, compiled once per state of its
// sources. Nothing is installed here: spark/install.sh does that, for those who ask for it.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { delimiter, join, relative } from 'node:path'
import { promisify } from 'node:util'

const SOURCES = join(import.meta.dirname, 'spark')
const ROOT = join(import.meta.dirname, '..', '..')
const CACHE = join(ROOT, '.cache')
const SPARK_VERSION = '4.1.4'
/** Where spark/install.sh puts it. */
const DEFAULT_VENV = join(CACHE, `spark-${SPARK_VERSION}`)
/** Spark 4 runs on nothing older. */
const JAVA_VERSION_MIN = 17
/** What suits Spark's map best of what was tried: with the default collector and a heap that grows from little, opening a version takes twice as long. */
const HEAP_FLAGS = ['-XX:+UseParallelGC', '-Xms4g', '-Xmx10g']

/** The packages of java.base that Spark's own launcher opens (its JavaModuleOptions); without them a JVM refuses to run it. */
const OPENED = [
  'java.lang',
  'java.lang.invoke',
  'java.lang.reflect',
  'java.io',
  'java.net',
  'java.nio',
  'java.util',
  'java.util.concurrent',
  'java.util.concurrent.atomic',
  'jdk.internal.ref',
  'sun.nio.ch',
  'sun.nio.cs',
  'sun.security.action',
  'sun.util.calendar',
]

export interface SparkCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

interface Missing {
  /** What is not there, as the end of a sentence. */
  readonly missing: string
}

/** How to start the JVM for one measurement, `params.directory` being the empty folder it works in; or why it cannot run here. */
export async function sparkCommand(
  question: string,
  engine: string,
  params: Readonly<Record<string, unknown>> & { readonly directory: string },
): Promise<SparkCommand | Missing> {
  ready ??= prepare()
  const spark = await ready
  if ('missing' in spark) return spark
  return {
    command: javaTool('java'),
    args: [
      ...HEAP_FLAGS,
      ...OPENED.map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`),
      '-Djdk.reflect.useDirectMethodHandle=false',
      // The native libraries it unpacks stay behind, since it ends without tidying up.
      `-Djava.io.tmpdir=${params.directory}`,
      `-Dlog4j2.configurationFile=${join(SOURCES, 'log4j2.properties')}`,
      '-cp',
      spark.classPath,
      'tidemark.bench.SparkBench',
      question,
      engine,
      JSON.stringify(params),
    ],
    // SPARK_LOCAL_DIRS would take RocksDB's working files out of the folder they are meant to be in.
    env: { ...process.env, SPARK_LOCAL_IP: '127.0.0.1', SPARK_LOCAL_DIRS: undefined },
  }
}

/** Looked for and compiled once per process. */
let ready: Promise<{ readonly classPath: string } | Missing> | undefined

async function prepare(): Promise<{ readonly classPath: string } | Missing> {
  const version = await javaVersion()
  if (version === undefined) return { missing: 'no JDK (javac): looked in JAVA_HOME and PATH' }
  if (version < JAVA_VERSION_MIN) {
    return { missing: `JDK ${JAVA_VERSION_MIN} or newer needed, found ${version}` }
  }
  // Several may be named: the interop tests take more than one release.
  const venvs = process.env.TIDEMARK_SPARK_VENV?.split(delimiter) ?? [DEFAULT_VENV]
  const found = await Promise.all(venvs.map(findJars))
  const jars = found.find((folder) => folder !== undefined)
  if (jars === undefined) {
    return {
      missing: `no pyspark ${SPARK_VERSION} in ${process.env.TIDEMARK_SPARK_VENV ?? relative(ROOT, DEFAULT_VENV)}: run bench/compare/spark/install.sh or set TIDEMARK_SPARK_VENV`,
    }
  }
  const libraries = join(jars, '*')
  return { classPath: [await compile(libraries), libraries].join(delimiter) }
}

function javaTool(name: 'java' | 'javac'): string {
  const home = process.env.JAVA_HOME
  return home === undefined || home === '' ? name : join(home, 'bin', name)
}

async function javaVersion(): Promise<number | undefined> {
  try {
    const { stdout } = await promisify(execFile)(javaTool('javac'), ['-version'])
    return Number(/javac (\d+)/.exec(stdout)?.[1])
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function findJars(venv: string): Promise<string | undefined> {
  for (const python of await readNames(join(venv, 'lib'))) {
    const jars = join(venv, 'lib', python, 'site-packages', 'pyspark', 'jars')
    if ((await readNames(jars)).includes(`spark-sql_2.13-${SPARK_VERSION}.jar`)) return jars
  }
  return undefined
}

async function readNames(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Into a folder named after the sources, by a rename, so that two benches may do it at once. */
async function compile(libraries: string): Promise<string> {
  const sources = (await readdir(SOURCES)).filter((name) => name.endsWith('.java')).sort()
  const hash = createHash('sha256')
  for (const name of sources) hash.update(name).update(await readFile(join(SOURCES, name)))
  const all = join(CACHE, 'spark-bench')
  const classes = join(all, hash.digest('hex').slice(0, 16))
  if (await exists(classes)) return classes

  await mkdir(all, { recursive: true })
  const fresh = await mkdtemp(join(all, 'compiling-'))
  const paths = sources.map((name) => join(SOURCES, name))
  try {
    await promisify(execFile)(javaTool('javac'), ['-d', fresh, '-cp', libraries, ...paths])
    await rename(fresh, classes)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    if (!(await exists(classes))) throw error
  }
  return classes
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
