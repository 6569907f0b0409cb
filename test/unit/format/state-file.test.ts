// Whole files, written and read: round trips, identity, proof, and how much of a file is read for what.

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toHex } from '../../../src/base/bytes.ts'
import { crc32c, xxh64 } from '../../../src/base/checksum.ts'
import { systemClock } from '../../../src/base/clock.ts'
import type { CompressionName } from '../../../src/codec/compression.ts'
import { commitId, foreignId, GENESIS_ID } from '../../../src/format/commit-id.ts'
import {
  checkStateFile,
  inspectStateFile,
  readStateFile,
  readTrailer,
  type StateFileSource,
} from '../../../src/format/state-file-reader.ts'
import type { Trailer } from '../../../src/format/trailer.ts'
import { noiseBytes } from '../../support/contracts/compression.ts'
import {
  encodeStateFile,
  READ_OPTIONS,
  readRows,
  type Row,
  STORE,
} from '../../support/state-files.ts'
import { sourceOf } from '../../../src/testing/source-of.ts'

const CODECS: CompressionName[] = ['lz4', 'snappy', 'zstd', 'lzf', 'none']
const corrupt = (message = '') => ({
  code: 'TIDEMARK_CORRUPT_FILE',
  message: expect.stringContaining(message) as string,
})
const bytesOf = (text: string) => new TextEncoder().encode(text)
const ROWS: Row[] = [
  [bytesOf('a'), bytesOf('1')],
  [bytesOf('b'), new Uint8Array(0)],
  [new Uint8Array(0), bytesOf('empty key')],
  [bytesOf('a'), undefined],
]

