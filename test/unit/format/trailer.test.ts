import { describe, expect, test } from 'vitest'
import { concatBytes } from '../../../src/base/bytes.ts'
import { crc32c } from '../../../src/base/checksum.ts'
import { compressionOf } from '../../../src/codec/compressions.ts'
import {
  encodeTrailer,
  parseTrailer,
  type Trailer,
  TRAILER_BODY_BYTES_MAX,
} from '../../../src/format/trailer.ts'
import { compress, decompress } from '../../support/contracts/compression.ts'

const TRAILER: Trailer = {
  store: [1, 2, 'left-keyToNumValues'],
  kind: 'delta',
  version: 7,
  id: '0123456789abcdef0123456789abcdef',
  parent: 'fedcba9876543210fedcba9876543210',
  stamp: [3, 4],
  codec: 'zstd',
  rows: { put: 5, remove: 6 },
  keys: 7,
  plainBytes: 88,
}
const COMPRESSED = new Uint8Array(100).fill(9)
const COMPRESSED_CRC = crc32c(COMPRESSED)

function fileOf(trailer: Trailer): Uint8Array {
  return concatBytes([COMPRESSED, encodeTrailer(trailer, COMPRESSED_CRC)])
}

function parse(file: Uint8Array) {
  return parseTrailer(file, file.length, 'x/7.delta')
}

/** A file with `body` for a trailer, all lengths and checksums right. */
function fileWithBody(body: string | Uint8Array, magic = 'TIDEMRK1'): Uint8Array {
  const bytes = Buffer.from(body)
  const footer = Buffer.alloc(20)
  footer.writeUInt32BE(bytes.length, 0)
  footer.writeUInt32BE(COMPRESSED_CRC, 4)
  footer.writeUInt32BE(crc32c(Buffer.concat([bytes, footer.subarray(0, 8)])), 8)
  footer.write(magic, 12)
  return concatBytes([COMPRESSED, bytes, footer])
}

