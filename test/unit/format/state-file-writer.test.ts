// StateFileWriter by itself: what it takes when, and which blocks are compressed in the thread pool. What it writes is read in state-file.test.ts.

import { describe, expect, test } from 'vitest'
import { concatBytes, fromHex } from '../../../src/base/bytes.ts'
import { crc32c, xxh64 } from '../../../src/base/checksum.ts'
import type { Compression } from '../../../src/codec/compression.ts'
import { compressionOf } from '../../../src/codec/compressions.ts'
import type { StateFileKind } from '../../../src/format/file-names.ts'
import { StateFileWriter } from '../../../src/format/state-file-writer.ts'
import type { Trailer } from '../../../src/format/trailer.ts'
import { decompress } from '../../support/contracts/compression.ts'
import { encodeStateFile, readRows } from '../../support/state-files.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)

const open = (kind: 'delta' | 'snapshot', emit: (chunk: Uint8Array) => void = () => undefined) =>
  new StateFileWriter({ kind, compression: compressionOf('lz4'), rowChecksums: false, emit })
const bug = { code: 'TIDEMARK_INVARIANT_VIOLATED' }
const refused = (call: () => unknown) => expect(call).toThrow(expect.objectContaining(bug))

test('takes nothing after seal, no removal in a snapshot, no trailer before seal', () => {
  const writer = open('delta')
  writer.seal()
  refused(() => writer.put(bytesOf('a'), bytesOf('b')))
  refused(() => writer.remove(bytesOf('a')))
  refused(() => writer.seal())
  refused(() => open('snapshot').remove(bytesOf('a')))
  const { trailer } = trailerOf(encodeStateFile({}).bytes)
  refused(() => open('delta').appendTrailer(trailer))
})

function trailerOf(bytes: Uint8Array): { trailer: Trailer } {
  const text = Buffer.from(bytes).toString('latin1')
  return {
    trailer: JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) as Trailer,
  }
}

describe.each(['lz4', 'zstd', 'none'] as const)('compressing apart, %s', (codec) => {
  async function write(apart: boolean, rows: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = []
    const writer = new StateFileWriter({
      kind: 'snapshot',
      compression: compressionOf(codec),
      rowChecksums: false,
      apart,
      emit: (chunk) => chunks.push(chunk),
    })
    for (let n = 0; n < rows; n++) writer.put(bytesOf(`key ${n}`), bytesOf(`value ${n * n}`))
    await writer.settle()
    const { compressedCrc } = writer.seal()
    const file = concatBytes(chunks)
    expect(compressedCrc).toBe(crc32c(file))
    return file
  }

  test.each([0, 10, 20_000, 60_000])('%i rows give the same stream, in order', async (rows) => {
    const [apart, atOnce] = [await write(true, rows), await write(false, rows)]
    const plain = async (file: Uint8Array) => await decompress(compressionOf(codec), file)
    expect(Buffer.compare(await plain(apart), await plain(atOnce))).toBe(0)
  })
})

function openApart(
  changes: Partial<Compression>,
  emit: (chunk: Uint8Array) => void,
  kind: StateFileKind = 'snapshot',
) {
  const compression = { ...compressionOf('lz4'), ...changes }
  return new StateFileWriter({
    kind,
    compression,
    rowChecksums: false,
    apart: true,
    emit,
  })
}

test('lz4 blocks that are compressed apart have 128 KiB, the first has 32 as Spark', async () => {
  const chunks: Uint8Array[] = []
  const writer = openApart({}, (chunk) => chunks.push(chunk))
  writer.put(bytesOf('k'), new Uint8Array(300_000))
  await writer.settle()
  // Where the block's header has its plain length.
  const plainBytes = chunks.map((chunk) => Buffer.from(chunk).readUInt32LE(13))
  expect(plainBytes).toEqual([32 * 1024, 128 * 1024, 128 * 1024])
})

test('a small batch is compressed at once, and begins its file with the first block', () => {
  const chunks: Uint8Array[] = []
  const encodeBlockApart = () => Promise.reject(new Error('not for small batches'))
  const writer = openApart({ encodeBlockApart }, (chunk) => chunks.push(chunk))
  writer.put(bytesOf('k'), new Uint8Array(90_000))
  expect(chunks).toHaveLength(1)
  writer.seal()
  expect(chunks).toHaveLength(3)
})

