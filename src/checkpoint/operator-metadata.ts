// What an operator of a query says of its stores.
//
//   state/<operator>/_metadata/metadata        v1   name, and for each store its partitions and the columns of a prefix scan; written once
//   state/<operator>/_metadata/v2/<batch>      v2   also the schema files and properties, as JSON in a string; the newest at or below a batch holds
//
// SPARK: since 3.5. The JSON of v2 has `operatorPropertiesJson` beside `operatorInfo` and `stateStoreInfo`.

import { corruptFile } from '../codec/corrupt-file.ts'
import {
  checkPrinted,
  isRecord,
  parseJsonObject,
  parseVersionedText,
  printVersionedText,
  stringField,
  wholeNumberField,
  wrongField,
} from './versioned-text.ts'

const WHAT = 'the metadata of an operator'

/** What an operator says of one of its stores. */
export interface OperatorStoreMetadata {
  readonly storeName: string
  /** Key columns that a prefix scan goes by; 0 if there is none. */
  readonly numColsPrefixKey: number
  /** 1 or more. */
  readonly numPartitions: number
  /** Format 2 only: URIs, oldest first. */
  readonly stateSchemaFilePaths?: readonly string[]
}

/** The file state/<operator>/_metadata/metadata, or v2/<batch> beside it. */
export interface OperatorMetadata {
  readonly formatVersion: 1 | 2
  readonly operatorId: number
  /** Spark's name of it, such as stateStoreSave. */
  readonly operatorName: string
  /** Each name once. */
  readonly stores: readonly OperatorStoreMetadata[]
  /** Format 2 only: JSON, as it stands there. */
  readonly operatorPropertiesJson?: string
}

/** Spark's metadata of an operator; `path` is for messages. CORRUPT_FILE or UNKNOWN_FORMAT_VERSION, naming `path`, unless `bytes` are one. */
export function parseOperatorMetadata(bytes: Uint8Array, path: string): OperatorMetadata {
  const { formatVersion, lines } = parseVersionedText(bytes, path, WHAT, [1, 2])
  const metadata = parseJsonObject(lines.join('\n'), path, WHAT)
  const { operatorInfo, stateStoreInfo } = metadata
  if (!isRecord(operatorInfo)) throw wrongField('operatorInfo', 'an object', operatorInfo, path)
  if (!Array.isArray(stateStoreInfo))
    throw wrongField('stateStoreInfo', 'a list', stateStoreInfo, path)
  const stores = stateStoreInfo.map((store: unknown) => parseStore(store, path))
  const repeated = stores.find(
    ({ storeName }, index) => stores.findIndex((other) => other.storeName === storeName) !== index,
  )
  if (repeated !== undefined)
    throw corruptFile(path, `Expected each store once, found ${repeated.storeName} twice`)
  return {
    formatVersion,
    operatorId: wholeNumberField(operatorInfo, 'operatorId', path),
    operatorName: stringField(operatorInfo, 'operatorName', path),
    stores,
    ...(formatVersion === 2 && {
      operatorPropertiesJson: stringField(metadata, 'operatorPropertiesJson', path),
    }),
  }
}

/** The bytes of the file, as Spark writes them. RangeError for what could not be read again: no partitions, a store twice. */
export function printOperatorMetadata(metadata: OperatorMetadata): Uint8Array {
  const { formatVersion, operatorId, operatorName, stores, operatorPropertiesJson } = metadata
  const stateStoreInfo = stores.map((store) => ({
    storeName: store.storeName,
    numColsPrefixKey: store.numColsPrefixKey,
    numPartitions: store.numPartitions,
    ...(formatVersion === 2 && { stateSchemaFilePaths: store.stateSchemaFilePaths ?? [] }),
  }))
  const whole = {
    operatorInfo: { operatorId, operatorName },
    stateStoreInfo,
    ...(formatVersion === 2 && { operatorPropertiesJson: operatorPropertiesJson ?? '{}' }),
  }
  const printed = printVersionedText({ formatVersion, lines: [JSON.stringify(whole)] })
  return checkPrinted(printed, parseOperatorMetadata)
}

function parseStore(store: unknown, path: string): OperatorStoreMetadata {
  if (!isRecord(store)) throw wrongField('stateStoreInfo', 'a list of objects', store, path)
  const paths = store['stateSchemaFilePaths']
  const isList = Array.isArray(paths) && paths.every((item: unknown) => typeof item === 'string')
  if (paths !== undefined && !isList)
    throw wrongField('stateSchemaFilePaths', 'a list of strings', paths, path)
  const numPartitions = wholeNumberField(store, 'numPartitions', path)
  if (numPartitions === 0) throw wrongField('numPartitions', '1 or more', numPartitions, path)
  return {
    storeName: stringField(store, 'storeName', path),
    numColsPrefixKey: wholeNumberField(store, 'numColsPrefixKey', path),
    numPartitions,
    ...(isList && { stateSchemaFilePaths: paths }),
  }
}
