// Bad input, exhaustively: a small delta and a small snapshot of each codec, with and without trailer, cut at every byte and with every
// single bit flipped.
//
// With a trailer every damage is noticed, except the cut exactly at the trailer's start, which leaves a valid file of Spark's. Without one it is
// a typed error or rows: never another kind of error, never more rows than bytes.

import { describe, expect, test } from 'vitest'
import type { CompressionName } from '../../../src/codec/compression.ts'
import { isStateStoreError } from '../../../src/errors.ts'
import type { StateFileKind } from '../../../src/format/file-names.ts'
import { encodeStateFile, readRows, type Row } from '../../support/state-files.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)

function rowsOf(kind: StateFileKind): Row[] {
  const rows: Row[] = Array.from({ length: 6 }, (_, i) => [
    bytesOf(`key number ${i}`),
    bytesOf('value value value'),
  ])
  return kind === 'delta' ? [...rows, [bytesOf('gone'), undefined]] : rows
}

/** The rows, or the code of the error, which must be one about the file. */
async function attempt(bytes: Uint8Array, kind: StateFileKind): Promise<Row[] | string> {
  try {
    return (await readRows(bytes, { kind })).rows
  } catch (error) {
    if (isStateStoreError(error) && error.kind === 'corrupt') return error.code
    if (isStateStoreError(error, 'TIDEMARK_UNSUPPORTED')) return error.code
    throw error
  }
}

function* cuts(bytes: Uint8Array): Generator<[number, Uint8Array]> {
  for (let size = 0; size < bytes.length; size++) yield [size, bytes.subarray(0, size)]
}

function* flips(bytes: Uint8Array): Generator<[number, Uint8Array]> {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = bytes.slice()
    damaged[bit >> 3] ^= 1 << (bit & 7)
    yield [bit, damaged]
  }
}

const CASES = (['lz4', 'snappy', 'zstd', 'lzf', 'none'] as CompressionName[]).flatMap((codec) =>
  (['delta', 'snapshot'] as StateFileKind[]).flatMap((kind) =>
    [true, false].map((records) => ({ codec, kind, records })),
  ),
)

describe.each(CASES)('a $kind in $codec, records: $records', ({ codec, kind, records }) => {
  const rows = records ? rowsOf(kind) : []
  const whole = encodeStateFile({ codec, kind, rows, progress: { offset: 12 } })
  const bare = encodeStateFile({ codec, kind, rows, trailer: false })

  test('with a trailer, cut at every byte: noticed, but at the start of the trailer', async () => {
    const silent: number[] = []
    for (const [size, damaged] of cuts(whole.bytes)) {
      const outcome = await attempt(damaged, kind)
      if (typeof outcome === 'string') continue
      silent.push(size)
      expect(outcome).toEqual(rows)
    }
    expect(silent).toEqual([whole.compressedBytes])
  })

  test('with a trailer, every bit flipped: noticed', async () => {
    for (const [bit, damaged] of flips(whole.bytes))
      expect([bit, typeof (await attempt(damaged, kind))]).toEqual([bit, 'string'])
  })

  test('without a trailer, cut at every byte: noticed', async () => {
    for (const [size, damaged] of cuts(bare.bytes))
      expect([size, typeof (await attempt(damaged, kind))]).toEqual([size, 'string'])
  })

  test('without a trailer, every bit flipped: an error about the file, or rows', async () => {
    let noticed = 0
    for (const [, damaged] of flips(bare.bytes)) {
      const outcome = await attempt(damaged, kind)
      if (typeof outcome === 'string') noticed++
      else expect(outcome.length).toBeLessThanOrEqual(200)
    }
    // Only lz4 has checksums of its own; it covers everything but the bits of the token that do not matter.
    if (codec === 'lz4') expect(noticed).toBeGreaterThan(bare.bytes.length * 8 - 20)
    else expect(noticed).toBeGreaterThan(0)
  })

  test('two bytes zeroed, or a tail of zeros at full length: noticed with a trailer', async () => {
    for (let at = 0; at + 2 <= whole.bytes.length; at++) {
      for (const to of [at + 2, whole.bytes.length]) {
        const damaged = whole.bytes.slice().fill(0, at, to)
        if (Buffer.compare(damaged, whole.bytes) === 0) continue
        expect([at, to, typeof (await attempt(damaged, kind))]).toEqual([at, to, 'string'])
      }
    }
  })

  test('garbage behind the end: noticed, with and without trailer', async () => {
    for (const { bytes } of [whole, bare]) {
      for (const tail of [
        [0],
        [255, 255, 255, 255],
        bytesOf('TIDEMARK'),
        bytesOf('TIDEMRK1'),
        bytes,
      ]) {
        const longer = Uint8Array.from([...bytes, ...tail])
        expect(typeof (await attempt(longer, kind))).toBe('string')
      }
    }
  })
})