describe('a trailer', () => {
  test.each<[string, Partial<Trailer>]>([
    ['plain', {}],
    ['with everything', { committedThrough: 3, progress: { a: [1, 'é', null] } }],
    ['with progress null', { progress: null }],
    ['with progress false', { progress: false }],
    ['of a snapshot', { kind: 'snapshot', rows: { put: 5, remove: 0 } }],
    [
      'of the largest numbers',
      {
        version: Number.MAX_SAFE_INTEGER,
        keys: Number.MAX_SAFE_INTEGER,
        stamp: [Number.MAX_SAFE_INTEGER, 0],
      },
    ],
  ])('%s is found behind the compressed part', (_, fields) => {
    const trailer = { ...TRAILER, ...fields }
    expect(parse(fileOf(trailer))).toEqual({
      outcome: 'found',
      trailer,
      compressedBytes: COMPRESSED.length,
      compressedCrc: COMPRESSED_CRC,
    })
  })

  test('has the bytes that docs/format.md draws', () => {
    const bytes = Buffer.from(encodeTrailer(TRAILER, 0x01020304))
    const body = bytes.subarray(0, -20)
    expect(JSON.parse(body.toString())).toEqual(TRAILER)
    expect(bytes.readUInt32BE(body.length)).toBe(body.length)
    expect(bytes.readUInt32BE(body.length + 4)).toBe(0x01020304)
    expect(bytes.readUInt32BE(body.length + 8)).toBe(crc32c(bytes.subarray(0, body.length + 8)))
    expect(bytes.subarray(-8).toString()).toBe('TIDEMRK1')
  })

  describe.each(['lz4', 'snappy', 'zstd', 'lzf', 'none'] as const)(
    'without records, in %s',
    (codec) => {
      const empty: Trailer = { ...TRAILER, codec, rows: { put: 0, remove: 0 }, plainBytes: 4 }
      const frameBytes = { lz4: 21, snappy: 11, zstd: 8, lzf: 5, none: 0 }[codec]

      test.each([1, 10_000, 70_000, 900_000])(
        'stands in a frame that belongs to neither side, at %i bytes of progress',
        (size) => {
          const trailer = { ...empty, progress: 'x'.repeat(size) }
          const file = fileOf(trailer)
          const bare = encodeTrailer({ ...trailer, rows: { put: 1, remove: 0 } }, COMPRESSED_CRC)
          expect(file.length).toBe(COMPRESSED.length + frameBytes + bare.length)
          const found = { outcome: 'found', trailer, compressedBytes: COMPRESSED.length }
          expect(parse(file)).toMatchObject(found)
          // Exactly the trailer is not enough to tell.
          if (frameBytes === 0) return
          expect(parseTrailer(file.subarray(-bare.length), file.length, 'f')).toEqual({
            outcome: 'more',
            tailBytes: bare.length + frameBytes,
          })
        },
      )

      test('is a piece of the stream to the codec, decoded or skipped', async () => {
        const compression = compressionOf(codec)
        const bare = encodeTrailer({ ...empty, rows: { put: 1, remove: 0 } }, COMPRESSED_CRC)
        const framed = encodeTrailer(empty, COMPRESSED_CRC)
        if (codec === 'zstd') {
          // Node's decoder stops at the end of the first frame, skippable or not.
          expect(Buffer.from(framed).readUInt32LE(0)).toBe(0x184d2a50)
          expect(Buffer.from(framed).readUInt32LE(4)).toBe(bare.length)
          return
        }
        const marker = Uint8Array.of(255, 255, 255, 255)
        // Only for our own decoder: it wants an end block, which lz4-java can do without.
        const end = compression.end() ?? new Uint8Array(0)
        const stream = concatBytes([compress(compression, marker), framed, end])
        const plain = await decompress(compression, stream)
        expect(Buffer.compare(plain, concatBytes([marker, framed.subarray(frameBytes)]))).toBe(0)
      })

      test('a frame that is damaged or missing is CORRUPT_FILE', () => {
        const corrupt = expect.objectContaining({ code: 'TIDEMARK_CORRUPT_FILE' }) as Error
        const file = fileOf(empty)
        for (let at = COMPRESSED.length; at < COMPRESSED.length + frameBytes; at++) {
          const damaged = file.slice()
          damaged[at] ^= 1
          expect(() => parse(damaged)).toThrow(corrupt)
        }
        if (frameBytes === 0) return
        const unframed = file.subarray(COMPRESSED.length + frameBytes)
        expect(() => parse(concatBytes([COMPRESSED, unframed]))).toThrow(corrupt)
        expect(() => parse(unframed)).toThrow(corrupt)
      })
    },
  )

  test('a progress with the key __proto__ makes the round trip', () => {
    const progress: unknown = JSON.parse('{"__proto__":{"x":1}}')
    const found = parse(fileOf({ ...TRAILER, progress }))
    if (found.outcome !== 'found') throw new Error('no trailer')
    expect(JSON.stringify(found.trailer.progress)).toBe('{"__proto__":{"x":1}}')
    expect(Object.hasOwn(found.trailer.progress as object, '__proto__')).toBe(true)
  })

  test('a tail that is too short asks for what it needs, and that suffices', () => {
    const file = fileOf({ ...TRAILER, progress: 'x'.repeat(10_000) })
    expect(parseTrailer(file.subarray(-5), file.length, 'f')).toEqual({
      outcome: 'more',
      tailBytes: 20,
    })
    const lookup = parseTrailer(file.subarray(-4096), file.length, 'f')
    if (lookup.outcome !== 'more') throw new Error('it should have asked for more')
    expect(parseTrailer(file.subarray(-lookup.tailBytes), file.length, 'f').outcome).toBe('found')
    expect(lookup.tailBytes).toBe(file.length - COMPRESSED.length)
  })

  test('is absent where the file ends in anything else', () => {
    for (const file of [
      COMPRESSED,
      new Uint8Array(3),
      new Uint8Array(0),
      fileWithBody('{}', 'TIDEMARK'),
    ])
      expect(parse(file)).toEqual({ outcome: 'absent' })
  })

  test.each(['TIDEMRK2', 'TIDEMRK9', 'TIDEMRK0'])(
    '%s is of a format that is not known here',
    (magic) => {
      expect(() => parse(fileWithBody(JSON.stringify(TRAILER), magic))).toThrow(
        expect.objectContaining({ code: 'TIDEMARK_UNKNOWN_FORMAT_VERSION' }),
      )
    },
  )

  test('every flipped bit is noticed, or leaves a file without a trailer', () => {
    const file = fileOf({ ...TRAILER, progress: { a: 1 } })
    for (let bit = COMPRESSED.length * 8; bit < file.length * 8; bit++) {
      const damaged = file.slice()
      damaged[bit >> 3] ^= 1 << (bit & 7)
      const inMagic = bit >> 3 >= file.length - 8
      if (!inMagic)
        expect(() => parse(damaged)).toThrow(
          expect.objectContaining({ code: 'TIDEMARK_CORRUPT_FILE' }),
        )
      else expect(() => expect(parse(damaged).outcome).toBe('absent')).toSatisfy(absentOrUnknown)
    }
  })

  function absentOrUnknown(attempt: () => void): boolean {
    try {
      attempt()
      return true
    } catch (error) {
      return (error as { code?: string }).code === 'TIDEMARK_UNKNOWN_FORMAT_VERSION'
    }
  }

  test.each([0xffffffff, 0x7fffffff, TRAILER_BODY_BYTES_MAX + 1, 1_000])(
    'a body length of %i is refused without reading it',
    (length) => {
      const file = Buffer.from(fileOf(TRAILER))
      file.writeUInt32BE(length, file.length - 20)
      expect(() => parse(file)).toThrow(expect.objectContaining({ code: 'TIDEMARK_CORRUPT_FILE' }))
    },
  )

  test('unknown fields are kept quiet about', () => {
    const lookup = parse(fileWithBody(JSON.stringify({ ...TRAILER, later: { x: 1 } })))
    expect(lookup).toMatchObject({ outcome: 'found', trailer: TRAILER })
  })

  test('a codec that is not known here is named', () => {
    expect(() => parse(fileWithBody(JSON.stringify({ ...TRAILER, codec: 'brotli' })))).toThrow(
      expect.objectContaining({
        code: 'TIDEMARK_UNSUPPORTED',
        message: expect.stringContaining('brotli') as string,
      }),
    )
  })

  const bad: [string, unknown][] = [
    ...[
      'store',
      'kind',
      'version',
      'id',
      'parent',
      'stamp',
      'codec',
      'rows',
      'keys',
      'plainBytes',
    ].flatMap((field): [string, unknown][] => [
      [
        `without ${field}`,
        Object.fromEntries(Object.entries(TRAILER).filter(([key]) => key !== field)),
      ],
      [`with ${field} null`, { ...TRAILER, [field]: null }],
      [`with ${field} -1`, { ...TRAILER, [field]: -1 }],
      [`with ${field} {}`, { ...TRAILER, [field]: {} }],
    ]),
    ['with a store of two', { ...TRAILER, store: [0, 1] }],
    ['with a store of four', { ...TRAILER, store: [0, 1, 'a', 'b'] }],
    ['with a negative partition', { ...TRAILER, store: [0, -1, 'a'] }],
    ['with a nameless store', { ...TRAILER, store: [0, 1, ''] }],
    ['of version 0', { ...TRAILER, version: 0 }],
    ['of version 1.5', { ...TRAILER, version: 1.5 }],
    ['of version 2^53', { ...TRAILER, version: 2 ** 53 }],
    ['of version "7"', { ...TRAILER, version: '7' }],
    ['with a short id', { ...TRAILER, id: 'abc' }],
    ['with an id in capitals', { ...TRAILER, id: TRAILER.id.toUpperCase() }],
    ['with a stamp of one', { ...TRAILER, stamp: [1] }],
    ['with a negative stamp', { ...TRAILER, stamp: [1, -1] }],
    ['with half its rows', { ...TRAILER, rows: { put: 1 } }],
    ['with fewer plain bytes than an end marker', { ...TRAILER, plainBytes: 3 }],
    ['with a committedThrough that is none', { ...TRAILER, committedThrough: 'x' }],
    ['of a snapshot with removals', { ...TRAILER, kind: 'snapshot' }],
    ['that is an array', [TRAILER]],
    ['that is null', null],
  ]
  test.each(bad)('%s is CORRUPT_FILE', (_, body) => {
    expect(() => parse(fileWithBody(JSON.stringify(body)))).toThrow(
      expect.objectContaining({ code: 'TIDEMARK_CORRUPT_FILE' }),
    )
  })

  test.each([
    ['is not JSON', '{"store":'],
    ['is not UTF-8', Uint8Array.of(0x22, 0xff, 0xfe, 0x22)],
    ['is empty', ''],
    [
      'has a progress nested a hundred thousand deep',
      JSON.stringify(TRAILER).replace(
        /\}$/,
        `,"progress":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      ),
    ],
    [
      'has a progress that no JavaScript number holds',
      JSON.stringify(TRAILER).replace(/\}$/, ',"progress":1e999}'),
    ],
  ])('whose body %s is CORRUPT_FILE', (_, body) => {
    expect(() => parse(fileWithBody(body))).toThrow(
      expect.objectContaining({ code: 'TIDEMARK_CORRUPT_FILE' }),
    )
  })

  test('one that is not valid is never written', () => {
    expect(() => encodeTrailer({ ...TRAILER, keys: -1 }, 0)).toThrow(
      expect.objectContaining({ code: 'TIDEMARK_INVARIANT_VIOLATED' }),
    )
  })

  test('fields that do not belong to the format are not written', () => {
    const bytes = Buffer.from(encodeTrailer({ ...TRAILER, secret: 'x' } as Trailer, 0)).toString(
      'latin1',
    )
    expect(bytes).not.toContain('secret')
  })
})
