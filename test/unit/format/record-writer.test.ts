import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RowWords } from '../../../src/base/row-words.ts'
import { RecordWriter } from '../../../src/format/record-writer.ts'

describe('putRow', () => {
  const rowOf = (key: Uint8Array, value: Uint8Array): RowWords => {
    const valueWord = 2 + Math.ceil(key.length / 4)
    const words = new Int32Array(valueWord + Math.ceil(value.length / 4) + 1).fill(-1)
    const bytes = new Uint8Array(words.buffer)
    bytes.set(key, 8)
    bytes.set(value, valueWord * 4)
    return { words, keyWord: 2, keyLength: key.length, valueWord, valueLength: value.length }
  }

  test.each([false, true])('writes what put() writes, row checksums %s', (rowChecksums) => {
    const property = fc.property(
      fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 90 }))),
      (rows) => {
        const [one, other] = [false, true].map((byRow) => {
          const chunks: Uint8Array[] = []
          const writer = new RecordWriter({
            blockBytes: 64,
            rowChecksums,
            onBlock: (plain) => chunks.push(plain.slice()),
          })
          for (const [key, value] of rows) {
            if (byRow) writer.putRow(rowOf(key, value))
            else writer.put(key, value)
          }
          writer.end()
          return chunks
        })
        expect(other).toEqual(one)
      },
    )
    fc.assert(property)
  })
})

test('each block gives its memory back once it is through', () => {
  const blocks: Uint8Array[] = []
  const onBlock = (plain: Uint8Array) => void blocks.push(plain)
  const writer = new RecordWriter({
    blockBytes: 64,
    laterBlockBytes: 128,
    rowChecksums: false,
    onBlock,
  })
  writer.put(new Uint8Array(10), new Uint8Array(80))
  expect(blocks.map(({ length }) => length)).toEqual([0])
  writer.end()
  expect(blocks.map(({ length }) => length)).toEqual([0, 0])
})
