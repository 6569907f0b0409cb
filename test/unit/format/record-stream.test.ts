// Writer and reader of the plain record stream, twins: what one writes the other reads, however the stream is cut.

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concatBytes, fromHex, toHex } from '../../../src/base/bytes.ts'
import { crc32c } from '../../../src/base/checksum.ts'
import {
  RecordReader,
  type RecordReaderOptions,
  type RowSink,
} from '../../../src/format/record-reader.ts'
import {
  KEY_BYTES_MAX,
  ROW_CHECKSUM_BYTES,
  VALUE_BYTES_MAX,
} from '../../../src/format/record-stream.ts'
import { RecordWriter } from '../../../src/format/record-writer.ts'
import type { Row } from '../../support/state-files.ts'

function write(rows: readonly Row[], { blockBytes = 64, rowChecksums = false } = {}): Uint8Array {
  const blocks: Uint8Array[] = []
  const onBlock = (plain: Uint8Array) => blocks.push(plain.slice())
  const writer = new RecordWriter({ blockBytes, rowChecksums, onBlock })
  for (const [key, value] of rows) {
    if (value === undefined) writer.remove(key)
    else writer.put(key, value)
  }
  writer.end()
  for (const block of blocks.slice(0, -1)) expect(block.length).toBe(blockBytes)
  expect(blocks.at(-1)?.length).toBeGreaterThan(0)
  return concatBytes(blocks)
}

/** Reads as rows, and as places of rows: both must show the same rows, then the same error if there is one. */
function read(
  stream: Uint8Array,
  options: Partial<RecordReaderOptions> = {},
  chunkBytes = Math.max(stream.length, 1),
): Row[] {
  const rows: Row[] = []
  const sink: RowSink = {
    onPut: (key, value) => rows.push([key.slice(), value.slice()]),
    onRemove: (key) => rows.push([key.slice(), undefined]),
  }
  const placed: Row[] = []
  const placedSink: RowSink = {
    onPut: (key, value) => placed.push([key.slice(), value.slice()]),
    onPutAt: ({ buffer, byteOffset }, keyAt, keyLength, valueAt, valueLength) => {
      const copyOf = (at: number, length: number) =>
        new Uint8Array(buffer, byteOffset + at, length).slice()
      placed.push([copyOf(keyAt, keyLength), copyOf(valueAt, valueLength)])
    },
    onRemove: (key) => placed.push([key.slice(), undefined]),
  }
  const failure = failureOf(() => readInto(rows, sink, stream, options, chunkBytes))
  expect(failureOf(() => readInto(placed, placedSink, stream, options, chunkBytes))).toEqual(
    failure,
  )
  expect(placed).toEqual(rows)
  if (failure !== undefined) throw failure
  return rows
}

function failureOf(run: () => void): Error | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    return error as Error
  }
}

function readInto(
  rows: readonly Row[],
  sink: RowSink,
  stream: Uint8Array,
  options: Partial<RecordReaderOptions>,
  chunkBytes: number,
): void {
  const reader = new RecordReader(
    { kind: 'delta', path: 'f', rowChecksums: false, floorValues: false, ...options },
    sink,
  )
  for (let at = 0; at < stream.length; at += chunkBytes)
    reader.push(stream.slice(at, at + chunkBytes))
  reader.finish()
  expect(reader.streamBytes).toBe(stream.length)
  expect(reader.puts + reader.removes).toBe(rows.length)
}

const CORRUPT = expect.objectContaining({ code: 'TIDEMARK_CORRUPT_FILE', path: 'f' }) as Error
const hexRows = (rows: Row[]) => rows.map(([key, value]) => [toHex(key), value && toHex(value)])
const KEY = fromHex('0000000000000000010000001800000000000000000000006100000000000000')
const VALUE = fromHex('00000000000000000100000000000000')

