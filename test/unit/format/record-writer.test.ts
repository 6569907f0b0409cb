import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RowWords } from '../../../src/base/row-words.ts'
import { RecordWriter } from '../../../src/format/record-writer.ts'

describe('putRow', () => {
  type Row = [key: Uint8Array, value: Uint8Array]

  const rowOf = ([key, value]: Row): RowWords => {
    const valueWord = 2 + Math.ceil(key.length / 4)
    const words = new Int32Array(valueWord + Math.ceil(value.length / 4) + 1).fill(-1)
    const bytes = new Uint8Array(words.buffer)
    bytes.set(key, 8)
    bytes.set(value, valueWord * 4)
    return { words, keyWord: 2, keyLength: key.length, valueWord, valueLength: value.length }
  }

  function expectSame(rows: Row[], blockBytes: number, rowChecksums: boolean): void {
    const [one, other] = [false, true].map((byRow) => {
      const chunks: Uint8Array[] = []
      const onBlock = (plain: Uint8Array) => void chunks.push(plain.slice())
      const writer = new RecordWriter({ blockBytes, rowChecksums, onBlock })
      for (const row of rows) {
        if (byRow) writer.putRow(rowOf(row))
        else writer.put(...row)
      }
      writer.end()
      return chunks
    })
    expect(other).toEqual(one)
  }

  test.each([false, true])('writes what put() writes, row checksums %s', (rowChecksums) => {
    // Rows of whole words, one after the other, are copied another way.
    const wholeWords = (maxWords: number) =>
      fc
        .array(fc.integer(), { maxLength: maxWords })
        .map((words) => new Uint8Array(Int32Array.from(words).buffer))
    const property = fc.property(
      fc.oneof(
        fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 90 }))),
        fc.array(fc.tuple(wholeWords(100), wholeWords(30)), { minLength: 1 }),
      ),
      fc.constantFrom(64, 255, 1000),
      (rows, blockBytes) => expectSame(rows, blockBytes, rowChecksums),
    )
    fc.assert(property)
  })

  test('writes lengths of more than two bytes', () => {
    expectSame([[new Uint8Array(70_000).fill(1), new Uint8Array(4)]], 100_000, false)
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