describe.each(CODECS)('%s', (codec) => {
  test('a version without changes, without trailer, is byte for byte that of Spark', () => {
    const vectors = {
      lz4: '4c5a34426c6f636b150400000004000000db804d08ffffffff4c5a34426c6f636b15000000000000000000000000',
      snappy: '82534e4150505900000000010000000100000006040cffffffff',
      zstd: '28b52ffd0048200000ffffffff010000',
      lzf: '5a56000004ffffffff',
      none: 'ffffffff',
    }
    expect(toHex(encodeStateFile({ codec, trailer: false }).bytes)).toBe(vectors[codec])
    // The trailer comes behind it, and changes nothing in front.
    expect(toHex(encodeStateFile({ codec }).bytes).startsWith(vectors[codec])).toBe(true)
  })

  test('any rows make the round trip, with and without trailer and row checksums', async () => {
    const row = fc.tuple(
      fc.uint8Array({ maxLength: 60 }),
      fc.option(fc.uint8Array({ maxLength: 5000 }), { nil: undefined }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { maxLength: 40 }),
        fc.boolean(),
        fc.boolean(),
        async (rows, trailer, rowChecksums) => {
          const { bytes } = encodeStateFile({ codec, rows, trailer, rowChecksums })
          const read = await readRows(bytes, { rowChecksums })
          expect(read.rows).toEqual(rows)
          expect(read.content.codec).toBe(codec)
          expect(read.content.trailer === undefined).toBe(!trailer)
          expect(read.content.puts + read.content.removes).toBe(rows.length)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('rows larger than blocks and than 1 MiB make the round trip', async () => {
    const rows: Row[] = [
      [noiseBytes(70_000), noiseBytes(2_500_000)],
      [bytesOf('k'), new Uint8Array(200_000)],
      [noiseBytes(40_000, 2), undefined],
    ]
    const read = await readRows(encodeStateFile({ codec, rows }).bytes)
    read.rows.forEach(([key, value], i) => {
      expect(Buffer.compare(key, rows[i][0])).toBe(0)
      expect(Buffer.compare(value ?? bytesOf('-'), rows[i][1] ?? bytesOf('-'))).toBe(0)
    })
  })

  test('a file above 8 MiB is streamed in pieces, and its checksum still counts', async () => {
    const rows = Array.from({ length: 90 }, (_, i): Row => [
      bytesOf(`k${i}`),
      noiseBytes(100_000, i),
    ])
    const { bytes, compressedBytes } = encodeStateFile({ codec, rows, progress: 'x'.repeat(9000) })
    expect(compressedBytes).toBeGreaterThan(8 * 1024 * 1024)
    const reads: number[] = []
    const pieces: Uint8Array[] = []
    const source: StateFileSource = {
      ...sourceOf(bytes),
      read: async (offset, length) => {
        reads.push(length)
        const piece = bytes.slice(offset, offset + length)
        if (length === 1024 * 1024) pieces.push(piece)
        return piece
      },
    }
    const { rows: back, content } = await readRows(source)
    expect(back.length).toBe(90)
    expect(content.fileCrc).toBe(crc32c(bytes))
    expect(Math.max(...reads)).toBe(1024 * 1024)
    // Each gave its memory back when it was through.
    expect(pieces.filter((piece) => piece.length > 0)).toEqual([])
    // A snapshot, since no commit id can be computed from its stream: the checksum alone stands behind it.
    const snapshot = encodeStateFile({ codec, rows, kind: 'snapshot' })
    snapshot.bytes[compressedBytes >> 1] ^= 1
    await expect(readRows(snapshot.bytes, { kind: 'snapshot' })).rejects.toMatchObject(corrupt())
  })
})

describe('a file that is streamed', () => {
  const rows = Array.from({ length: 90 }, (_, i): Row => [bytesOf(`k${i}`), noiseBytes(100_000, i)])

  test('has its next piece on the way while one is decoded', async () => {
    const { bytes } = encodeStateFile({ codec: 'none', rows, kind: 'snapshot' })
    const asked: number[] = []
    const seen: number[] = []
    const source: StateFileSource = {
      ...sourceOf(bytes),
      read: async (offset, length) => {
        if (length === 1024 * 1024) asked.push(offset)
        return bytes.subarray(offset, offset + length)
      },
    }
    await readStateFile(
      source,
      { ...READ_OPTIONS, kind: 'snapshot' },
      { onPut: () => seen.push(asked.length), onRemove: () => undefined },
    )
    expect(seen[0]).toBe(2)
  })

  test('is not read any more once its reader has failed, and nobody is left with the failure of a piece', async () => {
    const { bytes } = encodeStateFile({ codec: 'none', rows, kind: 'snapshot' })
    let open = 0
    const source: StateFileSource = {
      ...sourceOf(bytes),
      read: async (offset, length) => {
        open++
        await systemClock.turn(offset > 0 ? 20 : 0)
        open--
        if (length === 1024 * 1024 && offset > 0) throw new Error('EIO')
        return bytes.subarray(offset, offset + length)
      },
    }
    const sink = {
      onPut: () => {
        throw new Error('no room')
      },
      onRemove: () => undefined,
    }
    const options = { ...READ_OPTIONS, kind: 'snapshot' as const }
    await expect(readStateFile(source, options, sink)).rejects.toThrow('no room')
    expect(open).toBe(0)
  })
})

describe('what a read tells', () => {
  test('of a file of ours', async () => {
    const { bytes } = encodeStateFile({ rows: ROWS, progress: { offset: 9 } })
    const plain = encodeStateFile({ rows: ROWS, codec: 'none', trailer: false }).bytes
    const { content } = await readRows(bytes)
    expect(content).toMatchObject({
      puts: 3,
      removes: 1,
      streamHash: xxh64(plain),
      streamBytes: plain.length,
    })
    expect(content.fileCrc).toBe(crc32c(bytes))
    expect(content.trailer?.progress).toEqual({ offset: 9 })
    const stream = { streamHash: xxh64(plain), streamBytes: plain.length, puts: 3, removes: 1 }
    const id = commitId({
      parent: GENESIS_ID,
      storeId: STORE,
      version: 7,
      ...stream,
      progress: { offset: 9 },
    })
    expect(content.id).toBe(id)
  })

  test('of a file without trailer: the id is that of its bytes, whatever the codec', async () => {
    const plain = encodeStateFile({ rows: ROWS, codec: 'none', trailer: false }).bytes
    const id = foreignId({
      storeId: STORE,
      version: 7,
      streamHash: xxh64(plain),
      streamBytes: plain.length,
    })
    for (const codec of CODECS) {
      const { content } = await readRows(
        encodeStateFile({ rows: ROWS, codec, trailer: false }).bytes,
      )
      expect(content).toMatchObject({ trailer: undefined, id, codec })
    }
  })

  test('the same rows in the same order make the same id in every codec', async () => {
    const ids = await Promise.all(
      CODECS.map(
        async (codec) => (await readRows(encodeStateFile({ rows: ROWS, codec }).bytes)).content.id,
      ),
    )
    expect(new Set(ids).size).toBe(1)
  })
})

describe('the codec', () => {
  test('is what the file says, not what is configured', async () => {
    for (const codec of CODECS)
      for (const configuredCompression of CODECS)
        for (const trailer of [true, false]) {
          const { bytes } = encodeStateFile({ rows: ROWS, codec, trailer })
          expect((await readRows(bytes, { configuredCompression })).content.codec).toBe(codec)
        }
  })

  test('is what is configured where the first bytes look like none, so that the error is about the place', async () => {
    const { bytes } = encodeStateFile({ rows: ROWS, trailer: false })
    bytes[1] ^= 1
    await expect(readRows(bytes, { configuredCompression: 'lz4' })).rejects.toMatchObject({
      ...corrupt('LZ4Block'),
      offset: 0,
    })
    await expect(readRows(bytes)).rejects.toMatchObject(corrupt('begins like none'))
  })
})

describe('readTrailer', () => {
  test('reads the tail alone, once, and twice where the progress is large', async () => {
    const noise: Row[] = [[bytesOf('k'), noiseBytes(500_000)]]
    for (const [progress, lengths] of [
      [{ a: 1 }, [4096]],
      ['x'.repeat(8000), [4096, expect.any(Number)]],
    ] as const) {
      const { bytes } = encodeStateFile({ rows: noise, progress })
      const reads: number[] = []
      const source: StateFileSource = {
        ...sourceOf(bytes),
        read: async (offset, length) => {
          reads.push(length)
          return bytes.subarray(offset, offset + length)
        },
      }
      expect((await readTrailer(source))?.progress).toEqual(progress)
      expect(reads).toEqual(lengths)
    }
  })

  test.each(CODECS)(
    'finds that of a version without rows, however large its progress is (%s)',
    async (codec) => {
      for (const kind of ['delta', 'snapshot'] as const) {
        for (let size = 3_700; size < 4_200; size += size < 3_900 ? 1 : 50) {
          const progress = 'x'.repeat(size)
          const source = sourceOf(encodeStateFile({ codec, kind, rows: [], progress }).bytes)
          expect((await readTrailer(source))?.progress).toBe(progress)
          await checkStateFile(source, { ...READ_OPTIONS, kind })
        }
      }
    },
  )

  test('finds none in a file of Spark, also in one shorter than a trailer', async () => {
    for (const codec of CODECS)
      expect(
        await readTrailer(sourceOf(encodeStateFile({ codec, trailer: false }).bytes)),
      ).toBeUndefined()
  })
})

describe('a file that is not the one it should be is CORRUPT_FILE', () => {
  const read = (spec: Parameters<typeof encodeStateFile>[0], options = {}) =>
    readRows(encodeStateFile({ rows: ROWS, ...spec }).bytes, options)

  test('another partition, another operator, another store under its name', async () => {
    for (const store of [
      [0, 4, 'default'],
      [1, 3, 'default'],
      [0, 3, 'left'],
    ] as const)
      await expect(read({}, { store })).rejects.toMatchObject(corrupt(store.join('/')))
  })

  test('version 7 named 8', async () => {
    await expect(read({ version: 7 }, { version: 8 })).rejects.toMatchObject(
      corrupt('Expected 8.delta, found 7.delta'),
    )
  })

  test('a delta named snapshot', async () => {
    await expect(read({}, { kind: 'snapshot' })).rejects.toMatchObject(
      corrupt('Expected 7.snapshot, found 7.delta'),
    )
  })

  test('empty', async () => {
    await expect(readRows(new Uint8Array(0))).rejects.toMatchObject(corrupt('empty'))
    await expect(readTrailer(sourceOf(new Uint8Array(0)))).rejects.toMatchObject(corrupt('empty'))
  })

  test('a trailer and nothing in front of it', async () => {
    for (const codec of CODECS) {
      const { bytes, compressedBytes } = encodeStateFile({ codec })
      await expect(readRows(bytes.subarray(compressedBytes))).rejects.toMatchObject(corrupt())
    }
  })

  test('shorter than it was listed', async () => {
    const { bytes } = encodeStateFile({ rows: ROWS })
    await expect(
      readRows({ ...sourceOf(bytes), sizeBytes: bytes.length + 5 }),
    ).rejects.toMatchObject(corrupt('shorter than when it was listed'))
  })

  test('without row checksums and without a trailer that says so, read with them', async () => {
    const rows: Row[] = [[bytesOf('key'), bytesOf('a longer value')]]
    await expect(read({ rows, trailer: false }, { rowChecksums: true })).rejects.toMatchObject(
      corrupt('checksum'),
    )
  })
})

test.each<[string, Partial<Trailer>, string]>([
  ['id', { id: 'f'.repeat(32) }, 'commit id'],
  ['parent', { parent: 'f'.repeat(32) }, 'commit id'],
  ['progress', { progress: { a: 2 } }, 'commit id'],
])(
  'a trailer with a forged %s and right checksums does not fit the content',
  async (_, trailerFields, message) => {
    const { bytes } = encodeStateFile({ rows: ROWS, progress: { a: 1 }, trailerFields })
    await expect(readRows(bytes)).rejects.toMatchObject(corrupt(message))
  },
)

test('a snapshot keeps the id of its version, which its own bytes do not make', async () => {
  const id = 'abcdef0123456789abcdef0123456789'
  const rows = ROWS.filter(([, value]) => value !== undefined)
  const { bytes } = encodeStateFile({ kind: 'snapshot', rows, trailerFields: { id } })
  expect((await readRows(bytes, { kind: 'snapshot' })).content.id).toBe(id)
})

describe('inspectStateFile', () => {
  const inspect = (bytes: Uint8Array, options = {}) =>
    inspectStateFile(sourceOf(bytes), { ...READ_OPTIONS, ...options })

  test('has nothing to say about a whole file', async () => {
    const { content, problems } = await inspect(encodeStateFile({ rows: ROWS }).bytes)
    expect(problems).toEqual([])
    expect(content?.puts).toBe(3)
  })

  test('lists everything that is wrong with one', async () => {
    const { bytes } = encodeStateFile({ rows: ROWS, trailerFields: { id: 'f'.repeat(32) } })
    const { content, problems } = await inspect(bytes, { version: 8, store: [0, 0, 'x'] })
    expect(problems.map(({ message }) => message.split(' ').slice(0, 4).join(' '))).toEqual([
      'Expected a file of',
      'Expected 8.delta, found 7.delta',
      'The trailer says commit',
    ])
    expect(content?.puts).toBe(3)
  })

  test('tells the damaged block beside the checksum of the whole', async () => {
    const { bytes } = encodeStateFile({ rows: ROWS })
    bytes[25] ^= 1
    const { content, problems } = await inspect(bytes)
    expect(content).toBeUndefined()
    expect(problems.map(({ code }) => code)).toEqual([
      'TIDEMARK_CORRUPT_FILE',
      'TIDEMARK_CORRUPT_FILE',
    ])
    expect(problems[1].offset).toBe(0)
  })

  test('does not take a failing storage for a damaged file', async () => {
    const source = { ...sourceOf(bytesOf('x')), read: () => Promise.reject(new Error('EIO')) }
    await expect(inspectStateFile(source, READ_OPTIONS)).rejects.toThrow('EIO')
  })
})

test('an aborted signal stops a read with its reason', async () => {
  const controller = new AbortController()
  const { bytes } = encodeStateFile({
    codec: 'none',
    rows: [[bytesOf('k'), new Uint8Array(9 << 20)]],
  })
  let reads = 0
  const source: StateFileSource = {
    ...sourceOf(bytes),
    read: async (offset, length) => {
      if (++reads === 4) controller.abort(new Error('enough'))
      return bytes.subarray(offset, offset + length)
    },
  }
  await expect(readRows(source, { signal: controller.signal })).rejects.toThrow('enough')
  expect(reads).toBeLessThan(7)
})
