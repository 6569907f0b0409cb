// What does a row of a delta cost? Encoding, compression, hashing and checksums, per codec; and the price of a zstd frame, which is why they are
// not smaller. 16-byte keys, 32-byte values.
//
//   node bench/micro/state-file.ts [--rows 1000000]
//
// Prints one JSON line: ns a row (best and median of 7 rounds), packed bytes per plain byte, microseconds per zstd frame by its plain size.

import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { COMPRESSIONS } from '../../src/codec/compressions.ts'
import type { Compression } from '../../src/codec/compression.ts'
import { StateFileWriter } from '../../src/format/state-file-writer.ts'

const { values } = parseArgs({ options: { rows: { type: 'string', default: '1000000' } } })
const rows = Number(values.rows)
const ROUNDS = 7

const key = new Uint8Array(16)
const value = new Uint8Array(32)
const keyWords = new Uint32Array(key.buffer)
const valueWords = new Uint32Array(value.buffer)

function writeRows(compression: Compression): { ns: number; ratio: number } {
  let packed = 0
  const writer = new StateFileWriter({
    kind: 'delta',
    compression,
    rowChecksums: false,
    emit: (chunk) => (packed += chunk.length),
  })
  const start = process.hrtime.bigint()
  for (let n = 0; n < rows; n++) {
    keyWords[0] = Math.imul(n, 0x2c1b3c6d)
    keyWords[1] = n
    valueWords[0] = n
    valueWords[4] = n * 3
    writer.put(key, value)
  }
  const { streamBytes } = writer.seal()
  return { ns: Number(process.hrtime.bigint() - start) / rows, ratio: packed / streamBytes }
}

function frameMicroseconds(sizeBytes: number): number {
  const plain = Uint8Array.from({ length: sizeBytes }, (_, i) => (i % 48 < 20 ? i % 48 : i >> 4))
  const rounds = 200
  const start = process.hrtime.bigint()
  for (let i = 0; i < rounds; i++) COMPRESSIONS.zstd.encodeBlock(plain)
  return Math.round(Number(process.hrtime.bigint() - start) / rounds / 100) / 10
}

const result: Record<string, unknown> = { node: process.version, cpu: cpus()[0]?.model, rows }
for (const compression of Object.values(COMPRESSIONS)) {
  const runs = Array.from({ length: ROUNDS }, () => writeRows(compression))
  const ns = runs.map((run) => Math.round(run.ns)).sort((a, b) => a - b)
  result[compression.name] = {
    nsBest: ns[0],
    nsMedian: ns[ROUNDS >> 1],
    ratio: Math.round(runs[0].ratio * 1000) / 1000,
  }
}
result.zstdFrameMicroseconds = Object.fromEntries(
  [4, 32 * 1024, 128 * 1024].map((size) => [size, frameMicroseconds(size)]),
)
console.log(JSON.stringify(result))
