// Where the time of a recovery goes. The same files are gone through again and again, each time with one stage more, and what a stage costs is
// the difference:
//
//   read         the files, in the pieces in which recovery reads them
//   checksum     + CRC32C of those pieces, and XXH64 of the plain bytes
//   decompress   + blocks taken apart, checked and decompressed
//   decode       + rows found and handed to a sink that drops them
//   insert       the whole recovery, less all that
//
// The best of `loads` + 1 runs each: differences of medians would be mostly noise.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { COMPRESSIONS } from '../../src/codec/compressions.ts'
import { crc32c, createXxh64 } from '../../src/base/checksum.ts'
import { parseFileName, type StateFileKind } from '../../src/format/file-names.ts'
import {
  readStateFile,
  readTrailer,
  type StateFileSource,
} from '../../src/format/state-file-reader.ts'
import { TidemarkEngine } from '../compare/tidemark.ts'
import { openStateFile } from '../compare/js-map-files.ts'
import { nowMs } from '../harness/figures.ts'
import type { Params } from '../harness/question.ts'

const PIECE_BYTES = 1024 * 1024
const BLOCK_BYTES_MAX = 32 * 1024 * 1024

interface StateFile {
  readonly source: StateFileSource & { close(): Promise<void> }
  readonly kind: StateFileKind
  readonly version: number
  /** In front of the trailer. */
  readonly compressedBytes: number
}

type Stage = (file: StateFile) => Promise<unknown>

export async function profileRecovery(
  directory: string,
  params: Params,
): Promise<Record<string, number>> {
  const files = await openFiles(directory)
  const runs = Number(params.loads) + 1
  const timeOf = async (stage: Stage): Promise<number> => {
    return await best(runs, async () => {
      for (const file of files) await stage(file)
    })
  }
  const read = await timeOf((file) => drain(file))
  const summed = await timeOf((file) => drain(file, sum))
  const decompressed = await timeOf((file) => decompress(file))
  const hashed = await timeOf(async (file) => {
    const hash = createXxh64()
    await decompress(file, (plain) => hash.update(plain))
    return hash.digest()
  })
  const decoded = await timeOf(decode)
  for (const { source } of files) await source.close()
  const whole = await best(runs, async () => recoverWhole(directory, params))
  const checksumMs = summed - read + (hashed - decompressed)
  return {
    readMs: read,
    checksumMs,
    decompressMs: decompressed - read,
    decodeMs: decoded - decompressed - checksumMs,
    insertMs: whole - decoded,
  }
}

/** The newest snapshot and the deltas after it, in order. */
async function openFiles(directory: string): Promise<StateFile[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const named = entries.flatMap((entry) => {
    const parsed = parseFileName(entry.name)
    return parsed === undefined || parsed.sidecar
      ? []
      : [{ ...parsed, path: join(entry.parentPath, entry.name) }]
  })
  const snapshots = named.filter(({ kind }) => kind === 'snapshot')
  const base = Math.max(...snapshots.map(({ version }) => version))
  const needed = named
    .filter(({ kind, version }) => (kind === 'snapshot' ? version === base : version > base))
    .toSorted((a, b) => a.version - b.version)
  return await Promise.all(
    needed.map(async ({ path, kind, version }) => {
      const source = await openStateFile(path)
      const compressedBytes = await compressedBytesOf(source)
      return { source, kind, version, compressedBytes }
    }),
  )
}

/** The trailer ends with 20 bytes, the first four of which are the length of what is in front of them. */
async function compressedBytesOf(source: StateFileSource): Promise<number> {
  if ((await readTrailer(source)) === undefined) return source.sizeBytes
  const footer = await source.read(source.sizeBytes - 20, 20)
  return source.sizeBytes - 20 - Buffer.from(footer).readUInt32BE(0)
}

async function* pieces({ source, compressedBytes }: StateFile): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < compressedBytes; offset += PIECE_BYTES) {
    yield await source.read(offset, Math.min(PIECE_BYTES, compressedBytes - offset))
  }
}

async function drain(file: StateFile, visit?: (piece: Uint8Array) => void): Promise<void> {
  for await (const piece of pieces(file)) visit?.(piece)
}

function sum(piece: Uint8Array): void {
  crc32c(piece)
}

async function decompress(file: StateFile, visit?: (plain: Uint8Array) => void): Promise<void> {
  const limits = { blockBytesMax: BLOCK_BYTES_MAX, path: file.source.path }
  for await (const plain of COMPRESSIONS.lz4.decode(pieces(file), limits)) visit?.(plain)
}

async function decode({ source, kind, version }: StateFile): Promise<void> {
  await readStateFile(
    source,
    { kind, store: [0, 0, 'default'], version, rowChecksums: false, floorValues: false },
    { onPut: () => undefined, onPutAt: () => undefined, onRemove: () => undefined },
  )
}

async function recoverWhole(directory: string, params: Params): Promise<void> {
  const engine = new TidemarkEngine()
  await engine.open({ directory, durability: params.durability })
  await engine.begin()
  await engine.close()
}

async function best(runs: number, run: () => Promise<unknown>): Promise<number> {
  let bestMs = Infinity
  for (let i = 0; i < runs; i++) {
    globalThis.gc?.()
    const started = nowMs()
    await run()
    bestMs = Math.min(bestMs, nowMs() - started)
  }
  return bestMs
}