describe('the bytes of Spark', () => {
  test('a put and the end marker', () => {
    expect(toHex(write([[KEY, VALUE]]))).toBe(
      `00000020${toHex(KEY)}00000010${toHex(VALUE)}ffffffff`,
    )
  })

  test('a removal', () => {
    expect(toHex(write([[KEY, undefined]]))).toBe(`00000020${toHex(KEY)}ffffffffffffffff`)
  })

  test('row checksums: little-endian, in front of the value, or of the key of a removal', () => {
    expect(crc32c(concatBytes([KEY, VALUE]))).toBe(0xbc8799f0)
    expect(crc32c(KEY)).toBe(0xab1a0c72)
    const rows: Row[] = [
      [KEY, VALUE],
      [KEY, undefined],
    ]
    const stream = write(rows, { rowChecksums: true })
    expect(toHex(stream)).toBe(
      `00000020${toHex(KEY)}00000014f09987bc${toHex(VALUE)}00000024720c1aab${toHex(KEY)}ffffffffffffffff`,
    )
    expect(read(stream, { rowChecksums: true })).toEqual(rows)
  })

  test('any negative value length is a removal', () => {
    for (const length of ['ffffffff', 'fffffffe', '80000000'])
      expect(hexRows(read(fromHex(`0000000161${length}ffffffff`)))).toEqual([['61', undefined]])
  })
})

const rowArbitrary = fc.tuple(
  fc.uint8Array({ maxLength: 90 }),
  fc.option(fc.uint8Array({ maxLength: 200 }), { nil: undefined }),
)

test('any rows make the round trip, over any block and chunk size', () => {
  fc.assert(
    fc.property(
      fc.array(rowArbitrary, { maxLength: 30 }),
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 300 }),
      fc.boolean(),
      (rows, blockBytes, chunkBytes, rowChecksums) => {
        const stream = write(rows, { blockBytes, rowChecksums })
        expect(read(stream, { rowChecksums }, chunkBytes)).toEqual(rows)
        expect(read(stream, { rowChecksums, plainBytes: stream.length }, chunkBytes)).toEqual(rows)
      },
    ),
    { numRuns: 300 },
  )
})

test('large rows make the round trip in small chunks', () => {
  const rows: Row[] = [
    [new Uint8Array(100_000).fill(1), new Uint8Array(3_000_000).fill(2)],
    [new Uint8Array(0), new Uint8Array(0)],
    [new Uint8Array(KEY_BYTES_MAX), undefined],
  ]
  const stream = write(rows, { blockBytes: 32 * 1024 })
  const back = read(stream, {}, 10_000)
  expect(back.length).toBe(3)
  back.forEach(([key, value], i) => {
    expect(Buffer.compare(key, rows[i][0])).toBe(0)
    expect(value?.length).toBe(rows[i][1]?.length)
  })
})

test.each([false, true])(
  'a key above the limit is refused, be it all there (row checksums: %s)',
  (rowChecksums) => {
    const keyBytes = KEY_BYTES_MAX + (rowChecksums ? ROW_CHECKSUM_BYTES : 0) + 1
    const stream = Buffer.alloc(keyBytes + 12)
    stream.writeInt32BE(keyBytes)
    stream.writeInt32BE(-1, keyBytes + 8)
    expect(() => read(stream, { rowChecksums })).toThrow(/Expected a key length up to/)
  },
)

test('the writer does not hold on to what it was given', () => {
  const key = Uint8Array.of(1, 2, 3)
  let stream = new Uint8Array(0)
  const onBlock = (plain: Uint8Array) => {
    stream = plain.slice()
  }
  const writer = new RecordWriter({ blockBytes: 64, rowChecksums: false, onBlock })
  writer.put(key, key)
  key.fill(9)
  writer.end()
  expect(hexRows(read(stream))).toEqual([['010203', '010203']])
})

test('a key or value above the limit is a RangeError, and nothing of it is written', () => {
  const blocks: Uint8Array[] = []
  const onBlock = (plain: Uint8Array) => blocks.push(plain.slice())
  const writer = new RecordWriter({ blockBytes: 64, rowChecksums: false, onBlock })
  const tooLong = new Uint8Array(KEY_BYTES_MAX + 1)
  expect(() => writer.put(tooLong, KEY)).toThrow(RangeError)
  expect(() => writer.remove(tooLong)).toThrow(RangeError)
  // An object that claims a length: the real array would take a gibibyte.
  const huge = Object.create(Uint8Array.prototype, {
    length: { value: VALUE_BYTES_MAX + 1 },
  }) as Uint8Array
  expect(() => writer.put(KEY, huge)).toThrow(RangeError)
  writer.end()
  expect(toHex(concatBytes(blocks))).toBe('ffffffff')
})

