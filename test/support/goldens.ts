// The checkpoints that real Spark wrote (test/fixtures/README.md), as files in memory or unpacked into a folder, and the rows that Spark
// itself reads out of their newest version.

import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'

const ROOT = join(import.meta.dirname, '../fixtures/spark-goldens')

/** All of them, by folder or archive: 'checkpoint-version-2.1.0', 'spark-4.1.4/agg-lz4-ck1-p4-md10'. */
export const GOLDEN_NAMES: readonly string[] = [
  ...globSync('**/metadata', { cwd: ROOT })
    .map((path) => dirname(path))
    .filter((path) => !path.includes('_metadata')),
  ...globSync('spark-4.1.4/*.tar.gz', { cwd: ROOT }).map((path) => path.replace('.tar.gz', '')),
].sort()

/** The files of a golden, or of a checkpoint among the readings (by `../spark-readings/NAME`), by their path below the checkpoint. */
export function readGolden(name: string): Map<string, Uint8Array> {
  const archive = join(ROOT, `${name}.tar.gz`)
  if (existsSync(archive)) return untar(gunzipSync(readFileSync(archive)))
  const files = new Map<string, Uint8Array>()
  const folder = join(ROOT, name)
  for (const path of globSync(['**/*', '**/.*'], { cwd: folder }))
    if (statSync(join(folder, path)).isFile())
      files.set(path, new Uint8Array(readFileSync(join(folder, path))))
  return files
}

/** The golden in a folder of its own, to be disposed of. */
export async function unpackGolden(
  name: string,
): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'tidemark-golden-'))
  for (const [file, bytes] of readGolden(name)) {
    await mkdir(dirname(join(path, file)), { recursive: true })
    await writeFile(join(path, file), bytes)
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

export interface GoldenStore {
  readonly operatorId: number
  readonly partitionId: number
  readonly storeName: string
  /** The folder below the checkpoint. */
  readonly directory: string
  /** By file name. */
  readonly files: Map<string, Uint8Array>
}

/** The stores of a golden: every folder that holds deltas. */
export function goldenStores(files: Map<string, Uint8Array>): GoldenStore[] {
  const stores = new Map<string, GoldenStore>()
  for (const [path, bytes] of files) {
    const match = /^state\/(\d+)\/(\d+)\/(?:([^/_][^/]*)\/)?([^/]+)$/.exec(path)
    if (match === null) continue
    const [, operatorId, partitionId, storeName = 'default', file] = match
    const directory = dirname(path)
    const store = stores.get(directory) ?? {
      operatorId: Number(operatorId),
      partitionId: Number(partitionId),
      storeName,
      directory,
      files: new Map<string, Uint8Array>(),
    }
    stores.set(directory, store)
    store.files.set(file, bytes)
  }
  return [...stores.values()].filter(({ files }) =>
    [...files.keys()].some((file) => /^\d+\.delta$/.test(file)),
  )
}

export interface GoldenRows {
  /** The version that they are of; undefined where it is simply the newest. */
  readonly version: number | undefined
  /** By `operatorId/partitionId/storeName`: `keyHex=valueHex`, sorted. Partitions without rows are not there. */
  readonly rows: Map<string, string[]>
}

/** What Spark reads out of the newest version; undefined where nobody asked it. */
export function goldenRows(name: string): GoldenRows | undefined {
  if (name.startsWith('spark-4.1.4/')) return rowsOfLines(jsonLines(`${name}.hex.jsonl.gz`))
  const file = `${name.replaceAll('/', '_')}.default.jsonl.gz`
  return existsSync(join(ROOT, file)) ? rowsOfLines(jsonLines(file)) : undefined
}

type GoldenLine =
  | { p: number; k: string; v: string }
  | { operatorId: number; store: string; count: number }
  | { name: string; version: number }

function rowsOfLines(lines: GoldenLine[]): GoldenRows {
  const rows = new Map<string, string[]>()
  let version: number | undefined
  let [operatorId, store] = [0, 'default']
  for (const line of lines) {
    if ('version' in line) version = line.version
    else if ('store' in line) [operatorId, store] = [line.operatorId, line.store]
    else {
      const id = `${operatorId}/${line.p}/${store}`
      rows.set(id, [...(rows.get(id) ?? []), `${line.k}=${line.v}`])
    }
  }
  for (const some of rows.values()) some.sort()
  return { version, rows }
}

function jsonLines(file: string): GoldenLine[] {
  const text = gunzipSync(readFileSync(join(ROOT, file))).toString()
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as GoldenLine)
}

/** What Spark's own source reads of a store after a batch. */
export interface GoldenState {
  readonly operatorId: number
  readonly storeName: string
  readonly batchId: number
  /** JSON texts `{"p":…,"key":…,"value":…}`, by partition, then by text. */
  readonly lines: readonly string[]
}

/** The states of a golden of Spark 4.1.4 that Spark was asked for, as it printed them. */
export function goldenStates(name: string): GoldenState[] {
  const text = gunzipSync(readFileSync(join(ROOT, `${name}.expected.json.gz`))).toString()
  const states: (GoldenState & { lines: string[] })[] = []
  // One row a line; a header of a state ends in `"rows":[`, and the last row of a state in `]}` and what closes the file.
  for (const line of text.split('\n').slice(1)) {
    const header = /^\{"operatorId":(\d+),"store":"([^"]+)","batchId":(\d+),/.exec(line)
    if (header !== null) {
      const [, operatorId, storeName, batchId] = header
      states.push({
        operatorId: Number(operatorId),
        storeName,
        batchId: Number(batchId),
        lines: [],
      })
    } else if (line.startsWith('{"p"')) {
      states.at(-1)?.lines.push(line.replace(/(?:,|\]\},?|\]\}\]\})$/, ''))
    }
  }
  return states
}

/** The lines of a file of test/fixtures/spark-readings. */
export function sparkReading(name: string): string[] {
  const file = join(ROOT, '../spark-readings', `${name}.jsonl.gz`)
  return gunzipSync(readFileSync(file)).toString().split('\n').slice(0, -1)
}

/** The regular files of a tar archive without their first folder. Names of more than 100 bytes do not occur. */
function untar(archive: Uint8Array): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  const text = (at: number, size: number) =>
    Buffer.from(archive.subarray(at, at + size))
      .toString()
      .replace(/\0.*$/s, '')
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0;) {
    const size = Number.parseInt(text(at + 124, 12), 8)
    const name = text(at, 100)
    if (text(at + 156, 1) === '0')
      files.set(name.slice(name.indexOf('/') + 1), archive.slice(at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}
