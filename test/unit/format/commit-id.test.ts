import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { concatBytes, fromHex } from '../../../src/base/bytes.ts'
import { xxh64 } from '../../../src/base/checksum.ts'
import {
  commitId,
  type CommitIdInput,
  foreignId,
  GENESIS_ID,
} from '../../../src/format/commit-id.ts'

/** The 60-byte record stream of spark-state-store's example: key {string "a", int 0}, value {int 1}. */
const STREAM = fromHex(
  '0000002000000000000000000100000018000000000000000000000061000000000000000000001000000000000000000100000000000000ffffffff',
)
const EMPTY = fromHex('ffffffff')

const FIRST: CommitIdInput = {
  parent: GENESIS_ID,
  storeId: [0, 0, 'default'],
  version: 1,
  streamHash: xxh64(EMPTY),
  streamBytes: 4,
  puts: 0,
  removes: 0,
}
const SECOND: CommitIdInput = {
  parent: commitId(FIRST),
  storeId: [0, 0, 'default'],
  version: 2,
  streamHash: xxh64(STREAM),
  streamBytes: 60,
  puts: 1,
  removes: 0,
  progress: { offsets: { b: 2, a: 1 } },
}

test('the vectors stand in docs/format.md', () => {
  const vectors = [
    xxh64(EMPTY).toString(16).padStart(16, '0'),
    commitId(FIRST),
    xxh64(STREAM).toString(16).padStart(16, '0'),
    commitId(SECOND),
    foreignId({
      storeId: [3, 7, 'left-keyToNumValues'],
      version: 2,
      streamHash: xxh64(STREAM),
      streamBytes: 60,
    }),
  ]
  const doc = readFileSync(new URL('../../../docs/format.md', import.meta.url), 'utf8')
  for (const vector of vectors) expect(doc).toContain(vector)
})

test('the id is SHA-256 over the fields, each with its length, as the document says', () => {
  const u64 = (value: bigint) => fromHex(value.toString(16).padStart(16, '0'))
  const field = (bytes: Uint8Array) =>
    concatBytes([fromHex(bytes.length.toString(16).padStart(8, '0')), bytes])
  const text = (value: string) => new TextEncoder().encode(value)
  const byHand = createHash('sha256')
    .update(field(fromHex(SECOND.parent)))
    .update(field(text('[0,0,"default"]')))
    .update(field(u64(2n)))
    .update(field(u64(SECOND.streamHash)))
    .update(field(u64(60n)))
    .update(field(u64(1n)))
    .update(field(u64(0n)))
    .update(field(text('{"offsets":{"a":1,"b":2}}')))
    .digest('hex')
  expect(commitId(SECOND)).toBe(byHand.slice(0, 32))
})

test('every field makes another id', () => {
  const others: Partial<CommitIdInput>[] = [
    { parent: '00000000000000000000000000000001' },
    { storeId: [1, 0, 'default'] },
    { storeId: [0, 1, 'default'] },
    { storeId: [0, 0, 'other'] },
    { version: 3 },
    { streamHash: SECOND.streamHash ^ 1n },
    { streamBytes: 61 },
    { puts: 2 },
    { removes: 1 },
    { progress: undefined },
    { progress: null },
    { progress: '' },
    { progress: { offsets: { b: 2, a: 2 } } },
  ]
  const ids = [SECOND, ...others.map((other) => ({ ...SECOND, ...other }))].map(commitId)
  expect(new Set(ids).size).toBe(ids.length)
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/)
})

test('the order of keys in progress makes no difference', () => {
  expect(commitId({ ...SECOND, progress: { offsets: { a: 1, b: 2 } } })).toBe(commitId(SECOND))
})

test('a foreign id depends on store, version and bytes alone', () => {
  const base = { storeId: [0, 0, 'default'] as const, version: 2, streamHash: 5n, streamBytes: 60 }
  const ids = [
    base,
    { ...base, storeId: [0, 1, 'default'] as const },
    { ...base, version: 3 },
    { ...base, streamHash: 6n },
    { ...base, streamBytes: 61 },
  ].map(foreignId)
  expect(new Set(ids).size).toBe(ids.length)
})

test.each(['', '00', 'G'.repeat(32), 'A'.repeat(32)])('a parent %j is refused', (parent) => {
  expect(() => commitId({ ...FIRST, parent })).toThrow(RangeError)
})