describe('what is not a record stream is CORRUPT_FILE, in one chunk or byte by byte', () => {
  test.each<[string, string, Partial<RecordReaderOptions>]>([
    ['nothing at all', '', {}],
    ['no end marker', '000000016100000001', {}],
    ['half a length', '000000', {}],
    ['a key length of -2', 'fffffffe', {}],
    ['the most negative key length', '80000000', {}],
    ['a key length of 2^31-1', '7fffffff61', {}],
    ['a key length above the limit', '0100000561', {}],
    ['a value length of 2^31-1', '00000001617fffffff61', {}],
    ['a value length above the limit', '000000016140000005', {}],
    ['a value that is cut', '000000016100000005aabb', {}],
    ['bytes behind the end marker', 'ffffffff00', {}],
    ['a second end marker', 'ffffffffffffffff', {}],
    ['rows behind the end marker', 'ffffffff0000000161ffffffff', {}],
    ['a removal in a snapshot', '0000000161ffffffffffffffff', { kind: 'snapshot' }],
    ['a row longer than what is left', '0000000161000000ffaabbffffffff', { plainBytes: 15 }],
    ['a key longer than what is left', '0000ffff61000000ffaabbffffffff', { plainBytes: 15 }],
    ['more bytes than it should have', '0000000161ffffffffffffffff', { plainBytes: 12 }],
    [
      'a value without room for its checksum',
      '000000016100000003aabbccffffffff',
      { rowChecksums: true },
    ],
    [
      'a removal without room for its checksum',
      '0000000161ffffffffffffffff',
      { rowChecksums: true },
    ],
    ['a wrong row checksum', '000000016100000005aabbccddeeffffffff', { rowChecksums: true }],
    ['a wrong checksum of a removal', '00000005aabbccdd61ffffffffffffffff', { rowChecksums: true }],
  ])('%s', (_, hex, options) => {
    const stream = fromHex(hex)
    expect(() => read(stream, options)).toThrow(CORRUPT)
    expect(() => read(stream, options, 1)).toThrow(CORRUPT)
  })

  const push = (hex: string[], plainBytes?: number) => {
    const reader = new RecordReader(
      { kind: 'delta', path: 'f', rowChecksums: false, floorValues: false, plainBytes },
      { onPut: () => undefined, onRemove: () => undefined },
    )
    for (const chunk of hex) reader.push(fromHex(chunk))
    return reader
  }

  test('a length above the limit is refused before any of its bytes are there', () => {
    expect(() => push(['7fffffff'])).toThrow(CORRUPT)
    expect(() => push(['000000016140000005'])).toThrow(CORRUPT)
  })

  test('a length above what is left is refused before any of its bytes are there', () => {
    expect(() => push(['00000009'], 16)).toThrow(CORRUPT)
    expect(() => push(['00000008'], 16)).not.toThrow()
    expect(() => push(['000000016100000008'], 16)).toThrow(CORRUPT)
  })

  test('a claimed length of 1 GiB takes no more memory than the bytes that came', () => {
    const before = process.memoryUsage().arrayBuffers
    const reader = push(['00000001', '61', '40000000', '01'.repeat(5000)])
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024)
    expect(() => reader.finish()).toThrow(CORRUPT)
  })
})

describe('floorValues', () => {
  const lengths = (sizes: number[], options: Partial<RecordReaderOptions>) => {
    const rows = sizes.map((size): Row => [KEY, new Uint8Array(size)])
    const stream = write(rows, { rowChecksums: options.rowChecksums ?? false })
    return read(stream, options).map(([, value]) => value?.length)
  }

  test('cuts values to a multiple of 8, and only values', () => {
    expect(lengths([0, 3, 8, 12, 28], { floorValues: true })).toEqual([0, 0, 8, 8, 24])
    expect(lengths([0, 3, 8, 12, 28], { floorValues: false })).toEqual([0, 3, 8, 12, 28])
  })

  test('does so after the row checksum was taken off', () => {
    expect(lengths([28], { floorValues: true, rowChecksums: true })).toEqual([24])
  })
})

test('what a sink throws reaches the caller as it is', () => {
  const failure = new Error('out of memory, says the map')
  const reader = new RecordReader(
    { kind: 'delta', path: 'f', rowChecksums: false, floorValues: false },
    {
      onPut: () => {
        throw failure
      },
      onRemove: () => undefined,
    },
  )
  expect(() => reader.push(write([[KEY, VALUE]]))).toThrow(failure)
})
