// What reads of a store answer, and who owns the bytes they hand out.

import { describe, expect, test } from 'vitest'
import { copyOfSlice, noBytes } from '../../../src/base/byte-slice.ts'
import {
  commitRows,
  expectClean,
  fromText,
  openProvider,
  readRows,
  rowsOf,
  text,
} from '../../../src/testing/stores.ts'

const keysOf = (rows: Iterable<[Uint8Array, Uint8Array]>) =>
  [...rows].map(([key]) => fromText(key)!)

describe('single rows', () => {
  test('get, has, getView, getMany and getViews see what was put, and undefined for what is not there', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    store.put(text('a'), text('1'))
    expect(store.get(text('a'))).toEqual(text('1'))
    expect(store.getView(text('a'))).toEqual(text('1'))
    expect(store.has(text('a'))).toBe(true)
    expect(store.getMany([text('b'), text('a')])).toEqual([undefined, text('1')])
    expect(store.getViews([text('b'), text('a')])).toEqual([undefined, text('1')])
    expect(store.getMany([])).toEqual([])
    expect(store.get(text('b'))).toBeUndefined()
    expect(store.getView(text('b'))).toBeUndefined()
    expect(store.has(text('b'))).toBe(false)
    await store.abort()
  })

  test('getSlice tells where a value lies, and leaves the slice as it was if there is none', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    store.put(text('a'), text('first'))
    store.put(text('b'), text(''))
    const slice = noBytes()
    expect(store.getSlice(text('a'), slice)).toBe(true)
    expect(copyOfSlice(slice)).toEqual(text('first'))
    const { bytes, offset } = slice
    expect(store.getSlice(text('c'), slice)).toBe(false)
    expect(slice).toEqual({ bytes, offset, length: 5 })
    expect(store.getSlice(text('b'), slice)).toBe(true)
    expect(slice.length).toBe(0)
    await store.commit()

    await using reader = await opened.provider.getReadStore(1)
    await (await opened.provider.getStore()).abort()
    expect(reader.getSlice(text('a'), slice)).toBe(true)
    expect(copyOfSlice(slice)).toEqual(text('first'))
  })

  test('remove says whether the key was there, and then it is not', async () => {
    await using opened = await openProvider()
    await commitRows(opened.provider, { a: '1' })
    const store = await opened.provider.getStore()
    expect(store.remove(text('b'))).toBe(false)
    expect(store.remove(text('a'))).toBe(true)
    expect(store.remove(text('a'))).toBe(false)
    expect(store.has(text('a'))).toBe(false)
    await store.commit()
    expect(await readRows(opened.provider)).toEqual({})
    await expectClean(opened.files)
  })

  test('empty keys and empty values are keys and values like any other, also from disk', async () => {
    await using opened = await openProvider()
    await commitRows(opened.provider, { '': '', a: '', b: '2' })
    const expected = { '': '', a: '', b: '2' }
    expect(await readRows(opened.provider)).toEqual(expected)
    await using again = await openProvider({}, opened.files)
    await using read = await again.provider.getReadStore()
    expect(rowsOf(read)).toEqual(expected)
    expect(read.get(text(''))).toEqual(new Uint8Array(0))
    expect(read.has(text(''))).toBe(true)
    await commitRows(opened.provider, { '': undefined })
    expect(await readRows(opened.provider)).toEqual({ a: '', b: '2' })
    await expectClean(opened.files)
  })
})

describe('ownership of bytes', () => {
  test('put copies: the caller may use its buffers again at once', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    const [key, value] = [text('a'), text('1')]
    store.put(key, value)
    key.fill(0)
    value.fill(0)
    expect(rowsOf(store)).toEqual({ a: '1' })
    await store.commit()
    await using again = await openProvider({}, opened.files)
    expect(await readRows(again.provider)).toEqual({ a: '1' })
  })

  test('get, entries and scans hand out copies: writing to them changes nothing, and nothing changes them', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    store.put(text('a'), text('1'))
    const copies = [
      store.get(text('a'))!,
      ...[...store.entries()].flat(),
      ...[...store.prefixScan(text('a'))].flat(),
      ...[...store.getRange()].flat(),
    ]
    const before = copies.map((copy) => fromText(copy))
    store.put(text('a'), text('2'))
    expect(copies.map((copy) => fromText(copy))).toEqual(before)
    for (const copy of copies) copy.fill(0)
    expect(rowsOf(store)).toEqual({ a: '2' })
    await store.abort()
  })
})

