import { expect, test } from 'vitest'
import { detectRowSettings } from '../../../src/checkpoint/spark-settings.ts'
import { MemoryFileManager } from '../../../src/files/memory.ts'
import { bytes } from '../../support/checkpoint-folder.ts'

const KEY = 'spark.sql.streaming.stateStore.rowChecksum.enabled'

async function withOffsets(offsets: Record<string, string>): Promise<MemoryFileManager> {
  const files = new MemoryFileManager()
  await files.makeDirectories('offsets', 'os')
  for (const [name, text] of Object.entries(offsets))
    await files.createExclusive(`offsets/${name}`, bytes(text), 'os')
  return files
}

const log = (conf: Record<string, string>, head = 'v1') =>
  `${head}\n${JSON.stringify({ batchWatermarkMs: 0, conf })}\n{"logOffset":0}`

test('without an offset log nothing is assumed', async () => {
  const files = new MemoryFileManager()
  expect(await detectRowSettings(files)).toEqual({ rowChecksums: false, floorValues: false })
})

test('the newest batch decides, by number', async () => {
  const files = await withOffsets({
    9: log({ [KEY]: 'false' }),
    10: log({ [KEY]: 'true' }),
    '.11.crc': 'x',
  })
  expect(await detectRowSettings(files)).toEqual({ rowChecksums: true, floorValues: false })
})

test.each([
  ['no setting', log({})],
  ['no metadata, as before 2.2', 'v1\n\n{"logOffset":0}'],
  ['metadata without conf', 'v1\n{"batchWatermarkMs":0}\n0'],
  ['the second version of the log', log({}, 'v2')],
])('Spark without row checksums floors values: %s', async (_, text) => {
  const files = await withOffsets({ 0: text })
  expect(await detectRowSettings(files)).toEqual({ rowChecksums: false, floorValues: true })
})

test.each([
  ['cut off', 'v1\n{"batchWater', 'TIDEMARK_CORRUPT_FILE'],
  ['only a header', 'v1', 'TIDEMARK_CORRUPT_FILE'],
  ['empty', '', 'TIDEMARK_CORRUPT_FILE'],
  ['of a later format', 'v9\n{}', 'TIDEMARK_UNKNOWN_FORMAT_VERSION'],
  [
    'of the RocksDB provider',
    log({ 'spark.sql.streaming.stateStore.providerClass': 'org.x.RocksDBStateStoreProvider' }),
    'TIDEMARK_UNSUPPORTED',
  ],
])('an offset log that is %s is refused with its path', async (_, text, code) => {
  const files = await withOffsets({ 4: text })
  await expect(detectRowSettings(files)).rejects.toMatchObject({ code, path: 'offsets/4' })
})

test('what the caller says needs no offset log', async () => {
  const files = await withOffsets({ 4: 'damaged' })
  expect(await detectRowSettings(files, { rowChecksums: true })).toEqual({
    rowChecksums: true,
    floorValues: false,
  })
  expect(await detectRowSettings(files, { rowChecksums: false, floorValues: false })).toEqual({
    rowChecksums: false,
    floorValues: false,
  })
})
