// Which stores are read, and at which version: what a selection means in this checkpoint, and why it is refused where it means nothing.
//
// Without a version or batch it is the last committed batch, as in Spark's state source, or each store's newest version where nobody says what
// is committed. What is selected must be whole: a missing partition would look like rows that are not there.

import { StateStoreError } from '../errors.ts'
import type { CheckpointFileManager } from '../files/file-manager.ts'
import { type ResolvedStoreId } from '../store/store-id.ts'
import { lastCommittedBatch } from './batches.ts'
import { COMMITS_DIRECTORY } from './commit-log.ts'
import { checkOperator, type OperatorInfo, surveyOperators } from './operators.ts'
import { type JoinSide, joinSideStore } from './stored-rows.ts'
import { type CheckedSelection, matchesStore, type StoreSelection } from './store-selection.ts'

/** SPARK: the operator that has sides. */
const JOIN_OPERATOR = 'symmetricHashJoin'

/** Which rows are meant; what is left out matches all. */
export interface ReadSelection extends StoreSelection {
  /** The rows of one side of stream-stream joins, without what the join keeps for itself. Not together with `storeName`. */
  readonly joinSide?: JoinSide | undefined
}

/** Which state is meant; not more than one of the two. Default: the last committed batch, or where nothing tells of batches the newest version of each store. */
export interface AtVersion {
  readonly version?: number | undefined
  /** The state that this batch left: version batchId + 1. */
  readonly batchId?: number | undefined
}

/** The version that is meant; undefined for each store's newest. INVALID_OPTIONS, RangeError; VERSION_NOT_FOUND where no batch is committed. */
export async function chooseVersion(
  files: CheckpointFileManager,
  { version, batchId }: AtVersion,
): Promise<number | undefined> {
  checkWhole('version', version)
  checkWhole('batchId', batchId)
  if (version !== undefined && batchId !== undefined)
    throw refused('Expected `version` or `batchId`, got both; batch b is version b + 1')
  if (version !== undefined) return version
  const chosen = batchId ?? (await lastCommittedBatch(files))
  if (chosen !== 'none') return chosen === undefined ? undefined : chosen + 1
  throw new StateStoreError(
    'TIDEMARK_VERSION_NOT_FOUND',
    `Expected a committed batch in ${COMMITS_DIRECTORY}, found none: the first batch never came to its end; choose a version to read what it left`,
    { path: COMMITS_DIRECTORY },
  )
}

export interface ReadPlan {
  /** By operator, name, then partition. */
  readonly stores: readonly ResolvedStoreId[]
  readonly operators: readonly OperatorInfo[]
}

/**
 * The stores of `there` that are selected. CHECKPOINT_NOT_FOUND where there is no such operator, store or partition; CORRUPT_FILE where the selected
 * ones are not whole; INVALID_OPTIONS for the side of an operator that is no join.
 */
export async function planRead(
  files: CheckpointFileManager,
  there: readonly ResolvedStoreId[],
  selection: CheckedSelection<ReadSelection>,
  batchId: number | undefined,
): Promise<ReadPlan> {
  const { operatorId, partitionId, joinSide } = selection
  if (joinSide !== undefined && selection.storeName !== undefined)
    throw refused('Expected `joinSide` or `storeName`, got both')
  const { operators, problems } = await surveyOperators(files, there, batchId)
  const damage = problems.find(({ operatorId: id }) => id === (operatorId ?? id))
  if (damage !== undefined) throw damage.error
  const chosen = operators.filter(
    (operator) =>
      (operatorId === undefined || operatorId === operator.operatorId) &&
      (joinSide === undefined || isJoin(operator)),
  )
  if (joinSide !== undefined && chosen.length === 0) throw noJoin(operators, operatorId)
  const storeName = joinSide === undefined ? selection.storeName : joinSideStore(joinSide)
  const wanted = { operatorId, partitionId, storeName }
  for (const operator of chosen) {
    const problem = checkOperator(operator, there).find(
      ({ store }) =>
        (storeName === undefined || store.storeName === storeName) &&
        (partitionId === undefined || store.partitionId === partitionId),
    )
    if (problem !== undefined) throw problem.error
  }
  const ids = new Set(chosen.map((operator) => operator.operatorId))
  const stores = there.filter((id) => ids.has(id.operatorId) && matchesStore(id, wanted))
  return { stores, operators: chosen }
}

/** TypeError unless `value` is absent or a number; RangeError unless it is a whole one from 0. */
export function checkWhole(name: string, value: unknown): void {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0)) return
  const Wrong = typeof value === 'number' ? RangeError : TypeError
  throw new Wrong(`Expected \`${name}\` to be a whole number, 0 or more, got ${shown(value)}`)
}

/** A wrong argument, for messages. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

export function refused(problem: string): StateStoreError {
  return new StateStoreError('TIDEMARK_INVALID_OPTIONS', problem)
}

/** The refusal of `joinSide` where rows are read without types. */
export function noSideOfBytes(): StateStoreError {
  return refused(
    'Expected no `joinSide` where rows are read as bytes: without types there are no columns to leave out',
  )
}

function isJoin({ operatorName, stores }: OperatorInfo): boolean {
  if (operatorName !== undefined) return operatorName === JOIN_OPERATOR
  return stores.some(({ storeName }) => storeName === joinSideStore('left'))
}

function noJoin(operators: readonly OperatorInfo[], operatorId: number | undefined) {
  const which = operatorId === undefined ? 'an operator' : `operator ${operatorId}`
  const names = operators.map(
    (operator) => `${operator.operatorId} (${operator.operatorName ?? 'of unknown name'})`,
  )
  const found = names.length === 0 ? 'none' : names.join(', ')
  return refused(
    `Expected ${which} to be a stream-stream join (${JOIN_OPERATOR}), because a side of it is asked for; the operators there are ${found}`,
  )
}
