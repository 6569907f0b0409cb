import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromHex, toHex } from '../../../src/base/bytes.ts'
import {
  parseSchemaFile,
  printSchemaFile,
  type SchemaFamily,
} from '../../../src/checkpoint/schema-file.ts'
import { GOLDEN_NAMES, readGolden } from '../../support/goldens.ts'
import { failure } from '../../../src/testing/stores.ts'

const PATH = 'state/0/0/_metadata/schema'

const family = (keySchemaJson: string, valueSchemaJson: string): SchemaFamily => ({
  name: 'default',
  keySchemaJson,
  valueSchemaJson,
  keySchemaId: 0,
  valueSchemaId: 0,
})

test('those of Spark are read, and printed as Spark wrote them', () => {
  let count = 0
  for (const name of GOLDEN_NAMES) {
    for (const [path, bytes] of readGolden(name)) {
      if (!path.endsWith('_metadata/schema')) continue
      count++
      const schema = parseSchemaFile(bytes, path)
      expect(schema.formatVersion).toBe(2)
      for (const json of [schema.families[0].keySchemaJson, schema.families[0].valueSchemaJson])
        expect(JSON.parse(json)).toMatchObject({ type: 'struct' })
      expect(toHex(printSchemaFile(schema))).toBe(toHex(bytes))
    }
  }
  expect(count).toBeGreaterThan(10)
})

test('format 1 has one text a schema', () => {
  const bytes = fromHex('0002763100036b6579000576616c7565')
  expect(parseSchemaFile(bytes, PATH)).toEqual({
    formatVersion: 1,
    families: [family('key', 'value')],
  })
  expect(printSchemaFile({ formatVersion: 1, families: [family('key', 'value')] })).toEqual(bytes)
  expect(() =>
    printSchemaFile({ formatVersion: 1, families: [family('k'.repeat(65_536), 'v')] }),
  ).toThrow(RangeError)
})

test('what nobody could read again is not printed', () => {
  for (const formatVersion of [1, 2] as const) {
    expect(() => printSchemaFile({ formatVersion, families: [family('', 'v')] })).toThrow(
      RangeError,
    )
    expect(() => printSchemaFile({ formatVersion, families: [] })).toThrow(RangeError)
  }
  expect(() => parseSchemaFile([0, 2] as never, PATH)).toThrow(TypeError)
})

test('format 2 cuts long schemas into pieces of 65535 bytes, never inside a character', () => {
  const ascii = 'k'.repeat(65_535) + 'rest'
  const bytes = printSchemaFile({ formatVersion: 2, families: [family(ascii, 'v')] })
  expect(toHex(bytes.subarray(0, 10))).toBe('0002763200000002ffff')
  const wide = 'ü€😀\0'.repeat(10_000)
  const schema = { formatVersion: 2 as const, families: [family(wide, ascii)] }
  expect(parseSchemaFile(printSchemaFile(schema), PATH)).toEqual(schema)
})

test('format 3 has families, in their order, with encoders and user keys', () => {
  const one = { ...family('k', 'v'), name: 'b', keyEncoderJson: '{}', keySchemaId: 2 }
  const two = { ...one, name: 'a', userKeySchemaJson: '{"type":"struct"}', valueSchemaId: 1 }
  const bytes = printSchemaFile({ formatVersion: 3, families: [one, two] })
  expect(parseSchemaFile(bytes, PATH)).toEqual({ formatVersion: 3, families: [one, two] })
})

test('whatever is written is read, in every format', () => {
  const text = fc.string({ unit: 'binary', minLength: 1 })
  fc.assert(
    fc.property(
      fc.constantFrom(1 as const, 2 as const),
      text,
      text,
      (formatVersion, key, value) => {
        const schema = { formatVersion, families: [family(key, value)] }
        expect(parseSchemaFile(printSchemaFile(schema), PATH)).toEqual(schema)
      },
    ),
  )
})

test('a file cut at any byte, or with a byte more, is refused with its name and an offset', async () => {
  const families = [{ ...family('{"a":1}', '{"b":"ü"}'), keyEncoderJson: '{}' }]
  for (const formatVersion of [1, 2, 3] as const) {
    const bytes = printSchemaFile({ formatVersion, families })
    for (let size = 0; size < bytes.length; size++) {
      const cut = bytes.subarray(0, size)
      const error = await failure('TIDEMARK_CORRUPT_FILE', () => parseSchemaFile(cut, PATH))
      expect(error.message).toContain(PATH)
      expect(error.offset).toBeLessThanOrEqual(size)
    }
    const longer = Uint8Array.of(...bytes, 0)
    await failure('TIDEMARK_CORRUPT_FILE', () => parseSchemaFile(longer, PATH))
  }
})

test('hostile bytes are refused or read, and never believed about their size', () => {
  const start = printSchemaFile({ formatVersion: 3, families: [family('{}', '{}')] })
  fc.assert(
    fc.property(fc.nat(start.length - 1), fc.nat(255), (at, byte) => {
      const bytes = start.slice()
      bytes[at] = byte
      try {
        parseSchemaFile(bytes, PATH)
      } catch (error) {
        expect((error as { code?: string }).code).toMatch(/CORRUPT_FILE|UNKNOWN_FORMAT_VERSION/)
      }
    }),
  )
  expect(() => parseSchemaFile(fromHex('000276327fffffff'), PATH)).toThrow('cut')
  expect(() => parseSchemaFile(fromHex('000276337fffffff'), PATH)).toThrow('cut')
  expect(() => parseSchemaFile(fromHex('00027632ffffffff'), PATH)).toThrow('-1')
})

test('a newer format is told from damage', async () => {
  const error = await failure('TIDEMARK_UNKNOWN_FORMAT_VERSION', () =>
    parseSchemaFile(fromHex('00027639'), PATH),
  )
  expect(error.message).toMatch(/v1 or v2 or v3, found v9.*_metadata\/schema/)
})
