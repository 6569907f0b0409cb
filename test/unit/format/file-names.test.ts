import { expect, test } from 'vitest'
import {
  classifyFiles,
  deltaName,
  parseFileName,
  sidecarName,
  snapshotName,
  stateFileName,
} from '../../../src/format/file-names.ts'

test('names are made and read back', () => {
  expect(deltaName(7)).toBe('7.delta')
  expect(snapshotName(Number.MAX_SAFE_INTEGER)).toBe('9007199254740991.snapshot')
  expect(stateFileName('delta', 1)).toBe('1.delta')
  expect(parseFileName('7.delta')).toEqual({ kind: 'delta', version: 7, sidecar: false })
  expect(parseFileName(sidecarName(snapshotName(12)))).toEqual({
    kind: 'snapshot',
    version: 12,
    sidecar: true,
  })
  expect(parseFileName('9007199254740991.delta')?.version).toBe(Number.MAX_SAFE_INTEGER)
})

test.each([0, -1, 1.5, NaN, Infinity, 2 ** 53])('version %s has no file name', (version) => {
  expect(() => deltaName(version)).toThrow(RangeError)
  expect(() => snapshotName(version)).toThrow(RangeError)
})

test.each([
  '007.delta',
  '0.delta',
  '00.delta',
  '-1.delta',
  '+1.delta',
  '1e3.delta',
  '1.0.delta',
  ' 1.delta',

  '1.delta ',
  '1.DELTA',
  '1.Snapshot',
  '1.delta.tmp',
  '1.delta.crc.crc',
  '1.delta\n',
  '1',
  '.delta',

  'foo.delta',
  'x.tmp',
  '.DS_Store',
  '.1.delta.crc',
  '_metadata',
  '',
  '1.changelog',
  '1.zip',
  '١.delta',
  '9007199254740992.delta',
  '99999999999999999999.delta',
  '9007199254740993.snapshot',
  '.1.delta.0c7f5e0e-2a1c-4c5e-9f0e-6a1a9e0e8d11.TID12.tmp',
])('%j is foreign', (name) => {
  expect(parseFileName(name)).toBeUndefined()
})

test('a directory is sorted into deltas, snapshots, sidecars and what is none of ours', () => {
  const entry = (name: string, type: 'file' | 'directory' | 'other' = 'file') => ({
    name,
    type,
    sizeBytes: 46,
  })
  const files = classifyFiles([
    entry('1.delta'),
    entry('2.delta'),
    entry('2.snapshot'),
    entry('2.delta.crc'),

    entry('9.snapshot.crc'),
    entry('007.delta'),
    entry('.DS_Store'),
    entry('_metadata', 'directory'),
    entry('3.delta', 'directory'),
    entry('4.snapshot', 'other'),
  ])
  expect([...files.deltas.keys()]).toEqual([1, 2, 3])
  expect([...files.snapshots.keys()]).toEqual([2, 4])
  expect([...files.sidecars.keys()]).toEqual(['2.delta.crc', '9.snapshot.crc'])
  expect(files.foreign.map(({ name }) => name)).toEqual(['007.delta', '.DS_Store', '_metadata'])
  // In the way of version 3, so not to be taken for absent.
  expect(files.deltas.get(3)?.type).toBe('directory')
})