describe('iteration', () => {
  test('sees the state at its creation, and writing meanwhile is allowed', async () => {
    await using opened = await openProvider()
    await commitRows(opened.provider, { a: '1', b: '2', c: '3' })
    const store = await opened.provider.getStore()
    const seen: Record<string, string> = {}
    for (const [key, value] of store.entries()) {
      seen[fromText(key)!] = fromText(value)!
      store.remove(key)
      store.put(text(`new-${fromText(key)}`), value)
      store.put(text('c'), text('changed'))
    }
    expect(seen).toEqual({ a: '1', b: '2', c: '3' })
    await store.commit()
    expect(await readRows(opened.provider)).toMatchObject({
      'new-a': '1',
      'new-b': '2',
      'new-c': '3',
    })
    await expectClean(opened.files)
  })

  test('made on an empty store, before any write, yields nothing', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    const [entries, cursor, scan] = [store.entries(), store.cursor(), store.prefixScan(text(''))]
    store.put(text('a'), text('1'))
    expect([[...entries], cursor.next(), [...scan]]).toEqual([[], false, []])
    expect(keysOf(store.entries())).toEqual(['a'])
    await store.abort()
  })

  test('made in the middle of writes sees those before it and none after', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    store.put(text('a'), text('1'))
    const middle = store.entries()
    store.put(text('a'), text('2'))
    store.put(text('b'), text('3'))
    expect([...middle].map(([k, v]) => [fromText(k), fromText(v)])).toEqual([['a', '1']])
    await store.abort()
  })

  test('is counted as a reader until it ends, returns or is closed', async () => {
    await using opened = await openProvider()
    await commitRows(opened.provider, { a: '1', b: '2' })
    await using read = await opened.provider.getReadStore()
    const base = read.metrics.customMetrics.openReaders
    const cursor = read.cursor()
    const entries = read.entries()
    entries.next()
    expect(read.metrics.customMetrics.openReaders).toBe(base + 2)
    cursor.close()
    cursor.close()
    entries.return?.()
    for (const row of read.entries()) {
      expect(row).toHaveLength(2)
      break
    }
    expect(read.metrics.customMetrics.openReaders).toBe(base)
  })

  test('a cursor over a store that was aborted meanwhile is refused, not wrong', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    store.put(text('a'), text('1'))
    const cursor = store.cursor()
    await store.abort()
    expect(() => cursor.next()).toThrow(/./)
  })
})

describe('prefixScan and getRange', () => {
  test('a prefix yields the keys that begin with it, in order of unsigned bytes', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    for (const key of ['b', 'ab', 'a', 'aa', 'a\u00ff', 'c', '']) store.put(text(key), text('1'))
    expect(keysOf(store.prefixScan(text('a')))).toEqual(['a', 'aa', 'ab', 'a\u00ff'])
    expect(keysOf(store.prefixScan(text('x')))).toEqual([])
    expect(keysOf(store.prefixScan(text('')))).toEqual(['', 'a', 'aa', 'ab', 'a\u00ff', 'b', 'c'])
    await store.abort()
  })

  test('a prefix scan follows versions and is rolled back by abort', async () => {
    await using opened = await openProvider()
    await commitRows(opened.provider, { a1: '1', a2: '1', b1: '1' })
    await commitRows(opened.provider, { a2: undefined, a3: '2' })
    const aborted = await opened.provider.getStore()
    aborted.remove(text('a1'))
    aborted.put(text('a4'), text('x'))
    expect(keysOf(aborted.prefixScan(text('a')))).toEqual(['a3', 'a4'])
    await aborted.abort()
    await using old = await opened.provider.getReadStore(1)
    await using read = await opened.provider.getReadStore(2)
    expect(keysOf(old.prefixScan(text('a')))).toEqual(['a1', 'a2'])
    expect(keysOf(read.prefixScan(text('a')))).toEqual(['a1', 'a3'])
    await expectClean(opened.files)
  })

  test('a range holds its start and not its end; either may be left out; reversed is empty', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    for (const key of ['a', 'b', 'ba', 'c']) store.put(text(key), text('1'))
    expect(keysOf(store.getRange(text('b'), text('c')))).toEqual(['b', 'ba'])
    expect(keysOf(store.getRange(text('b')))).toEqual(['b', 'ba', 'c'])
    expect(keysOf(store.getRange(undefined, text('b')))).toEqual(['a'])
    expect(keysOf(store.getRange())).toEqual(['a', 'b', 'ba', 'c'])
    expect(keysOf(store.getRange(text('c'), text('a')))).toEqual([])
    expect(keysOf(store.getRange(text('b'), text('b')))).toEqual([])
    await store.abort()
  })

  test('bytes compare unsigned: 0x80 comes after 0x7f', async () => {
    await using opened = await openProvider()
    const store = await opened.provider.getStore()
    for (const byte of [0x80, 0x00, 0xff, 0x7f]) store.put(new Uint8Array([byte]), text('1'))
    expect([...store.getRange()].map(([key]) => key[0])).toEqual([0x00, 0x7f, 0x80, 0xff])
    await store.abort()
  })
})
