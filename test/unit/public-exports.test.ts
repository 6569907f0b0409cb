// The names the package exports at run time: adding or removing one is a decision, made here.

import { expect, test } from 'vitest'
import * as webhdfs from '../../src/files/webhdfs/webhdfs.ts'
import * as tidemark from '../../src/index.ts'
import * as testing from '../../src/testing/testing.ts'

test('the public names are these', () => {
  expect(Object.keys(tidemark).sort()).toEqual([
    'CHANNELS',
    'ERROR_CODES',
    'LocalFileManager',
    'MemoryFileManager',
    'PROBE_PREFIX',
    'StateStoreError',
    'StateStores',
    'checkPath',
    'checkSegment',
    'decodeRow',
    'encodeRow',
    'hashRow',
    'isStateStoreError',
    'openCheckpoint',
    'parseCommitLog',
    'parseOffsetLog',
    'parseOperatorMetadata',
    'parseQueryMetadata',
    'parseSchemaFile',
    'parseSchemaJson',
    'parseTypeJson',
    'partitionOf',
    'printCommitLog',
    'printOffsetLog',
    'printOperatorMetadata',
    'printQueryMetadata',
    'printSchemaFile',
    'printTypeJson',
    'rowToJson',
    'variantToJson',
    'verifyCheckpoint',
  ])
})

test('the names of channels are unique and stable', () => {
  const names = Object.values(tidemark.CHANNELS)
  expect(new Set(names).size).toBe(names.length)
  for (const name of names) expect(name).toMatch(/^tidemark:[a-z]+:[a-z]+$/)
  expect(tidemark.CHANNELS.committed).toBe('tidemark:commit:committed')
})

test('what tidemark/files/webhdfs exports is this', () => {
  expect(Object.keys(webhdfs)).toEqual(['WebHdfsFileManager'])
})

test('what tidemark/testing exports is this', () => {
  expect(Object.keys(testing).sort()).toEqual([
    'conditionalWritesContract',
    'fileManagerContract',
    'leasedDirectoryContract',
    'writerLeaseContract',
  ])
})
