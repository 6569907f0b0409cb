// Checkpoint — a whole checkpoint, for reading: which operators and stores it holds, which batches made it, and its rows at any version.
//
// Takes any checkpoint of Spark's HDFS-backed provider or of ours. It never writes: it needs no lease, may be used beside a writer at work,
// and on a read-only disk. Rows come through the engine itself (StateStores, read only), so what is shown is what a processor would get. In
// types they come where a schema is (Spark's own checkpoints since 3.0), as bytes from anywhere.
//
// What Spark's state source is asked by options is asked here by arguments; read-plan.ts has what is refused.

import type { StateStoreError } from '../errors.ts'
import type { CheckpointFileManager } from '../files/file-manager.ts'
import { type ResolvedStoreId, resolveStoreId } from '../store/store-id.ts'
import { type BatchInfo, hasQueryFiles, readBatches } from './batches.ts'
import { checkOverrides, checkSelection } from './check-selection.ts'
import { discoverStores } from './discover-stores.ts'
import { openLocation } from './location.ts'
import { type OperatorInfo, readOperators, surveyOperators } from './operators.ts'
import { parseQueryMetadata, QUERY_METADATA_FILE, type QueryMetadata } from './query-metadata.ts'
import {
  type ChangesSelection,
  type CheckpointChange,
  type RawChange,
  readChanges,
  readRawChanges,
} from './read-changes.ts'
import { noSuchStore, type ReadContext } from './read-context.ts'
import {
  type CheckpointDifference,
  type DifferencesSelection,
  type RawDifference,
  readDifferences,
  readRawDifferences,
} from './read-differences.ts'
import {
  type CheckpointRow,
  type RawRow,
  readRawRows,
  readRows,
  type RowsSelection,
} from './read-rows.ts'
import { checkWhole } from './read-plan.ts'
import { ReaderStores } from './reader-stores.ts'
import { detectRowSettings, type RowSettings, type RowSettingsOverrides } from './spark-settings.ts'
import { describeStore, type StoreInfo } from './store-info.ts'
import { hasStoreSchema, readStoreSchema, type StoreSchema } from './store-schema.ts'
import { matchesStore, type StoreSelection } from './store-selection.ts'
import { readSmallFile } from './versioned-text.ts'

/**
 * Opens the checkpoint at `location` for reading: a folder on local disk, a `webhdfs://`, `swebhdfs://` or `s3://` URL, or a file manager. How rows are
 * to be read is detected from Spark's offset log; `overrides` come before it. CHECKPOINT_NOT_FOUND where there is none, UNSUPPORTED for one of Spark's RocksDB provider;
 * CORRUPT_FILE or UNKNOWN_FORMAT_VERSION where a query stands around the stores and no entry of its offset log tells; TypeError for an override that is
 * none.
 */
export async function openCheckpoint(
  location: string | CheckpointFileManager,
  overrides: RowSettingsOverrides = {},
): Promise<Checkpoint> {
  checkOverrides(overrides)
  const files = await openLocation(location)
  await discoverStores(files)
  const settings = await detectRowSettings(files, overrides)
  const readers = new ReaderStores(files, settings)
  // What the engine does not accept is said now, not at the first read.
  await (await readers.open())[Symbol.asyncDispose]()
  return new Checkpoint({ files, settings, readers })
}

export class Checkpoint implements AsyncDisposable {
  /** How rows are read here. */
  readonly settings: RowSettings
  readonly #context: ReadContext

  /** For openCheckpoint, which is how checkpoints are made. */
  constructor(context: ReadContext) {
    this.settings = context.settings
    this.#context = context
  }

  /** The checkpoint location, for people. */
  get location(): string {
    return this.#context.files.location
  }

