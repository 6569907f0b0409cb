import { expect, test } from 'vitest'
import {
  parseOperatorMetadata,
  printOperatorMetadata,
} from '../../../src/checkpoint/operator-metadata.ts'
import { GOLDEN_NAMES, readGolden } from '../../support/goldens.ts'
import { failure, fromText, text } from '../../../src/testing/stores.ts'

const PATH = 'state/0/_metadata/metadata'
const parse = (content: string) => parseOperatorMetadata(text(content), PATH)

test('those of Spark are read, and printed as Spark wrote them', () => {
  let count = 0
  for (const name of GOLDEN_NAMES) {
    const bytes = readGolden(name).get(PATH)
    if (bytes === undefined) continue
    count++
    const metadata = parseOperatorMetadata(bytes, PATH)
    expect(metadata.stores.length).toBeGreaterThan(0)
    expect(fromText(printOperatorMetadata(metadata))).toBe(fromText(bytes))
  }
  expect(count).toBeGreaterThan(10)
})

test('format 2 has schema files and properties too', () => {
  const content =
    'v2\n{"operatorInfo":{"operatorId":0,"operatorName":"transformWithStateExec"},"stateStoreInfo":[{"storeName":"default","numColsPrefixKey":0,"numPartitions":5,"stateSchemaFilePaths":["file:/c/state/0/_stateSchema/default/0_x"]}],"operatorPropertiesJson":"{\\"timeMode\\":\\"NoTime\\"}"}'
  const metadata = parse(content)
  expect(metadata).toMatchObject({
    formatVersion: 2,
    operatorName: 'transformWithStateExec',
    stores: [{ stateSchemaFilePaths: ['file:/c/state/0/_stateSchema/default/0_x'] }],
    operatorPropertiesJson: '{"timeMode":"NoTime"}',
  })
  expect(fromText(printOperatorMetadata(metadata))).toBe(content)
})

test('what nobody could read again is not printed', () => {
  const store = { storeName: 'default', numColsPrefixKey: 0, numPartitions: 5 }
  const metadata = { formatVersion: 1, operatorId: 0, operatorName: 'dedupe' } as const
  expect(
    parseOperatorMetadata(printOperatorMetadata({ ...metadata, stores: [store] }), PATH),
  ).toEqual({ ...metadata, stores: [store] })
  for (const stores of [[store, store], [{ ...store, numPartitions: 0 }]])
    expect(() => printOperatorMetadata({ ...metadata, stores })).toThrow(RangeError)
  expect(() => printOperatorMetadata({ ...metadata, operatorId: -1, stores: [store] })).toThrow(
    /`operatorId` to be a whole number/,
  )
})

const STORE = '{"storeName":"default","numColsPrefixKey":0,"numPartitions":5}'
const INFO = '"operatorInfo":{"operatorId":0,"operatorName":"dedupe"}'

test.each([
  ['an empty file', ''],
  ['cut', `v1\n{${INFO},"stateStore`],
  ['no operatorInfo', `v1\n{"stateStoreInfo":[${STORE}]}`],
  ['no stores', `v1\n{${INFO}}`],
  ['a store that is a text', `v1\n{${INFO},"stateStoreInfo":["default"]}`],
  ['no partitions', `v1\n{${INFO},"stateStoreInfo":[${STORE.replace('5', '0')}]}`],
  [
    'partitions that are no number',
    `v1\n{${INFO},"stateStoreInfo":[${STORE.replace('5', '"5"')}]}`,
  ],
  ['a store twice', `v1\n{${INFO},"stateStoreInfo":[${STORE},${STORE}]}`],
  ['format 2 without properties', `v2\n{${INFO},"stateStoreInfo":[${STORE}]}`],
])('%s is refused, naming the file', async (_, content) => {
  expect((await failure('TIDEMARK_CORRUPT_FILE', () => parse(content))).message).toContain(PATH)
})

test('a newer format is told from damage', async () => {
  const error = await failure('TIDEMARK_UNKNOWN_FORMAT_VERSION', () => parse('v9\n{}'))
  expect(error.message).toContain('v1 or v2, found v9')
})