test('what went to the thread pool gives its memory back when it is compressed', async () => {
  const sent: Uint8Array[] = []
  const lz4 = compressionOf('lz4')
  const encodeBlockApart = (plain: Uint8Array) => {
    sent.push(plain)
    return lz4.encodeBlockApart!(plain)
  }
  const writer = openApart({ encodeBlockApart }, () => undefined)
  writer.put(bytesOf('k'), new Uint8Array(300_000))
  expect(sent.map(({ length }) => length)).toEqual([128 * 1024, 128 * 1024])
  await writer.settle()
  expect(sent.map(({ length }) => length)).toEqual([0, 0])
})

test('while the event loop does not turn 64 blocks wait for the thread pool at most, and the order stays', async () => {
  const chunks: Uint8Array[] = []
  let apart = 0
  const lz4 = compressionOf('lz4')
  const counted = (plain: Uint8Array) => {
    apart++
    return lz4.encodeBlockApart!(plain)
  }
  const writer = openApart({ encodeBlockApart: counted }, (chunk) => chunks.push(chunk))
  for (let n = 0; n < 100; n++) writer.put(bytesOf(`key ${n}`), new Uint8Array(128 * 1024).fill(n))
  expect(apart).toBe(64)
  await writer.settle()
  writer.put(bytesOf('one more'), new Uint8Array(128 * 1024))
  expect(apart).toBe(65)
  await writer.settle()
  writer.seal()
  const { rows } = await readRows(concatBytes(chunks), { kind: 'snapshot' })
  expect(rows.map(([, value]) => value![0])).toEqual([...Array(100).keys(), 0])
})

test('a delta does not queue behind the blocks of a snapshot', async () => {
  const snapshot = openApart({}, () => undefined)
  for (let n = 0; n < 17; n++) snapshot.put(bytesOf(`key ${n}`), new Uint8Array(128 * 1024))
  const encodeBlockApart = () => Promise.reject(new Error('the pool is busy'))
  const delta = openApart({ encodeBlockApart }, () => undefined, 'delta')
  delta.put(bytesOf('k'), new Uint8Array(200_000))
  await delta.settle()
  await snapshot.settle()
  delta.put(bytesOf('k'), new Uint8Array(200_000))
  await expect(delta.settle()).rejects.toThrow('the pool is busy')
})

test('a block that fails apart is told by settle, and nothing is sealed before', async () => {
  const broken = new Error('the codec failed')
  const writer = openApart({ encodeBlockApart: () => Promise.reject(broken) }, () => undefined)
  writer.put(bytesOf('k'), new Uint8Array(200_000))
  await expect(writer.settle()).rejects.toBe(broken)
  refused(() => writer.seal())
})

test('takes no trailer that tells of something else, and only one', () => {
  const { trailer } = trailerOf(encodeStateFile({}).bytes)
  const writer = open('delta')
  writer.seal()
  refused(() => writer.appendTrailer({ ...trailer, rows: { put: 1, remove: 0 } }))
  refused(() => writer.appendTrailer({ ...trailer, kind: 'snapshot' }))
  refused(() => writer.appendTrailer({ ...trailer, codec: 'zstd' }))
  refused(() => writer.appendTrailer({ ...trailer, plainBytes: 5 }))
  writer.appendTrailer(trailer)
  refused(() => writer.appendTrailer(trailer))
})

test('what emit throws reaches the caller', () => {
  const failure = new Error('no room')
  const writer = open('delta', () => {
    throw failure
  })
  expect(() => {
    for (let i = 0; i < 10_000; i++) writer.put(bytesOf(`key ${i}`), bytesOf('value'))
  }).toThrow(failure)
})

test('emits as it goes, and its totals tell of what was emitted', () => {
  const chunks: Uint8Array[] = []
  const writer = open('delta', (chunk) => chunks.push(chunk))
  for (let i = 0; i < 10_000; i++) writer.put(bytesOf(`key ${i}`), bytesOf('value'))
  expect(chunks.length).toBeGreaterThan(3)
  const totals = writer.seal()
  const file = concatBytes(chunks)
  expect(totals).toMatchObject({
    puts: 10_000,
    removes: 0,
    compressedBytes: file.length,
    compressedCrc: crc32c(file),
  })
  expect(totals.streamHash).not.toBe(xxh64(fromHex('ffffffff')))
})