  /** The stores that are there now, by operator, name, then partition. CHECKPOINT_NOT_FOUND if `asked` names any that match none. */
  async stores(asked: StoreSelection = {}): Promise<readonly ResolvedStoreId[]> {
    const selection = checkSelection('stores', asked)
    const { stores } = await discoverStores(this.#context.files)
    const matching = stores.filter((id) => matchesStore(id, selection))
    const isSelective = Object.values(selection).some((value) => value !== undefined)
    if (matching.length === 0 && isSelective) throw noSuchStore(this.location, selection, stores)
    return matching
  }

  /** What the files of a store tell without its rows being read. Damage is told in `problem`, not thrown. */
  async describe({ operatorId, partitionId, storeName }: ResolvedStoreId): Promise<StoreInfo> {
    const id = resolveStoreId({ operatorId, partitionId, storeName })
    return await describeStore(this.#context.files, this.#context.readers, id)
  }

  /** Which query it belongs to; undefined where no file says (our own). CORRUPT_FILE. */
  async query(): Promise<QueryMetadata | undefined> {
    const bytes = await readSmallFile(this.#context.files, QUERY_METADATA_FILE)
    return bytes && parseQueryMetadata(bytes, QUERY_METADATA_FILE)
  }

  /** Whether a query of Spark's stands around the stores, so that its rows are meant to be read in types. */
  async hasQuery(): Promise<boolean> {
    return await hasQueryFiles(this.#context.files)
  }

  /**
   * The operators, by id, as of `batchId` or the newest: by their metadata, or by the folders where there is none. CORRUPT_FILE and
   * UNKNOWN_FORMAT_VERSION of metadata that cannot be understood; with `onProblem` they are handed to that, and the operator is told by its folders.
   */
  async operators(
    batchId?: number,
    onProblem?: (problem: StateStoreError) => void,
  ): Promise<readonly OperatorInfo[]> {
    checkWhole('batchId', batchId)
    const { files } = this.#context
    if (onProblem === undefined) return await readOperators(files, await this.stores(), batchId)
    const { operators, problems } = await surveyOperators(files, await this.stores(), batchId)
    for (const { error } of problems) onProblem(error)
    return operators
  }

  /** The batches that the offset and commit logs still know, ascending; none in our own. CORRUPT_FILE, UNKNOWN_FORMAT_VERSION. */
  async batches(): Promise<readonly BatchInfo[]> {
    return await readBatches(this.#context.files)
  }

  /** What keys and values of a store are, as of `batchId` or the newest. CHECKPOINT_NOT_FOUND where no file says; CORRUPT_FILE, UNKNOWN_FORMAT_VERSION, UNSUPPORTED. */
  async schema(
    store: Pick<ResolvedStoreId, 'operatorId' | 'storeName'>,
    batchId?: number,
  ): Promise<StoreSchema> {
    checkWhole('batchId', batchId)
    return await readStoreSchema(this.#context.files, checkedName(store), batchId)
  }

  /** Whether the rows of a store can be read in types at all. */
  async hasSchema(store: Pick<ResolvedStoreId, 'operatorId' | 'storeName'>): Promise<boolean> {
    return await hasStoreSchema(this.#context.files, checkedName(store))
  }

  /**
   * The rows that match, in types; by operator, store name, partition, then in no particular order. By default those that the last committed batch
   * left. One store at a time is in memory.
   *
   * Throws as `stores`, `schema` and `operators`, and what loading a version throws: VERSION_NOT_FOUND, BROKEN_CHAIN, CORRUPT_FILE; CORRUPT_FILE too
   * for a row that is none of its schema (naming file, record and field), partitions that are missing and a codec that Spark is not set to;
   * INVALID_OPTIONS for a selection that contradicts itself.
   */
  rows(selection: RowsSelection = {}): AsyncGenerator<CheckpointRow, void, void> {
    return readRows(this.#context, selection)
  }

  /**
   * The rows of all stores that match, as bytes; by operator, store name, partition, and with `order: 'key'` by the key's unsigned bytes. By default
   * the newest version of each store, be it committed by its query or not. Throws as `stores`, and what loading a version throws.
   */
  rawRows(
    selection: RowsSelection & { readonly order?: 'key' | undefined } = {},
  ): AsyncGenerator<RawRow, void, void> {
    return readRawRows(this.#context, selection)
  }

  /**
   * What the batches `from` to `to` put and removed, in types; by operator, store name, batch, partition, then in the order it was done. Needs only the
   * deltas of these batches: VERSION_NOT_FOUND where one is not there. Throws else as `rows`.
   */
  changes(selection: ChangesSelection): AsyncGenerator<CheckpointChange, void, void> {
    return readChanges(this.#context, selection)
  }

  /** The same as bytes. */
  rawChanges(selection: ChangesSelection): AsyncGenerator<RawChange, void, void> {
    return readRawChanges(this.#context, selection)
  }

  /** What is not the same after two batches or at two versions, in types; by operator, store name, partition, then in no particular order. Throws as `rows`. */
  differences(selection: DifferencesSelection): AsyncGenerator<CheckpointDifference, void, void> {
    return readDifferences(this.#context, selection)
  }

  /** The same as bytes. */
  rawDifferences(selection: DifferencesSelection): AsyncGenerator<RawDifference, void, void> {
    return readRawDifferences(this.#context, selection)
  }

  /** Lets all memory go. May be called twice. */
  async close(): Promise<void> {
    await this.#context.readers.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/** INVALID_OPTIONS for an operator or store that can be none. */
function checkedName({
  operatorId,
  storeName,
}: Pick<ResolvedStoreId, 'operatorId' | 'storeName'>): ResolvedStoreId {
  return resolveStoreId({ operatorId, storeName, partitionId: 0 })
}
